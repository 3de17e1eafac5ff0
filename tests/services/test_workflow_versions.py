"""Versions of a workflow: published with checks, brought back, and taken over by running cycles only when moved."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from medsync_app.clock import VirtualClock
from medsync_app.domain.states import ActionState, CycleState, ItemState, Role
from medsync_app.domain.workflow import default_document
from medsync_app.errors import Conflict, Forbidden, Invalid, NotFound
from medsync_app.outbox.queue import ACTION
from medsync_app.services.edit_message import send_again
from medsync_app.services.ensure_workflow import workflow_for
from medsync_app.services.schedule_cycle import announce, reschedule_cycle, schedule_cycle
from medsync_app.services.workflow_versions import (
    MovedCycles,
    Published,
    move_cycles,
    publish_workflow,
    roll_back_workflow,
)
from medsync_app.store.session import Database
from medsync_app.store.tables import AuditEvent, Cycle, CycleItem, ScheduledAction
from tests.support.cycles import MadeCycle, make_cycle
from tests.support.store import NOW, SYSTEM, Shop, make_patient, make_shop

pytestmark = pytest.mark.slow

Change = Callable[[dict[str, Any]], None]


@pytest.fixture
def made(database: Database, shop: Shop, clock: VirtualClock) -> MadeCycle:
    """A cycle with its sync date on 10 December, scheduled under version 1 on 23 November."""
    found = make_cycle(database, shop, make_patient(database, shop, phone="+14045550123"))
    with database.transaction(SYSTEM, clock) as tx:
        schedule_cycle(tx, found.cycle_id)
    return found


def step_of(document: dict[str, Any], step_id: str) -> dict[str, Any]:
    return next(step for step in document["steps"] if step["id"] == step_id)


def edited(change: Change) -> dict[str, Any]:
    document = default_document()
    change(document)
    return document


def later_reminder(document: dict[str, Any]) -> None:
    step_of(document, "reminder_t7")["trigger"] = {"on": "days_before", "days": 6, "at": "11:30"}


def publish(database: Database, shop: Shop, clock: VirtualClock, change: Change, **more: Any) -> Published:
    with database.transaction(shop.scope, clock) as tx:
        return publish_workflow(tx, shop.pharmacy_id, edited(change), **more)


def move(database: Database, shop: Shop, clock: VirtualClock) -> MovedCycles:
    with database.transaction(shop.scope, clock) as tx:
        return move_cycles(tx, shop.pharmacy_id)


def actions(database: Database, made: MadeCycle, step: str) -> list[ScheduledAction]:
    with database.reading(SYSTEM) as tx:
        return list(
            tx.session.scalars(
                select(ScheduledAction)
                .where(ScheduledAction.cycle_id == made.cycle_id, ScheduledAction.step == step)
                .order_by(ScheduledAction.id)
            )
        )


def queued(database: Database, made: MadeCycle, step: str) -> list[ScheduledAction]:
    return [a for a in actions(database, made, step) if a.state is ActionState.QUEUED]


def settle(database: Database, step: str, state: ActionState) -> None:
    with database.transaction(SYSTEM) as tx:
        tx.session.connection().execute(update(ACTION).where(ACTION.c.step == step).values(state=state))


def test_a_published_version_is_for_new_cycles_and_is_audited(
    database: Database, shop: Shop, clock: VirtualClock, made: MadeCycle
) -> None:
    published = publish(database, shop, clock, later_reminder, expected_number=1, note="Later.")
    assert (published.number, {c.field for c in published.changes}) == (2, {"trigger.days", "trigger.at"})
    assert queued(database, made, "reminder_t7")[0].due_at == datetime(2026, 12, 3, 15, tzinfo=UTC)
    new = make_cycle(database, shop, make_patient(database, shop, first="New"))
    with database.transaction(SYSTEM, clock) as tx:
        schedule_cycle(tx, new.cycle_id)
        written = tx.session.scalars(select(AuditEvent).where(AuditEvent.act == "publish_workflow")).one()
    assert written.detail["fields"] == ["reminder_t7.trigger.days", "reminder_t7.trigger.at"]
    assert queued(database, new, "reminder_t7")[0].due_at == datetime(2026, 12, 4, 16, 30, tzinfo=UTC)


def test_publishing_the_same_again_changes_nothing(
    database: Database, shop: Shop, clock: VirtualClock
) -> None:
    assert publish(database, shop, clock, later_reminder).number == 2
    again = publish(database, shop, clock, later_reminder, expected_number=2)
    assert (again.number, again.changes) == (2, ())


def test_a_stale_editor_is_told(database: Database, shop: Shop, clock: VirtualClock) -> None:
    publish(database, shop, clock, later_reminder)
    with pytest.raises(Conflict, match="Pat Tester"):
        publish(database, shop, clock, lambda _: None, expected_number=1)


def test_only_owner_and_pharmacist_of_the_pharmacy_may(
    database: Database, shop: Shop, clock: VirtualClock
) -> None:
    with pytest.raises(Forbidden):
        publish(database, replace(shop, role=Role.TECHNICIAN), clock, later_reminder)
    publish(database, replace(shop, role=Role.OWNER), clock, later_reminder)
    theirs = make_shop(database, "theirs")
    for act in (
        lambda tx: publish_workflow(tx, shop.pharmacy_id, default_document()),
        lambda tx: roll_back_workflow(tx, shop.pharmacy_id, 1),
        lambda tx: move_cycles(tx, shop.pharmacy_id),
    ):
        with pytest.raises(NotFound), database.transaction(theirs.scope, clock) as tx:
            act(tx)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"template": "letter"}, "steps[5].actions[0].wordings.en.sms"),
        ({"template": "letter", "wordings": {"en": {"sms": "Hi"}}}, "steps[5].actions[0].wordings.en.email"),
        ({"wordings": {"es": {"sms": "{{ price }}"}}}, "steps[5].actions[0].wordings.es.sms"),
        ({"wordings": {"en": {"email_subject": "{{ day"}}}, "steps[5].actions[0].wordings.en.email_subject"),
    ],
)
def test_a_wording_that_is_missing_or_broken_is_refused_with_its_place(
    database: Database, shop: Shop, clock: VirtualClock, change: dict[str, Any], field: str
) -> None:
    def worded(document: dict[str, Any]) -> None:
        step_of(document, "reminder_t7")["actions"][0].update(change)

    with pytest.raises(Invalid, match=r"^reminder_t7: ") as caught:
        publish(database, shop, clock, worded)
    assert caught.value.field == field


def test_rolling_back_is_a_new_version_with_the_old_content(
    database: Database, shop: Shop, clock: VirtualClock
) -> None:
    publish(database, shop, clock, lambda _: None)
    publish(database, shop, clock, later_reminder)
    with database.transaction(shop.scope, clock) as tx:
        back = roll_back_workflow(tx, shop.pharmacy_id, 1)
        assert back.number == 3
        with pytest.raises(NotFound):
            roll_back_workflow(tx, shop.pharmacy_id, 9)
    with database.reading(SYSTEM) as tx:
        assert workflow_for(tx, shop.pharmacy_id)[0] == back.version_id


def test_moved_cycles_run_on_the_new_version_and_leave_equal_steps_alone(
    database: Database, shop: Shop, clock: VirtualClock, made: MadeCycle
) -> None:
    publish(database, shop, clock, later_reminder)
    before = {a.id for a in actions(database, made, "confirm_t3")}
    assert move(database, shop, clock) == MovedCycles(cycles=1, withdrawn=1, queued=1)
    assert move(database, shop, clock) == MovedCycles(0, 0, 0)
    assert queued(database, made, "reminder_t7")[0].due_at == datetime(2026, 12, 4, 16, 30, tzinfo=UTC)
    old = actions(database, made, "reminder_t7")[0]
    assert (old.state, old.reason) == (ActionState.SUPERSEDED, "The workflow's version 2 applies now.")
    assert {a.id for a in queued(database, made, "confirm_t3")} == before
    assert len({a.payload["workflow"] for a in queued(database, made, "confirm_t3")}) == 1


@pytest.mark.parametrize(
    "state",
    [ActionState.SENT, ActionState.CALLING, ActionState.IN_DOUBT, ActionState.MERGED, ActionState.SUPPRESSED],
)
def test_what_was_said_or_cancelled_is_not_queued_again(
    database: Database, shop: Shop, clock: VirtualClock, made: MadeCycle, state: ActionState
) -> None:
    settle(database, "reminder_t7", state)
    publish(database, shop, clock, later_reminder)
    move(database, shop, clock)
    assert [a.state for a in actions(database, made, "reminder_t7")] == [state]


def test_the_news_of_a_moved_date_and_second_tries_stay(
    database: Database, shop: Shop, clock: VirtualClock, made: MadeCycle
) -> None:
    settle(database, "reminder_t7", ActionState.SENT)
    with database.transaction(shop.scope, clock) as tx:
        tx.get(Cycle, made.cycle_id).sync_date += timedelta(days=2)
        reschedule_cycle(tx, made.cycle_id, "Moved.")
    with database.transaction(shop.scope, clock) as tx:
        send_again(tx, actions(database, made, "reminder_t7")[0].id)
    kept = [queued(database, made, "date_changed")[0].id, queued(database, made, "reminder_t7")[-1].id]
    publish(database, shop, clock, later_reminder)
    move(database, shop, clock)
    still = [a.id for step in ("date_changed", "reminder_t7") for a in queued(database, made, step)]
    assert set(kept) <= set(still)
    assert len(still) == 3


def test_nor_under_another_name_of_the_step(
    database: Database, shop: Shop, clock: VirtualClock, made: MadeCycle
) -> None:
    def renamed(document: dict[str, Any]) -> None:
        step_of(document, "reminder_t7")["id"] = "heads_up"

    settle(database, "reminder_t7", ActionState.DELIVERED)
    publish(database, shop, clock, renamed)
    move(database, shop, clock)
    assert actions(database, made, "heads_up") == []


def test_a_step_that_was_skipped_for_its_time_gets_its_new_time(
    database: Database, shop: Shop, clock: VirtualClock, made: MadeCycle
) -> None:
    settle(database, "reminder_t7", ActionState.SKIPPED)
    publish(database, shop, clock, later_reminder)
    move(database, shop, clock)
    assert len(queued(database, made, "reminder_t7")) == 1
    assert [a.state for a in actions(database, made, "confirm_t3")] == [ActionState.QUEUED]


def test_a_step_that_an_event_has_set_off_is_not_set_off_by_a_later_version(
    database: Database, shop: Shop, clock: VirtualClock, made: MadeCycle
) -> None:
    def more(document: dict[str, Any]) -> None:
        for index, (event, days) in enumerate((("enrolled", 0), ("ready", 0), ("hours_after_ready", 48))):
            trigger = {"on": event, "hours": days} if days else {"on": event}
            document["steps"].append({
                **deepcopy(step_of(document, "ready")), "id": f"own_{index}", "trigger": trigger,
                "actions": [{"do": "task", "kind": "workflow", "role": "technician", "summary": "Look."}],
            })  # fmt: skip

    with database.transaction(SYSTEM, clock) as tx:
        cycle = tx.get(Cycle, made.cycle_id)
        cycle.state, cycle.ready_at, cycle.claimed_on = CycleState.READY, NOW, cycle.sync_date
        tx.session.execute(update(CycleItem).values(state=ItemState.READY))
        announce(tx, cycle.id, "ready")
    settle(database, "welcome", ActionState.SENT)
    settle(database, "ready", ActionState.SENT)
    clock.advance(timedelta(hours=5))
    publish(database, shop, clock, more)
    move(database, shop, clock)
    assert [bool(actions(database, made, f"own_{index}")) for index in range(3)] == [False, False, True]
    assert len(queued(database, made, "not_picked_up_24h")) == 2


def test_a_pharmacys_own_step_reaches_the_patients_it_is_for(
    database: Database, shop: Shop, clock: VirtualClock
) -> None:
    def letter(document: dict[str, Any]) -> None:
        document["steps"].append({
            "id": "letter_t14", "step": 4, "name": "Letter",
            "trigger": {"on": "days_before", "days": 14, "at": "09:00"},
            "conditions": [{"fact": "days_supply", "op": "at_least", "value": 90}],
            "actions": [{"do": "task", "kind": "workflow", "role": "technician", "summary": "Send the letter."}],
        })  # fmt: skip

    publish(database, shop, clock, letter)
    made = make_cycle(database, shop, make_patient(database, shop))
    with database.transaction(SYSTEM, clock) as tx:
        schedule_cycle(tx, made.cycle_id)
    assert queued(database, made, "letter_t14")[0].due_at == datetime(2026, 11, 26, 14, tzinfo=UTC)
