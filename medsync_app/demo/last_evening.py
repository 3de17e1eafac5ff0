"""The last evening before the demo's today: leaves a batch in each state, so that all of them can be seen."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from medsync_app.demo.days import import_export
from medsync_app.demo.world import Location, World
from medsync_app.domain.cycle import PENDING_ITEMS
from medsync_app.domain.states import CycleState, ItemState
from medsync_app.services.confirm_pickup import confirm_pickup
from medsync_app.services.fill_request import waiting_for_request
from medsync_app.services.mark_ready import ItemProblem, mark_ready
from medsync_app.services.pause import HOSPITALISED, pause
from medsync_app.services.prepare import begin_preparation
from medsync_app.services.renewals import request_renewals
from medsync_app.services.reschedule import preview_move, reschedule
from medsync_app.services.return_to_stock import return_to_stock
from medsync_app.store.repositories import day_work
from medsync_app.store.repositories.day_work import Batch
from medsync_app.store.session import Tx
from medsync_app.store.tables import Cycle, Enrollment

_Step = Callable[[Tx, Batch], bool]
_AHEAD = timedelta(days=45)
_WAITING = (CycleState.PLANNED, CycleState.REQUESTING)


def leave_work_under_way(world: World) -> None:
    """Put one batch into each state that the days before did not leave behind, at the main location if it can be."""
    world.go_to(world.today - timedelta(days=1), 19)
    for wanted, step in _STEPS:
        left = any(_is_left(world, location, wanted, step) for location in world.locations)
        if not left and wanted is CycleState.REQUESTING:
            _take_back_refills(world, world.locations[0])
            _is_left(world, world.locations[0], wanted, step)


def _is_left(world: World, location: Location, wanted: CycleState, step: _Step) -> bool:
    """Whether a batch of the location is in that state, now that the step was tried on each."""
    with world.database.reading(location.crew.technician, world.clock) as tx:
        if wanted in day_work.states_seen(tx, location.id):
            return True
        batches = day_work.open_batches(tx, location.id, world.today + _AHEAD)
    for batch in batches:
        if batch.kind == "sync" and batch.patient != location.out_of_reach:
            with world.database.transaction(location.crew.pharmacist, world.clock) as tx:
                if step(tx, batch):
                    return True
    return False


def _take_back_refills(world: World, location: Location) -> None:
    """A prescriber has seen a patient and takes back the refills of a drug: the evening's export says so."""
    with world.database.reading(location.crew.technician, world.clock) as tx:
        batches = day_work.open_batches(tx, location.id, world.today + _AHEAD)
    for batch in batches:
        course = location.courses[batch.items[0].rx_number] if batch.items else None
        if course is None or batch.state is not CycleState.PLANNED or batch.kind != "sync":
            continue
        course.refills_left = 0
        last = replace(course.fills[-1], refills_left=0)
        if last.rx_number == course.rx_number:
            location.unexported.append((location.charts[batch.patient], course, last))
            import_export(world, location, world.today - timedelta(days=1))
            return


def _put_back(tx: Tx, batch: Batch) -> bool:
    """The patient called: the medicines came from somewhere else this time."""
    if not _make_ready(tx, batch):
        return False
    return_to_stock(tx, batch.id, expected_version=_version(tx, batch))
    return True


def _pick_up_in_part(tx: Tx, batch: Batch) -> bool:
    pending = [item.id for item in batch.items if item.state in PENDING_ITEMS]
    if len(pending) < 2 or not _make_ready(tx, batch):
        return False
    confirm_pickup(tx, batch.id, expected_version=_version(tx, batch), items=pending[:-1])
    return True


def _pick_up_in_a_pause(tx: Tx, batch: Batch) -> bool:
    """The patient is in hospital, a daughter fetches what was ready: no next date is planned yet."""
    if not _make_ready(tx, batch):
        return False
    version = tx.get(Enrollment, batch.enrollment_id).version
    pause(tx, batch.enrollment_id, expected_version=version, reason=HOSPITALISED)
    return confirm_pickup(tx, batch.id, expected_version=_version(tx, batch)).complete


def _make_ready_in_part(tx: Tx, batch: Batch) -> bool:
    pending = [item.id for item in batch.items if item.state in (ItemState.PLANNED, ItemState.FILLING)]
    if not _may_be_prepared(tx, batch) or len(pending) < 3:
        return False
    expected = tx.clock.now().date() + timedelta(days=3)
    missing = {pending[-1]: ItemProblem("out_of_stock", expected_on=expected)}
    return mark_ready(tx, batch.id, expected_version=batch.version, items=pending[:-1], problems=missing)


def _make_ready(tx: Tx, batch: Batch) -> bool:
    """Make the whole batch ready when it is not yet; False when part of it is missing or gone."""
    if _may_be_prepared(tx, batch) and all(item.state is ItemState.PLANNED for item in batch.items):
        mark_ready(tx, batch.id, expected_version=batch.version)
    return tx.get(Cycle, batch.id).state is CycleState.READY


def _may_be_prepared(tx: Tx, batch: Batch) -> bool:
    return batch.state in _WAITING and not waiting_for_request(tx, tx.get(Cycle, batch.id))


def _prepare(tx: Tx, batch: Batch) -> bool:
    return batch.state in _WAITING and begin_preparation(tx, batch.id)


def _ask_prescriber(tx: Tx, batch: Batch) -> bool:
    return batch.state is CycleState.PLANNED and request_renewals(tx, batch.id) > 0


def _move_against_a_rule(tx: Tx, batch: Batch) -> bool:
    """A move that breaks a rule has its reason, and waits for approval."""
    if batch.state is not CycleState.PLANNED:
        return False
    for days in (1, 2, 3, -1, -2):
        day = batch.sync_date + timedelta(days=days)
        preview = preview_move(tx, batch.id, day)
        if preview.possible and preview.needs_override:
            reschedule(
                tx, batch.id, day, expected_version=batch.version, override_reason="Is away in that week."
            )
            return tx.get(Cycle, batch.id).state is CycleState.PROPOSED
    return False


def _version(tx: Tx, batch: Batch) -> int:
    return tx.get(Cycle, batch.id).version


#: The nearest batches first: those of today and tomorrow are most advanced.
_STEPS: tuple[tuple[CycleState, _Step], ...] = (
    (CycleState.RETURNED, _put_back),
    (CycleState.PARTLY_PICKED_UP, _pick_up_in_part),
    (CycleState.PICKED_UP, _pick_up_in_a_pause),
    (CycleState.READY, _make_ready),
    (CycleState.PARTLY_READY, _make_ready_in_part),
    (CycleState.PREPARING, _prepare),
    (CycleState.REQUESTING, _ask_prescriber),
    (CycleState.PROPOSED, _move_against_a_rule),
)
