"""Queries for a patient's drugs: therapies with their prescriptions and fills."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import bindparam, select
from sqlmodel import col

from medsync_app.store.session import Tx
from medsync_app.store.tables import Fill, Prescription, Therapy

_OF_PATIENT = (
    select(Therapy).where(col(Therapy.patient_id) == bindparam("patient_id")).order_by(col(Therapy.id))
)
_PRESCRIPTIONS = select(Prescription).order_by(col(Prescription.written_on), col(Prescription.id))
_PRESCRIPTIONS_OF_PATIENT = _PRESCRIPTIONS.where(col(Prescription.patient_id) == bindparam("patient_id"))
_PRESCRIPTIONS_OF_THERAPY = _PRESCRIPTIONS.where(col(Prescription.therapy_id) == bindparam("therapy_id"))
_FILLS = select(Fill).order_by(col(Fill.filled_on), col(Fill.id))
_FILLS_OF_PATIENT = _FILLS.where(col(Fill.patient_id) == bindparam("patient_id"))
_FILLS_OF_THERAPY = _FILLS.where(
    col(Fill.therapy_id) == bindparam("therapy_id"), col(Fill.filled_on) >= bindparam("since")
)


def of_patient(tx: Tx, patient_id: str) -> Sequence[Therapy]:
    """All therapies of a patient, oldest first."""
    return tx.session.scalars(_OF_PATIENT, {"patient_id": patient_id}).all()


def prescriptions_of_patient(tx: Tx, patient_id: str) -> Sequence[Prescription]:
    """All Rx numbers of a patient, by date written and id."""
    return tx.session.scalars(_PRESCRIPTIONS_OF_PATIENT, {"patient_id": patient_id}).all()


def fills_of_patient(tx: Tx, patient_id: str) -> Sequence[Fill]:
    """All fills of a patient, by claim date."""
    return tx.session.scalars(_FILLS_OF_PATIENT, {"patient_id": patient_id}).all()


def fills_of_therapy(tx: Tx, therapy_id: str, since: date) -> Sequence[Fill]:
    """Fills of one drug claimed on or after `since`, by claim date."""
    return tx.session.scalars(_FILLS_OF_THERAPY, {"therapy_id": therapy_id, "since": since}).all()


def by_ids(tx: Tx, therapy_ids: Sequence[str]) -> dict[str, Therapy]:
    """Therapies by id; ids that are not visible are missing."""
    if not therapy_ids:
        return {}
    rows = tx.session.scalars(select(Therapy).where(col(Therapy.id).in_(sorted(set(therapy_ids)))))
    return {row.id: row for row in rows}


def written_prescriptions(tx: Tx, pharmacy_id: str, schedule: int | None) -> Sequence[Prescription]:
    """The Rx numbers of a pharmacy with a date written, of drugs of one schedule (None: not controlled)."""
    return tx.session.scalars(
        select(Prescription)
        .join(Therapy, col(Therapy.id) == col(Prescription.therapy_id))
        .where(
            col(Prescription.pharmacy_id) == pharmacy_id,
            col(Prescription.written_on).is_not(None),
            col(Therapy.schedule).is_not_distinct_from(schedule),
        )
        .order_by(col(Prescription.id))
    ).all()


def plan_names(tx: Tx, pharmacy_id: str) -> Sequence[str]:
    """The names of the insurance plans that the pharmacy's data knows, in any case once, in order."""
    rows = tx.session.scalars(
        select(col(Therapy.plan_name))
        .where(col(Therapy.pharmacy_id) == pharmacy_id, col(Therapy.plan_name) != "")
        .distinct()
    )
    return sorted({name.casefold(): name for name in sorted(rows)}.values(), key=str.casefold)


def prescriptions_of_therapy(tx: Tx, therapy_id: str) -> Sequence[Prescription]:
    """The Rx numbers of one drug, by date written and id."""
    return tx.session.scalars(_PRESCRIPTIONS_OF_THERAPY, {"therapy_id": therapy_id}).all()
