"""Makes the demo pharmacy: a year of dispensing, then weeks of the programme on a virtual clock."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, time, timedelta
from pathlib import Path
from random import Random

from medsync_app.clock import Clock, VirtualClock
from medsync_app.demo.connection import DemoConnection
from medsync_app.demo.courses import RxNumbers, invent_chart
from medsync_app.demo.days import live
from medsync_app.demo.last_evening import leave_work_under_way
from medsync_app.demo.people import demo_numbers, invent_doctors, invent_people
from medsync_app.demo.places import LOCATION_NUMBERS, SCOPE, ZONE, House, SignIn, set_up
from medsync_app.demo.world import Location, World
from medsync_app.domain.local_time import to_instant
from medsync_app.errors import Conflict, Forbidden
from medsync_app.settings import get_settings, is_loopback
from medsync_app.store.repositories.contact import pharmacies
from medsync_app.store.scratch import scratch
from medsync_app.store.session import Database

PATIENTS = 50
SEED = 7
#: Days of the programme before today.
LIVED_DAYS = 31
#: Shares of a hundred: patients of the main location, and patients who take part by today.
_MAIN, _TAKE_PART = 70, 60
_DOCTORS = 14


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the demo is, with its accounts."""

    pharmacies: tuple[str, ...]
    sign_ins: tuple[SignIn, ...]
    patients: int


def refuse_live() -> None:
    """Forbidden when messages would really be sent, but for providers on this machine (test servers)."""
    settings = get_settings()
    if not settings.live:
        return
    smtp = settings.smtp_url.get_secret_value() if settings.smtp_url else ""
    if is_loopback(settings.twilio_api_url) and is_loopback(smtp):
        return
    raise Forbidden(
        "Demo data is refused while MEDSYNC_SEND=live, unless TWILIO_API_URL and SMTP_URL point to this machine. "
        "Set MEDSYNC_SEND=sandbox."
    )


def load(
    database: Database,
    *,
    today: date,
    patients: int = PATIENTS,
    seed: int = SEED,
    lived_days: int = LIVED_DAYS,
) -> Loaded:
    """Fill an empty database with the demo as it stands on the morning of `today`.

    The programme began `lived_days` before. The same seed and day give the same rows but for ids and the password.
    Conflict when there is a pharmacy.
    """
    refuse_live()
    first = today - timedelta(days=lived_days)
    random = Random(f"{seed}:{today.isoformat()}")
    clock = VirtualClock(to_instant(first, time(7), ZONE))
    refuse_filled(database, clock)
    with (
        scratch(database, before_return=lambda: refuse_filled(database, clock)) as quick,
        tempfile.TemporaryDirectory(prefix="medsync-demo-") as folder,
    ):
        world = World(quick, clock, random, RxNumbers(610_000), Path(folder), DemoConnection(), [], today)
        with quick.transaction(SCOPE, clock) as tx:
            house = set_up(tx)
        world.locations.extend(_invent(world, house, patients, first))
        live(world, first)
        leave_work_under_way(world)
    return Loaded(tuple(house.crews), house.sign_ins, patients)


def refuse_filled(database: Database, clock: Clock) -> None:
    """Conflict when the database has a pharmacy."""
    with database.reading(SCOPE, clock) as tx:
        if pharmacies(tx):
            raise Conflict("The database has a pharmacy already: the demo is for an empty one.")


def _invent(world: World, house: House, patients: int, first: date) -> list[Location]:
    numbers: Iterator[str] = (number for number in demo_numbers() if number not in LOCATION_NUMBERS)
    doctors = invent_doctors(world.random, _DOCTORS, numbers)
    locations = [Location(key, crew, {}, {}) for key, crew in house.crews.items()]
    for person in invent_people(world.random, patients, world.today, numbers):
        location = locations[0 if world.chance(_MAIN) else 1]
        location.charts[person.external_id] = invent_chart(
            world.random, person, doctors, world.numbers, first
        )
        if world.chance(_TAKE_PART):
            location.enrolls[person.external_id] = _enrolls_on(world, first)
    return locations


def _enrolls_on(world: World, first: date) -> date:
    """Many in the first two weeks, the others evenly until yesterday; never on a Sunday."""
    last = (world.today - first).days - 1
    day = first + timedelta(days=world.random.randint(0, 12 if world.chance(60) else last))
    return day - timedelta(days=1) if day.weekday() == 6 and day > first else day
