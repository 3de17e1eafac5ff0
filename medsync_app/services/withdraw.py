"""Ends an enrollment: withdrawn, transferred, deceased or inactive; everything queued is cancelled at once."""

from datetime import date

from medsync_app.domain.states import EnrollmentState
from medsync_app.errors import Conflict, Invalid
from medsync_app.services.audit import audit
from medsync_app.services.cycle_state import close_fetched
from medsync_app.services.cycle_tasks import close_date_questions
from medsync_app.services.exceptions import close_row
from medsync_app.services.patient_problems import check_patient
from medsync_app.services.pause import stop_cycles
from medsync_app.services.renewals import close_renewal
from medsync_app.services.schedule_cycle import withdraw_messages
from medsync_app.services.versions import bump, check_version
from medsync_app.store.repositories import exceptions, therapies
from medsync_app.store.repositories.pharmacies import pharmacy_today
from medsync_app.store.session import Tx
from medsync_app.store.tables import Enrollment, Patient

ENDINGS = frozenset(
    {
        EnrollmentState.WITHDRAWN,
        EnrollmentState.TRANSFERRED,
        EnrollmentState.DECEASED,
        EnrollmentState.INACTIVE,
    }
)
MAX_TEXT = 500


def withdraw(
    tx: Tx,
    enrollment_id: str,
    *,
    expected_version: int,
    reason: str,
    state: EnrollmentState = EnrollmentState.WITHDRAWN,
    on: date | None = None,
) -> None:
    """End an enrollment for good, and cancel all that is queued for the patient.

    A ready batch stays to be fetched, but for a deceased patient (`on`: the day, today by default), whose batch
    must go back to stock. Conflict when it has ended or was changed since; Invalid for another state.
    """
    if state not in ENDINGS:
        raise Invalid("Choose withdrawn, transferred, deceased or inactive.", "state")
    text = reason.strip()
    if not text or len(text) > MAX_TEXT:
        raise Invalid(f"Say why, in at most {MAX_TEXT} characters.", "reason")
    enrollment = tx.get(Enrollment, enrollment_id, lock=True)
    check_version(tx, enrollment, expected_version, "This enrollment")
    if enrollment.state in ENDINGS:
        raise Conflict(f"This enrollment has ended already ({enrollment.state.value}).")
    enrollment.state, enrollment.end_reason, enrollment.ended_at = state, text, tx.now
    bump(tx, enrollment)
    deceased = state is EnrollmentState.DECEASED
    why = "The patient has died." if deceased else "The enrollment has ended."
    close_fetched(tx, enrollment.id)
    if deceased:
        record_death(tx, tx.get(Patient, enrollment.patient_id), on)
    stop_cycles(tx, enrollment, why, fetched=not deceased)
    for therapy in therapies.of_patient(tx, enrollment.patient_id):
        close_renewal(tx, therapy.id, outcome=why)
    close_date_questions(tx, enrollment, why)
    if not deceased:
        check_patient(tx, enrollment.patient_id)
    audit(
        tx, pharmacy_id=enrollment.pharmacy_id, act="withdraw", subject_kind="enrollment",
        subject_id=enrollment.id, detail={"state": state.value},
    )  # fmt: skip


def record_death(tx: Tx, patient: Patient, on: date | None) -> None:
    """Nobody is called or written to any more, for whatever reason (`on`: the day, today by default)."""
    today = pharmacy_today(tx, patient.pharmacy_id)
    if on is not None and on > today:
        raise Invalid("The day cannot lie ahead.", "on")
    patient.deceased_on = on or today
    patient.updated_at = tx.now
    withdraw_messages(tx, patient_id=patient.id, reason="The patient has died.")
    for row in exceptions.open_of_patient(tx, patient.id):
        close_row(tx, row, outcome="The patient has died.")
