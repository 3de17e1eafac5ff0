"""The calendar: the batches of the visible days, and what the head of each day says."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final, cast

from sqlalchemy import func, select

from medsync_app.domain.cycle import OPEN
from medsync_app.domain.states import CycleState, ItemState
from medsync_app.errors import Invalid
from medsync_app.reads.places import Here, places
from medsync_app.services.rules import open_weekdays
from medsync_app.store.session import Tx
from medsync_app.store.tables import ClosedDay, Cycle, CycleItem, Patient, Pharmacy

#: A month view shows six weeks; nothing asks for more than two months at once.
MAX_DAYS: Final = 62
#: Chips of one day that are sent to the browser; the rest is counted, and stands on the day's own sheet.
MOST_PER_DAY: Final = 25

#: Filter of the page -> the states it shows. Cancelled batches never take place and are on no calendar.
GROUPS: Final[Mapping[str, frozenset[CycleState]]] = {
    "review": frozenset({CycleState.PROPOSED}),
    "coming": frozenset({CycleState.PLANNED, CycleState.REQUESTING}),
    "preparing": frozenset({CycleState.PREPARING}),
    "ready": frozenset({CycleState.PARTLY_READY, CycleState.READY, CycleState.PARTLY_PICKED_UP}),
    "done": frozenset({CycleState.PICKED_UP, CycleState.CLOSED}),
    "missed": frozenset({CycleState.MISSED, CycleState.RETURNED}),
}
_SHOWN: Final = frozenset(state for group in GROUPS.values() for state in group)
_OPEN: Final = sorted(OPEN)

_cycle, _item, _patient = cast(Any, Cycle), cast(Any, CycleItem), cast(Any, Patient)
_pharmacy, _closed = cast(Any, Pharmacy), cast(Any, ClosedDay)


@dataclass(frozen=True, slots=True)
class Chip:
    """One batch on its day; `kind` is sync or trip, `drugs` counts what it holds without skipped items."""

    cycle_id: str
    pharmacy_id: str
    patient_id: str
    first_name: str
    last_name: str
    day: date
    kind: str
    state: CycleState
    needs_review: bool
    drugs: int


@dataclass(frozen=True, slots=True)
class DayHead:
    """What a day is like: open batches against capacity (None: no limit), and why it is closed.

    `closed` is the holiday's name or "Closed" when no shown location opens; `closed_at` names the locations that do
    not while others do. `more` counts the batches that are not among the chips.
    """

    day: date
    load: int = 0
    capacity: int | None = None
    closed: str = ""
    closed_at: tuple[str, ...] = ()
    more: int = 0


@dataclass(frozen=True, slots=True)
class Month:
    """The visible part of the calendar, however long it is."""

    chips: tuple[Chip, ...]
    days: tuple[DayHead, ...]
    places: Mapping[str, Here]
    total: int


def calendar_days(tx: Tx, first: date, end: date, *, group: str = "", most: int | None = None) -> Month:
    """The batches in scope on `first` up to, but without, `end`; of one group of states when given.

    Per day the first `most` (25) by kind and name; all are counted. Invalid for a range that is empty or over 62 days.
    """
    _check_range(first, end)
    here = places(tx)
    states = sorted(GROUPS.get(group, _SHOWN))
    chips = _chips(tx, first, end, states, most or MOST_PER_DAY)
    counts = _counts(tx, first, end, states)
    loads = _counts(tx, first, end, _OPEN)
    shown: dict[date, int] = {}
    for chip in chips:
        shown[chip.day] = shown.get(chip.day, 0) + 1
    more = {day: count - shown.get(day, 0) for day, count in counts.items()}
    return Month(tuple(chips), tuple(_heads(tx, first, end, loads, more)), here, sum(counts.values()))


def _check_range(first: date, end: date) -> None:
    if not 0 < (end - first).days <= MAX_DAYS:
        raise Invalid(f"Show between 1 and {MAX_DAYS} days at once.", "end")


def _chips(tx: Tx, first: date, end: date, states: Sequence[CycleState], most: int) -> list[Chip]:
    # The name decides the order within a day, so the day's number must be known before the limit.
    place = func.row_number().over(
        partition_by=_cycle.sync_date, order_by=(_cycle.kind, _patient.last_name, _patient.first_name, _cycle.id)
    )  # fmt: skip
    numbered = (
        select(_cycle.id.label("cycle_id"), place.label("place"))
        .join(Patient, _patient.id == _cycle.patient_id)
        .where(_cycle.sync_date >= first, _cycle.sync_date < end, _cycle.state.in_(states))
        .subquery()
    )
    rows = tx.session.execute(
        select(
            _cycle.id, _cycle.pharmacy_id, _cycle.patient_id, _patient.first_name, _patient.last_name,
            _cycle.sync_date, _cycle.kind, _cycle.state, _cycle.needs_review, _cycle.reviewed_at,
        )
        .join(Patient, _patient.id == _cycle.patient_id)
        .join(numbered, numbered.c.cycle_id == _cycle.id)
        .where(numbered.c.place <= most)
        .order_by(_cycle.sync_date, numbered.c.place)
    ).all()  # fmt: skip
    drugs = _drug_counts(tx, [row[0] for row in rows])
    return [
        Chip(row[0], row[1], row[2], row[3], row[4], row[5], row[6], row[7], row[8] and row[9] is None,
             drugs.get(row[0], 0))
        for row in rows
    ]  # fmt: skip


def _drug_counts(tx: Tx, cycle_ids: Sequence[str]) -> dict[str, int]:
    statement = (
        select(_item.cycle_id, func.count())
        .where(_item.cycle_id.in_(cycle_ids), _item.state != ItemState.SKIPPED)
        .group_by(_item.cycle_id)
    )
    return {row[0]: row[1] for row in tx.session.execute(statement)}


def _counts(tx: Tx, first: date, end: date, states: Collection[CycleState]) -> dict[date, int]:
    statement = (
        select(_cycle.sync_date, func.count())
        .where(_cycle.sync_date >= first, _cycle.sync_date < end, _cycle.state.in_(sorted(states)))
        .group_by(_cycle.sync_date)
    )
    return {row[0]: row[1] for row in tx.session.execute(statement)}


def _heads(
    tx: Tx, first: date, end: date, loads: Mapping[date, int], more: Mapping[date, int]
) -> Iterable[DayHead]:
    shops = tx.session.scalars(select(Pharmacy).order_by(_pharmacy.name, _pharmacy.id)).all()
    holidays: dict[tuple[str, date], str] = {
        (shop_id, day): name
        for shop_id, day, name in tx.session.execute(
            select(_closed.pharmacy_id, _closed.day, _closed.name).where(
                _closed.day >= first, _closed.day < end
            )
        )
    }
    weekdays = {shop.id: open_weekdays(shop) for shop in shops}
    for offset in range((end - first).days):
        day = first + timedelta(days=offset)
        shut = [
            shop for shop in shops if (shop.id, day) in holidays or day.weekday() not in weekdays[shop.id]
        ]
        names = [name for shop in shut if (name := holidays.get((shop.id, day)))]
        opened = [shop for shop in shops if shop not in shut]
        limits = [shop.daily_capacity for shop in opened]
        capacity = sum(limit for limit in limits if limit is not None)
        yield DayHead(
            day=day,
            load=loads.get(day, 0),
            capacity=capacity if limits and None not in limits else None,
            closed=(names[0] if names else "Closed") if shops and not opened else "",
            closed_at=tuple(shop.name for shop in shut if (shop.id, day) in holidays) if opened else (),
            more=more.get(day, 0),
        )
