"""Ready notices for people at one number: said together, a short wait for who comes soon, nobody else waits."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from medsync_app.clock import VirtualClock
from medsync_app.domain.states import ActionState, Channel, ContactBasis, CycleState, EnrollmentState
from medsync_app.reads.messages import message_detail, message_list
from medsync_app.services.contact_settings import opt_out, record_basis
from medsync_app.services.mark_ready import ItemProblem, mark_ready, undo_ready
from medsync_app.services.pause import pause
from medsync_app.services.reschedule import reschedule
from medsync_app.services.schedule_cycle import schedule_cycle
from medsync_app.services.templates import save_template
from medsync_app.services.withdraw import withdraw
from medsync_app.store.repositories.contact import contact_points
from medsync_app.store.repositories.cycles import items_of
from medsync_app.store.session import Database, Tx
from medsync_app.store.tables import Cycle, Enrollment, Patient, Pharmacy
from tests.support.cycles import MadeCycle, make_cycle
from tests.support.household import (
    TOMORROW,
    Sms,
    change,
    notices,
    pass_time,
    prepared,
    ready,
    receive,
    remind,
)
from tests.support.loop import FakeConnection, all_actions, queue_message, run_tick
from tests.support.store import NUMBER, SYSTEM, Shop, make_patient

pytestmark = pytest.mark.slow

#: NOW is 10:00 in New York.
WAIT = timedelta(minutes=20)


@pytest.fixture
def out(sms: FakeConnection) -> Sms:
    return {Channel.SMS: sms}


@pytest.fixture
def family(database: Database, shop: Shop, patient: str) -> list[MadeCycle]:
    """Ada, Bob and Cy at one number, whose batches for tomorrow are being prepared."""
    people = [patient, *(make_patient(database, shop, first=name, phone=NUMBER) for name in ("Bob", "Cy"))]
    return [prepared(database, shop, person) for person in people]


@pytest.mark.both_databases
def test_who_is_ready_first_waits_a_little_and_the_last_one_speaks_for_all_at_once(
    database: Database, family: list[MadeCycle], clock: VirtualClock, sms: FakeConnection, out: Sms
) -> None:
    ada, bob, cy = family
    ready(database, clock, ada)
    run_tick(database, clock, out)
    waiting = notices(database)[ada.patient_id]
    assert (sms.sent, waiting.state, waiting.due_at) == ([], ActionState.QUEUED, clock.now() + WAIT)
    assert waiting.reason == "Waits until 10:20 for another batch at this number that is being prepared."
    clock.advance(timedelta(minutes=7))
    ready(database, clock, bob)
    run_tick(database, clock, out)
    assert sms.sent == []
    clock.advance(timedelta(minutes=7))
    ready(database, clock, cy)
    run_tick(database, clock, out)
    (text,) = sms.sent
    assert "6 medicines for 3 people ready" in text.body
    states = {person: one.state for person, one in notices(database).items()}
    assert sorted(states.values()) == [ActionState.MERGED, ActionState.MERGED, ActionState.SENT]
    assert states[cy.patient_id] is ActionState.SENT
    assert notices(database)[ada.patient_id].reason == "Said in the message that this number gets today."
    pass_time(database, clock, out, 60)
    assert len(sms.sent) == 1


@pytest.mark.both_databases
def test_the_wait_ends_for_all_who_are_ready_by_then(
    database: Database, family: list[MadeCycle], clock: VirtualClock, sms: FakeConnection, out: Sms
) -> None:
    ada, bob, cy = family
    ready(database, clock, ada)
    pass_time(database, clock, out, 15)
    ready(database, clock, bob)
    pass_time(database, clock, out, 5)
    assert ["4 medicines for 2 people" in text.body for text in sms.sent] == [True]
    ready(database, clock, cy)
    run_tick(database, clock, out)
    assert ["people" in text.body for text in sms.sent] == [True, False]


def _not_prepared(database: Database, clock: VirtualClock, made: MadeCycle) -> None:
    change(database, clock, Cycle, made.cycle_id, state=CycleState.PLANNED)


def _another_day(database: Database, clock: VirtualClock, made: MadeCycle) -> None:
    change(database, clock, Cycle, made.cycle_id, sync_date=date(2026, 12, 1))


def _paused(database: Database, clock: VirtualClock, made: MadeCycle) -> None:
    change(database, clock, Enrollment, made.enrollment_id, state=EnrollmentState.PAUSED)


def _deceased(database: Database, clock: VirtualClock, made: MadeCycle) -> None:
    change(database, clock, Patient, made.patient_id, deceased_on=date(2026, 11, 20))


def _reached_elsewhere(database: Database, clock: VirtualClock, made: MadeCycle) -> None:
    with database.transaction(SYSTEM, clock) as tx:
        record_basis(tx, made.patient_id, Channel.SMS, "+14045550177", ContactBasis.EXPRESS, "form", rank=-1)


def _no_consent(database: Database, clock: VirtualClock, made: MadeCycle) -> None:
    with database.transaction(SYSTEM, clock) as tx:
        record_basis(tx, made.patient_id, Channel.SMS, NUMBER, ContactBasis.DECLINED, "counter")


@pytest.mark.parametrize(
    "but", [_not_prepared, _another_day, _paused, _deceased, _reached_elsewhere, _no_consent]
)
def test_nobody_waits_for_who_will_not_be_told_at_this_number_today(
    database: Database, family: list[MadeCycle], clock: VirtualClock, sms: FakeConnection, out: Sms, but: Any
) -> None:
    for made in family[1:]:
        but(database, clock, made)
    ready(database, clock, family[0])
    run_tick(database, clock, out)
    (text,) = sms.sent
    assert "people" not in text.body


@pytest.mark.both_databases
def test_who_is_alone_at_a_number_is_told_at_once(
    database: Database, shop: Shop, patient: str, clock: VirtualClock, sms: FakeConnection, out: Sms
) -> None:
    first = prepared(database, shop, patient)
    prepared(database, shop, patient, kind="trip", enrollment_id=first.enrollment_id)
    ready(database, clock, first)
    run_tick(database, clock, out)
    assert len(sms.sent) == 1


@pytest.mark.parametrize(("minutes", "wait"), [(0, 0), (5, 5), (60, 60)])
def test_how_long_a_notice_waits_is_a_setting(
    database: Database, shop: Shop, family: list[MadeCycle], clock: VirtualClock, sms: FakeConnection, out: Sms,
    minutes: int, wait: int,
) -> None:  # fmt: skip
    change(database, clock, Pharmacy, shop.pharmacy_id, rules={"household_wait_minutes": minutes})
    ready(database, clock, family[0])
    run_tick(database, clock, out)
    assert len(sms.sent) == (not wait)
    clock.advance(timedelta(minutes=wait))
    run_tick(database, clock, out)
    assert len(sms.sent) == 1


def test_the_wait_ends_before_the_contact_window_does(
    database: Database, family: list[MadeCycle], clock: VirtualClock, sms: FakeConnection, out: Sms
) -> None:
    clock.set(datetime(2026, 11, 24, 0, 50, tzinfo=UTC))  # 19:50 in New York; the window ends at 20:00
    ready(database, clock, family[0])
    run_tick(database, clock, out)
    assert notices(database)[family[0].patient_id].due_at == datetime(2026, 11, 24, 0, 55, tzinfo=UTC)
    clock.advance(timedelta(minutes=5))
    run_tick(database, clock, out)
    assert len(sms.sent) == 1


@pytest.mark.both_databases
def test_what_became_ready_outside_the_window_is_said_together_when_it_opens(
    database: Database, family: list[MadeCycle], clock: VirtualClock, sms: FakeConnection, out: Sms
) -> None:
    clock.set(datetime(2026, 11, 24, 1, 30, tzinfo=UTC))  # 20:30 in New York
    for made in family[:2]:
        ready(database, clock, made)
        run_tick(database, clock, out)
        clock.advance(timedelta(hours=1))
    assert sms.sent == []
    clock.set(datetime(2026, 11, 24, 14, 0, tzinfo=UTC))
    run_tick(database, clock, out)
    assert ["for 2 people" in text.body for text in sms.sent] == [True]


def test_ready_by_mistake_takes_out_just_that_one(
    database: Database, family: list[MadeCycle], clock: VirtualClock, sms: FakeConnection, out: Sms
) -> None:
    ada, bob, cy = family
    for made in (ada, bob):
        ready(database, clock, made)
    run_tick(database, clock, out)
    with database.transaction(SYSTEM, clock) as tx:
        undo_ready(tx, ada.cycle_id, expected_version=tx.get(Cycle, ada.cycle_id).version)
    ready(database, clock, cy)
    pass_time(database, clock, out, 20)
    (text,) = [one for one in sms.sent if " ready " in one.body]
    assert "4 medicines for 2 people" in text.body
    assert notices(database)[ada.patient_id].state is ActionState.SUPERSEDED


def test_a_stop_ends_what_waits_for_the_household(
    database: Database,
    shop: Shop,
    family: list[MadeCycle],
    clock: VirtualClock,
    sms: FakeConnection,
    out: Sms,
) -> None:
    for made in family[:2]:
        ready(database, clock, made)
    run_tick(database, clock, out)
    with database.transaction(SYSTEM, clock) as tx:
        opt_out(tx, shop.pharmacy_id, NUMBER, "reply", channels=(Channel.SMS, Channel.VOICE))
    ready(database, clock, family[2])
    pass_time(database, clock, out, 30)
    assert sms.sent == []
    assert {one.state for one in notices(database).values()} == {ActionState.SUPPRESSED}


def test_only_who_wishes_it_has_the_medicines_named_and_a_part_says_what_is_missing(
    database: Database, family: list[MadeCycle], clock: VirtualClock, sms: FakeConnection, out: Sms
) -> None:
    ada, bob, cy = family
    change(database, clock, Patient, ada.patient_id, drug_names_wanted=True)
    change(database, clock, Patient, cy.patient_id, language="es")
    change(database, clock, Cycle, cy.cycle_id, state=CycleState.PLANNED)
    ready(database, clock, ada)
    run_tick(database, clock, out)
    with database.reading(SYSTEM) as tx:
        first, _ = items_of(tx, bob.cycle_id)
    ready(database, clock, bob, items=[first.id])
    run_tick(database, clock, out)
    (text,) = sms.sent
    assert "Drug0 10 mg, Drug1 10 mg; 1 medicine for 2 people ready" in text.body
    assert "Not yet: 1 medicine." in text.body


@pytest.mark.parametrize("both_agreed", [True, False])
def test_a_reminder_for_two_keeps_to_the_bounds_of_who_has_only_given_the_number(
    database: Database, shop: Shop, clock: VirtualClock, sms: FakeConnection, out: Sms, *, both_agreed: bool
) -> None:
    with database.transaction(shop.scope, clock) as tx:
        save_template(tx, shop.pharmacy_id, "household", "en", Channel.SMS, "See you both soon: {{ days }}.")
    other = ContactBasis.EXPRESS if both_agreed else ContactBasis.NUMBER_GIVEN
    for name, basis in (("Ada", ContactBasis.EXPRESS), ("Bob", other)):
        person = make_patient(database, shop, first=name, phone=NUMBER, basis=basis)
        made = make_cycle(database, shop, person, sync_date=TOMORROW)
        payload = {"sync_date": str(TOMORROW), "action": {"do": "message", "template": "confirm_t1"}}
        queue_message(database, shop, clock, person, name, cycle_id=made.cycle_id, payload=payload)
    run_tick(database, clock, out)
    (text,) = sms.sent
    assert ("See you both soon" in text.body) == both_agreed
    assert both_agreed or ("STOP" in text.body and "404-555-0100" in text.body and len(text.body) <= 160)


@pytest.mark.parametrize("drugs", [1, 12])
def test_without_consent_of_one_of_them_the_text_is_short_and_names_nothing_of_theirs(
    database: Database, shop: Shop, clock: VirtualClock, sms: FakeConnection, out: Sms, drugs: int
) -> None:
    change(database, clock, Pharmacy, shop.pharmacy_id, name="The Old Peachtree Street Family Pharmacy No. 1")
    people = [
        make_patient(database, shop, first=f"P{n}", phone=NUMBER, basis=basis)
        for n, basis in enumerate((ContactBasis.EXPRESS, ContactBasis.NUMBER_GIVEN))
    ]
    change(database, clock, Patient, people[0], drug_names_wanted=True)
    for made in [prepared(database, shop, person, drugs=drugs) for person in people]:
        ready(database, clock, made)
    run_tick(database, clock, out)
    (text,) = sms.sent
    assert len(text.body) <= 160
    assert ("24 medicines" if drugs == 12 else "Drug0 10 mg; 1 medicine,") in text.body
    assert "STOP" in text.body
    assert "404-555-0100" in text.body


@pytest.mark.both_databases
def test_a_follow_up_comes_a_day_after_the_notice_that_told_of_the_batch(
    database: Database, family: list[MadeCycle], clock: VirtualClock, sms: FakeConnection, out: Sms
) -> None:
    for made in family:
        change(database, clock, Cycle, made.cycle_id, sync_date=date(2026, 11, 23))
    for made in family[:2]:
        ready(database, clock, made)
    pass_time(database, clock, out, 20)
    assert len(sms.sent) == 1
    clock.advance(timedelta(hours=24) - timedelta(minutes=20))
    run_tick(database, clock, out)
    assert len(sms.sent) == 1, "the day is not over yet"
    clock.advance(timedelta(minutes=20))
    run_tick(database, clock, out)
    assert "2 people at this number have medicines still waiting" in sms.sent[1].body
    tasks = [
        one
        for one in all_actions(database, ActionState.SENT, kind="task")
        if one.step.startswith("not_picked")
    ]
    assert {one.patient_id for one in tasks} == {made.patient_id for made in family[:2]}


@pytest.mark.both_databases
def test_what_is_ready_takes_along_the_reminders_of_the_day_and_asks_the_one_question(
    database: Database,
    shop: Shop,
    family: list[MadeCycle],
    clock: VirtualClock,
    sms: FakeConnection,
    out: Sms,
) -> None:
    ada, bob, cy = family
    day = date(2026, 11, 26)
    for made, wording, on in ((bob, "confirm_t1", TOMORROW), (cy, "confirm_t3", day)):
        change(database, clock, Cycle, made.cycle_id, state=CycleState.PLANNED, sync_date=on)
        remind(database, shop, clock, made, wording, on, due_at=clock.now() + timedelta(hours=1))
    ready(database, clock, ada)
    run_tick(database, clock, out)
    (text,) = sms.sent
    assert ": 2 medicines ready for pickup" in text.body
    assert "Other pickups: Tue Nov 24." in text.body
    assert "Other pickup Thu Nov 26: reply 1 to confirm, 2 to change, 3 to be called." in text.body
    pass_time(database, clock, out, 61)
    assert len(sms.sent) == 1
    assert receive(database, clock, "1") == "confirmed"
    with database.reading(SYSTEM) as tx:
        confirmed = [tx.get(Cycle, made.cycle_id).confirmed_at is not None for made in family]
    assert confirmed == [False, False, True]


def test_the_messages_page_says_why_a_notice_waits_and_that_it_was_said_for_all(
    database: Database, shop: Shop, family: list[MadeCycle], clock: VirtualClock, out: Sms
) -> None:
    ada, bob, _ = family
    ready(database, clock, ada)
    run_tick(database, clock, out)
    with database.reading(shop.scope, clock) as tx:
        (row,) = message_list(tx, tab="held").rows
    assert row.reason == "Waits until 10:20 for another batch at this number that is being prepared."
    ready(database, clock, bob)
    pass_time(database, clock, out, 20)
    with database.reading(shop.scope, clock) as tx:
        (sent,) = message_list(tx, tab="sent").rows
        assert message_detail(tx, sent.id).message.reason == (
            "Said in one message for this number: 2 that were due on one day."
        )
        (merged,) = message_list(tx, tab="unsent").rows
    assert merged.reason == "Said in the message that this number gets today."


@pytest.mark.both_databases
def test_a_message_for_several_asks_the_one_question_by_its_day_and_a_1_confirms_just_that(
    database: Database, shop: Shop, patient: str, clock: VirtualClock, sms: FakeConnection, out: Sms
) -> None:
    bob = make_patient(database, shop, first="Bob", phone=NUMBER)
    made = [
        make_cycle(database, shop, person, number=2, sync_date=day)
        for person, day in ((patient, TOMORROW), (bob, date(2026, 11, 26)))
    ]
    for one in made:
        with database.transaction(SYSTEM, clock) as tx:
            schedule_cycle(tx, one.cycle_id)
    run_tick(database, clock, out)
    (text,) = sms.sent
    assert "2 people at this number have pickups: Tue Nov 24, Thu Nov 26" in text.body
    assert "Thu Nov 26: reply 1 to confirm, 2 to change, 3 to be called." in text.body
    assert receive(database, clock, "1") == "confirmed"
    with database.reading(SYSTEM) as tx:
        assert [tx.get(Cycle, one.cycle_id).confirmed_at for one in made] == [None, clock.now()]


@pytest.mark.both_databases
@pytest.mark.parametrize("words", ["welcome", "new dates"])
def test_a_household_hears_once_of_a_welcome_and_of_new_dates(
    database: Database,
    shop: Shop,
    patient: str,
    clock: VirtualClock,
    sms: FakeConnection,
    out: Sms,
    words: str,
) -> None:
    bob = make_patient(database, shop, first="Bob", phone=NUMBER)
    for person in (patient, bob):
        made = make_cycle(database, shop, person, sync_date=date(2026, 12, 20))
        template = "welcome" if words == "welcome" else "date_changed"
        payload = {"action": {"do": "message", "template": template}}
        queue_message(
            database, shop, clock, person, person, step=template, cycle_id=made.cycle_id, payload=payload,
        )  # fmt: skip
    run_tick(database, clock, out)
    (text,) = sms.sent
    assert words in text.body
    assert ("2 people" in text.body) == (words != "welcome")
    assert len(all_actions(database, ActionState.MERGED)) == 1


def test_new_dates_of_two_batches_of_one_patient_are_said_at_once(
    database: Database, shop: Shop, patient: str, clock: VirtualClock, sms: FakeConnection, out: Sms
) -> None:
    first = make_cycle(database, shop, patient, sync_date=date(2026, 12, 20))
    trip = make_cycle(
        database, shop, patient, sync_date=date(2026, 12, 2), kind="trip", enrollment_id=first.enrollment_id
    )
    payload = {"action": {"do": "message", "template": "date_changed"}}
    for made in (first, trip):
        queue_message(
            database, shop, clock, patient, made.cycle_id, step="date_changed", cycle_id=made.cycle_id,
            payload=payload,
        )  # fmt: skip
    run_tick(database, clock, out)
    assert ["your medicines have new dates: Wed Dec 2, Sun Dec 20." in one.body for one in sms.sent] == [True]


def test_a_childs_batch_waits_for_the_parent_whose_number_it_is(
    database: Database, shop: Shop, patient: str, clock: VirtualClock, sms: FakeConnection, out: Sms
) -> None:
    child = make_patient(database, shop, first="Kim", birth_date=date(2018, 5, 1), phone=NUMBER)
    with database.transaction(SYSTEM, clock) as tx:
        (point,) = contact_points(tx, child)
        point.caregiver_name, point.caregiver_relation = "Ada Example", "mother"
    made = [prepared(database, shop, person) for person in (child, patient)]
    ready(database, clock, made[0])
    pass_time(database, clock, out, 1)
    assert sms.sent == [], "no authorization: a person calls, and nobody is texted"
    with database.transaction(SYSTEM, clock) as tx:
        (point,) = contact_points(tx, child)
        point.caregiver_allowed_at = clock.now()
        undo_ready(tx, made[0].cycle_id, expected_version=tx.get(Cycle, made[0].cycle_id).version)
    ready(database, clock, made[0])
    pass_time(database, clock, out, 2)
    assert [one for one in sms.sent if " ready " in one.body] == []
    ready(database, clock, made[1])
    run_tick(database, clock, out)
    assert ["for 2 people" in one.body for one in sms.sent if " ready " in one.body] == [True]


def _pause(tx: Tx, made: MadeCycle) -> None:
    version = tx.get(Enrollment, made.enrollment_id).version
    pause(tx, made.enrollment_id, expected_version=version, reason="hospitalised")


def _die(tx: Tx, made: MadeCycle) -> None:
    version = tx.get(Enrollment, made.enrollment_id).version
    withdraw(tx, made.enrollment_id, expected_version=version, reason="died", state=EnrollmentState.DECEASED)


def _move(tx: Tx, made: MadeCycle) -> None:
    tx.get(Cycle, made.cycle_id).kind = "trip"  # which is moved by itself, whatever else is planned
    reschedule(
        tx, made.cycle_id, date(2026, 12, 1), expected_version=tx.get(Cycle, made.cycle_id).version,
        override_reason="The patient is away.",
    )  # fmt: skip


def _out_of_stock(tx: Tx, made: MadeCycle) -> None:
    problems = {item.id: ItemProblem("out_of_stock") for item in items_of(tx, made.cycle_id)}
    version = tx.get(Cycle, made.cycle_id).version
    mark_ready(tx, made.cycle_id, expected_version=version, items=[], problems=problems)


@pytest.mark.both_databases
@pytest.mark.parametrize("called_off", [(_pause, _out_of_stock), (_die, _move)])
def test_when_the_batch_that_is_waited_for_is_called_off_the_others_are_told_at_once(
    database: Database, shop: Shop, family: list[MadeCycle], clock: VirtualClock, sms: FakeConnection, out: Sms,
    called_off: Any,
) -> None:  # fmt: skip
    ada, bob, cy = family
    ready(database, clock, ada)
    run_tick(database, clock, out)
    clock.advance(timedelta(minutes=2))
    for left, made, call_off in ((1, bob, called_off[0]), (0, cy, called_off[1])):
        with database.transaction(shop.scope, clock) as tx:
            call_off(tx, made)
        run_tick(database, clock, out)
        about_ready = [one for one in sms.sent if " ready " in one.body]
        assert len(about_ready) == (not left), "the wait goes on for who still comes"
        if left:
            assert notices(database)[ada.patient_id].due_at == clock.now() + WAIT - timedelta(minutes=2)
