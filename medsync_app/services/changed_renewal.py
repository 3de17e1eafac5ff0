"""A prescriber renews with changes: a pharmacist sees which before anything of that medicine is prepared."""

from typing import Final

from medsync_app.domain.causes import Cause
from medsync_app.domain.cycle import UNFILLED
from medsync_app.domain.states import ExceptionKind, ItemState, Role, Severity
from medsync_app.services.cycle_state import set_item
from medsync_app.services.exceptions import close_exception, comment, due_by, open_exception
from medsync_app.store.repositories import cycles
from medsync_app.store.session import Tx
from medsync_app.store.tables import RenewalRequest

_NOTE: Final = "Renewed with changes: a pharmacist looks at them first."


def ask_about_changes(tx: Tx, row: RenewalRequest) -> None:
    """Put the medicine on hold and ask a pharmacist, before the day its fill is needed by; with what was answered."""
    for item, _ in cycles.pending_items_of_therapy(tx, row.therapy_id):
        if item.state in UNFILLED and item.problem in ("", "no_refills"):
            set_item(tx, item, ItemState.WAITING, problem="on_hold", note=_NOTE)
    case = open_exception(
        tx, pharmacy_id=row.pharmacy_id, kind=ExceptionKind.DOSE_CONFLICT,
        cause_key=Cause.RENEWED_CHANGED.of(row.therapy_id),
        summary="The prescriber renews a medicine with changes: check dose, quantity and drug, and put the batch "
        "right. It is on hold until the new prescription arrives, or is marked ready by name.",
        owner_role=Role.PHARMACIST, due_at=due_by(tx, row.pharmacy_id, row.needed_by), severity=Severity.HIGH,
        patient_id=row.patient_id, cycle_id=row.cycle_id, therapy_id=row.therapy_id,
    )  # fmt: skip
    if row.answer:
        comment(tx, case, row.answer)


def release_changed(tx: Tx, pharmacy_id: str, therapy_id: str, outcome: str) -> None:
    """The new prescription says what changed, or none is needed any more: the question and the hold are over."""
    close_exception(
        tx, pharmacy_id=pharmacy_id, cause_key=Cause.RENEWED_CHANGED.of(therapy_id), outcome=outcome
    )
    for item, _ in cycles.pending_items_of_therapy(tx, therapy_id):
        if (item.problem, item.problem_note) == ("on_hold", _NOTE):
            set_item(tx, item, ItemState.PLANNED)
