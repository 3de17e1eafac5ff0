"""Queries for a patient's drugs: therapies with their prescriptions and fills."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import select
from sqlmodel import col

from medsync_app.store.session import Tx
from medsync_app.store.tables import Fill, Prescription, Therapy


def of_patient(tx: Tx, patient_id: str) -> Sequence[Therapy]:
    """All therapies of a patient, oldest first."""
    return tx.session.scalars(
        select(Therapy).where(col(Therapy.patient_id) == patient_id).order_by(col(Therapy.id))
    ).all()


def prescriptions_of_patient(tx: Tx, patient_id: str) -> Sequence[Prescription]:
    """All Rx numbers of a patient, by date written and id."""
    return tx.session.scalars(
        select(Prescription)
        .where(col(Prescription.patient_id) == patient_id)
        .order_by(col(Prescription.written_on), col(Prescription.id))
    ).all()


def fills_of_patient(tx: Tx, patient_id: str) -> Sequence[Fill]:
    """All fills of a patient, by claim date."""
    return tx.session.scalars(
        select(Fill).where(col(Fill.patient_id) == patient_id).order_by(col(Fill.filled_on), col(Fill.id))
    ).all()


def fills_of_therapy(tx: Tx, therapy_id: str, since: date) -> Sequence[Fill]:
    """Fills of one drug claimed on or after `since`, by claim date."""
    return tx.session.scalars(
        select(Fill)
        .where(col(Fill.therapy_id) == therapy_id, col(Fill.filled_on) >= since)
        .order_by(col(Fill.filled_on), col(Fill.id))
    ).all()


def by_ids(tx: Tx, therapy_ids: Sequence[str]) -> dict[str, Therapy]:
    """Therapies by id; ids that are not visible are missing."""
    if not therapy_ids:
        return {}
    rows = tx.session.scalars(select(Therapy).where(col(Therapy.id).in_(sorted(set(therapy_ids)))))
    return {row.id: row for row in rows}


def prescriptions_of_therapy(tx: Tx, therapy_id: str) -> Sequence[Prescription]:
    """The Rx numbers of one drug, by date written and id."""
    return tx.session.scalars(
        select(Prescription)
        .where(col(Prescription.therapy_id) == therapy_id)
        .order_by(col(Prescription.written_on), col(Prescription.id))
    ).all()
