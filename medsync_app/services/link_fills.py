"""Connects the items of a batch with the fills of the pharmacy system that they turned into."""

from datetime import timedelta

from medsync_app.domain.states import FillKind, ItemState
from medsync_app.services.supply_history import fill_of_item
from medsync_app.store.repositories import cycles, therapies
from medsync_app.store.session import Tx
from medsync_app.store.tables import Cycle, CycleItem, Fill

_LOOK_BACK_DAYS = 45
_LINKED_STATES = frozenset({ItemState.FILLING, ItemState.READY, ItemState.PICKED_UP})


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


def link(tx: Tx, item: CycleItem, fill: Fill) -> None:
    """Say that this fill is that item; a short fill is marked as such, since exports do not say it."""
    item.fill_id = fill.id
    item.changed_at = tx.now
    if item.fill_kind is FillKind.SHORT:
        fill.kind = FillKind.SHORT
    tx.session.flush()
