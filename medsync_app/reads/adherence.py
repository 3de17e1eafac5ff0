"""Adherence of the patients in scope: shares by class, distribution, locations, and who is about to be lost.

The rules are those of domain/adherence.py; here fills are fetched as bare columns and handed over.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Final, NamedTuple, cast

import numpy as np
from sqlalchemy import select

from medsync_app.domain import adherence as rules
from medsync_app.domain.adherence_indicators import Rate
from medsync_app.domain.benchmarks import Benchmark, benchmarks_of
from medsync_app.domain.care import Care, care_facts
from medsync_app.domain.drug_classes import CLASS_LABELS, DrugClass, excludes_from, ingredients_in
from medsync_app.domain.drug_names import is_for_weight_only
from medsync_app.population.fill_ledger import FillLedger, Tallies
from medsync_app.population.walks import Flags
from medsync_app.reads.fill_columns import Drug, Person, SoldColumns, people
from medsync_app.reads.kept import Kept
from medsync_app.reads.kept_columns import dispensing
from medsync_app.reads.places import Here, places
from medsync_app.reads.programme import Programme, enrollments, programme
from medsync_app.store.repositories import care
from medsync_app.store.session import Tx
from medsync_app.store.tables import Pharmacy

#: The windows one may look at.
WINDOWS: Final = ("this_year", "last_year", "last_12_months")
#: Whose adherence: everybody's, that of who takes part now, or of who does not.
WHO: Final = ("", "enrolled", "others")
#: Patients with at most this many gap days left are about to be lost.
FEW_GAP_DAYS: Final = 14
BIN_WIDTH: Final = 10
_CLASSES: Final = tuple(DrugClass)
_pharmacy = cast(Any, Pharmacy)
_reports: "Kept[Report]" = Kept()


@dataclass(frozen=True, slots=True)
class Window:
    """The days looked at, both ends counted."""

    key: str
    start: date
    end: date


@dataclass(frozen=True, slots=True)
class ClassShare:
    """Patients at or above 80 % of those counted in one class; `benchmark` None when none is set."""

    drug_class: DrugClass
    label: str
    rate: Rate
    benchmark: Benchmark | None


@dataclass(frozen=True, slots=True)
class Bin:
    """Patients (per class) whose PDC lies from `low` up to below `high` percent (the last includes 100)."""

    low: int
    high: int
    count: int


@dataclass(frozen=True, slots=True)
class AtRisk:
    """A patient who can still reach 80 % this year in a class, with few gap days left.

    `refill_by` is the last day on which the next fill keeps it within reach; `in_hand` days of supply from
    tomorrow on; `pdc` is that of the days so far.
    """

    patient_id: str
    pharmacy_id: str
    first_name: str
    last_name: str
    label: str
    gap_days_left: int
    in_hand: int
    refill_by: date
    pdc: float
    enrolled: bool
    next_sync: date | None


@dataclass(frozen=True, slots=True)
class PlaceFigures:
    """One location in the window."""

    pharmacy_id: str
    name: str
    enrolled: int
    rate: Rate
    picked_up_on_date: Rate
    at_risk: int


@dataclass(frozen=True, slots=True)
class Report:
    """Everything the page shows of one window."""

    window: Window
    today: date
    shares: tuple[ClassShare, ...]
    bins: tuple[Bin, ...]
    at_risk: tuple[AtRisk, ...]
    lost: int
    places: tuple[PlaceFigures, ...]
    programme: Programme


@dataclass(frozen=True, slots=True)
class _Measured:
    """The patients' classes in a period, as columns; `counts` are those in the denominator."""

    patients: tuple[Person, ...]
    tallies: Tallies
    counts: Flags

    def rate(self, chosen: Flags) -> Rate:
        """Adherent among those that count and are chosen."""
        counted = self.counts & chosen
        return Rate(int((self.tallies.adherent() & counted).sum()), int(counted.sum()))

    def among(self, who: str, enrolled: frozenset[str]) -> "_Measured":
        """Only those of WHO count."""
        if who not in WHO[1:]:
            return self
        takes_part = np.array([one.id in enrolled for one in self.patients], np.bool_)
        chosen = takes_part if who == "enrolled" else ~takes_part
        return replace(self, counts=self.counts & chosen[self.tallies.patient])


def window_of(key: str, today: date) -> Window:
    """The window of that name; an unknown one is this year."""
    if key == "last_year":
        return Window(key, date(today.year - 1, 1, 1), date(today.year - 1, 12, 31))
    if key == "last_12_months":
        return Window(key, today - timedelta(days=364), today)
    return Window("this_year", date(today.year, 1, 1), today)


def adherence_report(tx: Tx, key: str = "this_year", who: str = "") -> Report:
    """The figures of the pharmacies in scope; who is about to be lost is always of this year.

    `who` (one of WHO) narrows adherence and the patients about to be lost, not the programme's figures.

    A report is kept in this process until one of its pharmacies changes or its day ends.
    """
    here = places(tx)
    today = min((place.today for place in here.values()), default=tx.now.date())
    return _reports.of(tx, today, lambda: _report(tx, here, today, key, who), key, who)


def _report(tx: Tx, here: Mapping[str, Here], today: date, key: str, who: str) -> Report:
    window = window_of(key, today)
    persons = people(tx)
    year = date(today.year, 1, 1)
    enrolled = enrollments(tx, here)
    # Everything is counted from one reading of the fills.
    dispensed = dispensing(tx, min(window.start, year, enrolled.first_fill_day(today)), today)
    known, fills = dispensed.drugs, dispensed.sold
    records = care.by_patient(tx)
    ours = programme(
        tx, enrolled, persons, known, fills, records, start=window.start, end=window.end, today=today
    )
    aims = _aims(fills.therapies, known)
    period = rules.Period(window.start, window.end)
    in_window = _measure(fills, aims, persons, records, period, as_of=window.end).among(
        who, ours.enrolled_now
    )
    full_year = rules.Period(year, date(today.year, 12, 31))
    this_year = _measure(fills, aims, persons, records, full_year, as_of=today).among(who, ours.enrolled_now)
    at_risk = _at_risk(this_year, ours, today)
    allowed = this_year.tallies.period_days // 5
    return Report(
        window=window,
        today=today,
        shares=_shares(in_window, _benchmarks(tx)),
        bins=_bins(in_window),
        at_risk=at_risk,
        lost=int((this_year.counts & (this_year.tallies.uncovered_so_far > allowed)).sum()),
        places=tuple(
            PlaceFigures(
                place.id,
                place.name,
                ours.enrolled_by_place.get(place.id, 0),
                in_window.rate(_at_place(in_window, place.id)),
                ours.on_date_by_place.get(place.id, Rate(0, 0)),
                sum(one.pharmacy_id == place.id for one in at_risk),
            )
            for place in sorted(here.values(), key=lambda place: (place.name, place.id))
        ),
        programme=ours,
    )


def _measure(
    fills: SoldColumns,
    aims: "_Aims",
    persons: Mapping[str, Person],
    records: Mapping[str, tuple[Care, ...]],
    period: rules.Period,
    *,
    as_of: date,
) -> _Measured:
    """Every patient in every class there are fills of in the period."""
    start, end = period.start.toordinal(), period.end.toordinal()
    ledger = FillLedger(period)
    if aims.members:
        drug, patient, group, unit, echo = np.array(aims.members, np.int64).T
        index, row = fills.of(drug)
        inside = fills.claimed[row] <= end
        index, row = index[inside], row[inside]
        ledger.add_columns(
            patient[index], group[index], unit[index], fills.claimed[row], fills.days_supply[row], echo[index]
        )
    patients = tuple(persons[patient_id] for patient_id in aims.patients)
    known = {
        number: care_facts(records.get(person.id, ()), period, person.deceased_on)
        for number, person in enumerate(patients)
        if person.deceased_on is not None or person.id in records
    }
    left_on = {number: one.left_on.toordinal() for number, one in known.items() if one.left_on is not None}
    stays = {
        number: [(stay.start.toordinal(), stay.discharged_on.toordinal() + 1) for stay in one.stays]
        for number, one in known.items()
        if one.stays
    }
    tallies = ledger.tallies(units=False, groups=True, as_of=as_of.toordinal(), left_on=left_on, stays=stays)
    minors = np.array([not rules.is_adult(one.birth_date, period.start) for one in patients], np.bool_)
    first = np.full((len(patients), len(_CLASSES) + 1), end + 1, np.int64)
    for (number, group), day in _first_excluding(fills, aims, start).items():
        first[number, group] = day
    out = np.zeros(len(patients), np.bool_)
    out[[number for number, one in known.items() if one.excludes]] = True
    excluded = (first[tallies.patient, tallies.group] < start + tallies.end) | out[tallies.patient]
    return _Measured(patients, tallies, tallies.in_denominator(minors, excluded))


class _Aims(NamedTuple):
    """What the drugs count for: rows of drug, patient, class (from 1), ingredient, whether the claim is in the
    class already; and rows of drug, patient and class that it excludes from. All by their numbers.
    """

    patients: tuple[str, ...]
    members: list[tuple[int, int, int, int, bool]]
    excluding: list[tuple[int, int, int]]


def _aims(therapies: Iterable[str], known: Mapping[str, Drug]) -> _Aims:
    numbers: dict[str, int] = {}
    units: dict[str, int] = {}
    targets: dict[tuple[tuple[str, ...], bool], list[tuple[int, int, bool]]] = {}
    members: list[tuple[int, int, int, int, bool]] = []
    excluding: list[tuple[int, int, int]] = []
    for at, therapy_id in enumerate(therapies):
        drug = known.get(therapy_id)
        if drug is None:
            continue
        weight_only = is_for_weight_only(drug.name)
        aims = targets.get((drug.ingredients, weight_only))
        if aims is None:
            aims = targets[drug.ingredients, weight_only] = _targets(drug.ingredients, weight_only, units)
        for group, unit, echo in aims:
            number = numbers.setdefault(drug.patient_id, len(numbers))
            if unit < 0:
                excluding.append((at, number, group))
            else:
                members.append((at, number, group, unit, echo))
    return _Aims(tuple(numbers), members, excluding)


def _targets(
    ingredients: tuple[str, ...], weight_only: bool, units: dict[str, int]
) -> list[tuple[int, int, bool]]:
    """(class number from 1, ingredient number, whether the claim is in the class already); -1 excludes."""
    found: list[tuple[int, int, bool]] = []
    for group, drug_class in enumerate(_CLASSES, start=1):
        counts = not (weight_only and drug_class is DrugClass.DIABETES)
        members = ingredients_in(drug_class, ingredients) if counts else ()
        found += [(group, units.setdefault(name, len(units)), at > 0) for at, name in enumerate(members)]
        if excludes_from(drug_class, ingredients):
            found.append((group, -1, False))
    return found


def _first_excluding(fills: SoldColumns, aims: _Aims, start: int) -> dict[tuple[int, int], int]:
    """Patient and class -> the first day from `start` on with a fill that excludes."""
    first: dict[tuple[int, int], int] = {}
    index, row = fills.of([drug for drug, _, _ in aims.excluding])
    owners = cast("list[int]", index.tolist())
    for at, day in zip(owners, cast("list[int]", fills.claimed[row].tolist()), strict=True):
        _, patient, group = aims.excluding[at]
        if day >= start:
            first[patient, group] = min(first.get((patient, group), day), day)
    return first


def _at_place(measured: _Measured, pharmacy_id: str) -> Flags:
    here = np.array([one.pharmacy_id == pharmacy_id for one in measured.patients], np.bool_)
    return here[measured.tallies.patient]


def _shares(measured: _Measured, benchmarks: Mapping[DrugClass, Benchmark]) -> tuple[ClassShare, ...]:
    return tuple(
        ClassShare(
            drug_class,
            CLASS_LABELS[drug_class],
            measured.rate(measured.tallies.group == group),
            benchmarks.get(drug_class),
        )
        for group, drug_class in enumerate(_CLASSES, start=1)
    )


def _bins(measured: _Measured) -> tuple[Bin, ...]:
    # In whole numbers: exactly 80 % lies in the bin that begins there.
    days = measured.tallies.period_days[measured.counts]
    covered = days - measured.tallies.uncovered[measured.counts]
    last = 100 // BIN_WIDTH - 1
    counts = np.bincount(np.minimum(covered * 100 // (days * BIN_WIDTH), last), minlength=last + 1)
    return tuple(Bin(at * BIN_WIDTH, (at + 1) * BIN_WIDTH, int(counts[at])) for at in range(last + 1))


def _at_risk(measured: _Measured, ours: Programme, today: date) -> tuple[AtRisk, ...]:
    """Few gap days left, 80 % still within reach, and not safe with the supply that is in hand already."""
    found: list[AtRisk] = []
    tallies = measured.tallies
    allowed = tallies.period_days // 5
    left = allowed - tallies.uncovered_so_far
    few = (left >= 0) & (left <= FEW_GAP_DAYS) & (tallies.uncovered > allowed)
    for tally in tallies.only(measured.counts & few):
        figures = tally.figures
        left = rules.allowed_gap_days(figures.period_days) - figures.uncovered_so_far
        patient = measured.patients[tally.patient]
        ahead = date(today.year, 1, 1).toordinal() + figures.end - 1 - today.toordinal()
        in_hand = ahead - (figures.uncovered - figures.uncovered_so_far)
        elapsed = figures.period_days - ahead
        found.append(
            AtRisk(
                patient.id,
                patient.pharmacy_id,
                patient.first_name,
                patient.last_name,
                CLASS_LABELS[_CLASSES[tally.group - 1]],
                left,
                in_hand,
                today + timedelta(days=in_hand + left + 1),
                rules.ratio(elapsed - figures.uncovered_so_far, elapsed),
                patient.id in ours.enrolled_now,
                ours.next_sync.get(patient.id),
            )
        )
    return tuple(
        sorted(
            found, key=lambda one: (one.gap_days_left, one.in_hand, one.last_name, one.patient_id, one.label)
        )
    )


def _benchmarks(tx: Tx) -> Mapping[DrugClass, Benchmark]:
    """Those of the only location shown, or of all of them where they agree."""
    found = [benchmarks_of(document) for document in tx.session.scalars(select(_pharmacy.rules))]
    if not found:
        return {}
    return {
        drug_class: benchmark
        for drug_class, benchmark in found[0].items()
        if all(other.get(drug_class) == benchmark for other in found)
    }
