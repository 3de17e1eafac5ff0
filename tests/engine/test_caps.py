"""Caps and windows in the loop: a number's week over a group, the day and the hours of the patient's own zone."""

from datetime import UTC, date, datetime, timedelta

import pytest

from medsync_app.clock import VirtualClock
from medsync_app.domain.states import ActionState, Channel, ContactBasis
from medsync_app.services.contact_settings import record_basis
from medsync_app.store.session import Database
from medsync_app.store.tables import Patient
from tests.support.cycles import make_cycle
from tests.support.loop import FakeConnection, action, queue_message, run_tick
from tests.support.store import NUMBER, SYSTEM, Shop, make_patient

pytestmark = pytest.mark.slow


@pytest.mark.both_databases
def test_three_in_seven_days_are_counted_over_people_pharmacies_and_channels_of_one_number(
    database: Database, shop: Shop, sister: Shop, clock: VirtualClock, sms: FakeConnection
) -> None:
    voice = FakeConnection()
    given = ContactBasis.NUMBER_GIVEN
    ada = make_patient(database, shop, phone=NUMBER, basis=given)
    bob = make_patient(database, sister, first="Bob", phone=NUMBER, basis=given)
    with database.transaction(SYSTEM, clock) as tx:
        record_basis(tx, bob, Channel.VOICE, NUMBER, given, "counter", rank=5)
        tx.get(Patient, bob).preferred_channel = Channel.VOICE
    began = clock.now()  # Monday, 10:00 in New York

    def at(day: int, hour: int, place: Shop, person: str) -> str:
        clock.set(began + timedelta(days=day, hours=hour - 10))
        made = queue_message(database, place, clock, person, f"{day}:{person}")
        run_tick(database, clock, {Channel.SMS: sms, Channel.VOICE: voice})
        return made

    for day, place, person in ((0, shop, ada), (1, sister, bob), (2, shop, ada)):
        at(day, 10, place, person)
    assert (len(sms.sent), len(voice.sent)) == (2, 1)
    fourth = at(3, 10, sister, bob)
    assert action(database, fourth).reason == "This number had 3 messages in 7 days."
    for day in range(4, 8):
        clock.set(began + timedelta(days=day, hours=-1))
        run_tick(database, clock, {Channel.SMS: sms, Channel.VOICE: voice})
    assert action(database, fourth).state is ActionState.QUEUED, "the first was not quite seven days ago"
    clock.set(began + timedelta(days=8, hours=-1))
    run_tick(database, clock, {Channel.SMS: sms, Channel.VOICE: voice})
    assert (len(sms.sent), len(voice.sent)) == (2, 2)


def test_a_ready_notice_is_the_message_of_the_day_for_who_has_only_given_the_number(
    database: Database, shop: Shop, clock: VirtualClock, sms: FakeConnection
) -> None:
    ada = make_patient(database, shop, phone=NUMBER, basis=ContactBasis.NUMBER_GIVEN)
    cycle = make_cycle(database, shop, ada, ready_at=clock.now(), claimed_on=date(2026, 11, 23))
    ready = {"action": {"do": "message", "template": "ready"}}
    queue_message(database, shop, clock, ada, "ready", payload=ready, cycle_id=cycle.cycle_id)
    run_tick(database, clock, {Channel.SMS: sms})
    second = queue_message(database, shop, clock, ada, "second")
    run_tick(database, clock, {Channel.SMS: sms})
    assert len(sms.sent) == 1
    assert action(database, second).reason == "This number had its message of today."


def test_who_lives_in_another_zone_is_written_to_by_their_own_clock_and_day(
    database: Database, shop: Shop, patient: str, clock: VirtualClock, sms: FakeConnection
) -> None:
    with database.transaction(SYSTEM, clock) as tx:
        tx.get(Patient, patient).zone = "Pacific/Honolulu"  # UTC-10, no summer time
    early = queue_message(database, shop, clock, patient, "early")  # 10:00 in New York, 05:00 there
    run_tick(database, clock, {Channel.SMS: sms})
    row = action(database, early)
    assert (row.reason, row.due_at) == (
        "Outside the contact window.",
        datetime(2026, 11, 23, 19, 0, tzinfo=UTC),
    )
    clock.set(row.due_at)
    run_tick(database, clock, {Channel.SMS: sms})
    assert len(sms.sent) == 1
    clock.set(
        datetime(2026, 11, 24, 5, 30, tzinfo=UTC)
    )  # 00:30 of the next day in New York, 19:30 of this one there
    again = queue_message(database, shop, clock, patient, "again")
    run_tick(database, clock, {Channel.SMS: sms})
    row = action(database, again)
    assert row.reason == "This number had its message of today."
    assert row.due_at == datetime(2026, 11, 24, 19, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("begins", "opens"),
    [
        (datetime(2027, 3, 14, 5, 0, tzinfo=UTC), datetime(2027, 3, 14, 13, 0, tzinfo=UTC)),
        (datetime(2027, 11, 7, 4, 0, tzinfo=UTC), datetime(2027, 11, 7, 14, 0, tzinfo=UTC)),
    ],
    ids=["clocks go forward", "clocks go back"],
)
def test_on_the_night_the_clocks_change_it_waits_for_nine_by_the_new_time(
    database: Database, shop: Shop, patient: str, clock: VirtualClock, sms: FakeConnection, begins: datetime,
    opens: datetime,
) -> None:  # fmt: skip
    clock.set(begins)  # midnight in New York, before the change
    made = queue_message(database, shop, clock, patient)
    run_tick(database, clock, {Channel.SMS: sms})
    assert action(database, made).due_at == opens
    clock.set(opens)
    run_tick(database, clock, {Channel.SMS: sms})
    assert len(sms.sent) == 1
