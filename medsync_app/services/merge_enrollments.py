"""The enrollments of two records that are merged: one goes on with its date, the other ends and is called off."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from medsync_app.domain.dispensing import ChangeKind, DispensingChange
from medsync_app.domain.states import ActionState, EnrollmentState, FillStatus
from medsync_app.domain.workflow import EVENTS
from medsync_app.errors import Conflict, Invalid
from medsync_app.outbox.settle import end_pending
from medsync_app.services.change_drugs import replan_current
from medsync_app.services.cycle_state import close_fetched
from medsync_app.services.cycle_tasks import close_date_questions
from medsync_app.services.merge_facts import OpenEnrollment, open_enrollment
from medsync_app.services.patient_problems import check_patient
from medsync_app.services.pause import stop_cycles
from medsync_app.services.react_to_dispensing import react
from medsync_app.services.told_dates import tell_new_date
from medsync_app.services.versions import bump
from medsync_app.services.withdraw import record_death, withdraw
from medsync_app.store.repositories import cycles, enrollments, merging, therapies
from medsync_app.store.repositories.messaging import steps_told
from medsync_app.store.repositories.pharmacies import pharmacy_today
from medsync_app.store.session import Tx
from medsync_app.store.tables import Cycle, Enrollment, Fill, Patient

#: What people read on batches, messages and tasks that a merge has changed.
WHY: Final = "Two records of this patient were merged."
#: Fills of the other record that may be what a planned item waits for, as an import of them would make them.
_RECENT: Final = timedelta(days=60)


@dataclass(frozen=True, slots=True)
class Sides:
    """Which enrollment goes on and which ends, and what the record that does not lead brings to the other one."""

    open: tuple[OpenEnrollment, ...]
    living: Enrollment | None
    ending: Enrollment | None
    #: The record whose decisions about drugs count: that of the enrollment that goes on, else the kept one.
    leading_id: str
    known_drugs: frozenset[str]
    fills: tuple[int, ...]


def sides_of(tx: Tx, kept_id: str, dropped_id: str, enrollment_id: str | None) -> Sides:
    """Decide which enrollment goes on: the chosen one, else the one with a batch to be fetched, else the kept record's.

    Conflict when the other one has a batch that can be fetched now; Invalid for an enrollment of somebody else.
    """
    found = [enrollments.open_of_patient(tx, patient_id) for patient_id in (kept_id, dropped_id)]
    rows = [row for row in found if row is not None]
    shown = tuple(open_enrollment(tx, row) for row in rows)
    if enrollment_id is not None and all(row.id != enrollment_id for row in rows):
        raise Invalid("Choose which of the two dates stays.", "enrollment_id")
    usual = next((one.id for one in shown if one.fetchable), shown[0].id if shown else None)
    chosen = enrollment_id or usual
    living = next((row for row in rows if row.id == chosen), None)
    ending = next((row for row in rows if row.id != chosen), None)
    if ending is not None and any(one.fetchable for one in shown if one.id == ending.id):
        raise Conflict(
            "The enrollment that would end has a batch that can be fetched. Keep that one's date, or hand the batch "
            "out or return it first."
        )
    leading = living.patient_id if living is not None else kept_id
    other = dropped_id if leading == kept_id else kept_id
    since = pharmacy_today(tx, tx.get(Patient, kept_id).pharmacy_id) - _RECENT
    return Sides(
        shown, living, ending, leading,
        frozenset(row.drug_key for row in therapies.of_patient(tx, leading)),
        tuple(
            row.id for row in therapies.fills_of_patient(tx, other)
            if row.id is not None and row.filled_on >= since
        ),
    )  # fmt: skip


def end(tx: Tx, row: Enrollment) -> None:
    """Call off everything of the enrollment that ends; its drugs go on under the other one."""
    row.state, row.end_reason, row.ended_at = EnrollmentState.TRANSFERRED, WHY, tx.now
    bump(tx, row)
    close_fetched(tx, row.id)
    stop_cycles(tx, row, WHY)
    close_date_questions(tx, row, WHY)
    tx.session.flush()


def go_on(tx: Tx, patient: Patient, sides: Sides) -> None:
    """Plan the enrollment that goes on with the drugs and fills it has now; messages follow.

    What the other enrollment said for a date is not said again for it, and another date that it named is corrected.
    """
    living = sides.living
    if patient.deceased_on is not None:
        _dead(tx, patient, living)
        return
    if living is None or living.state is EnrollmentState.DRAFT:
        check_patient(tx, patient.id)
        return
    living = tx.get(Enrollment, living.id, lock=True)
    bump(tx, living)
    react(tx, patient.id, _changes(tx, patient, sides))
    replan_current(tx, living, WHY)
    ended = sides.ending.id if sides.ending is not None else None
    for cycle in cycles.open_of_enrollment(tx, living.id):
        tell_new_date(tx, cycle)
        if ended is not None:
            _say_once(tx, cycle, merging.welcomed(tx, ended))
    check_patient(tx, patient.id)


def _dead(tx: Tx, patient: Patient, living: Enrollment | None) -> None:
    on = patient.deceased_on
    if living is None:
        record_death(tx, patient, on)
        return
    row = tx.get(Enrollment, living.id, lock=True)
    withdraw(
        tx, row.id, expected_version=row.version, reason="The other record says that the patient has died.",
        state=EnrollmentState.DECEASED, on=on,
    )  # fmt: skip


def _changes(tx: Tx, patient: Patient, sides: Sides) -> Sequence[DispensingChange]:
    """What the other record brings, as an import would have brought it."""
    today = pharmacy_today(tx, patient.pharmacy_id)
    found = [
        DispensingChange(ChangeKind.NEW_THERAPY, drug.id, today, drug.current_prescription_id)
        for drug in therapies.of_patient(tx, patient.id)
        if drug.drug_key not in sides.known_drugs and drug.status == "active"
    ]
    for key in sides.fills:
        fill = tx.get(Fill, key)
        if fill.status in (FillStatus.WAITING, FillStatus.SOLD):
            about = (fill.therapy_id, fill.filled_on, fill.prescription_id, key)
            found.append(DispensingChange(ChangeKind.FILLED, *about))
        if fill.status is FillStatus.SOLD:
            on = fill.picked_up_on or fill.filled_on
            found.append(DispensingChange(ChangeKind.SOLD, fill.therapy_id, on, fill.prescription_id, key))
    return sorted(
        found, key=lambda change: (change.on, list(ChangeKind).index(change.kind), change.therapy_id)
    )


def _say_once(tx: Tx, cycle: Cycle, welcomed: frozenset[str]) -> None:
    """Withdraw what the other record has said already: for this date, or once and for all.

    Merged and not withdrawn: planning the date anew does not queue it again.
    """
    told = steps_told(tx, cycle)
    for action in cycles.pending_actions(tx, cycle.id):
        trigger = action.payload.get("trigger")
        said = told if trigger in EVENTS["scheduled"] else welcomed if trigger in EVENTS["enrolled"] else ()
        if action.kind == "message" and action.step in said:
            end_pending(tx, action.id, ActionState.MERGED, "Said already, under the record that was merged.")
    tx.session.expire_all()
