"""Records hospice, kidney failure, stays and disenrolment of a patient, and corrects them: adherence counts by them."""

from datetime import date

from medsync_app.clock import local_day
from medsync_app.domain.care import WITH_END, CareKind
from medsync_app.errors import Conflict, Invalid
from medsync_app.services.audit import audit
from medsync_app.store.repositories import care
from medsync_app.store.session import Tx
from medsync_app.store.tables import Patient, PatientCare, Pharmacy


def record_care(tx: Tx, patient_id: str, kind: CareKind, start: date, end: date | None = None) -> str:
    """Record what is known from `start` to `end` (None: it goes on); gives the record's id.

    Invalid for days ahead, an end before the start or of a kind that has none; Conflict when the same is recorded for
    some of these days already.
    """
    patient = tx.get(Patient, patient_id, lock=True)
    _check(tx, patient, kind, start, end)
    row = tx.add(
        PatientCare(
            pharmacy_id=patient.pharmacy_id, patient_id=patient.id, kind=kind, starts_on=start, ends_on=end,
            recorded_by=tx.scope.actor_name, recorded_at=tx.now,
        )
    )  # fmt: skip
    tx.session.flush()
    _audited(tx, row, "record_care")
    return row.id


def correct_care(tx: Tx, care_id: str, start: date, end: date | None) -> None:
    """Correct the days of a record; as `record_care`."""
    row = tx.get(PatientCare, care_id, lock=True)
    _check(tx, tx.get(Patient, row.patient_id, lock=True), row.kind, start, end, besides=row.id)
    row.starts_on, row.ends_on = start, end
    row.recorded_by, row.recorded_at = tx.scope.actor_name, tx.now
    _audited(tx, row, "correct_care")


def remove_care(tx: Tx, care_id: str) -> None:
    """Take a record out that was a mistake; the audit log keeps that it stood there."""
    row = tx.get(PatientCare, care_id, lock=True)
    tx.session.delete(row)
    tx.session.flush()
    _audited(tx, row, "remove_care")


def _check(
    tx: Tx, patient: Patient, kind: CareKind, start: date, end: date | None, *, besides: str = ""
) -> None:
    today = local_day(tx.now, tx.get(Pharmacy, patient.pharmacy_id).zone)
    if start > today or (patient.birth_date is not None and start < patient.birth_date):
        raise Invalid("Choose today or an earlier day of this patient's life.", "start")
    if end is not None and kind not in WITH_END:
        raise Invalid("This has no last day: leave it empty.", "end")
    if end is not None and not start <= end <= today:
        raise Invalid("The last day lies between the first one and today.", "end")
    for other in care.of_patient(tx, patient.id):
        apart = (end is not None and end < other.starts_on) or (
            other.ends_on is not None and other.ends_on < start
        )
        if other.kind is kind and other.id != besides and not apart:
            raise Conflict("This is recorded for some of these days already: correct that instead.")


def _audited(tx: Tx, row: PatientCare, act: str) -> None:
    audit(
        tx, pharmacy_id=row.pharmacy_id, act=act, subject_kind="patient", subject_id=row.patient_id,
        detail={
            "care": row.id, "kind": row.kind.value, "start": row.starts_on.isoformat(),
            "end": row.ends_on.isoformat() if row.ends_on else None,
        },
    )  # fmt: skip
