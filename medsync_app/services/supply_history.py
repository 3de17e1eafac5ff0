"""The supply of a patient's drugs as planning sees it: fills, and what batches hold before the source knows of it."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from medsync_app.domain import supply
from medsync_app.domain.batches import PICKUP
from medsync_app.domain.cycle import ENDED
from medsync_app.domain.states import FillStatus, ItemState
from medsync_app.store.tables import Cycle, CycleItem, Fill


class History:
    """Fills by therapy as planning sees them, with what batches hold and the source does not know yet."""

    def __init__(self, by_therapy: dict[str, list[supply.Fill]]) -> None:
        self._by_therapy = by_therapy

    @classmethod
    def of(
        cls,
        fills: Iterable[Fill],
        items: Iterable[tuple[CycleItem, Cycle]],
        replanned: frozenset[str],
        today: date,
    ) -> "History":
        rows = list(fills)
        hidden: set[int] = set()
        # Put back here before the pharmacy system says so: it waits no more.
        returned: set[int] = set()
        fetched: dict[int, date] = {}
        by_therapy: dict[str, list[supply.Fill]] = defaultdict(list)
        taken = {item.fill_id for item, _ in items if item.fill_id is not None}
        for item, cycle in items:
            if item.fill_id is not None:
                fetched_on = item.picked_up_on or cycle.picked_up_on
                if item.state is ItemState.PICKED_UP and fetched_on is not None:
                    fetched[item.fill_id] = fetched_on
                elif cycle.id in replanned and item.state is not ItemState.PICKED_UP and item.case != PICKUP:
                    hidden.add(item.fill_id)
                elif item.state is ItemState.RETURNED:
                    returned.add(item.fill_id)
                continue
            unseen = _unseen_fill(item, cycle, replanned, today)
            if unseen is not None:
                real = fill_of_item(item, cycle, rows, taken)
                if real is None or real.id is None:
                    by_therapy[item.therapy_id].append(unseen)
                else:
                    taken.add(real.id)
        for fill in rows:
            gone = fill.id in hidden or (fill.id in returned and fill.status is FillStatus.WAITING)
            if fill.id is not None and not gone:
                by_therapy[fill.therapy_id].append(_fill(fill, fetched.get(fill.id)))
        return cls(by_therapy)

    def of_therapy(self, therapy_id: str) -> tuple[supply.Fill, ...]:
        return tuple(sorted(self._by_therapy.get(therapy_id, ()), key=lambda fill: fill.date))


def fill_of_item(item: CycleItem, cycle: Cycle, fills: Iterable[Fill], taken: Collection[int]) -> Fill | None:
    """The fill of the pharmacy system that an item turned into: the nearest free one around its date."""
    fitting = [
        fill
        for fill in fills
        if fill.id is not None
        and fill.id not in taken
        and is_around(fill, item, cycle)
        and fill.status in (FillStatus.WAITING, FillStatus.SOLD)
    ]
    return min(
        fitting, key=lambda fill: (abs((fill.filled_on - cycle.sync_date).days), fill.id), default=None
    )


def is_around(fill: Fill, item: CycleItem, cycle: Cycle) -> bool:
    """Whether a fill is of the item's drug and of its time.

    A batch is claimed at most 14 days before its date or the day it was marked ready, 30 days after at most.
    """
    earliest = min(cycle.sync_date, cycle.claimed_on or cycle.sync_date) - timedelta(days=14)
    latest = max(cycle.sync_date, cycle.picked_up_on or cycle.sync_date) + timedelta(days=30)
    return fill.therapy_id == item.therapy_id and earliest <= fill.filled_on <= latest


def last_full_days(fills: tuple[supply.Fill, ...]) -> int | None:
    """Days of the last full fill that counts, None without one."""
    return next(
        (f.days_supply for f in reversed(fills) if f.counts and f.kind == "full" and f.days_supply), None
    )


def at_new_dose(
    fills: tuple[supply.Fill, ...], changed_on: date, old: Decimal, new: Decimal, threshold: Decimal
) -> tuple[supply.Fill, ...]:
    """The fills with the supply in hand on the day of the change counted at the new dose."""
    before = [index for index, fill in enumerate(fills) if fill.counts and fill.date < changed_on]
    known = supply.summarise(
        [fills[index] for index in before], today=changed_on, threshold=threshold, usual_days=1
    )
    if known is None or known.run_out <= changed_on:
        return fills
    shift = (supply.run_out_after_dose_change(changed_on, known.run_out, old, new) - known.run_out).days
    last = before[-1]
    days = max(1, (fills[last].days_supply or 0) + shift)
    changed = replace(fills[last], days_supply=min(days, supply.MAX_DAYS_SUPPLY))
    return (*fills[:last], changed, *fills[last + 1 :])


def _unseen_fill(item: CycleItem, cycle: Cycle, replanned: frozenset[str], today: date) -> supply.Fill | None:
    """The fill an item without one stands for: picked up, or claimed for another batch that has not ended."""
    if item.state is ItemState.PICKED_UP:
        picked_up_on = item.picked_up_on or cycle.picked_up_on or cycle.sync_date
        claimed_on = min(cycle.claimed_on or picked_up_on, picked_up_on)
    elif _is_claimed(item, cycle) and cycle.id not in replanned and cycle.state not in ENDED:
        picked_up_on, claimed_on = None, min(cycle.claimed_on or today, today)
    else:
        return None
    return supply.Fill(
        date=claimed_on,
        days_supply=item.days_supply,
        quantity=item.quantity,
        kind=item.fill_kind.value,
        picked_up_on=picked_up_on,
        waiting=picked_up_on is None,
    )


def _is_claimed(item: CycleItem, cycle: Cycle) -> bool:
    """Ready, or of a trip and being filled: a trip is not planned anew with the batch that it leads to."""
    return item.state is ItemState.READY or (cycle.kind == "trip" and item.state is ItemState.FILLING)


def _fill(row: Fill, fetched_on: date | None) -> supply.Fill:
    days = row.days_supply
    waiting = row.status is FillStatus.WAITING and fetched_on is None
    return supply.Fill(
        date=row.filled_on,
        days_supply=days if days is not None and 0 <= days <= supply.MAX_DAYS_SUPPLY else None,
        quantity=row.quantity,
        kind=row.kind.value,
        picked_up_on=row.picked_up_on or fetched_on,
        reversed=row.status in (FillStatus.REVERSED, FillStatus.RETURNED),
        waiting=waiting,
    )
