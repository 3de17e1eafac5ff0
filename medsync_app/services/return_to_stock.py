"""A batch was not fetched in time: its claims are reversed, the medicines go back, and the patient is called."""

from collections.abc import Sequence
from datetime import date

from medsync_app.domain.cycle import AT_THE_PHARMACY, ENDED, PENDING_ITEMS
from medsync_app.domain.states import CycleState, ExceptionKind, FillStatus, ItemState
from medsync_app.errors import Conflict, Invalid
from medsync_app.services.audit import audit
from medsync_app.services.cycle_state import end_cycle, refresh_state, set_item
from medsync_app.services.cycle_tasks import close_cycle_tasks
from medsync_app.services.exceptions import close_row
from medsync_app.services.fill_request import settle_requests
from medsync_app.services.missed_cycles import after_failed_cycle
from medsync_app.services.nothing_waits import stop_waiting
from medsync_app.services.open_next_cycle import close_for_next
from medsync_app.services.patient_problems import check_patient
from medsync_app.services.schedule_cycle import reschedule_cycle, withdraw_messages
from medsync_app.services.versions import check_version
from medsync_app.store.repositories import cycles, exceptions, therapies
from medsync_app.store.session import Tx
from medsync_app.store.tables import Cycle, CycleItem, Enrollment


def return_to_stock(
    tx: Tx, cycle_id: str, *, expected_version: int, items: Sequence[str] | None = None
) -> str | None:
    """Return items (None: all that are ready or filled) to stock; gives the id of the cycle opened after it.

    When nothing is left to fetch the cycle ends: as returned when nothing was fetched (then the patient is called
    and planned from today for review), as closed when a part was. Conflict when the cycle is over.
    """
    cycle = tx.get(Cycle, cycle_id, lock=True)
    rows = {item.id: item for item in cycles.items_of(tx, cycle.id)}
    if items is not None and any(key not in rows for key in items):
        raise Invalid("One of these medicines is not part of this batch. Reload the page.", "items")
    if cycle.state in ENDED:
        raise Conflict("This cycle is over: there is nothing left to return.")
    check_version(tx, cycle, expected_version, "This batch")
    chosen = [rows[key] for key in items] if items is not None else list(rows.values())
    returned = [item for item in chosen if item.state in AT_THE_PHARMACY]
    if not returned:
        raise Conflict("Nothing of this batch is waiting at the pharmacy.")
    following = put_back(tx, cycle, returned, "The batch went back to stock.")
    audit(
        tx, pharmacy_id=cycle.pharmacy_id, act="return_to_stock", subject_kind="cycle", subject_id=cycle.id,
        detail={"items": [item.id for item in returned]},
    )  # fmt: skip
    return following


def put_back(tx: Tx, cycle: Cycle, returned: Sequence[CycleItem], reason: str) -> str | None:
    """Items are back in stock; ends the cycle when nothing else of it is to come. Gives the next cycle's id."""
    for item in returned:
        set_item(tx, item, ItemState.RETURNED)
    left = cycles.items_of(tx, cycle.id)
    if cycle.picked_up_on is None and not any(item.state in AT_THE_PHARMACY for item in left):
        # What was never filled does not keep a batch open that the patient did not fetch.
        for item in left:
            if item.state in PENDING_ITEMS:
                set_item(
                    tx, item, ItemState.SKIPPED, problem="returned", note="The batch went back to stock."
                )
    state = refresh_state(tx, cycle)
    enrollment = tx.get(Enrollment, cycle.enrollment_id)
    if state is CycleState.PICKED_UP:
        _settle(tx, cycle, reason)
        following = close_for_next(tx, cycle)
    elif state is CycleState.RETURNED:
        _settle(tx, cycle, reason)
        end_cycle(tx, cycle, CycleState.RETURNED)
        following = after_failed_cycle(tx, enrollment, cycle, "returned")
    else:
        stop_waiting(tx, cycle, reason)
        settle_requests(tx, cycle)
        reschedule_cycle(tx, cycle.id, reason)
        following = None
    check_patient(tx, cycle.patient_id)
    return following


def settle_filled(tx: Tx, patient_id: str) -> None:
    """Close the tasks to return what was filled for a batch that was called off, once none of it waits any more."""
    for row in exceptions.open_of_patient(tx, patient_id, [ExceptionKind.RETURN_TO_STOCK]):
        cycle = tx.find(Cycle, row.cycle_id) if row.cycle_id else None
        if cycle is None or cycle.state is not CycleState.CANCELLED:
            continue
        filled = {i.therapy_id for i in cycles.items_of(tx, cycle.id) if i.state in AT_THE_PHARMACY}
        if filled and all(_is_settled(tx, drug, cycle.claimed_on) for drug in filled):
            close_row(tx, row, outcome="What was filled has been fetched or is back in stock.")


def _is_settled(tx: Tx, therapy_id: str, since: date | None) -> bool:
    """Whether the pharmacy system knows what became of a drug's fill of a batch claimed on that day."""
    fills = therapies.fills_of_therapy(tx, therapy_id, since) if since is not None else ()
    return bool(fills) and all(fill.status is not FillStatus.WAITING for fill in fills)


def _settle(tx: Tx, cycle: Cycle, reason: str) -> None:
    withdraw_messages(tx, cycle_id=cycle.id, reason=reason)
    close_cycle_tasks(tx, cycle, reason)
