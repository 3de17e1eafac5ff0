"""Invents how each drug was filled over the past year, and writes fills as the pharmacy system's export does."""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import ROUND_CEILING, Decimal
from pathlib import Path
from random import Random

from medsync_app.demo.drugs import Drug, invent_regimen
from medsync_app.demo.people import Doctor, Person

HEADERS = (
    "Rx Number", "Fill Number", "Date Written", "Date Filled", "Date Sold", "Drug Name", "NDC", "Form", "Quantity",
    "Days Supply", "Refills Left", "Sig", "DEA Class", "Patient ID", "Last Name", "First Name", "DOB", "Cell Phone",
    "Home Phone", "Email", "Address", "City", "State", "Zip", "Prescriber", "Prescriber NPI", "Prescriber Phone",
    "Prescriber Fax", "Plan", "Plan Type", "Copay", "PA Expires", "Status",
)  # fmt: skip
_RX_DAYS = 364
_HISTORY_DAYS = 365
#: Days late per refill: (fewest, most), and how many of a hundred people are like that.
_HABITS = (((-3, 2), 30), ((-2, 6), 30), ((0, 14), 25), ((3, 26), 15))


@dataclass(frozen=True, slots=True)
class Dispensed:
    """One fill: when, for how many days, and when it was sold (None: it waits in will-call)."""

    rx_number: str
    fill_number: int
    written_on: date
    filled_on: date
    sold_on: date | None
    days: int
    quantity: Decimal
    refills_left: int
    #: As the pharmacy system calls it; empty: by whether it was sold.
    status: str = ""

    def sold(self, on: date) -> "Dispensed":
        """The same fill, in the patient's hands."""
        return replace(self, sold_on=on)

    def returned(self) -> "Dispensed":
        """The same fill, back on the shelf."""
        return replace(self, status="ReturnedToStock")


@dataclass(slots=True)
class Course:
    """One person taking one drug: the current prescription, and the fills so far."""

    drug: Drug
    days: int
    refills_each: int
    doctor: Doctor
    rx_number: str
    written_on: date
    approval_ends: date | None
    refills_left: int = 0
    fill_number: int = 0
    fills: list[Dispensed] = field(default_factory=lambda: list[Dispensed]())

    def renew(self, rx_number: str, on: date) -> None:
        """A new prescription of the same drug."""
        self.rx_number, self.written_on = rx_number, on
        self.refills_left, self.fill_number = self.refills_each, -1

    def fill(self, on: date, sold_on: date | None, days: int, *, uses_refill: bool = True) -> Dispensed:
        """Dispense once; a first fill of a prescription uses no refill."""
        if self.fill_number >= 0 and self.fills and uses_refill:
            self.refills_left = max(self.refills_left - 1, 0)
        self.fill_number += 1
        quantity = (self.drug.per_day * days).to_integral_value(ROUND_CEILING)
        done = Dispensed(
            self.rx_number, self.fill_number, self.written_on, on, sold_on, days, quantity, self.refills_left
        )
        self.fills.append(done)
        return done

    @property
    def runs_out(self) -> date:
        """First day without supply, when each fill is used after the one before it."""
        end = date.min
        for done in self.fills:
            end = max(end, done.filled_on) + timedelta(days=done.days)
        return end


@dataclass(slots=True)
class Chart:
    """One person with their courses, and how late they usually are."""

    person: Person
    courses: list[Course]
    late: tuple[int, int]


class RxNumbers:
    """Gives prescription numbers, each once."""

    def __init__(self, first: int) -> None:
        self._next = first

    def take(self) -> str:
        self._next += 1
        return str(self._next)


def invent_chart(
    random: Random, person: Person, doctors: Sequence[Doctor], numbers: RxNumbers, until: date
) -> Chart:
    """A person with a year of fills before `until`, each drug on its own days."""
    doctor = random.choice(doctors)
    late = random.choices([habit for habit, _ in _HABITS], weights=[weight for _, weight in _HABITS])[0]
    courses = [_course(random, drug, doctor, numbers, until) for drug in invent_regimen(random)]
    chart = Chart(person, courses, late)
    for course in courses:
        live_until(random, chart, course, until, numbers)
    return chart


def _course(random: Random, drug: Drug, doctor: Doctor, numbers: RxNumbers, until: date) -> Course:
    start = until - timedelta(days=random.randint(_HISTORY_DAYS - 45, _HISTORY_DAYS - 1))
    days = 90 if drug.long and random.random() < 0.25 else drug.days
    refills = 5 if drug.schedule else random.choice((3, 5, 11, 11)) if days < 90 else 3
    ends = until + timedelta(days=random.choice((25, 60, 140, 250))) if drug.approval else None
    course = Course(drug, days, refills, doctor, numbers.take(), start, ends, refills, -1)
    course.fill(start, start, days)
    return course


def live_until(
    random: Random, chart: Chart, course: Course, until: date, numbers: RxNumbers
) -> list[Dispensed]:
    """Fill as that person does, on no particular day, for every fill that falls before `until`; gives the new ones."""
    made: list[Dispensed] = []
    while True:
        day = course.runs_out + timedelta(days=random.randint(*chart.late))
        last = course.fills[-1].filled_on
        day = max(day, last + timedelta(days=course.days - course.days // 5))
        if day.weekday() == 6:
            day += timedelta(days=1)
        if day >= until:
            return made
        if course.refills_left == 0 or (day - course.written_on).days > _RX_DAYS:
            course.renew(numbers.take(), day - timedelta(days=random.randint(0, 4)))
        sold = day + timedelta(days=random.choice((0, 0, 0, 1, 2)))
        made.append(course.fill(day, min(sold, until - timedelta(days=1)), course.days))


def write_export(path: Path, lines: Iterable[tuple[Chart, Course, Dispensed]]) -> None:
    """Write fills as the pharmacy system's export does, oldest first."""
    ordered = sorted(lines, key=lambda line: (line[2].filled_on, line[2].rx_number, line[2].fill_number))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADERS)
        writer.writerows(_row(chart.person, course, done) for chart, course, done in ordered)


def _row(person: Person, course: Course, done: Dispensed) -> list[str]:
    drug, doctor = course.drug, course.doctor
    return [
        done.rx_number, str(done.fill_number), _us(done.written_on), _us(done.filled_on), _us(done.sold_on), drug.name,
        drug.ndc, drug.form, str(done.quantity), str(done.days), str(done.refills_left), drug.sig, drug.schedule,
        person.external_id, person.last_name, person.first_name, _us(person.birth_date), person.mobile,
        person.landline, person.email, person.street, "Atlanta", "GA", person.postal_code, doctor.name, doctor.npi,
        doctor.phone, doctor.fax, person.plan, person.plan_type, drug.copay, _us(course.approval_ends),
        done.status or ("Completed" if done.sold_on else "ReadyForPickup"),
    ]  # fmt: skip


def _us(day: date | None) -> str:
    return f"{day.month}/{day.day}/{day.year}" if day else ""
