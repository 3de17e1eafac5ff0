"""Queries for enrollments."""

from collections.abc import Sequence

from sqlalchemy import bindparam, select
from sqlmodel import col

from medsync_app.domain.states import EnrollmentState
from medsync_app.store.session import Tx
from medsync_app.store.tables import Enrollment, EnrollmentOffer

OPEN_STATES = (EnrollmentState.DRAFT, EnrollmentState.ACTIVE, EnrollmentState.PAUSED)

_OPEN_OF_PATIENT = select(Enrollment).where(
    col(Enrollment.patient_id) == bindparam("patient_id"), col(Enrollment.state).in_(OPEN_STATES)
)


def open_of_patient(tx: Tx, patient_id: str) -> Enrollment | None:
    """The enrollment of a patient that has not ended (active, paused or draft), locked for change."""
    return tx.session.scalars(tx.locked(_OPEN_OF_PATIENT), {"patient_id": patient_id}).one_or_none()


def open_offer(tx: Tx, patient_id: str) -> EnrollmentOffer | None:
    """The newest offer to the patient that was not declined and that no enrollment has answered since."""
    newest = tx.session.scalars(
        select(EnrollmentOffer)
        .where(col(EnrollmentOffer.patient_id) == patient_id)
        .order_by(col(EnrollmentOffer.asked_at).desc(), col(EnrollmentOffer.id).desc())
        .limit(1)
    ).first()
    if newest is None or newest.declined_at is not None:
        return None
    answered = select(col(Enrollment.id)).where(
        col(Enrollment.patient_id) == patient_id, col(Enrollment.enrolled_at) >= newest.asked_at
    )
    return None if tx.session.scalars(answered.limit(1)).first() is not None else newest


def active(tx: Tx, pharmacy_id: str) -> Sequence[Enrollment]:
    """The active enrollments of a pharmacy."""
    return tx.session.scalars(
        select(Enrollment)
        .where(col(Enrollment.pharmacy_id) == pharmacy_id, col(Enrollment.state) == EnrollmentState.ACTIVE)
        .order_by(col(Enrollment.id))
    ).all()
