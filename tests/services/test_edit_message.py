"""What a person may do with one message: cancel, reword, send again."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from medsync_app.clock import VirtualClock
from medsync_app.connections.sandbox import SandboxConnection
from medsync_app.domain.states import ActionState, Channel, ContactBasis, Role
from medsync_app.engine.loop import tick
from medsync_app.errors import Conflict, Invalid, NotFound
from medsync_app.services.edit_message import cancel_message, reword_message, send_again
from medsync_app.services.handle_delivery_status import handle_delivery_status
from medsync_app.store.scope import Scope
from medsync_app.store.session import Database
from medsync_app.store.tables import AuditEvent, Pharmacy, ScheduledAction
from tests.support.cycles import SYNC, make_cycle
from tests.support.loop import FakeConnection, all_actions, attempts, run_tick
from tests.support.screens import make_message
from tests.support.store import NOW, SYSTEM, Shop, make_patient, make_shop

PHONE = "+14045550123"
OWN = "main pharmacy: please bring your card on Thursday. 404-555-0100. Reply STOP to end."
#: What the workflow leaves with a reminder.
PAYLOAD: dict[str, Any] = {
    "action": {"do": "message", "template": "confirm_t3"}, "sync_date": SYNC.isoformat(), "conditions": [],
    "trigger": "days_before", "cycles": ["sync"], "needs_fresh_data": False, "number": 5,
}  # fmt: skip


def message(database: Database, shop: Shop, **more: Any) -> str:
    """A queued reminder of a patient's pickup."""
    basis = more.pop("basis", ContactBasis.EXPRESS)
    patient = make_patient(database, shop, phone=PHONE, basis=basis)
    made = make_cycle(database, shop, patient)
    return make_message(
        database, shop, patient,
        **{
            "due_at": NOW - timedelta(minutes=1), "step": "confirm_t3", "cycle_id": made.cycle_id,
            "enrollment_id": made.enrollment_id, "payload": dict(PAYLOAD), **more,
        },
    )  # fmt: skip


def stored(database: Database, action_id: str) -> ScheduledAction:
    with database.reading(SYSTEM) as tx:
        return tx.get(ScheduledAction, action_id)


def fire(database: Database, clock: VirtualClock) -> None:
    tick(database, clock, {Channel.SMS: SandboxConnection()}, "test")


def test_a_cancelled_message_never_goes_out(database: Database, clock: VirtualClock) -> None:
    shop = make_shop(database)
    action = message(database, shop)
    with database.transaction(shop.scope, clock) as tx:
        cancel_message(tx, action)
    fire(database, clock)
    found = stored(database, action)
    assert (found.state, found.reason) == (ActionState.SUPPRESSED, "Cancelled by Pat Tester.")
    assert found.sent_at is None


@pytest.mark.parametrize("state", [ActionState.CALLING, ActionState.SENT, ActionState.IN_DOUBT])
def test_what_is_on_its_way_cannot_be_cancelled(
    database: Database, clock: VirtualClock, state: ActionState
) -> None:
    shop = make_shop(database)
    action = message(database, shop, state=state)
    with pytest.raises(Conflict), database.transaction(shop.scope, clock) as tx:
        cancel_message(tx, action)
    assert stored(database, action).state is state


def test_an_own_wording_goes_out_as_it_was_written(database: Database, clock: VirtualClock) -> None:
    shop = make_shop(database)
    action = message(database, shop)
    with database.transaction(shop.scope, clock) as tx:
        reword_message(tx, action, f"  {OWN} ")
    fire(database, clock)
    found = stored(database, action)
    assert (found.state, found.body) == (ActionState.SENT, OWN)


def test_an_empty_wording_goes_back_to_the_usual_one(database: Database, clock: VirtualClock) -> None:
    shop = make_shop(database)
    action = message(database, shop)
    for text in (OWN, " "):
        with database.transaction(shop.scope, clock) as tx:
            reword_message(tx, action, text)
    fire(database, clock)
    body = stored(database, action).body or ""
    assert "bring your card" not in body
    assert "Reply 1 to confirm" in body


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("Come on Thursday. 404-555-0100. STOP to end.", "name of the pharmacy"),
        ("main pharmacy: come on Thursday. 404-555-0100.", "STOP"),
    ],
)
def test_a_wording_that_hides_who_writes_or_how_to_stop_is_refused(
    database: Database, clock: VirtualClock, text: str, missing: str
) -> None:
    shop = make_shop(database)
    action = message(database, shop)
    with pytest.raises(Invalid, match=missing) as caught, database.transaction(shop.scope, clock) as tx:
        reword_message(tx, action, text)
    assert caught.value.field == "wording"


@pytest.mark.parametrize("text", ["main pharmacy: come. STOP to end.", OWN + " And more." * 12])
def test_without_express_consent_a_wording_has_a_number_and_fits_one_text(
    database: Database, clock: VirtualClock, text: str
) -> None:
    shop = make_shop(database)
    action = message(database, shop, basis=ContactBasis.NUMBER_GIVEN)
    with pytest.raises(Invalid), database.transaction(shop.scope, clock) as tx:
        reword_message(tx, action, text)


def test_a_wording_that_no_longer_fits_gives_way_to_the_usual_one(
    database: Database, clock: VirtualClock
) -> None:
    shop = make_shop(database)
    action = message(database, shop)
    with database.transaction(shop.scope, clock) as tx:
        reword_message(tx, action, OWN)
    with database.transaction(SYSTEM, clock) as tx:
        tx.get(Pharmacy, shop.pharmacy_id).name = "Another Name"
    fire(database, clock)
    assert (stored(database, action).body or "").startswith("Another Name: ")


def test_sending_again_makes_a_new_message_and_leaves_the_first(
    database: Database, clock: VirtualClock
) -> None:
    shop = make_shop(database)
    first = message(
        database, shop, state=ActionState.FAILED, reason="Refused.", body="Old text",
        payload={**PAYLOAD, "tried": [PHONE], "calls_before": 6},
    )  # fmt: skip
    with database.transaction(shop.scope, clock) as tx:
        send_again(tx, first)
    with pytest.raises(Conflict, match="again already"), database.transaction(shop.scope, clock) as tx:
        send_again(tx, first)
    fire(database, clock)
    with database.reading(SYSTEM) as tx:
        rows = tx.session.scalars(select(ScheduledAction).order_by(ScheduledAction.created_at)).all()
        states = {row.id == first: (row.state, row.address) for row in rows if row.kind == "message"}
    assert states == {True: (ActionState.FAILED, None), False: (ActionState.SENT, PHONE)}


@pytest.mark.parametrize("state", [ActionState.QUEUED, ActionState.IN_DOUBT, ActionState.MERGED])
def test_what_is_still_open_is_not_sent_again(
    database: Database, clock: VirtualClock, state: ActionState
) -> None:
    shop = make_shop(database)
    action = message(database, shop, state=state)
    with pytest.raises(Conflict), database.transaction(shop.scope, clock) as tx:
        send_again(tx, action)


def test_messages_of_another_pharmacy_are_not_found(database: Database, clock: VirtualClock) -> None:
    action = message(database, make_shop(database))
    other = make_shop(database, "other")
    for act in (cancel_message, send_again):
        with pytest.raises(NotFound), database.transaction(other.scope, clock) as tx:
            act(tx, action)
    with pytest.raises(NotFound), database.transaction(other.scope, clock) as tx:
        reword_message(tx, action, OWN)


def test_each_act_is_written_down_without_the_text(database: Database, clock: VirtualClock) -> None:
    shop = make_shop(database)
    action = message(database, shop)
    scope = Scope.staff("staff-of-test", "Pat Tester", {shop.pharmacy_id: Role.TECHNICIAN})
    with database.transaction(scope, clock) as tx:
        reword_message(tx, action, OWN)
        cancel_message(tx, action)
    with database.reading(SYSTEM) as tx:
        rows = tx.session.scalars(select(AuditEvent).order_by(AuditEvent.sequence)).all()
    assert [(row.act, row.subject_id) for row in rows] == [
        ("message.reword", action),
        ("message.cancel", action),
    ]
    assert all("card" not in str(row.detail) for row in rows)


def test_what_is_sent_again_after_a_second_try_has_tries_of_its_own(
    database: Database, clock: VirtualClock, sms: FakeConnection
) -> None:
    shop = make_shop(database)
    made = message(database, shop)

    def comes_back(action_id: str) -> str:
        """The message goes out and does not arrive; gives what is queued in its place."""
        run_tick(database, clock, {Channel.SMS: sms})
        with database.transaction(SYSTEM, clock) as tx:
            attempt = attempts(database, action_id)[-1]
            handle_delivery_status(
                tx, attempt.id, provider_id="SM1", status="undelivered", error_code="30008"
            )
        (queued,) = all_actions(database, ActionState.QUEUED)
        clock.set(max(queued.due_at, clock.now()))
        return queued.id

    second = comes_back(made)
    comes_back(second)
    run_tick(database, clock, {Channel.SMS: sms})  # a person's call by now
    with database.transaction(shop.scope, clock) as tx:
        send_again(tx, second)
    (third,) = all_actions(database, ActionState.QUEUED)
    assert comes_back(third.id) != third.id
