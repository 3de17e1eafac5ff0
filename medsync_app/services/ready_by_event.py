"""The pharmacy system says that a fill stands in will-call: its item is ready, as by the button."""

from datetime import timedelta
from typing import Final

from medsync_app.domain.cycle import ENDED, PENDING_ITEMS
from medsync_app.domain.dispensing_row import DispensingRow
from medsync_app.domain.states import EnrollmentState, FillStatus, ItemState
from medsync_app.errors import Conflict, Invalid
from medsync_app.services.event_problem import Worked, cycle_key
from medsync_app.services.mark_ready import mark_ready
from medsync_app.store.repositories import cycles, dispensing
from medsync_app.store.session import Tx
from medsync_app.store.tables import Cycle, Enrollment, Fill

#: The drugs of a batch become ready one after another: a patient hears of a part only when the rest takes its time.
PART_AFTER: Final = timedelta(hours=2)


def ready_by_event(tx: Tx, pharmacy_id: str, row: DispensingRow) -> Worked:
    """Mark the item of the fill ready; what is stored of the fill already tells what came after this event."""
    fill = _fill_of(tx, pharmacy_id, row)
    if fill is None or fill.status is not FillStatus.WAITING:
        return Worked("It was fetched or returned meanwhile.")
    item = cycles.item_of_fill(tx, fill.id) if fill.id is not None else None
    if item is None:
        return Worked("Stored. It is in no batch.")
    cycle = tx.get(Cycle, item.cycle_id, lock=True)
    if cycle.state in ENDED or item.state not in PENDING_ITEMS or item.state is ItemState.READY:
        return Worked("Nothing new: it is ready, or the batch is over.")
    if cycle.unapproved:
        return Worked(
            "Stored.", "The plan of its batch waits for a pharmacist's approval: it is ready from then on.",
            cycle_key(cycle.id),
        )  # fmt: skip
    if tx.get(Enrollment, cycle.enrollment_id).state is not EnrollmentState.ACTIVE:
        return Worked("Stored. The patient's programme is paused or over.")
    try:
        mark_ready(tx, cycle.id, expected_version=cycle.version, items=[item.id], part_after=PART_AFTER)
    except (Conflict, Invalid) as error:
        return Worked("Stored.", error.message)
    return Worked("Ready.")


def _fill_of(tx: Tx, pharmacy_id: str, row: DispensingRow) -> Fill | None:
    rx = dispensing.prescriptions(tx, pharmacy_id, [row.rx_number])[row.rx_number]
    same = dispensing.fills(tx, pharmacy_id, [(rx["id"], row.fill_number)])
    found = next((one["id"] for one in same if one["filled_on"] == row.filled_on), None)
    return tx.get(Fill, found) if found is not None else None
