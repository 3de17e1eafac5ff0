"""What the demo's days have in common: the database, the virtual clock, and each location with its people."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time
from pathlib import Path
from random import Random

from medsync_app.clock import VirtualClock
from medsync_app.demo.connection import DemoConnection
from medsync_app.demo.courses import Chart, Course, Dispensed, RxNumbers
from medsync_app.demo.places import ZONE, Crew
from medsync_app.domain.local_time import to_instant
from medsync_app.store.session import Database

Line = tuple[Chart, Course, Dispensed]


@dataclass(slots=True)
class Location:
    """One pharmacy; `courses` finds a person's drug by any Rx number it ever had."""

    id: str
    crew: Crew
    charts: dict[str, Chart]
    #: The day each person who takes part enrolls.
    enrolls: dict[str, date]
    #: The pharmacy's number of each patient -> id; filled by the first import.
    patients: dict[str, str] = field(default_factory=lambda: dict[str, str]())
    courses: dict[str, Course] = field(default_factory=lambda: dict[str, Course]())
    #: Fills that the next export brings.
    unexported: list[Line] = field(default_factory=lambda: list[Line]())
    #: Items that were filled and wait: item id -> the fill.
    waiting: dict[str, Line] = field(default_factory=lambda: dict[str, Line]())
    #: Pickups that people put off, by cycle id.
    fetch_on: dict[str, date] = field(default_factory=lambda: dict[str, date]())
    #: Who cannot be reached any more: the batch is never begun, and passes.
    out_of_reach: str | None = None
    #: Prescriptions that came in and were not filled yet, as the next export shows them, by Rx number.
    on_hold: dict[str, Line] = field(default_factory=lambda: dict[str, Line]())
    #: The day each prescriber answers, by renewal id.
    answers_on: dict[str, date] = field(default_factory=lambda: dict[str, date]())
    #: The day a task is worked on, by its id and when it is due.
    work_on: dict[tuple[str, datetime], date] = field(
        default_factory=lambda: dict[tuple[str, datetime], date]()
    )
    #: The day each patient was last reached about their medicines, by a message or a call.
    heard: dict[str, date] = field(default_factory=lambda: dict[str, date]())
    #: Tasks that were worked on and may go on.
    worked: set[str] = field(default_factory=lambda: set[str]())

    def has_new_prescription(self, rx_number: str, day: date) -> bool:
        """Whether a drug's new prescription has come in these days already."""
        return (day - self.courses[rx_number].written_on).days <= 2

    def know(self, chart: Chart) -> None:
        """Find each of a person's drugs by the Rx numbers it has had so far."""
        for course in chart.courses:
            self.courses[course.rx_number] = course
            for done in course.fills:
                self.courses[done.rx_number] = course


@dataclass(slots=True)
class World:
    """Everything the demo moves."""

    database: Database
    clock: VirtualClock
    random: Random
    numbers: RxNumbers
    folder: Path
    connection: DemoConnection
    locations: list[Location]
    #: The first day that is not lived any more.
    today: date

    def go_to(self, day: date, hour: int, minute: int = 0) -> None:
        """Set the clock to a local time."""
        self.clock.set(to_instant(day, time(hour, minute), ZONE))

    def chance(self, percent: float) -> bool:
        return self.random.random() * 100 < percent


def days_left(world: World, day: date) -> int:
    """How many days of the demo come after `day`, it included: 1 is the last."""
    return (world.today - day).days


def all_charts(locations: Iterable[Location]) -> list[tuple[Location, Chart]]:
    """Every person with their location, in the order they were invented."""
    return [(location, chart) for location in locations for chart in location.charts.values()]
