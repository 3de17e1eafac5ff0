"""The last evening before the demo's today: what is under way at the counter, so that each state can be seen."""

from collections.abc import Callable
from datetime import timedelta

from medsync_app.demo.world import Location, World
from medsync_app.domain.cycle import FETCHABLE
from medsync_app.domain.states import CycleState, ItemState
from medsync_app.services.confirm_pickup import confirm_pickup
from medsync_app.services.mark_ready import ItemProblem, mark_ready
from medsync_app.services.prepare import begin_preparation
from medsync_app.store.repositories import day_work
from medsync_app.store.repositories.day_work import Batch
from medsync_app.store.session import Tx

_Step = Callable[[Tx, Batch], bool]
_AHEAD = timedelta(days=21)
_WAITING = (CycleState.PLANNED, CycleState.REQUESTING)


def leave_work_under_way(world: World) -> None:
    """Put one batch into each state of the counter that the days before did not leave behind."""
    world.go_to(world.today - timedelta(days=1), 19)
    for location in world.locations[:1]:
        for wanted, step in (
            (CycleState.PARTLY_PICKED_UP, _pick_up_in_part),
            (CycleState.PARTLY_READY, _make_ready_in_part),
            (CycleState.PREPARING, _prepare),
        ):
            batches = _open_batches(world, location)
            if all(batch.state is not wanted for batch in batches):
                _first_that_fits(world, location, batches, step)


def _open_batches(world: World, location: Location) -> list[Batch]:
    with world.database.reading(location.crew.technician, world.clock) as tx:
        return day_work.open_batches(tx, location.id, world.today + _AHEAD)


def _first_that_fits(world: World, location: Location, batches: list[Batch], step: _Step) -> None:
    for batch in batches:
        if batch.kind == "sync":
            with world.database.transaction(location.crew.technician, world.clock) as tx:
                if step(tx, batch):
                    return


def _pick_up_in_part(tx: Tx, batch: Batch) -> bool:
    ready = [item.id for item in batch.items if item.state is ItemState.READY]
    if batch.state not in FETCHABLE or len(ready) < 2:
        return False
    confirm_pickup(tx, batch.id, expected_version=batch.version, items=ready[:-1])
    return True


def _make_ready_in_part(tx: Tx, batch: Batch) -> bool:
    pending = [item.id for item in batch.items if item.state in (ItemState.PLANNED, ItemState.FILLING)]
    if batch.state not in _WAITING or len(pending) < 3:
        return False
    expected = tx.clock.now().date() + timedelta(days=3)
    missing = {pending[-1]: ItemProblem("out_of_stock", expected_on=expected)}
    return mark_ready(tx, batch.id, expected_version=batch.version, items=pending[:-1], problems=missing)


def _prepare(tx: Tx, batch: Batch) -> bool:
    return batch.state in _WAITING and begin_preparation(tx, batch.id)
