"""Queries for drafts of the enrollment wizard."""

from typing import Any, cast

from sqlalchemy import select

from medsync_app.store.session import Tx
from medsync_app.store.tables import EnrollmentDraft

_draft = cast(Any, EnrollmentDraft)


def open_of_patient(tx: Tx, patient_id: str) -> EnrollmentDraft | None:
    """The newest draft of a patient that is not finished."""
    return tx.session.scalars(
        select(EnrollmentDraft)
        .where(_draft.patient_id == patient_id, _draft.finished_at.is_(None))
        .order_by(_draft.updated_at.desc(), _draft.id)
        .limit(1)
    ).first()
