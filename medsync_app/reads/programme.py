"""The programme in figures: who takes part and since when, the same patients before and after, pickups."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, cast

import numpy as np
from dateutil.relativedelta import relativedelta
from sqlalchemy import and_, func, or_, select

from medsync_app.clock import local_day
from medsync_app.domain.adherence import Claim
from medsync_app.domain.adherence_indicators import (
    WINDOW_DAYS,
    BeforeAndAfter,
    Membership,
    Offer,
    Rate,
    SyncedCycle,
    acceptance,
    acceptance_and_initial_sync,
    completeness,
    contact_rate,
    continuation,
    pdc_before_and_after,
    picked_up_on_the_sync_date,
    visit_days_per_month,
)
from medsync_app.domain.care import Care, in_facility
from medsync_app.domain.cycle import OPEN
from medsync_app.domain.states import CycleState, EnrollmentState, ItemState
from medsync_app.reads.contacts_made import planned_contacts
from medsync_app.reads.fill_columns import Drug, Person, SoldColumns, drugs, sold_columns
from medsync_app.reads.places import Here, places
from medsync_app.store.session import Tx
from medsync_app.store.tables import (
    Cycle,
    CycleItem,
    Enrollment,
    EnrollmentOffer,
)

TREND_MONTHS: Final = 12
_DAY_BITS: Final = 20
#: Supply that lies in hand when a window begins comes from fills before it.
_LOOK_BACK: Final = timedelta(days=2 * WINDOW_DAYS)
_WINDOW: Final = timedelta(days=WINDOW_DAYS)
_enrollment, _cycle, _item, _offer = (
    cast(Any, kind) for kind in (Enrollment, Cycle, CycleItem, EnrollmentOffer)
)
_TAKING_PART: Final = (EnrollmentState.ACTIVE, EnrollmentState.PAUSED)


@dataclass(frozen=True, slots=True)
class TrendPoint:
    """Patients enrolled at the end of a month (or today), and who joined and left in it."""

    day: date
    enrolled: int
    joined: int
    left: int


@dataclass(frozen=True, slots=True)
class Programme:
    """What the programme does, in the scope."""

    enrolled_now: frozenset[str]
    enrolled_by_place: Mapping[str, int]
    trend: tuple[TrendPoint, ...]
    before_and_after: BeforeAndAfter
    picked_up_on_date: Rate
    on_date_by_place: Mapping[str, Rate]
    visits_per_month: float | None
    #: Of those asked: agreed within 30 days; and PQA's, agreed and picked up on a first sync date.
    accepted: Rate
    accepted_and_synced: Rate
    complete: Rate
    contacted: Rate
    continued: Mapping[int, Rate]
    #: Nearest open sync date by patient.
    next_sync: Mapping[str, date]


@dataclass(frozen=True, slots=True)
class Enrollments:
    """The times patients took part, as days at their pharmacy, and the day each joined for the first time."""

    spans: tuple["_Span", ...]
    first: Mapping[str, date]

    def first_fill_day(self, today: date) -> date:
        """The oldest day whose fills the programme's figures ask for."""
        return min(self.first.values(), default=today) - _LOOK_BACK


def enrollments(tx: Tx, here: Mapping[str, Here]) -> Enrollments:
    """All that were ever begun in the scope."""
    spans = tuple(_span(row, here[row[1]].zone) for row in _enrollments(tx))
    return Enrollments(spans, _first_days(spans))


def programme(
    tx: Tx,
    enrolled: Enrollments,
    persons: Mapping[str, Person],
    known: Mapping[str, Drug],
    sold: SoldColumns,
    records: Mapping[str, tuple[Care, ...]],
    *,
    start: date,
    end: date,
    today: date,
) -> Programme:
    """The figures of start..end (pickups, visits), of the last 12 months (trend) and of today (the rest).

    `sold` reaches back to `enrolled.first_fill_day`.
    """
    spans, first = enrolled.spans, enrolled.first
    zones = places(tx)
    ours = {key: drug for key, drug in known.items() if drug.patient_id in first}
    fills = sold.only(ours)
    away = frozenset(key for key, own in records.items() if in_facility(own, today))
    members = _memberships(spans, persons, ours, fills, _in_sync(tx), away)
    now = frozenset(one.patient_id for one in members if one.is_enrolled(today))
    cycles = _cycles(tx, start, min(end, today))
    offers = _offers(tx, spans, zones)
    return Programme(
        enrolled_now=now,
        enrolled_by_place=_count(persons[patient_id].pharmacy_id for patient_id in now),
        trend=tuple(_trend(spans, today)),
        before_and_after=before_and_after(fills, ours, first, today),
        picked_up_on_date=picked_up_on_the_sync_date((cycle for _, cycle in cycles), today),
        on_date_by_place={
            pharmacy_id: picked_up_on_the_sync_date(
                (cycle for place, cycle in cycles if place == pharmacy_id), today
            )
            for pharmacy_id in zones
        },
        visits_per_month=visit_days_per_month(
            _visits(fills, ours, start, min(end, today)), members, start, min(end, today)
        ),
        accepted=acceptance(offers, today),
        accepted_and_synced=acceptance_and_initial_sync(offers, today),
        complete=completeness(members, today),
        contacted=contact_rate(
            planned_contacts(tx, zones, today), {one.patient_id: one for one in members}, today
        ),
        continued={
            months: continuation(members, today - relativedelta(months=months), months, today)
            for months in (6, 12)
        },
        next_sync=_next_sync(tx),
    )


@dataclass(frozen=True, slots=True)
class _Span:
    """One enrollment as days at its pharmacy; `left_on` is the first day outside."""

    patient_id: str
    joined_on: date
    left_on: date | None
    state: EnrollmentState


def _enrollments(tx: Tx) -> Sequence[tuple[str, str, EnrollmentState, datetime, datetime | None, datetime]]:
    columns = (
        select(
            _enrollment.patient_id, _enrollment.pharmacy_id, _enrollment.state, _enrollment.enrolled_at,
            _enrollment.ended_at, _enrollment.changed_at,
        )
        .where(_enrollment.state != EnrollmentState.DRAFT)
        .order_by(_enrollment.id)
    )  # fmt: skip
    return cast(Any, tx.session.execute(columns).all())


def _span(row: tuple[str, str, EnrollmentState, datetime, datetime | None, datetime], zone: str) -> _Span:
    patient_id, _, state, enrolled_at, ended_at, changed_at = row
    ended = None if state in _TAKING_PART else ended_at or changed_at
    return _Span(
        patient_id,
        local_day(enrolled_at, zone),
        local_day(ended, zone) if ended is not None else None,
        state,
    )


def _first_days(spans: Iterable[_Span]) -> dict[str, date]:
    """The day each patient joined for the first time."""
    first: dict[str, date] = {}
    for span in spans:
        first[span.patient_id] = min(first.get(span.patient_id, span.joined_on), span.joined_on)
    return first


def _trend(spans: Sequence[_Span], today: date) -> Iterable[TrendPoint]:
    """The last twelve month ends, the last of them today."""
    month = today.replace(day=1)
    for back in range(TREND_MONTHS - 1, -1, -1):
        begins = month - relativedelta(months=back)
        ends = min(begins + relativedelta(months=1) - timedelta(days=1), today)
        yield TrendPoint(
            day=ends,
            enrolled=len({
                span.patient_id
                for span in spans
                if span.joined_on <= ends and (span.left_on is None or span.left_on > ends)
            }),
            joined=sum(begins <= span.joined_on <= ends for span in spans),
            left=sum(span.left_on is not None and begins <= span.left_on <= ends for span in spans),
        )  # fmt: skip


def _memberships(
    spans: Iterable[_Span],
    persons: Mapping[str, Person],
    known: Mapping[str, Drug],
    fills: SoldColumns,
    in_sync: Mapping[str, frozenset[str]],
    away: frozenset[str],
) -> list[Membership]:
    counts = dict(zip(fills.therapies, fills.sizes.tolist(), strict=True))
    last = dict(zip(fills.therapies, fills.last_supply().tolist(), strict=True))
    chronic: dict[str, set[str]] = defaultdict(set)
    for drug in known.values():
        if drug.is_chronic(counts.get(drug.id, 0), last.get(drug.id, 0)):
            chronic[drug.patient_id].add(drug.id)
    return [
        Membership(
            patient_id=span.patient_id,
            enrolled_on=span.joined_on,
            left_on=span.left_on,
            chronic_drugs=frozenset(chronic[span.patient_id]),
            synced_drugs=in_sync.get(span.patient_id, frozenset()),
            birth_date=persons[span.patient_id].birth_date,
            died_or_transferred=span.state in (EnrollmentState.DECEASED, EnrollmentState.TRANSFERRED),
            stays_prevented_sync=span.patient_id in away,
        )
        for span in spans
    ]


def _in_sync(tx: Tx) -> dict[str, frozenset[str]]:
    """The drugs in the open batches of each patient, also those that last past the next date (90 days of supply)."""
    rows = tx.session.execute(
        select(_cycle.patient_id, _item.therapy_id)
        .join(Cycle, _cycle.id == _item.cycle_id)
        .where(
            _cycle.kind == "sync",
            _cycle.state.in_(sorted(OPEN)),
            or_(and_(_item.state != ItemState.SKIPPED, _item.case != "left_out"), _item.case == "not_due"),
        )
    )
    found: dict[str, set[str]] = defaultdict(set)
    for patient_id, therapy_id in rows:
        found[patient_id].add(therapy_id)
    return {patient_id: frozenset(drugs) for patient_id, drugs in found.items()}


def _cycles(tx: Tx, start: date, end: date) -> list[tuple[str, SyncedCycle]]:
    """The pharmacy and the batch of every sync date in start..end that was not called off."""
    rows = tx.session.execute(
        select(_cycle.pharmacy_id, _cycle.patient_id, _cycle.sync_date, _cycle.picked_up_on).where(
            _cycle.kind == "sync",
            _cycle.sync_date.between(start, end),
            _cycle.state.notin_((CycleState.CANCELLED, CycleState.PROPOSED)),
        )
    )
    return [(place, SyncedCycle(patient_id, on, picked_up)) for place, patient_id, on, picked_up in rows]


def _offers(tx: Tx, spans: Iterable["_Span"], here: Mapping[str, Here]) -> list[Offer]:
    """Who was asked, the first enrollment from then on, and the first batch of it that was picked up."""
    joined: dict[str, list[date]] = defaultdict(list)
    for span in spans:
        joined[span.patient_id].append(span.joined_on)
    synced: dict[str, list[date]] = defaultdict(list)
    picked_up = select(_cycle.patient_id, _cycle.picked_up_on).where(
        _cycle.kind == "sync", _cycle.picked_up_on.is_not(None)
    )
    for patient_id, day in tx.session.execute(picked_up):
        synced[patient_id].append(day)
    asked = select(_offer.patient_id, _offer.pharmacy_id, _offer.asked_at).order_by(
        _offer.asked_at, _offer.id
    )
    found: list[Offer] = []
    for patient_id, place, at in tx.session.execute(asked):
        day = local_day(at, here[place].zone)
        agreed = min((one for one in joined[patient_id] if one >= day), default=None)
        first = min((one for one in synced[patient_id] if agreed is not None and one >= agreed), default=None)
        found.append(Offer(patient_id, day, agreed, first))
    return found


def _next_sync(tx: Tx) -> dict[str, date]:
    rows = tx.session.execute(
        select(_cycle.patient_id, func.min(_cycle.sync_date))
        .where(_cycle.kind == "sync", _cycle.state.in_(sorted(OPEN)))
        .group_by(_cycle.patient_id)
    )
    return {patient_id: on for patient_id, on in rows}  # noqa: C416  (a dict of rows would type as Any)


def before_and_after(
    fills: SoldColumns, known: Mapping[str, Drug], enrolled_on: Mapping[str, date], today: date
) -> BeforeAndAfter:
    """The domain's `pdc_before_and_after`, for the drugs taken on and on (a stopped one counts: leaving out what
    was given up would flatter the programme).
    """
    wanted: dict[str, date] = {
        patient_id: day
        for patient_id, day in enrolled_on.items()
        if day + timedelta(days=WINDOW_DAYS - 1) <= today
    }
    if not wanted:
        return BeforeAndAfter(0, 0, None, None)
    chosen = [at for at, key in enumerate(fills.therapies) if known[key].patient_id in wanted]
    # Nothing after the later window counts.
    until = [(wanted[known[fills.therapies[at]].patient_id] + _WINDOW).toordinal() for at in chosen]
    claims = _claims(fills, known, chosen, until)
    return pdc_before_and_after(claims, wanted, today)


def compared(tx: Tx, today: date) -> BeforeAndAfter:
    """The comparison alone, for everybody in the scope."""
    enrolled = enrollments(tx, places(tx))
    fills = sold_columns(tx, enrolled.first_fill_day(today), today)
    known = {key: drug for key, drug in drugs(tx).items() if drug.patient_id in enrolled.first}
    return before_and_after(fills.only(known), known, enrolled.first, today)


def _claims(
    fills: SoldColumns, known: Mapping[str, Drug], chosen: Sequence[int], until: Sequence[int]
) -> Iterable[Claim]:
    """The fills of the chosen drugs claimed before the day given for each."""
    index, row = fills.of(chosen)
    early = fills.claimed[row] < np.array(until, np.int64)[index]
    index, row = index[early], row[early]
    owners, days = cast("list[int]", index.tolist()), cast("list[int]", fills.claimed[row].tolist())
    supplies = cast("list[int]", fills.days_supply[row].tolist())
    drugs = [known[fills.therapies[at]]._replace(active=True) for at in chosen]
    chronic: dict[tuple[int, int], bool] = {}
    for at, day, supply in zip(owners, days, supplies, strict=True):
        drug = drugs[at]
        taken_on = chronic.get((at, supply))
        if taken_on is None:
            taken_on = chronic[at, supply] = drug.is_chronic(2, supply)
        if taken_on:
            yield Claim(drug.patient_id, drug.name, date.fromordinal(day), supply, drug.ingredients)


def _visits(
    fills: SoldColumns, known: Mapping[str, Drug], start: date, end: date
) -> Iterable[tuple[str, date]]:
    """Patient and day of every visit in start..end, each once."""
    numbers: dict[str, int] = {}
    owners = [numbers.setdefault(known[key].patient_id, len(numbers)) for key in fills.therapies]
    owner = np.repeat(np.array(owners, np.int64), fills.sizes)
    inside = (fills.day >= start.toordinal()) & (fills.day <= end.toordinal())
    visits = np.unique(owner[inside] << _DAY_BITS | fills.day[inside])
    patients = list(numbers)
    for at, day in zip(
        cast("list[int]", (visits >> _DAY_BITS).tolist()),
        cast("list[int]", (visits & ((1 << _DAY_BITS) - 1)).tolist()),
        strict=True,
    ):
        yield patients[at], date.fromordinal(day)


def _count(keys: Iterable[str]) -> dict[str, int]:
    found: dict[str, int] = defaultdict(int)
    for key in keys:
        found[key] += 1
    return dict(found)
