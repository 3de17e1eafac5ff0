"""Connects the items of a batch with the fills of the pharmacy system that they turned into."""

from datetime import date, timedelta

from medsync_app.clock import local_day
from medsync_app.domain.cycle import AT_THE_PHARMACY
from medsync_app.domain.states import FillKind, ItemState
from medsync_app.services.supply_history import fill_of_item
from medsync_app.store.repositories import cycles, therapies
from medsync_app.store.session import Tx
from medsync_app.store.tables import Cycle, CycleItem, Fill, Pharmacy

_LOOK_BACK_DAYS = 45
_LINKED_STATES = AT_THE_PHARMACY | {ItemState.PICKED_UP}


def link_fills(tx: Tx, cycle: Cycle) -> int:
    """Link the claimed items of a cycle that have no fill yet; returns how many found theirs."""
    found = 0
    for item in cycles.items_of(tx, cycle.id):
        if item.fill_id is None and item.state in _LINKED_STATES:
            since = cycle.sync_date - timedelta(days=_LOOK_BACK_DAYS)
            fill = fill_of_item(
                item,
                cycle,
                therapies.fills_of_therapy(tx, item.therapy_id, since),
                cycles.linked_fill_ids(tx, item.therapy_id),
            )
            if fill is not None:
                link(tx, item, fill)
                found += 1
    return found


def earliest_claim(tx: Tx, cycle: Cycle) -> date | None:
    """The first claim date of what waits at the pharmacy for a batch, from which its return limit counts.

    None when nothing waits. What the pharmacy system has not reported was claimed when it became ready, at the latest.
    """
    waiting = [item for item in cycles.items_of(tx, cycle.id) if item.state in AT_THE_PHARMACY]
    zone = tx.get(Pharmacy, cycle.pharmacy_id).zone
    fills = [(item, tx.find(Fill, item.fill_id) if item.fill_id is not None else None) for item in waiting]
    days = [fill.filled_on if fill is not None else local_day(item.changed_at, zone) for item, fill in fills]
    return min(days, default=None)


def link(tx: Tx, item: CycleItem, fill: Fill) -> None:
    """Say that this fill is that item; a short fill is marked as such, since exports do not say it."""
    item.fill_id = fill.id
    item.changed_at = tx.now
    if item.fill_kind is FillKind.SHORT:
        fill.kind = FillKind.SHORT
    tx.session.flush()
