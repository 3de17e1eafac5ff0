"""One tick fires what is due, as the world is then."""

import time
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from medsync_app.clock import VirtualClock
from medsync_app.connections.protocol import Accepted, Failure, Found, Outgoing, SendFailed
from medsync_app.connections.sandbox import SandboxConnection
from medsync_app.domain.states import ActionState, Channel, ContactBasis, CycleState, ExceptionKind
from medsync_app.engine import deliver
from medsync_app.engine.loop import Limits, tick
from medsync_app.errors import Conflict
from medsync_app.outbox.claim import claim_due, doubts
from medsync_app.outbox.settle import looked, settle_doubt
from medsync_app.services.channel_care import start_channel
from medsync_app.services.contact_settings import record_basis
from medsync_app.services.fire_action import fire
from medsync_app.services.handle_delivery_status import handle_delivery_status
from medsync_app.services.look_up_doubt import record_look
from medsync_app.services.schedule_cycle import announce, schedule_cycle, withdraw_messages
from medsync_app.store.repositories.contact import points_at
from medsync_app.store.session import Database
from medsync_app.store.tables import ContactPoint, Cycle, Patient, Pharmacy
from tests.support.cycles import make_cycle
from tests.support.loop import (
    FakeConnection,
    action,
    all_actions,
    attempts,
    exceptions,
    queue_message,
    run_tick,
)
from tests.support.store import NUMBER, SYSTEM, Shop, make_patient, make_shop

pytestmark = pytest.mark.slow

Sms = dict[Channel, FakeConnection]


@pytest.fixture
def out(sms: FakeConnection) -> Sms:
    return {Channel.SMS: sms}


def refuses(failure: Failure, **more: object):
    def behave(_: Outgoing) -> Accepted:
        raise SendFailed(failure, "No.", **more)  # type: ignore[arg-type]

    return behave


@pytest.mark.parametrize(
    ("zone", "stale_after", "hours"),
    [("", None, 8), ("America/Los_Angeles", None, 11), ("", 3, 3), ("", 12, 8)],
    ids=["the window", "in the patient's zone", "too late before", "too late after"],
)
def test_the_provider_may_deliver_a_message_until_the_window_closes_or_it_is_of_no_use(
    database: Database, shop: Shop, patient: str, clock: VirtualClock, sms: FakeConnection, out: Sms, zone: str,
    stale_after: int | None, hours: int,
) -> None:  # fmt: skip
    clock.set(datetime(2026, 11, 23, 17, 0, tzinfo=UTC))  # noon in New York; the window is open until 20:00
    with database.transaction(SYSTEM, clock) as tx:
        tx.get(Patient, patient).zone = zone or None
    stale = clock.now() + timedelta(hours=stale_after) if stale_after else None
    queue_message(database, shop, clock, patient, stale_at=stale)
    run_tick(database, clock, out)
    assert [one.valid_seconds for one in sms.sent] == [hours * 3_600]


def test_a_due_message_is_sent_once_and_recorded(
    database: Database, shop: Shop, patient: str, clock: VirtualClock, sms: FakeConnection, out: Sms
) -> None:
    made = queue_message(database, shop, clock, patient)
    report = run_tick(database, clock, out)
    assert report.sent == 1
    run_tick(database, clock, out)
    assert [m.to for m in sms.sent] == [NUMBER]
    row = action(database, made)
    assert (row.state, row.address, row.channel, row.attempts) == (ActionState.SENT, NUMBER, Channel.SMS, 1)
    assert row.body == sms.sent[0].body
    assert "STOP" in sms.sent[0].body
    (attempt,) = attempts(database, made)
    assert (attempt.outcome, attempt.provider_id, attempt.id) == (
        "sent",
        row.provider_id,
        sms.sent[0].attempt_id,
    )


def test_a_message_not_yet_due_waits(
    database: Database, shop: Shop, patient: str, clock: VirtualClock, sms: FakeConnection, out: Sms
) -> None:
    queue_message(database, shop, clock, patient, due_at=clock.now() + timedelta(seconds=2))
    run_tick(database, clock, out)
    assert sms.sent == []
    clock.advance(timedelta(seconds=2))
    run_tick(database, clock, out)
    assert len(sms.sent) == 1


def test_the_sandbox_records_what_would_be_sent(
    database: Database, shop: Shop, patient: str, clock: VirtualClock
) -> None:
    made = queue_message(database, shop, clock, patient)
    tick(database, clock, {Channel.SMS: SandboxConnection()}, "loop")
    row = action(database, made)
    assert row.state is ActionState.SENT
    assert row.provider_id is not None
    assert row.provider_id.startswith("sandbox-")


def test_a_message_waits_for_the_contact_window(
    database: Database, shop: Shop, patient: str, clock: VirtualClock, sms: FakeConnection, out: Sms
) -> None:
    clock.set(datetime(2026, 11, 24, 2, 0, tzinfo=UTC))  # 21:00 in New York
    made = queue_message(database, shop, clock, patient)
    run_tick(database, clock, out)
    assert sms.sent == []
    assert action(database, made).due_at == datetime(2026, 11, 24, 14, 0, tzinfo=UTC)
    clock.set(datetime(2026, 11, 24, 14, 0, tzinfo=UTC))
    run_tick(database, clock, out)
    assert len(sms.sent) == 1


def test_a_second_message_of_the_day_waits_for_tomorrow_and_a_ready_notice_does_not(
    database: Database, shop: Shop, patient: str, clock: VirtualClock, sms: FakeConnection, out: Sms
) -> None:
    queue_message(database, shop, clock, patient, "first")
    run_tick(database, clock, out)
    second = queue_message(database, shop, clock, patient, "second")
    run_tick(database, clock, out)
    assert len(sms.sent) == 1
    assert action(database, second).due_at == datetime(2026, 11, 24, 14, 0, tzinfo=UTC)
    cycle = make_cycle(database, shop, patient, ready_at=clock.now(), claimed_on=date(2026, 11, 23))
    with database.transaction(SYSTEM, clock) as tx:
        announce(tx, cycle.cycle_id, "ready")
    run_tick(database, clock, out)
    assert len(sms.sent) == 2
    assert "ready" in sms.sent[1].body


@pytest.mark.both_databases
@pytest.mark.parametrize(("more", "texts"), [(2, 1), (3, 2)], ids=["same words", "other words"])
def test_two_batches_that_are_ready_one_after_the_other_are_not_announced_twice_in_the_same_words(
    database: Database, shop: Shop, patient: str, clock: VirtualClock, sms: FakeConnection, out: Sms,
    more: int, texts: int,
) -> None:  # fmt: skip
    first = make_cycle(database, shop, patient, ready_at=clock.now(), claimed_on=date(2026, 11, 23))
    with database.reading(SYSTEM) as tx:
        enrollment_id = tx.get(Cycle, first.cycle_id).enrollment_id
    second = make_cycle(
        database, shop, patient, ready_at=clock.now(), claimed_on=date(2026, 11, 23), kind="trip", drugs=more,
        enrollment_id=enrollment_id, sync_date=date(2026, 11, 27),
    )  # fmt: skip
    for made in (first, second):
        with database.transaction(SYSTEM, clock) as tx:
            announce(tx, made.cycle_id, "ready")
        run_tick(database, clock, out)
    assert len(sms.sent) == texts
    merged = [one for one in all_actions(database, ActionState.MERGED) if one.step == "ready"]
    assert [one.reason for one in merged] == ["The same words have gone to this number today."] * (2 - texts)


@pytest.mark.both_databases
def test_a_stale_message_is_skipped_with_the_reason(
    database: Database, shop: Shop, patient: str, clock: VirtualClock, sms: FakeConnection, out: Sms
) -> None:
    made = queue_message(database, shop, clock, patient, stale_at=clock.now() + timedelta(hours=1))
    clock.advance(timedelta(hours=1))
    assert run_tick(database, clock, out).stale == 1
    assert sms.sent == []
    row = action(database, made)
    assert row.state is ActionState.SKIPPED
    assert "Too late" in row.reason


def test_a_condition_is_judged_when_the_step_fires(
    database: Database, shop: Shop, patient: str, clock: VirtualClock, sms: FakeConnection, out: Sms
) -> None:
    made = make_cycle(database, shop, patient, sync_date=date(2026, 11, 26))
    with database.transaction(SYSTEM, clock) as tx:
        schedule_cycle(tx, made.cycle_id)
        tx.get(Cycle, made.cycle_id).confirmed_at = clock.now()
    run_tick(database, clock, out)
    confirm = next(a for a in all_actions(database) if a.step == "confirm_t3")
    assert confirm.state is ActionState.SKIPPED
    assert "confirmed" in confirm.reason


@pytest.mark.parametrize("what", ["withdrawn", "deceased", "picked_up", "moved", "stopped"])
def test_what_changes_between_claim_and_call_stops_the_message(
    what: str, database: Database, shop: Shop, patient: str, clock: VirtualClock, out: Sms
) -> None:
    made = make_cycle(database, shop, patient, sync_date=date(2026, 11, 24))
    with database.transaction(SYSTEM, clock) as tx:
        schedule_cycle(tx, made.cycle_id)
    with database.transaction(SYSTEM, clock) as tx:
        claims = claim_due(tx, "loop-1", lease=timedelta(seconds=60), limit=50)
    with database.transaction(SYSTEM, clock) as tx:
        if what == "withdrawn":
            withdraw_messages(tx, cycle_id=made.cycle_id, reason="Paused.")
        elif what == "deceased":
            tx.get(Patient, patient).deceased_on = date(2026, 11, 23)
        elif what == "picked_up":
            tx.get(Cycle, made.cycle_id).state = CycleState.PICKED_UP
        elif what == "moved":
            tx.get(Cycle, made.cycle_id).sync_date = date(2026, 12, 1)
        else:
            record_basis(tx, patient, Channel.SMS, NUMBER, ContactBasis.REVOKED, "counter")
    messages = {a.id for a in all_actions(database)}
    for claim in claims:
        if claim.action_id in messages:
            with database.transaction(SYSTEM, clock) as tx:
                fired = fire(tx, claim, dict(out))
            assert fired.call is None
            assert fired.state is not ActionState.CALLING


@pytest.mark.both_databases
def test_a_household_gets_one_message_for_its_pickups_of_the_day(
    database: Database, shop: Shop, patient: str, clock: VirtualClock, sms: FakeConnection, out: Sms
) -> None:
    other = make_patient(database, shop, first="Bob", phone=NUMBER)
    for person, day in ((patient, date(2026, 11, 24)), (other, date(2026, 11, 24))):
        made = make_cycle(database, shop, person, sync_date=day)
        with database.transaction(SYSTEM, clock) as tx:
            withdraw = schedule_cycle(tx, made.cycle_id)
            assert withdraw
    with database.transaction(SYSTEM, clock) as tx:
        for row in all_actions(database):
            if row.step == "welcome":
                from medsync_app.outbox.settle import end_pending

                end_pending(tx, row.id, ActionState.SKIPPED, "test")
    run_tick(database, clock, out)
    assert len(sms.sent) == 1
    assert "2 people" in sms.sent[0].body
    assert "Tue Nov 24" in sms.sent[0].body
    merged = all_actions(database, ActionState.MERGED)
    assert merged
    assert {a.patient_id for a in merged} | {
        a.patient_id for a in all_actions(database, ActionState.SENT)
    } == {
        patient,
        other,
    }


@pytest.fixture
def household(database: Database, shop: Shop, patient: str, clock: VirtualClock) -> set[str]:
    """Two patients of one number whose pickups are tomorrow; their welcome was said before."""
    people = {patient, make_patient(database, shop, first="Bob", phone=NUMBER)}
    for person in sorted(people):
        made = make_cycle(database, shop, person, sync_date=date(2026, 11, 24), number=2)
        with database.transaction(SYSTEM, clock) as tx:
            schedule_cycle(tx, made.cycle_id)
    return people


@pytest.mark.both_databases
@pytest.mark.usefixtures("household")
def test_what_a_household_was_to_be_told_is_said_when_the_first_try_fails(
    database: Database, clock: VirtualClock, sms: FakeConnection, out: Sms
) -> None:
    sms.behave = refuses(Failure.TRANSIENT)
    run_tick(database, clock, out)
    sms.behave = None
    clock.advance(timedelta(minutes=30))
    run_tick(database, clock, out)
    assert ["2 people" in message.body for message in sms.sent] == [True, True]


def test_who_cannot_be_reached_as_the_household_is_hears_of_the_pickup_otherwise(
    database: Database, patient: str, household: set[str], clock: VirtualClock, sms: FakeConnection
) -> None:
    (bob,) = household - {patient}
    mail = FakeConnection()
    with database.transaction(SYSTEM, clock) as tx:
        record_basis(tx, patient, Channel.EMAIL, "ada@example.org", ContactBasis.EXPRESS, "form", rank=5)
    sms.behave = refuses(Failure.PERMANENT, code="21211", bad_address=True)
    for _ in range(3):
        run_tick(database, clock, {Channel.SMS: sms, Channel.EMAIL: mail})
        clock.advance(timedelta(minutes=5))
    assert [message.to for message in mail.sent] == ["ada@example.org"]
    assert "2 people" not in mail.sent[0].body
    assert [case.patient_id for case in exceptions(database, ExceptionKind.CALL)] == [bob]


def test_what_a_lost_message_said_for_others_is_not_said_again_when_it_turns_up(
    database: Database, household: set[str], clock: VirtualClock, sms: FakeConnection, out: Sms
) -> None:
    assert len(household) == 2
    sms.behave = lose_answer
    run_tick(database, clock, out)
    (lost,) = all_actions(database, ActionState.IN_DOUBT)
    (attempt,) = attempts(database, lost.id)
    (other,) = all_actions(database, ActionState.MERGED)
    with database.transaction(SYSTEM, clock) as tx:
        later = clock.now() + timedelta(hours=1)
        settle_doubt(
            tx, lost.id, 1, attempt.id, state=ActionState.QUEUED, by="list", outcome="not_sent", due_at=later
        )
    assert action(database, other.id).state is ActionState.QUEUED
    with database.transaction(SYSTEM, clock) as tx:
        handle_delivery_status(tx, attempt.id, provider_id="SM9", status="sent")
    assert action(database, other.id).state is ActionState.MERGED
    sms.behave = None
    clock.advance(timedelta(hours=2))
    run_tick(database, clock, out)
    assert len(sms.sent) == 1, "both pickups were said in the message that had gone out"


def test_of_two_messages_about_one_pickup_the_one_that_asks_for_a_digit_is_said(
    database: Database, shop: Shop, patient: str, clock: VirtualClock, sms: FakeConnection, out: Sms
) -> None:
    made = make_cycle(database, shop, patient, sync_date=date(2026, 11, 26))
    for step in ("reminder_t7", "confirm_t3"):
        payload = {"sync_date": "2026-11-26", "action": {"do": "message", "template": step}}
        queue_message(
            database, shop, clock, patient, step, step=step, cycle_id=made.cycle_id, payload=payload,
            due_at=clock.now() - timedelta(hours=step == "reminder_t7"),
        )  # fmt: skip
    run_tick(database, clock, out)
    (text,) = sms.sent
    assert "Reply 1 to confirm" in text.body
    assert [row.step for row in all_actions(database, ActionState.SENT)] == ["reminder_t7"]


@pytest.mark.parametrize(
    ("a_day", "basis", "sent"), [(1, "express", 1), (2, "express", 2), (2, "number_given", 1)]
)
def test_how_many_messages_a_number_gets_a_day_is_a_setting_where_the_patient_agreed(
    database: Database,
    shop: Shop,
    clock: VirtualClock,
    sms: FakeConnection,
    a_day: int,
    basis: str,
    sent: int,
) -> None:
    patient = make_patient(database, shop, phone=NUMBER, basis=ContactBasis(basis))
    with database.transaction(SYSTEM, clock) as tx:
        tx.get(Pharmacy, shop.pharmacy_id).rules = {"messages_per_day": a_day}
    for key in ("m1", "m2", "m3"):
        queue_message(database, shop, clock, patient, key)
    run_tick(database, clock, {Channel.SMS: sms})
    assert len(sms.sent) == sent


@pytest.mark.both_databases
def test_the_cap_belongs_to_the_number_also_between_two_locations(
    database: Database, shop: Shop, patient: str, clock: VirtualClock, sms: FakeConnection, out: Sms
) -> None:
    branch, stranger = make_shop(database, "branch"), make_shop(database, "stranger")
    with database.transaction(SYSTEM, clock) as tx:
        tx.get(Pharmacy, branch.pharmacy_id).organization_id = shop.organization_id
    people = {branch: make_patient(database, branch, phone=NUMBER)}
    people[stranger] = make_patient(database, stranger, phone=NUMBER)
    queue_message(database, shop, clock, patient, "here")
    run_tick(database, clock, out)
    there = queue_message(database, branch, clock, people[branch], "there")
    elsewhere = queue_message(database, stranger, clock, people[stranger], "elsewhere")
    run_tick(database, clock, out)
    assert action(database, there).state is ActionState.QUEUED
    assert action(database, there).reason == "This number had its message of today."
    assert action(database, elsewhere).state is ActionState.SENT, "another business counts for itself"


def test_a_ready_notice_is_exempt_by_what_it_says_not_by_the_name_of_its_step(
    database: Database, shop: Shop, patient: str, clock: VirtualClock, sms: FakeConnection, out: Sms
) -> None:
    said = {"action": {"do": "message", "template": "ready"}}
    cycle = make_cycle(database, shop, patient, ready_at=clock.now(), claimed_on=date(2026, 11, 23))
    queue_message(
        database, shop, clock, patient, "a", step="our_own_step", payload=said, cycle_id=cycle.cycle_id
    )
    run_tick(database, clock, out)
    queue_message(database, shop, clock, patient, "b", step="ready")  # a welcome in a step of that name
    run_tick(database, clock, out)
    assert len(sms.sent) == 2, "a ready notice does not use up the day"
    third = queue_message(database, shop, clock, patient, "c")
    run_tick(database, clock, out)
    assert action(database, third).state is ActionState.QUEUED, "what only has its name does"


def test_two_doubts_at_one_number_get_the_messages_in_the_order_of_the_calls(
    database: Database, shop: Shop, patient: str, clock: VirtualClock, sms: FakeConnection, out: Sms
) -> None:
    sms.behave = lose_answer
    other = make_patient(database, shop, first="Bob", phone=NUMBER)
    cycle = make_cycle(database, shop, other, ready_at=clock.now(), claimed_on=date(2026, 11, 23))
    said = {"action": {"do": "message", "template": "ready"}}
    first = queue_message(database, shop, clock, patient, "first")
    run_tick(database, clock, out)
    clock.advance(timedelta(seconds=2))
    second = queue_message(database, shop, clock, other, "second", payload=said, cycle_id=cycle.cycle_id)
    with database.transaction(SYSTEM, clock) as tx:  # the first is not looked at before the second
        looked(tx, attempts(database, first)[0].id, counts=False)
    run_tick(database, clock, out)
    sms.found = [Found("SM-B", clock.now()), Found("SM-A", clock.now() - timedelta(seconds=2))]
    with database.reading(SYSTEM, clock) as tx:
        theirs = {doubt.action_id: doubt for doubt in doubts(tx, limit=5, apart=timedelta(0))}
    for made in (second, first):
        with database.transaction(SYSTEM, clock) as tx:
            assert record_look(tx, theirs[made], sms.found) == "sent"
    assert [action(database, made).provider_id for made in (first, second)] == ["SM-A", "SM-B"]


@pytest.mark.both_databases
def test_of_two_lost_messages_to_one_number_only_the_one_that_did_not_go_out_is_sent_again(
    database: Database, shop: Shop, patient: str, clock: VirtualClock, sms: FakeConnection, out: Sms
) -> None:
    sms.behave = lose_answer
    for name in ("welcome", "help"):
        payload = {"action": {"do": "message", "template": name}, "to": NUMBER, "channel": "sms"}
        queue_message(database, shop, clock, patient, name, kind="reply", step=name, payload=payload)
    run_tick(database, clock, out)
    lost = {row.step: row for row in all_actions(database, ActionState.IN_DOUBT, kind="reply")}
    assert lost.keys() == {"welcome", "help"}
    sms.behave, sms.found = None, [Found("SM-H", clock.now(), lost["help"].body)]
    for _ in range(3):
        clock.advance(timedelta(seconds=61))
        run_tick(database, clock, out)
    ends = {step: action(database, row.id) for step, row in lost.items()}
    assert {step: row.state for step, row in ends.items()} == dict.fromkeys(ends, ActionState.SENT)
    assert ends["help"].provider_id == "SM-H"
    assert [message.body for message in sms.sent[2:]] == [lost["welcome"].body]
    assert exceptions(database, ExceptionKind.SEND_IN_DOUBT) == []


def test_no_doubt_is_settled_while_another_call_to_that_number_is_being_made(
    database: Database, shop: Shop, patient: str, clock: VirtualClock, sms: FakeConnection, out: Sms
) -> None:
    sms.behave = lose_answer
    first = queue_message(database, shop, clock, patient, "first")
    run_tick(database, clock, out)
    reply = {"action": {"do": "message", "template": "help"}, "to": NUMBER, "channel": "sms"}
    second = queue_message(database, shop, clock, patient, "second", kind="reply", payload=reply)
    seen: list[str] = []

    def accept_and_look(message: Outgoing) -> Accepted:
        sms.found = [Found("SM-2", clock.now())]  # accepted, and not yet known here
        with database.transaction(SYSTEM, clock) as tx:
            (doubt,) = doubts(tx, limit=5, apart=timedelta(0))
            seen.append(record_look(tx, doubt, sms.found))
        return Accepted("SM-2")

    sms.behave = accept_and_look
    run_tick(database, clock, out)
    assert seen == ["under way"]
    assert action(database, second).provider_id == "SM-2"
    assert action(database, first).state is ActionState.IN_DOUBT
    sms.behave = None
    for _ in range(2):
        clock.advance(timedelta(seconds=61))
        run_tick(database, clock, out)
    assert action(database, first).state is ActionState.SENT
    assert [message.body for message in sms.sent].count(action(database, first).body) == 2


def test_nobody_without_consent_is_messaged_a_person_calls_instead(
    database: Database, shop: Shop, clock: VirtualClock, sms: FakeConnection, out: Sms
) -> None:
    patient = make_patient(database, shop, phone=NUMBER, basis=ContactBasis.NOT_ASKED)
    made = queue_message(database, shop, clock, patient)
    run_tick(database, clock, out)
    assert sms.sent == []
    assert action(database, made).state is ActionState.SUPPRESSED
    (task,) = exceptions(database, ExceptionKind.CALL)
    assert "no consent" in task.summary


def test_a_call_task_names_the_step_as_the_pharmacy_calls_it(
    database: Database, shop: Shop, clock: VirtualClock, out: Sms
) -> None:
    patient = make_patient(database, shop)
    queue_message(database, shop, clock, patient, "usual", step="reminder_t7", cycle_id=None)
    run_tick(database, clock, out)
    assert "(First reminder)" in exceptions(database, ExceptionKind.CALL)[0].summary
    named = {"name": "Letter by hand", "action": {"do": "message", "template": "welcome"}}
    queue_message(database, shop, clock, patient, "own", step="letter_t14", payload=named)
    run_tick(database, clock, out)
    (task,) = exceptions(database, ExceptionKind.CALL)
    assert "(Letter by hand)" in task.summary


def test_a_permanent_refusal_moves_on_to_the_next_channel_and_then_to_a_person(
    database: Database, shop: Shop, patient: str, clock: VirtualClock, sms: FakeConnection
) -> None:
    sms.behave = refuses(Failure.PERMANENT, code="21211", bad_address=True)
    mail = FakeConnection(behave=refuses(Failure.PERMANENT, code="550", bad_address=True))
    with database.transaction(SYSTEM, clock) as tx:
        record_basis(tx, patient, Channel.EMAIL, "ada@example.org", ContactBasis.EXPRESS, "form")
    made = queue_message(database, shop, clock, patient)
    for _ in range(3):
        run_tick(database, clock, {Channel.SMS: sms, Channel.EMAIL: mail})
    assert [len(sms.sent), len(mail.sent)] == [1, 1]
    assert action(database, made).state is ActionState.SUPPRESSED
    assert len(exceptions(database, ExceptionKind.CALL)) == 1
    assert len(exceptions(database, ExceptionKind.CONTACT)) == 2


def test_an_opt_out_the_provider_knows_of_is_recorded(
    database: Database, shop: Shop, patient: str, clock: VirtualClock, sms: FakeConnection
) -> None:
    mail = FakeConnection()
    with database.transaction(SYSTEM, clock) as tx:
        record_basis(tx, patient, Channel.EMAIL, "ada@example.org", ContactBasis.EXPRESS, "form", rank=5)
    sms.behave = refuses(Failure.PERMANENT, code="21610", opted_out=True, bad_address=True)
    made = queue_message(database, shop, clock, patient)
    for _ in range(3):
        run_tick(database, clock, {Channel.SMS: sms, Channel.EMAIL: mail})
        clock.advance(timedelta(hours=1))
    assert (len(sms.sent), len(mail.sent)) == (1, 0)
    assert action(database, made).state is ActionState.SUPPRESSED
    with database.reading(SYSTEM) as tx:
        assert {p.basis for p in points_at(tx, NUMBER)} == {ContactBasis.REVOKED}


@pytest.mark.slow
@pytest.mark.parametrize("later", [False, True], ids=["refused", "undelivered"])
def test_what_a_caregiver_wants_no_more_reaches_the_patient_though_the_provider_says_it_first(
    database: Database, shop: Shop, patient: str, clock: VirtualClock, sms: FakeConnection, *, later: bool
) -> None:
    theirs = "+14045550144"
    with database.transaction(SYSTEM, clock) as tx:
        key = record_basis(tx, patient, Channel.SMS, theirs, ContactBasis.EXPRESS, "counter", rank=-1)
        caregiver = tx.get(ContactPoint, key)
        caregiver.caregiver_name, caregiver.caregiver_allowed_at = "Ben Example", tx.now
    refuse = refuses(Failure.PERMANENT, code="21610", opted_out=True, bad_address=True)
    sms.behave = lambda one: (
        refuse(one) if one.to == theirs and not later else Accepted(f"SM{one.attempt_id}")
    )
    made = queue_message(database, shop, clock, patient)
    run_tick(database, clock, {Channel.SMS: sms})
    if later:
        (attempt,) = attempts(database, made)
        with database.transaction(SYSTEM, clock) as tx:
            handle_delivery_status(
                tx, attempt.id, provider_id="SM1", status="undelivered", error_code="21610"
            )
    for _ in range(2):
        run_tick(database, clock, {Channel.SMS: sms})
    assert [one.to for one in sms.sent] == [theirs, NUMBER]


def test_a_configuration_error_stops_the_channel_with_one_exception(
    database: Database, shop: Shop, clock: VirtualClock, sms: FakeConnection, out: Sms
) -> None:
    for index in range(5):
        person = make_patient(database, shop, first=f"P{index}", phone=f"+1404555010{index}")
        queue_message(database, shop, clock, person, f"m{index}")
    sms.behave = refuses(Failure.CONFIGURATION, code="20003")
    run_tick(database, clock, out, limits=Limits(batch=2))
    assert len(exceptions(database, ExceptionKind.CHANNEL_DOWN)) == 1
    assert 1 <= len(sms.sent) <= 2  # the batch under way, then no more
    assert len(all_actions(database, ActionState.QUEUED)) == 5


def test_a_transient_failure_is_tried_again_later_and_not_before_the_provider_wants(
    database: Database, shop: Shop, patient: str, clock: VirtualClock, sms: FakeConnection, out: Sms
) -> None:
    sms.behave = refuses(Failure.TRANSIENT, retry_after=300.0)
    made = queue_message(database, shop, clock, patient)
    run_tick(database, clock, out)
    assert action(database, made).due_at >= clock.now() + timedelta(seconds=300)
    clock.advance(timedelta(seconds=299))
    run_tick(database, clock, out)
    assert len(sms.sent) == 1
    sms.behave = None
    clock.advance(timedelta(seconds=120))
    run_tick(database, clock, out)
    assert len(sms.sent) == 2
    assert action(database, made).state is ActionState.SENT


def test_a_message_is_called_at_most_six_times_then_a_person_calls(
    database: Database, shop: Shop, patient: str, clock: VirtualClock, sms: FakeConnection, out: Sms
) -> None:
    sms.behave = refuses(Failure.TRANSIENT)
    made = queue_message(database, shop, clock, patient)
    for _ in range(12):
        run_tick(database, clock, out)
        clock.advance(timedelta(minutes=30))
    assert len(sms.sent) == 6
    assert action(database, made).state is ActionState.SUPPRESSED
    assert len(exceptions(database, ExceptionKind.CALL)) == 1


def lose_answer(_: Outgoing) -> Accepted:
    raise SendFailed(Failure.IN_DOUBT, "The answer was lost.")


class SlowToFind(FakeConnection):
    """A provider that takes its time to say what it has."""

    def look_up(self, to: str, since: datetime) -> list[Found]:
        time.sleep(0.1)
        return super().look_up(to, since)


def test_looking_up_many_doubts_at_a_slow_provider_ends_with_the_part_of_the_tick(
    database: Database, shop: Shop, clock: VirtualClock
) -> None:
    slow = SlowToFind(behave=lose_answer)
    for number in range(5):
        patient = make_patient(database, shop, phone=f"+1404555017{number}")
        queue_message(database, shop, clock, patient, f"m{number}")
    run_tick(database, clock, {Channel.SMS: slow})
    clock.advance(timedelta(seconds=61))
    begun: list[int] = []
    while slow.looks < 5 and len(begun) < 5:
        run_tick(database, clock, {Channel.SMS: slow}, limits=Limits(seconds=0.15))
        begun.append(slow.looks)
    assert begun[0] < 5
    assert slow.looks == 5


@pytest.mark.both_databases
def test_a_lost_answer_is_settled_by_the_providers_list_and_never_sent_again(
    database: Database, shop: Shop, patient: str, clock: VirtualClock, sms: FakeConnection, out: Sms
) -> None:
    sms.behave = lose_answer
    made = queue_message(database, shop, clock, patient)
    run_tick(database, clock, out)
    assert action(database, made).state is ActionState.IN_DOUBT
    sms.found = [Found("SM1", clock.now())]
    clock.advance(timedelta(seconds=5))
    run_tick(database, clock, out)
    row = action(database, made)
    assert (row.state, row.provider_id, len(sms.sent)) == (ActionState.SENT, "SM1", 1)


def test_a_doubt_is_sent_again_only_after_two_looks_a_minute_apart(
    database: Database, shop: Shop, patient: str, clock: VirtualClock, sms: FakeConnection, out: Sms
) -> None:
    sms.behave = lose_answer
    made = queue_message(database, shop, clock, patient)
    run_tick(database, clock, out)
    sms.behave = None
    run_tick(database, clock, out)
    clock.advance(timedelta(seconds=59))
    run_tick(database, clock, out)
    assert (sms.looks, len(sms.sent), action(database, made).state) == (1, 1, ActionState.IN_DOUBT)
    clock.advance(timedelta(seconds=1))
    run_tick(database, clock, out)
    assert (sms.looks, len(sms.sent), action(database, made).state) == (2, 2, ActionState.SENT)


def test_several_possible_matches_go_to_a_person(
    database: Database, shop: Shop, patient: str, clock: VirtualClock, sms: FakeConnection, out: Sms
) -> None:
    sms.behave = lose_answer
    made = queue_message(database, shop, clock, patient)
    run_tick(database, clock, out)
    sms.found = [Found("SM1", clock.now()), Found("SM2", clock.now())]
    for _ in range(4):
        clock.advance(timedelta(minutes=2))
        run_tick(database, clock, out)
    assert (len(sms.sent), action(database, made).state) == (1, ActionState.IN_DOUBT)
    assert len(exceptions(database, ExceptionKind.SEND_IN_DOUBT)) == 1


def test_a_doubt_that_cannot_be_looked_up_goes_to_a_person(
    database: Database, shop: Shop, patient: str, clock: VirtualClock
) -> None:
    mail = FakeConnection(can_look_up=False, behave=lose_answer)
    with database.transaction(SYSTEM, clock) as tx:
        record_basis(tx, patient, Channel.EMAIL, "ada@example.org", ContactBasis.EXPRESS, "form")
    made = queue_message(database, shop, clock, patient)
    for _ in range(3):
        run_tick(database, clock, {Channel.EMAIL: mail})
        clock.advance(timedelta(minutes=2))
    assert (len(mail.sent), action(database, made).state) == (1, ActionState.IN_DOUBT)
    assert len(exceptions(database, ExceptionKind.SEND_IN_DOUBT)) == 1


class Poison(BaseException):
    pass


def test_poison_rows_fail_after_some_tries_and_the_others_go_on_time(
    database: Database, shop: Shop, clock: VirtualClock, sms: FakeConnection, out: Sms
) -> None:
    people = [make_patient(database, shop, first=f"P{i}", phone=f"+14045550{100 + i}") for i in range(12)]
    bad_text = queue_message(
        database, shop, clock, people[0], "bad", payload={"action": {"template": "nowhere"}}
    )
    bad_data = queue_message(
        database, shop, clock, people[1], "worse", payload={"conditions": 5, "action": []}
    )
    good = [queue_message(database, shop, clock, p, f"g{i}") for i, p in enumerate(people[2:])]

    def behave(message: Outgoing) -> Accepted:
        if message.to.endswith("102"):
            raise Poison
        return Accepted(f"SM{message.attempt_id}")

    sms.behave = behave
    run_tick(database, clock, out)
    assert [action(database, g).state for g in good[1:]] == [ActionState.SENT] * 9
    for _ in range(40):
        clock.advance(timedelta(minutes=5))
        run_tick(database, clock, out)
    for made in (bad_text, bad_data, good[0]):
        assert action(database, made).state is ActionState.FAILED
    assert len(exceptions(database, ExceptionKind.SEND_FAILED)) == 3


def test_pickup_follow_ups_wait_while_no_dispensing_data_comes_in(
    database: Database, shop: Shop, patient: str, clock: VirtualClock, sms: FakeConnection, out: Sms
) -> None:
    made = make_cycle(database, shop, patient, sync_date=date(2026, 11, 23), ready_at=clock.now())
    with database.transaction(SYSTEM, clock) as tx:
        tx.get(Pharmacy, shop.pharmacy_id).data_as_of = clock.now()
        announce(tx, made.cycle_id, "ready")
    run_tick(database, clock, out)
    clock.advance(timedelta(hours=37))
    run_tick(database, clock, out)
    follow_up = next(a for a in all_actions(database) if a.step == "not_picked_up_24h")
    assert follow_up.state is ActionState.QUEUED
    assert "no dispensing data" in follow_up.reason
    with database.transaction(SYSTEM, clock) as tx:
        tx.get(Pharmacy, shop.pharmacy_id).data_as_of = clock.now()
    clock.set(datetime(2026, 11, 25, 15, 0, tzinfo=UTC))
    run_tick(database, clock, out)
    assert len(sms.sent) == 2


@pytest.mark.both_databases
def test_batches_of_a_household_that_wait_are_told_of_in_one_message(
    database: Database, shop: Shop, patient: str, clock: VirtualClock, sms: FakeConnection, out: Sms
) -> None:
    people = (patient, make_patient(database, shop, first="Bob", phone=NUMBER))
    for person in people:
        made = make_cycle(database, shop, person, sync_date=date(2026, 11, 23), ready_at=clock.now())
        with database.transaction(SYSTEM, clock) as tx:
            announce(tx, made.cycle_id, "ready")
    run_tick(database, clock, out)
    told = len(sms.sent)
    clock.set(datetime(2026, 11, 24, 22, 0, tzinfo=UTC))
    with database.transaction(SYSTEM, clock) as tx:
        tx.get(Pharmacy, shop.pharmacy_id).data_as_of = clock.now()
    run_tick(database, clock, out)
    (follow_up,) = sms.sent[told:]
    assert "2 people at this number have medicines still waiting" in follow_up.body
    theirs = [a for a in all_actions(database) if a.step == "not_picked_up_24h" and a.kind == "message"]
    assert {(a.patient_id, a.state) for a in theirs} in (
        {(people[0], ActionState.SENT), (people[1], ActionState.MERGED)},
        {(people[1], ActionState.SENT), (people[0], ActionState.MERGED)},
    )


def test_two_batches_of_one_patient_that_wait_are_told_of_one_after_another(
    database: Database, shop: Shop, patient: str, clock: VirtualClock, sms: FakeConnection, out: Sms
) -> None:
    first = make_cycle(database, shop, patient, sync_date=date(2026, 11, 22), ready_at=clock.now())
    second = make_cycle(
        database, shop, patient, sync_date=date(2026, 11, 23), ready_at=clock.now(), number=2,
        enrollment_id=first.enrollment_id,
    )  # fmt: skip
    for made in (first, second):
        with database.transaction(SYSTEM, clock) as tx:
            announce(tx, made.cycle_id, "ready")
    run_tick(database, clock, out)
    told = len(sms.sent)
    clock.set(datetime(2026, 11, 24, 22, 0, tzinfo=UTC))
    with database.transaction(SYSTEM, clock) as tx:
        tx.get(Pharmacy, shop.pharmacy_id).data_as_of = clock.now()
    run_tick(database, clock, out)
    assert ["people" in message.body for message in sms.sent[told:]] == [False]
    theirs = [a for a in all_actions(database) if a.step == "not_picked_up_24h" and a.kind == "message"]
    assert {a.state for a in theirs} == {ActionState.QUEUED, ActionState.SENT}


def test_a_demo_pharmacy_never_sends_to_a_real_provider(
    database: Database, shop: Shop, patient: str, clock: VirtualClock
) -> None:
    with database.transaction(SYSTEM, clock) as tx:
        tx.get(Pharmacy, shop.pharmacy_id).is_demo = True
    real = FakeConnection(live=True, loopback=False)
    made = queue_message(database, shop, clock, patient)
    run_tick(database, clock, {Channel.SMS: real})
    assert real.sent == []
    assert action(database, made).state is ActionState.SUPPRESSED


def test_a_wall_time_moves_with_the_zone_it_stands_for(
    database: Database, shop: Shop, patient: str, clock: VirtualClock, sms: FakeConnection, out: Sms
) -> None:
    clock.set(datetime(2026, 11, 24, 14, 0, tzinfo=UTC))
    made = queue_message(
        database, shop, clock, patient, local_date=date(2026, 11, 24), local_time="10:00",
    )  # fmt: skip
    run_tick(database, clock, out)  # queued for 14:00 UTC, but 10:00 in New York is 15:00 UTC
    assert sms.sent == []
    assert action(database, made).due_at == datetime(2026, 11, 24, 15, 0, tzinfo=UTC)


def test_every_pharmacy_is_checked_once_a_day(
    database: Database, shop: Shop, clock: VirtualClock, out: Sms
) -> None:
    for _ in range(3):
        run_tick(database, clock, out)
    done = [a for a in all_actions(database, ActionState.SENT, kind="check") if a.step == "daily_check"]
    assert [a.local_date for a in done] == [date(2026, 11, 23)]
    clock.advance(timedelta(days=1))
    run_tick(database, clock, out)
    done = [a for a in all_actions(database, ActionState.SENT, kind="check") if a.step == "daily_check"]
    assert [a.local_date for a in done] == [date(2026, 11, 23), date(2026, 11, 24)]


def test_a_channel_started_again_sends_what_waited(
    database: Database, shop: Shop, patient: str, clock: VirtualClock, sms: FakeConnection, out: Sms
) -> None:
    sms.behave = refuses(Failure.CONFIGURATION, code="20003")
    made = queue_message(database, shop, clock, patient)
    run_tick(database, clock, out)
    sms.behave = None
    clock.advance(timedelta(minutes=20))
    run_tick(database, clock, out)
    assert len(sms.sent) == 1
    with database.transaction(shop.scope, clock) as tx:
        start_channel(tx, shop.pharmacy_id, Channel.SMS)
        with pytest.raises(Conflict):
            start_channel(tx, shop.pharmacy_id, Channel.SMS)
    clock.advance(timedelta(minutes=20))
    run_tick(database, clock, out)
    assert action(database, made).state is ActionState.SENT
    assert exceptions(database, ExceptionKind.CHANNEL_DOWN) == []


def test_an_answer_is_recorded_although_the_database_fails_at_first(
    database: Database,
    shop: Shop,
    patient: str,
    clock: VirtualClock,
    out: Sms,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = queue_message(database, shop, clock, patient)
    real, failures = deliver.record_accepted, [OperationalError("update", {}, Exception("locked"))]

    def record(*args: Any) -> bool:
        if failures:
            raise failures.pop()
        return real(*args)

    monkeypatch.setattr(deliver, "record_accepted", record)
    run_tick(database, clock, out)
    assert action(database, made).state is ActionState.SENT


def test_a_database_that_fails_leaves_no_call_unrecorded(
    database: Database,
    shop: Shop,
    clock: VirtualClock,
    sms: FakeConnection,
    out: Sms,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for index in range(3):  # the last to the number of the first: it is decided about alone, after the others
        person = make_patient(database, shop, first=f"P{index}", phone=f"+1404555010{index % 2}")
        queue_message(
            database, shop, clock, person, f"m{index}", due_at=clock.now() - timedelta(hours=9 - index)
        )

    def break_down(*_: Any) -> Any:
        raise OperationalError("select", {}, Exception("gone"))

    monkeypatch.setattr(deliver, "fire", break_down)
    with pytest.raises(OperationalError):
        run_tick(database, clock, out)
    assert len(sms.sent) == 2
    assert len(all_actions(database, ActionState.SENT)) == 2
    assert len(all_actions(database, ActionState.CLAIMED)) == 1
