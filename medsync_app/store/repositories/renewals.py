"""Queries for renewal requests."""

from collections.abc import Sequence

from sqlalchemy import bindparam, select
from sqlmodel import col

from medsync_app.domain.states import RenewalState
from medsync_app.store.session import Tx
from medsync_app.store.tables import RenewalRequest

UNANSWERED = (RenewalState.OPEN, RenewalState.SENT, RenewalState.PENDING)
_OF_THERAPY = (
    select(RenewalRequest)
    .where(col(RenewalRequest.therapy_id) == bindparam("therapy_id"))
    .order_by(col(RenewalRequest.id))
)
_UNANSWERED_OF_THERAPY = _OF_THERAPY.where(col(RenewalRequest.state).in_(UNANSWERED))
_UNANSWERED_OF_PATIENT = (
    select(RenewalRequest)
    .where(
        col(RenewalRequest.patient_id) == bindparam("patient_id"), col(RenewalRequest.state).in_(UNANSWERED)
    )
    .order_by(col(RenewalRequest.therapy_id))
)


def unanswered_of_therapy(tx: Tx, therapy_id: str) -> RenewalRequest | None:
    """The one request of a drug that waits for an answer, locked for change."""
    return tx.session.scalars(tx.locked(_UNANSWERED_OF_THERAPY), {"therapy_id": therapy_id}).one_or_none()


def unanswered_of_patient(tx: Tx, patient_id: str) -> Sequence[RenewalRequest]:
    """A patient's requests that wait for an answer, by drug, locked for change."""
    return tx.session.scalars(tx.locked(_UNANSWERED_OF_PATIENT), {"patient_id": patient_id}).all()


def of_cycle(tx: Tx, cycle_id: str) -> Sequence[RenewalRequest]:
    """All requests made for one cycle, oldest first."""
    return tx.session.scalars(
        select(RenewalRequest)
        .where(col(RenewalRequest.cycle_id) == cycle_id)
        .order_by(col(RenewalRequest.id))
    ).all()


def of_therapy(tx: Tx, therapy_id: str) -> Sequence[RenewalRequest]:
    """All requests for one drug, oldest first."""
    return tx.session.scalars(_OF_THERAPY, {"therapy_id": therapy_id}).all()
