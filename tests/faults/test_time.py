"""Rows 14 and 15 of the fault tests: a clock that jumps, and the days on which the clocks are changed."""

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest

from medsync_app.clock import VirtualClock
from medsync_app.connections.protocol import Accepted, Found, Outgoing
from medsync_app.domain.local_time import to_instant
from medsync_app.domain.states import ActionState, Channel
from medsync_app.engine.loop import Limits, tick
from medsync_app.outbox.claim import claim_due
from medsync_app.store.session import Database
from medsync_app.store.tables import Pharmacy
from tests.support.faults import figures, sized
from tests.support.loop import FakeConnection, all_actions, queue_message
from tests.support.store import NOW, SYSTEM, make_patient, make_shop

ZONES = (
    "America/New_York", "America/Chicago", "America/Denver", "America/Phoenix", "America/Los_Angeles",
    "America/Anchorage", "Pacific/Honolulu", "America/Puerto_Rico",
)  # fmt: skip
#: The clock that a call sees is then the one it was begun by.
IN_ORDER = Limits(in_order=True)
STEPS = (
    timedelta(hours=1),
    timedelta(hours=-1),
    timedelta(days=1),
    timedelta(minutes=3),
    timedelta(seconds=1),
)


@pytest.mark.slow
def test_a_clock_that_jumps_sends_nothing_early_and_nothing_twice(
    database: Database, clock: VirtualClock
) -> None:
    count, jumps, chance = sized(40, 400), sized(60, 1_000), Random(14)
    shop, due, early = make_shop(database), dict[str, datetime](), list[timedelta]()
    listed: dict[str, list[Found]] = {}
    with database.transaction(SYSTEM, clock) as tx:
        pharmacy = tx.get(Pharmacy, shop.pharmacy_id)
        pharmacy.is_demo, pharmacy.contact_from, pharmacy.contact_until = True, time(0), time.max

    class Listing(FakeConnection):
        def look_up(self, to: str, since: datetime) -> list[Found]:
            return listed.get(to, [])

    def behave(message: Outgoing) -> Accepted:
        early.append(due[message.to] - clock.now())
        listed.setdefault(message.to, []).append(Found(f"SM{message.attempt_id}", clock.now()))
        if chance.random() < 0.2:  # the clock jumps during the call, and another loop looks around
            clock.advance(chance.choice(STEPS))
            tick(database, clock, {Channel.SMS: sms}, "two", IN_ORDER, plan=False)
        return Accepted(f"SM{message.attempt_id}")

    sms = Listing(behave=behave)
    for index in range(count):
        phone = f"+1{200 + index // 100}55501{index % 100:02d}"
        due[phone] = clock.now() + timedelta(minutes=chance.randrange(60 * 24 * 5))
        person = make_patient(database, shop, first=f"P{index}", phone=phone)
        queue_message(database, shop, clock, person, f"m{index}", due_at=due[phone])
    for _ in range(jumps):
        clock.advance(chance.choice(STEPS))
        if chance.random() < 0.2:  # a loop dies with what it has claimed
            with database.transaction(SYSTEM, clock) as tx:
                claim_due(tx, "dead", lease=timedelta(seconds=60), limit=3)
        tick(database, clock, {Channel.SMS: sms}, "one", IN_ORDER, plan=False)
    clock.set(max(clock.now(), NOW + timedelta(days=6)))
    for _ in range(5):
        clock.advance(timedelta(seconds=61))
        tick(database, clock, {Channel.SMS: sms}, "one", plan=False)
    figures(14, due=count, jumps=jumps, earliest_s=max(early).total_seconds())
    assert {row.state for row in all_actions(database)} == {ActionState.SENT}
    assert set(Counter(message.to for message in sms.sent).values()) == {1}
    assert max(early) <= timedelta(seconds=1)


@pytest.mark.parametrize("zone", ZONES)
def test_every_local_time_of_eleven_years_is_one_instant_of_its_day_in_order(zone: str) -> None:
    here, before = ZoneInfo(zone), datetime(2025, 1, 1, tzinfo=UTC)
    for number in range(date(2026, 1, 1).toordinal(), date(2037, 1, 1).toordinal()):
        day = date.fromordinal(number)
        for at in (time(0, 30), time(1, 30), time(2, 30), time(10), time(20)):
            instant = to_instant(day, at, zone)
            shown = instant.astimezone(here)
            assert shown.date() == day
            assert shown.time() in (at, time(at.hour + 1, at.minute))
            assert instant > before
            before = instant


@pytest.mark.slow
@pytest.mark.parametrize("day", [date(2026, 11, 1), date(2027, 3, 14)])
def test_on_the_days_of_the_change_each_message_goes_once_at_its_wall_time(
    database: Database, clock: VirtualClock, day: date
) -> None:
    start = datetime.combine(day - timedelta(days=7), time(12), UTC)
    clock.set(start)
    went: Counter[tuple[str, str]] = Counter()
    number = 100
    zones: dict[str, str] = {}
    for zone in ZONES:
        shop = make_shop(database, zone.partition("/")[2].lower().replace("_", "-"), zone=zone)
        for wall in ("09:30", "13:00", "19:30"):
            number += 1
            zones[f"+14045550{number}"] = zone
            person = make_patient(database, shop, first=f"P{number}", phone=f"+14045550{number}")
            # Of two instants the earlier: the right one, and the one that the offset of the week before gives.
            offset = start.astimezone(ZoneInfo(zone)).utcoffset() or timedelta(0)
            at = time.fromisoformat(wall)
            due = min(to_instant(day, at, zone), datetime.combine(day, at, UTC) - offset)
            queue_message(
                database, shop, clock, person, f"{zone} {wall}", due_at=due, local_date=day, local_time=wall
            )

    def behave(message: Outgoing) -> Accepted:
        zone = zones[message.to]
        went[message.to, clock.now().astimezone(ZoneInfo(zone)).strftime("%H:%M")] += 1
        return Accepted(f"SM{message.attempt_id}")

    sms = FakeConnection(behave=behave)
    clock.set(datetime.combine(day, time(5), UTC))
    for _ in range(2 * 30):
        tick(database, clock, {Channel.SMS: sms}, "one", plan=False)
        clock.advance(timedelta(minutes=30))
    assert len(sms.sent) == len(zones)
    figures(15, day=day.isoformat(), zones=len(ZONES), messages=len(zones))
    assert {wall for _, wall in went} == {"09:30", "13:00", "19:30"}
    assert set(went.values()) == {1}
