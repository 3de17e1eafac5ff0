"""Adherence of the patients in scope: shares by class, distribution, locations, and who is about to be lost.

The rules are those of domain/adherence.py; here fills are fetched as bare columns and handed over.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final, NamedTuple, cast

from sqlalchemy import select

from medsync_app.domain import adherence as rules
from medsync_app.domain.adherence_indicators import Rate
from medsync_app.domain.benchmarks import Benchmark, benchmarks_of
from medsync_app.domain.drug_classes import CLASS_LABELS, DrugClass, excludes_from, ingredients_in
from medsync_app.population.fill_ledger import FillLedger, Tally
from medsync_app.reads.fill_columns import Drug, Person, Sold, drugs, people, sold
from medsync_app.reads.places import places
from medsync_app.reads.programme import Programme, programme
from medsync_app.store.session import Tx
from medsync_app.store.tables import Pharmacy

#: The windows one may look at.
WINDOWS: Final = ("this_year", "last_year", "last_12_months")
#: Patients with at most this many gap days left are about to be lost.
FEW_GAP_DAYS: Final = 14
BIN_WIDTH: Final = 10
_CLASSES: Final = tuple(DrugClass)
_pharmacy = cast(Any, Pharmacy)


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


class _Measured(NamedTuple):
    patient: Person
    drug_class: DrugClass
    result: rules.Adherence
    #: Days without supply until the period's end when nothing more is filled.
    uncovered: int


def window_of(key: str, today: date) -> Window:
    """The window of that name; an unknown one is this year."""
    if key == "last_year":
        return Window(key, date(today.year - 1, 1, 1), date(today.year - 1, 12, 31))
    if key == "last_12_months":
        return Window(key, today - timedelta(days=364), today)
    return Window("this_year", date(today.year, 1, 1), today)


def adherence_report(tx: Tx, key: str = "this_year") -> Report:
    """The figures of the pharmacies in scope; who is about to be lost is always of this year."""
    here = places(tx)
    today = min((place.today for place in here.values()), default=tx.now.date())
    window = window_of(key, today)
    persons, known = people(tx), drugs(tx)
    year = date(today.year, 1, 1)
    fills = sold(tx, min(window.start, year), today)
    ours = programme(tx, persons, known, start=window.start, end=window.end, today=today)
    in_window = list(
        _measure(fills, known, persons, rules.Period(window.start, window.end), as_of=window.end)
    )
    full_year = rules.Period(year, date(today.year, 12, 31))
    this_year = list(_measure(fills, known, persons, full_year, as_of=today))
    at_risk = _at_risk(this_year, ours, today)
    counted = [one for one in in_window if one.result.in_denominator]
    return Report(
        window=window,
        today=today,
        shares=_shares(counted, _benchmarks(tx)),
        bins=_bins(counted),
        at_risk=at_risk,
        lost=sum(one.result.in_denominator and one.result.gap_days_left < 0 for one in this_year),
        places=tuple(
            PlaceFigures(
                place.id,
                place.name,
                ours.enrolled_by_place.get(place.id, 0),
                _rate(one for one in counted if one.patient.pharmacy_id == place.id),
                ours.on_date_by_place.get(place.id, Rate(0, 0)),
                sum(one.pharmacy_id == place.id for one in at_risk),
            )
            for place in sorted(here.values(), key=lambda place: (place.name, place.id))
        ),
        programme=ours,
    )


def _measure(
    fills: Iterable[Sold],
    known: Mapping[str, Drug],
    persons: Mapping[str, Person],
    period: rules.Period,
    *,
    as_of: date,
) -> Iterable[_Measured]:
    """Every patient in every class there are fills of in the period."""
    ledger = FillLedger(period)
    numbers: dict[str, int] = {}
    units: dict[str, int] = {}
    targets: dict[tuple[str, ...], list[tuple[int, int, bool]]] = {}
    excluding: dict[tuple[int, int], list[int]] = defaultdict(list)
    start, end = period.start.toordinal(), period.end.toordinal()
    for therapy_id, day, days in fills:
        drug = known.get(therapy_id)
        if drug is None or not start <= day <= end:
            continue
        number = numbers.setdefault(drug.patient_id, len(numbers))
        aims = targets.get(drug.ingredients)
        if aims is None:
            aims = targets[drug.ingredients] = _targets(drug.ingredients, units)
        for group, unit, echo in aims:
            if unit < 0:
                excluding[number, group].append(day)
            else:
                ledger.add(number, group, unit, day, days, echo)
    patients = [persons[patient_id] for patient_id in numbers]
    left_on = {
        number: person.deceased_on.toordinal()
        for number, person in enumerate(patients)
        if person.deceased_on is not None
    }
    for tally in ledger.tallies(units=False, groups=True, as_of=as_of.toordinal(), left_on=left_on):
        patient = patients[tally.patient]
        result = ledger.record(tally, _person(patient, tally, excluding, start))
        yield _Measured(patient, _CLASSES[tally.group - 1], result, tally.figures.uncovered)


def _targets(ingredients: tuple[str, ...], units: dict[str, int]) -> list[tuple[int, int, bool]]:
    """(class number from 1, ingredient number, whether the claim is in the class already); -1 excludes."""
    found: list[tuple[int, int, bool]] = []
    for group, drug_class in enumerate(_CLASSES, start=1):
        members = ingredients_in(drug_class, ingredients)
        found += [(group, units.setdefault(name, len(units)), at > 0) for at, name in enumerate(members)]
        if excludes_from(drug_class, ingredients):
            found.append((group, -1, False))
    return found


def _person(
    patient: Person, tally: Tally, excluding: Mapping[tuple[int, int], list[int]], start: int
) -> rules.Person:
    last = start + tally.figures.end - 1
    excluded = any(day <= last for day in excluding.get((tally.patient, tally.group), ()))
    drug_class = _CLASSES[tally.group - 1]
    return rules.Person(
        birth_date=patient.birth_date,
        insulin=excluded and drug_class is DrugClass.DIABETES,
        sacubitril_valsartan=excluded and drug_class is DrugClass.RAS_ANTAGONISTS,
    )


def _rate(measured: Iterable[_Measured]) -> Rate:
    adherent = [one.result.adherent for one in measured]
    return Rate(sum(adherent), len(adherent))


def _shares(counted: list[_Measured], benchmarks: Mapping[DrugClass, Benchmark]) -> tuple[ClassShare, ...]:
    return tuple(
        ClassShare(
            drug_class,
            CLASS_LABELS[drug_class],
            _rate(one for one in counted if one.drug_class is drug_class),
            benchmarks.get(drug_class),
        )
        for drug_class in _CLASSES
    )


def _bins(counted: list[_Measured]) -> tuple[Bin, ...]:
    # In whole numbers: exactly 80 % lies in the bin that begins there.
    last = 100 // BIN_WIDTH - 1
    counts = Counter(
        min(one.result.covered_days * 100 // (one.result.period_days * BIN_WIDTH), last) for one in counted
    )
    return tuple(Bin(at * BIN_WIDTH, (at + 1) * BIN_WIDTH, counts[at]) for at in range(last + 1))


def _at_risk(measured: Iterable[_Measured], ours: Programme, today: date) -> tuple[AtRisk, ...]:
    """Few gap days left, 80 % still within reach, and not safe with the supply that is in hand already."""
    found: list[AtRisk] = []
    for patient, drug_class, result, uncovered in measured:
        allowed = rules.allowed_gap_days(result.period_days)
        left = result.gap_days_left
        if not (result.in_denominator and 0 <= left <= FEW_GAP_DAYS and uncovered > allowed):
            continue
        used = allowed - left
        ahead = (result.period_end - today).days
        in_hand = ahead - (uncovered - used)
        elapsed = result.period_days - ahead
        found.append(
            AtRisk(
                patient.id,
                patient.pharmacy_id,
                patient.first_name,
                patient.last_name,
                CLASS_LABELS[drug_class],
                left,
                in_hand,
                today + timedelta(days=in_hand + left + 1),
                rules.ratio(elapsed - used, elapsed),
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
