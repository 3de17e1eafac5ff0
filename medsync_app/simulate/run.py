"""Runs a simulation: locations of at most a hundred patients, each with a database, a clock and a provider of its own.

Locations share nothing, as those of a group share no patient: they are lived side by side in processes. How many
there are depends on the patients alone, so that every machine counts the same.
"""

import os
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from copy import deepcopy
from dataclasses import dataclass
from datetime import date, time, timedelta
from multiprocessing import get_context
from pathlib import Path
from random import Random

from medsync_app.clock import VirtualClock
from medsync_app.collector import collect_rarely
from medsync_app.demo.courses import Chart, RxNumbers, invent_chart
from medsync_app.demo.people import demo_numbers, invent_doctors, invent_people
from medsync_app.demo.places import SCOPE, ZONE, Place, set_up
from medsync_app.demo.world import Location, World
from medsync_app.domain.local_time import to_instant
from medsync_app.errors import MedSyncError
from medsync_app.reads.staff_work import work_between
from medsync_app.services.record_outcome import steady_jitter
from medsync_app.simulate.count import Counted, count_days, count_messages, count_outcome
from medsync_app.simulate.days import Life, begin, live_day, live_without
from medsync_app.simulate.faults import LEVELS, FaultyProvider, Killer, MortalDatabase
from medsync_app.simulate.habits import Habits
from medsync_app.store.ids import counted_ids
from medsync_app.store.migrate import upgrade
from medsync_app.store.scratch import quick

#: The first day: a Monday of a year with both changes of the clock in it.
FIRST = date(2026, 1, 5)
PER_LOCATION = 100
_DOCTORS = 14
#: Everybody joins within so many days.
_JOIN_DAYS = 28
#: Days from one check of the promise to the next when nothing is made to go wrong; with faults it is every evening.
_CHECK_EVERY = 7
#: From then on everybody has had the first batches: what is counted later is the programme's daily life.
STEADY_AFTER = 60
_PHONE = "+14045550199"
#: The demo's last days are special; a simulation never comes near them.
_NEVER_LAST = timedelta(days=90)
_SUNDAY = 6


class Breach(MedSyncError):
    """The send promise was broken in a simulation."""

    code = "breach"


@dataclass(frozen=True, slots=True)
class Asked:
    """What shall be simulated at one location."""

    number: int
    patients: int
    days: int
    seed: int
    faults: int = 0


def simulate(*, patients: int, days: int, seed: int, faults: int = 0) -> Counted:
    """Live so many days of so many patients and count; the same arguments give the same counts."""
    asked = _split(patients, days, seed, faults)
    total = Counted()
    for counted in _live_all(asked):
        total.add(counted)
    return total


def _split(patients: int, days: int, seed: int, faults: int) -> list[Asked]:
    places = -(-patients // PER_LOCATION)
    sizes = [patients // places + (number < patients % places) for number in range(places)]
    return [Asked(number, size, days, seed, faults) for number, size in enumerate(sizes)]


def _live_all(asked: Sequence[Asked]) -> list[Counted]:
    workers = min(len(asked), os.cpu_count() or 1)
    if workers == 1:
        return [live_location(one) for one in asked]
    # A fresh interpreter each: nothing of this process's connections and threads goes along.
    with ProcessPoolExecutor(workers, get_context("spawn"), collect_rarely) as pool:
        return list(pool.map(live_location, asked))


def live_location(asked: Asked) -> Counted:
    """One location from an empty database to its counts."""
    with counted_ids(), tempfile.TemporaryDirectory(prefix="medsync-simulate-") as folder:
        url = f"sqlite:///{Path(folder) / 'simulated.db'}"
        upgrade(url)
        database = quick(url, MortalDatabase)
        steady_jitter(f"{asked.seed}:{asked.number}")
        try:
            return _live(asked, database, Path(folder))
        finally:
            database.dispose()


def _live(asked: Asked, database: MortalDatabase, folder: Path) -> Counted:
    life = make_life(asked, database, folder)
    world, location = life.world, life.location
    without = deepcopy(location.charts)
    begin(life, FIRST)
    last = FIRST + timedelta(days=asked.days)
    for ahead in range(1, asked.days + 1):
        live_day(life, FIRST + timedelta(days=ahead))
        if asked.faults or ahead % _CHECK_EVERY == 0 or ahead == asked.days:
            _check(life, asked, ahead)
    live_without(Habits(life.habits.seed), without, FIRST + timedelta(days=1), asked.days, world)
    found = Counted()
    with database.reading(SCOPE, world.clock) as tx:
        count_messages(tx, life, found)
        count_outcome(tx, found, last)
        whole = work_between(tx, FIRST, last)
        found.done.update(whole.done)
        found.by_hand.update(whole.by_hand)
        steady = FIRST + timedelta(days=STEADY_AFTER + 1)
        if steady <= last:
            daily = work_between(tx, steady, last)
            found.steady_done.update(daily.done)
            found.steady_by_hand.update(daily.by_hand)
    count_days(life, without, location.enrolls, last, found)
    return found


def _check(life: Life, asked: Asked, day: int) -> None:
    """What must hold whatever went wrong; Breach says what did not, and how to see it again."""
    found = Counted()
    with life.world.database.reading(SCOPE, life.world.clock) as tx:
        count_messages(tx, life, found)
    broken = [name for name in ("sent_twice", "lost", "outside_window") if getattr(found, name)]
    if broken:
        raise Breach(
            f"Seed {asked.seed}, faults {asked.faults}, location {asked.number + 1}, day {day}: "
            + ", ".join(f"{getattr(found, name)} {name.replace('_', ' ')}" for name in broken)
        )


def make_life(asked: Asked, database: MortalDatabase, folder: Path) -> Life:
    """A location with its people on the evening before the first day."""
    key = f"{asked.seed}:{asked.number}"
    clock, random = VirtualClock(to_instant(FIRST, time(18), ZONE)), Random(key)
    habits, numbers = Habits(key), RxNumbers(610_000)
    owners: dict[str, list[str]] = {}
    with database.transaction(SCOPE, clock) as tx:
        capacity = max(10, asked.patients // 5)
        place = Place(
            f"Simulated Pharmacy {asked.number + 1}",
            _PHONE,
            "1 Magnolia Ave, Atlanta, GA 30309",
            "1912345671",
            capacity,
        )
        house = set_up(tx, [place], is_demo=False)
    # The demo picks somebody who is never reached; here luck alone decides who comes.
    (location,) = [Location(key, crew, {}, {}, out_of_reach="") for key, crew in house.crews.items()]

    def arrived(address: str) -> None:
        for number in owners.get(address, ()):
            location.heard[number] = clock.now().date()

    faults, luck = LEVELS[asked.faults], Random(f"{key}:faults")
    provider = FaultyProvider(clock=clock, habits=habits, arrived=arrived, faults=faults, luck=luck)
    if asked.faults:
        database.killer = Killer(Random(f"{key}:deaths"), faults.killed)
    until = FIRST + timedelta(days=asked.days) + _NEVER_LAST
    world = World(database, clock, random, numbers, folder, provider, [location], until)
    location.charts.update(_invent(random, asked.patients, numbers))
    location.enrolls.update(_enroll_days(location.charts))
    for number, chart in location.charts.items():
        for address in (chart.person.mobile, chart.person.email):
            if address:
                owners.setdefault(address, []).append(number)
    return Life(world, provider, habits, faults, luck)


def _invent(random: Random, patients: int, numbers: RxNumbers) -> dict[str, Chart]:
    phones = (number for number in demo_numbers() if number != _PHONE)
    doctors = invent_doctors(random, _DOCTORS, phones)
    people = invent_people(random, patients, FIRST, phones)
    return {person.external_id: invent_chart(random, person, doctors, numbers, FIRST) for person in people}


def _enroll_days(charts: Mapping[str, Chart]) -> dict[str, date]:
    """Evenly over the first weeks, never on a Sunday."""
    found: dict[str, date] = {}
    for index, number in enumerate(charts):
        day = FIRST + timedelta(days=1 + index * _JOIN_DAYS // len(charts))
        found[number] = day + timedelta(days=day.weekday() == _SUNDAY)
    return found
