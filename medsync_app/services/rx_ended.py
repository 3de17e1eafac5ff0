"""An Rx was cancelled or transferred away: the drug stops as in an import, unless another Rx of it goes on.

Choices where the rules leave room: a cancelled Rx that nothing was ever filled of may be a slip of the pen: the drug
goes on by its older Rx, and a pharmacist is asked.
"""

from dataclasses import replace
from datetime import date

from medsync_app.domain.dispensing_row import DispensingRow
from medsync_app.domain.pharmacy_events import EventKind
from medsync_app.services.change_drugs import ask_about_drug
from medsync_app.services.event_problem import Worked
from medsync_app.services.event_row import KnownRx
from medsync_app.services.react_to_dispensing import react
from medsync_app.store.repositories import enrollments, therapies
from medsync_app.store.session import Tx
from medsync_app.store.tables import Prescription

_STATUS = {EventKind.CANCELLED: "cancelled", EventKind.TRANSFERRED: "transferred"}


def end_rx(tx: Tx, known: KnownRx, kind: EventKind, today: date) -> Worked | None:
    """Mark the Rx as ended; None when its drug ends with it."""
    rx, therapy = known.rx, known.therapy
    rx.status = _STATUS[kind]
    if therapy.current_prescription_id != rx.id:
        return Worked("The Rx has ended. Its drug is filled from another one.")
    others = [row for row in therapies.prescriptions_of_therapy(tx, therapy.id) if row.id != rx.id]
    going_on = [row for row in others if _is_usable(row, today)]
    in_error = [row for row in others if not known.fills and row.status == "active"]
    following = max(going_on or in_error, key=_age, default=None)
    if following is None:
        return None
    therapy.current_prescription_id = following.id
    tx.session.flush()
    enrollment = enrollments.open_of_patient(tx, therapy.patient_id)
    if enrollment is not None and not going_on:
        ask_about_drug(
            tx, enrollment, therapy.id,
            summary="A new prescription has ended before it was filled: ask whether the medicine is still taken.",
        )  # fmt: skip
    react(tx, therapy.patient_id, ())
    return Worked("The Rx has ended. Its drug goes on by another one.")


def as_stop(row: DispensingRow, on: date) -> DispensingRow:
    """The row of an export that says the drug was stopped on a day: newer than what was filled that day."""
    return replace(row, dispensed=False, stopped_on=on, rank=f"{on.isoformat()}|~")


def _is_usable(rx: Prescription, today: date) -> bool:
    if rx.status != "active" or (rx.expires_on is not None and rx.expires_on <= today):
        return False
    return rx.refills_left is None or rx.refills_left > 0


def _age(rx: Prescription) -> tuple[date, str]:
    return rx.written_on or date.min, rx.id
