"""Queries for what takes patients out of the adherence measures."""

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import select
from sqlmodel import col

from medsync_app.domain.care import Care
from medsync_app.store.session import Tx
from medsync_app.store.tables import PatientCare


def of_patient(tx: Tx, patient_id: str) -> Sequence[PatientCare]:
    """The records of one patient, the latest first."""
    return tx.session.scalars(
        select(PatientCare)
        .where(col(PatientCare.patient_id) == patient_id)
        .order_by(col(PatientCare.starts_on).desc(), col(PatientCare.id))
    ).all()


def by_patient(tx: Tx) -> dict[str, tuple[Care, ...]]:
    """The records of everybody in scope; patients without any are missing."""
    rows = tx.session.execute(
        select(
            col(PatientCare.patient_id), col(PatientCare.kind), col(PatientCare.starts_on),
            col(PatientCare.ends_on),
        ).order_by(col(PatientCare.starts_on), col(PatientCare.id))
    )  # fmt: skip
    found: dict[str, list[Care]] = defaultdict(list)
    for patient_id, kind, start, end in rows:
        found[patient_id].append(Care(kind, start, end))
    return {key: tuple(records) for key, records in found.items()}
