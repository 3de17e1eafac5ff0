"""The messages page reads: tabs, counts, pages, scope, the text of one message."""

from collections.abc import Callable
from datetime import date, time, timedelta

import pytest
from sqlalchemy import select

from medsync_app.clock import VirtualClock
from medsync_app.domain.states import ActionState, Channel, ContactBasis, ExceptionKind
from medsync_app.errors import NotFound
from medsync_app.reads.messages import KEPT, PAGE_SIZE, message_detail, message_list
from medsync_app.reads.places import Here
from medsync_app.services.contact_settings import hold_address, opt_out, record_basis
from medsync_app.services.exceptions import resolve_exception
from medsync_app.store.session import Database, Tx
from medsync_app.store.tables import (
    Attempt,
    ChannelStatus,
    ContactPoint,
    ExceptionCase,
    InboundMessage,
    Patient,
    Pharmacy,
    ScheduledAction,
)
from medsync_app.ui.states.messages_view import detail_view, message_view
from tests.services.test_edit_message import PAYLOAD
from tests.support.cycles import SYNC, make_cycle
from tests.support.loop import FakeConnection, queue_message, run_tick
from tests.support.screens import make_message, make_task
from tests.support.store import NOW, SYSTEM, Shop, make_patient, make_shop

pytestmark = pytest.mark.both_databases
PHONE = "+14045550123"


def reply(database: Database, shop: Shop, patient_id: str | None, number: int = 0, **more: object) -> str:
    """Something a patient wrote."""
    values = {"meaning": "free_text", "outcome": "to a person", "received_at": NOW, "body": "Hello", **more}
    with database.transaction(SYSTEM, VirtualClock(NOW)) as tx:
        row = tx.add(
            InboundMessage(
                pharmacy_id=shop.pharmacy_id, source="test", external_id=f"in-{number}-{shop.pharmacy_id}",
                channel=Channel.SMS, address=PHONE, patient_id=patient_id, **values,
            )
        )  # fmt: skip
        return row.id


@pytest.mark.parametrize(
    ("state", "reason", "tab"),
    [
        (ActionState.QUEUED, "", "coming"),
        (ActionState.CLAIMED, "", "coming"),
        (ActionState.CALLING, "", "coming"),
        (ActionState.QUEUED, "Outside the contact window.", "held"),
        (ActionState.HELD, "A person must decide.", "held"),
        (ActionState.SENT, "", "sent"),
        (ActionState.DELIVERED, "", "sent"),
        (ActionState.FAILED, "Refused.", "failed"),
        (ActionState.UNDELIVERED, "", "failed"),
        (ActionState.IN_DOUBT, "", "doubt"),
        (ActionState.SKIPPED, "Too late.", "unsent"),
        (ActionState.SUPPRESSED, "No consent.", "unsent"),
        (ActionState.MERGED, "Said elsewhere.", "unsent"),
        (ActionState.SUPERSEDED, "Moved.", ""),
    ],
)
def test_each_state_stands_in_one_tab(
    database: Database, clock: VirtualClock, state: ActionState, reason: str, tab: str
) -> None:
    shop = make_shop(database)
    patient = make_patient(database, shop, phone=PHONE)
    action = make_message(database, shop, patient, due_at=NOW, state=state, reason=reason)
    with database.reading(shop.scope, clock) as tx:
        found = {
            name: message_list(tx, tab=name)
            for name in ("coming", "sent", "held", "failed", "doubt", "unsent")
        }
    assert {name: number for name, number in found["coming"].counts.items() if number} == (
        {tab: 1} if tab else {}
    )
    assert [name for name, one in found.items() if [row.id for row in one.rows] == [action]] == (
        [tab] if tab else []
    )


def test_tasks_and_checks_are_no_messages(database: Database, clock: VirtualClock) -> None:
    shop = make_shop(database)
    patient = make_patient(database, shop)
    action = make_message(database, shop, patient, due_at=NOW)
    with database.transaction(SYSTEM, clock) as tx:
        tx.get(ScheduledAction, action).kind = "task"
    with database.reading(shop.scope, clock) as tx:
        assert message_list(tx).total == 0


def test_a_tab_comes_in_pages_in_the_order_of_due_times(database: Database, clock: VirtualClock) -> None:
    shop = make_shop(database)
    patient = make_patient(database, shop)
    made = [
        make_message(database, shop, patient, due_at=NOW + timedelta(hours=number), step=f"s{number}")
        for number in range(PAGE_SIZE + 2)
    ]
    with database.reading(shop.scope, clock) as tx:
        first, second = message_list(tx), message_list(tx, page=2)
    assert [row.id for row in (*first.rows, *second.rows)] == made
    assert (first.total, len(second.rows)) == (PAGE_SIZE + 2, 2)


def test_what_went_is_newest_first_and_forgotten_after_a_while(
    database: Database, clock: VirtualClock
) -> None:
    shop = make_shop(database)
    patient = make_patient(database, shop)
    ages = (KEPT + timedelta(hours=1), timedelta(days=2), timedelta(days=1))
    made = [
        make_message(database, shop, patient, due_at=NOW - age, state=ActionState.SENT, step=str(age))
        for age in ages
    ]
    with database.reading(shop.scope, clock) as tx:
        found = message_list(tx, tab="sent")
    assert [row.id for row in found.rows] == [made[2], made[1]]
    assert found.counts["sent"] == 2


def test_a_reply_leads_to_its_open_task(database: Database, clock: VirtualClock) -> None:
    shop = make_shop(database)
    patient = make_patient(database, shop)
    quiet = reply(database, shop, patient, 1, meaning="confirm", received_at=NOW - timedelta(hours=1))
    asked = reply(database, shop, patient, 2, body="Can I come on Friday?")
    task = make_task(database, shop, ExceptionKind.REPLY, patient_id=patient)
    with database.transaction(SYSTEM, clock) as tx:
        tx.get(ExceptionCase, task).cause_key = f"reply:{asked}"
    with database.reading(shop.scope, clock) as tx:
        found = message_list(tx, tab="replies")
    assert [(row.id, row.task_id) for row in found.replies] == [(asked, task), (quiet, "")]
    assert found.counts["replies"] == 2
    with database.transaction(SYSTEM, clock) as tx:
        resolve_exception(tx, task, outcome="Called back.")
    with database.reading(shop.scope, clock) as tx:
        assert [row.task_id for row in message_list(tx, tab="replies").replies] == ["", ""]


def test_messages_and_replies_of_another_pharmacy_are_neither_listed_nor_counted(
    database: Database, clock: VirtualClock
) -> None:
    shop, other = make_shop(database), make_shop(database, "other")
    patient = make_patient(database, shop)
    action = make_message(database, shop, patient, due_at=NOW)
    reply(database, shop, patient)
    with database.reading(other.scope, clock) as tx:
        found = message_list(tx)
        assert (found.total, sum(found.counts.values())) == (0, 0)
        assert message_list(tx, tab="replies").replies == []
        with pytest.raises(NotFound):
            message_detail(tx, action)


def test_a_waiting_message_is_shown_as_it_would_read(database: Database, clock: VirtualClock) -> None:
    shop = make_shop(database)
    patient = make_patient(database, shop, phone=PHONE)
    made = make_cycle(database, shop, patient)
    action = make_message(
        database,
        shop,
        patient,
        due_at=NOW,
        cycle_id=made.cycle_id,
        payload=dict(PAYLOAD),
        body="An earlier try",
    )
    with database.reading(shop.scope, clock) as tx:
        found = message_detail(tx, action)
    assert found.preview
    assert found.body.startswith("main pharmacy: 2 medicines for pickup Thu Dec 10.")
    assert found.pickup_on == SYNC


def test_who_is_called_is_shown_what_the_call_says(database: Database, clock: VirtualClock) -> None:
    shop = make_shop(database)
    patient = make_patient(database, shop, phone=PHONE, birth_date=date(1940, 5, 1))
    with database.transaction(SYSTEM, clock) as tx:
        record_basis(tx, patient, Channel.VOICE, PHONE, ContactBasis.EXPRESS, "counter", wording="Yes.")
    made = make_cycle(database, shop, patient)
    action = make_message(database, shop, patient, due_at=NOW, cycle_id=made.cycle_id, payload=dict(PAYLOAD))
    with database.reading(shop.scope, clock) as tx:
        found = message_detail(tx, action)
    assert found.likely is Channel.VOICE
    assert "Thursday" in found.body
    assert "STOP" not in found.body
    view = detail_view(found, NOW, may_change=True)
    assert (view["channel"], view["size"]) == ("Call, as things are now", "")


def test_a_message_that_went_shows_what_went_and_its_calls(database: Database, clock: VirtualClock) -> None:
    shop = make_shop(database)
    patient = make_patient(database, shop)
    action = make_message(
        database, shop, patient, due_at=NOW, state=ActionState.FAILED, body="What went", address=PHONE
    )
    with database.transaction(SYSTEM, clock) as tx:
        tx.add(
            Attempt(
                pharmacy_id=shop.pharmacy_id, action_id=action, number=1, channel=Channel.SMS, address=PHONE,
                started_at=NOW, outcome="permanent", error_code="21211", error="The number is not valid.",
            )
        )  # fmt: skip
    with database.reading(shop.scope, clock) as tx:
        found = message_detail(tx, action)
    assert (found.preview, found.body, found.address) == (False, "What went", PHONE)
    assert [(one.outcome, one.error_code) for one in found.tries] == [("permanent", "21211")]


def test_a_message_without_a_wording_says_why_it_cannot_be_shown(
    database: Database, clock: VirtualClock
) -> None:
    shop = make_shop(database)
    action = make_message(database, shop, make_patient(database, shop), due_at=NOW)
    with database.reading(shop.scope, clock) as tx:
        found = message_detail(tx, action)
    assert found.body == ""
    assert "no wording" in found.no_preview


def _no_consent(tx: Tx, shop: Shop, patient: str) -> None:
    tx.session.scalars(select(ContactPoint)).one().basis = ContactBasis.NOT_ASKED


def _stopped(tx: Tx, shop: Shop, patient: str) -> None:
    opt_out(tx, shop.pharmacy_id, PHONE, "stop word")


def _refused(tx: Tx, shop: Shop, patient: str) -> None:
    hold_address(tx, shop.pharmacy_id, Channel.SMS, PHONE, "A free-text refusal")


def _closed(tx: Tx, shop: Shop, patient: str) -> None:
    tx.get(Pharmacy, shop.pharmacy_id).contact_from = time(19)


def _died(tx: Tx, shop: Shop, patient: str) -> None:
    tx.get(Patient, patient).deceased_on = NOW.date()


def _down(tx: Tx, shop: Shop, patient: str) -> None:
    tx.add(
        ChannelStatus(pharmacy_id=shop.pharmacy_id, channel=Channel.SMS, stopped_at=NOW, reason="Refused.")
    )


def _capped(tx: Tx, shop: Shop, patient: str) -> None:
    """Two messages are due: the second is over the day's cap, or of use today only."""


def _household(tx: Tx, shop: Shop, patient: str) -> None:
    """Another person at the number has a pickup too: see the test."""


@pytest.mark.parametrize(
    ("obstacle", "tab", "words"),
    [
        (_no_consent, "unsent", "no consent"), (_stopped, "unsent", "asked not to be sent"),
        (_refused, "held", "until somebody decides"), (_closed, "held", "contact window"),
        (_died, "unsent", "has died"), (_down, "held", "settings need correcting"),
        (_capped, "held", "message of today"), (_household, "unsent", "Said in the message"),
    ],
)  # fmt: skip
def test_what_is_held_merged_or_suppressed_says_why(
    database: Database, clock: VirtualClock, obstacle: Callable[[Tx, Shop, str], None], tab: str, words: str
) -> None:
    shop = make_shop(database)
    patient = make_patient(database, shop, phone=PHONE)
    people = [patient]
    if obstacle is _household:
        people.append(make_patient(database, shop, first="Bo", phone=PHONE))
    with database.transaction(SYSTEM, clock) as tx:
        obstacle(tx, shop, patient)
    for person in people:
        made = make_cycle(database, shop, person)
        payload = {"action": {"do": "message", "template": "reminder_t7"}}
        queue_message(database, shop, clock, person, person, cycle_id=made.cycle_id, payload=payload)
    if obstacle is _capped:
        queue_message(database, shop, clock, patient, "second")
    run_tick(database, clock, {Channel.SMS: FakeConnection()})
    with database.reading(shop.scope, clock) as tx:
        (row,) = message_list(tx, tab=tab).rows
    assert words in row.reason
    shown = message_view(
        row, Here(shop.pharmacy_id, "", "", "America/New_York", SYNC), NOW, href="", several=False
    )
    assert shown["reason"] == row.reason
