"""Keeps the stored state of a cycle in step with its items."""

from medsync_app.domain.cycle import AT_THE_PHARMACY, FETCHABLE, derive_state, progress_of
from medsync_app.domain.states import CycleState, ItemState
from medsync_app.errors import Conflict
from medsync_app.outbox.queue import look_again
from medsync_app.services.versions import bump
from medsync_app.store.repositories import cycles
from medsync_app.store.session import Tx
from medsync_app.store.tables import Cycle, CycleItem, Patient


def refresh_state(tx: Tx, cycle: Cycle, *, base: CycleState | None = None) -> CycleState:
    """Derive the state of a cycle from its items and count the change; `base` replaces how far it had come."""
    before, states = cycle.state, [item.state for item in cycles.items_of(tx, cycle.id)]
    progress = progress_of(base or cycle.state, unapproved=cycle.unapproved)
    cycle.state = derive_state(progress, states)
    bump(tx, cycle)
    _let_household_go(tx, cycle, before)
    return cycle.state


def end_cycle(tx: Tx, cycle: Cycle, state: CycleState) -> None:
    """End a cycle as closed, cancelled, missed or returned.

    What was filled for one that does not take place still waits at the pharmacy: its fills are free for the next.
    """
    before, cycle.state = cycle.state, state
    if state in (CycleState.CANCELLED, CycleState.MISSED):
        for item in cycles.items_of(tx, cycle.id):
            if item.state in AT_THE_PHARMACY:
                item.fill_id = None
    bump(tx, cycle)
    _let_household_go(tx, cycle, before)


def _let_household_go(tx: Tx, cycle: Cycle, before: CycleState) -> None:
    """Who waits to be told together with a batch in preparation need not when it was called off, moved or stopped.

    A batch that is ready has a notice of its own, which takes them along.
    """
    if before is CycleState.PREPARING and cycle.state not in FETCHABLE:
        look_again(tx, cycle.pharmacy_id, cycle.patient_id)


def close_fetched(tx: Tx, enrollment_id: str) -> None:
    """Close the cycles of an enrollment that were fetched and waited for the next one."""
    for cycle in cycles.sync_cycles(tx, enrollment_id):
        if cycle.state is CycleState.PICKED_UP:
            end_cycle(tx, cycle, CycleState.CLOSED)


def set_item(tx: Tx, item: CycleItem, state: ItemState, *, problem: str = "", note: str = "") -> None:
    """Put an item into a state, with the problem that explains it (none by default)."""
    item.state = state
    item.problem = problem
    item.problem_note = note
    if problem != "out_of_stock" and problem != "owed":
        item.expected_on = None
    item.changed_at = tx.now


def refuse_unapproved(cycle: Cycle) -> None:
    """Conflict while a pharmacist has not approved the plan."""
    if cycle.unapproved:
        raise Conflict("A pharmacist must approve this plan first: nothing of it may be prepared before.")


def refuse_after_death(tx: Tx, cycle: Cycle) -> None:
    """Conflict once the patient has died: what is filled of a batch can only be handed out or go back."""
    if tx.get(Patient, cycle.patient_id).deceased_on is not None:
        raise Conflict("The patient has died: return what is filled of this batch to stock.")
