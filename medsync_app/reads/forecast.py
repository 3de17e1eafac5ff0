"""The coming days: batches and drugs on each, units to have in stock, and renewals that will be needed.

What is planned is counted as it stands. Beyond the present cycle of a patient the dates are projected by the cadence,
with the drugs, days and quantities of that cycle: nothing of it is written, and a plan that changes changes it.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from math import ceil
from typing import Any, Final, NamedTuple, cast

from sqlalchemy import select

from medsync_app.domain.cadence import CadenceKind, SyncedDrug, nominal_date, visits
from medsync_app.domain.cycle import OPEN, UNFILLED
from medsync_app.domain.expiry import refills_allowed
from medsync_app.domain.plan_model import Policy
from medsync_app.domain.states import EnrollmentState, FillKind, ItemState, RenewalState
from medsync_app.errors import Invalid
from medsync_app.reads.places import Here, places
from medsync_app.services.plan_inputs import policy_for
from medsync_app.services.replan import anchor_number
from medsync_app.store.session import Tx
from medsync_app.store.tables import (
    Cycle,
    CycleItem,
    Enrollment,
    Prescriber,
    Prescription,
    RenewalRequest,
    Therapy,
)

DAYS: Final = 90
MAX_DAYS: Final = 366
_OPEN_RENEWALS: Final = (RenewalState.OPEN, RenewalState.SENT, RenewalState.PENDING)
_cycle, _item, _enrollment = cast(Any, Cycle), cast(Any, CycleItem), cast(Any, Enrollment)
_therapy, _rx, _prescriber = cast(Any, Therapy), cast(Any, Prescription), cast(Any, Prescriber)
_renewal = cast(Any, RenewalRequest)


@dataclass(frozen=True, slots=True)
class DayForecast:
    """One day: batches (sync dates and trips) and the drugs in them; `projected` of the batches are not planned yet."""

    day: date
    batches: int = 0
    drugs: int = 0
    projected: int = 0


@dataclass(frozen=True, slots=True)
class DrugForecast:
    """Whole units of one drug by the day they are needed on; `ndc` is that of the current Rx, "" when unknown."""

    drug: str
    ndc: str
    units: Mapping[date, int]
    fills: int

    @property
    def total(self) -> int:
        return sum(self.units.values())


@dataclass(frozen=True, slots=True)
class RenewalForecast:
    """A prescription that does not cover a coming fill: the day of that fill, and whether a request is open."""

    by: date
    pharmacy_id: str
    patient_id: str
    therapy_id: str
    drug: str
    prescriber: str
    requested: bool


@dataclass(frozen=True, slots=True)
class Forecast:
    """Every day from `first` up to, but without, `end`; drugs by name, renewals by date."""

    first: date
    end: date
    days: tuple[DayForecast, ...]
    drugs: tuple[DrugForecast, ...]
    renewals: tuple[RenewalForecast, ...]


#: Days of one fill, and the first day without supply before the chain begins.
_Supply = tuple[int, date]


@dataclass(frozen=True, slots=True, eq=False)
class _Chain:
    """A policy as a key of a cache: by identity, since its load is no hashable thing."""

    policy: Policy


class _Line(NamedTuple):
    """One item of an open batch, in the order of the query."""

    cycle_id: str
    enrollment_id: str
    kind: str
    number: int
    sync_date: date
    therapy_id: str
    state: ItemState
    case: str
    fill_kind: FillKind
    due_on: date
    days_supply: int
    quantity: Decimal | None
    needs_renewal_by: date | None


class _Drug(NamedTuple):
    """A therapy with the Rx it is filled from."""

    pharmacy_id: str
    patient_id: str
    name: str
    active: bool
    units_per_day: Decimal | None
    ndc: str
    refills_left: int | None
    quantity_left: Decimal | None
    expires_on: date | None
    prescriber: str


class _Fill(NamedTuple):
    """One coming fill: units are whole."""

    day: date
    therapy_id: str
    batch: str
    units: int
    full: bool
    projected: bool
    needs_renewal: bool = False


def forecast(tx: Tx, days: int = DAYS, *, first: date | None = None) -> Forecast:
    """The coming `days` (1 to 366) of the pharmacies in scope, from `first` on or today.

    A batch whose day has passed and that is not filled counts on the first day.
    """
    if not 1 <= days <= MAX_DAYS:
        raise Invalid(f"Give the days as a number from 1 to {MAX_DAYS}.", "days")
    here = places(tx)
    first = first or min((place.today for place in here.values()), default=tx.now.date())
    end = first + timedelta(days=days)
    lines = _lines(tx)
    drugs = _drugs(tx)
    planned = list(_planned(lines, drugs, first))
    projected = list(_projected(tx, here, lines, drugs, end))
    fills = sorted(fill for fill in [*planned, *projected] if first <= fill.day < end)
    return Forecast(
        first, end, tuple(_days(fills, first, end)), tuple(_units(fills, drugs)),
        tuple(_renewals(tx, here, fills, drugs)),
    )  # fmt: skip


def _lines(tx: Tx) -> list[_Line]:
    rows = tx.session.execute(
        select(
            _cycle.id, _cycle.enrollment_id, _cycle.kind, _cycle.number, _cycle.sync_date, _item.therapy_id,
            _item.state, _item.case, _item.fill_kind, _item.due_on, _item.days_supply, _item.quantity,
            _item.needs_renewal_by,
        )
        .join(CycleItem, _item.cycle_id == _cycle.id)
        .where(_cycle.state.in_(sorted(OPEN)))
    )  # fmt: skip
    return [_Line(*row) for row in rows]


def _drugs(tx: Tx) -> dict[str, _Drug]:
    """The drugs of patients who take part."""
    rows = tx.session.execute(
        select(
            _therapy.id, _therapy.pharmacy_id, _therapy.patient_id, _therapy.drug_name,
            _therapy.status == "active", _therapy.units_per_day, _rx.ndc, _rx.refills_left, _rx.quantity_left,
            _rx.expires_on, _prescriber.name, _therapy.schedule,
        )
        .select_from(Therapy)
        .join(Enrollment, _enrollment.patient_id == _therapy.patient_id)
        .outerjoin(Prescription, _rx.id == _therapy.current_prescription_id)
        .outerjoin(Prescriber, _prescriber.id == _rx.prescriber_id)
        .where(_enrollment.state == EnrollmentState.ACTIVE)
    )  # fmt: skip
    return {
        key: _Drug(
            here,
            patient_id,
            name,
            active,
            units,
            ndc or "",
            _refills(schedule, left),
            quantity,
            ends,
            doctor or "",
        )
        for key, here, patient_id, name, active, units, ndc, left, quantity, ends, doctor, schedule in rows
    }


def _refills(schedule: int | None, left: int | None) -> int | None:
    return None if left is None else refills_allowed(schedule, left)


def _planned(lines: Iterable[_Line], drugs: Mapping[str, _Drug], first: date) -> Iterator[_Fill]:
    for line in lines:
        if line.therapy_id in drugs and line.state in UNFILLED:
            yield _Fill(
                max(line.sync_date, first), line.therapy_id, line.cycle_id, _whole_units(line, drugs),
                line.fill_kind is FillKind.FULL, False, line.needs_renewal_by is not None,
            )  # fmt: skip
        elif line.therapy_id in drugs and line.state is not ItemState.SKIPPED and line.sync_date >= first:
            # On the shelf already: it makes work on the day, and needs no more stock.
            yield _Fill(line.sync_date, line.therapy_id, line.cycle_id, 0, False, False)


def _projected(
    tx: Tx, here: Mapping[str, Here], lines: Iterable[_Line], drugs: Mapping[str, _Drug], end: date
) -> Iterator[_Fill]:
    """The fills of the cycles after the present one of each enrollment."""
    present: dict[str, list[_Line]] = defaultdict(list)
    for line in lines:
        if line.kind == "sync" and line.days_supply > 0 and line.therapy_id in drugs:
            known = present[line.enrollment_id]
            if known and known[0].number != line.number:
                if known[0].number > line.number:
                    continue
                known.clear()
            known.append(line)
    base = {key: policy_for(tx, key, today=place.today) for key, place in here.items()}
    chains: dict[tuple[str, int], _Chain] = {}
    walk = lru_cache(maxsize=None)(_later_visits)
    active = select(
        _enrollment.id, _enrollment.pharmacy_id, _enrollment.cycle_days, _enrollment.cadence,
        _enrollment.anchor, _enrollment.plan,
    ).where(_enrollment.state == EnrollmentState.ACTIVE)  # fmt: skip
    for key, pharmacy_id, cycle_days, cadence, anchor, plan in tx.session.execute(active):
        own = {line.therapy_id: line for line in present.get(key, ()) if drugs[line.therapy_id].active}
        if not own:
            continue
        chain = chains.get((pharmacy_id, cycle_days))
        if chain is None:
            chain = chains[pharmacy_id, cycle_days] = _Chain(
                replace(base[pharmacy_id], cycle_days=cycle_days)
            )
        kind: CadenceKind = "monthly" if cadence == "monthly" else "cycle"
        steps = next(iter(own.values())).number - anchor_number(plan)
        start, following = (nominal_date(anchor, steps + ahead, chain.policy, kind) for ahead in (0, 1))
        supplies: dict[_Supply, list[_Line]] = defaultdict(list)
        for line in own.values():
            # What is not filled on the present date joins on a later one.
            skipped = line.state is ItemState.SKIPPED
            supplies[line.days_supply, max(line.due_on, following) if skipped else line.sync_date].append(
                line
            )
        for day, filled in walk(chain, start, kind, end, tuple(sorted(supplies))):
            for supply in filled:
                for line in supplies[supply]:
                    yield _Fill(day, line.therapy_id, f"{key}:{day}", _whole_units(line, drugs), True, True)


def _later_visits(
    chain: "_Chain", start: date, kind: CadenceKind, end: date, supplies: tuple[_Supply, ...]
) -> tuple[tuple[date, tuple[_Supply, ...]], ...]:
    """The dates after the present one until `end`, and which supplies are filled on each; many patients share them."""
    synced = [SyncedDrug(str(place), *supply) for place, supply in enumerate(supplies)]
    count = max(0, (end - start).days // min(chain.policy.cycle_days, 28)) + 2
    found = visits(start, synced, count, chain.policy, kind)
    return tuple(
        (visit.day, tuple(supplies[int(place)] for place in visit.fills))
        for visit in found[1:]
        if visit.day < end
    )


def _whole_units(line: _Line, drugs: Mapping[str, _Drug]) -> int:
    if line.quantity is not None:
        return ceil(line.quantity)
    return ceil(line.days_supply * (drugs[line.therapy_id].units_per_day or Decimal(1)))


def _days(fills: Iterable[_Fill], first: date, end: date) -> Iterator[DayForecast]:
    batches: dict[date, set[str]] = defaultdict(set)
    coming: dict[date, set[str]] = defaultdict(set)
    drugs: dict[date, int] = defaultdict(int)
    for fill in fills:
        batches[fill.day].add(fill.batch)
        drugs[fill.day] += 1
        if fill.projected:
            coming[fill.day].add(fill.batch)
    for ahead in range((end - first).days):
        day = first + timedelta(days=ahead)
        yield DayForecast(day, len(batches[day]), drugs[day], len(coming[day]))


def _units(fills: Iterable[_Fill], drugs: Mapping[str, _Drug]) -> Iterator[DrugForecast]:
    units: dict[tuple[str, str], dict[date, int]] = defaultdict(lambda: defaultdict(int))
    counts: dict[tuple[str, str], int] = defaultdict(int)
    for fill in fills:
        if fill.units:
            drug = drugs[fill.therapy_id]
            units[drug.name, drug.ndc][fill.day] += fill.units
            counts[drug.name, drug.ndc] += 1
    for key in sorted(units, key=lambda key: (key[0].casefold(), key[1])):
        yield DrugForecast(*key, dict(units[key]), counts[key])


def _renewals(
    tx: Tx, here: Mapping[str, Here], fills: Sequence[_Fill], drugs: Mapping[str, _Drug]
) -> list[RenewalForecast]:
    """The first fill of each drug that its Rx does not cover: by refills, by quantity or by its end."""
    asked = set(
        tx.session.scalars(select(_renewal.therapy_id).where(_renewal.state.in_(sorted(_OPEN_RENEWALS))))
    )
    short = {
        key: policy_for(tx, key, today=place.today).short_fill_uses_refill for key, place in here.items()
    }
    usual = {fill.therapy_id: fill.units for fill in fills if fill.full and fill.units}
    refills: dict[str, int] = defaultdict(int)
    units: dict[str, int] = defaultdict(int)
    found: dict[str, date] = {}
    for fill in fills:
        key = fill.therapy_id
        if key in found or not fill.units:
            continue
        drug = drugs[key]
        refills[key] += fill.full or short[drug.pharmacy_id]
        units[key] += fill.units
        used_up = drug.refills_left is not None and refills[key] > drug.refills_left
        quantity = drug.quantity_left
        if quantity is None and drug.refills_left is not None and key in usual:
            quantity = Decimal(drug.refills_left * usual[key])
        poured_out = quantity is not None and units[key] > quantity
        expired = drug.expires_on is not None and fill.day > drug.expires_on
        if fill.needs_renewal or used_up or poured_out or expired:
            found[key] = fill.day
    return [
        RenewalForecast(by, drug.pharmacy_id, drug.patient_id, key, drug.name, drug.prescriber, key in asked)
        for key, by in sorted(found.items(), key=lambda one: (one[1], drugs[one[0]].name, one[0]))
        for drug in (drugs[key],)
    ]
