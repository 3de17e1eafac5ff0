"""Queries for exceptions: the open row of a cause, and the open rows of a cycle, enrollment or pharmacy."""

from collections.abc import Sequence

from sqlalchemy import bindparam, select
from sqlmodel import col

from medsync_app.domain.states import ExceptionKind, ExceptionState
from medsync_app.store.session import Tx
from medsync_app.store.tables import ExceptionCase

_OPEN_BY_CAUSE = select(ExceptionCase).where(
    col(ExceptionCase.pharmacy_id) == bindparam("pharmacy_id"),
    col(ExceptionCase.cause_key) == bindparam("cause_key"),
    col(ExceptionCase.state) == ExceptionState.OPEN,
)
_OVERDUE = (
    select(ExceptionCase)
    .where(
        col(ExceptionCase.pharmacy_id) == bindparam("pharmacy_id"),
        col(ExceptionCase.state) == ExceptionState.OPEN,
        col(ExceptionCase.due_at) < bindparam("now"),
    )
    .order_by(col(ExceptionCase.due_at), col(ExceptionCase.id))
)


def open_by_cause(tx: Tx, pharmacy_id: str, cause_key: str) -> ExceptionCase | None:
    """The open exception with that cause, locked for change."""
    values = {"pharmacy_id": pharmacy_id, "cause_key": cause_key}
    return tx.session.scalars(tx.locked(_OPEN_BY_CAUSE), values).one_or_none()


def open_of_cycle(tx: Tx, cycle_id: str) -> Sequence[ExceptionCase]:
    """The open exceptions that name this cycle."""
    return tx.session.scalars(
        select(ExceptionCase)
        .where(col(ExceptionCase.cycle_id) == cycle_id, col(ExceptionCase.state) == ExceptionState.OPEN)
        .order_by(col(ExceptionCase.id))
    ).all()


def open_of_patient(
    tx: Tx, patient_id: str, kinds: Sequence[ExceptionKind] | None = None
) -> Sequence[ExceptionCase]:
    """The open exceptions of one patient, of those kinds only when given."""
    statement = select(ExceptionCase).where(
        col(ExceptionCase.patient_id) == patient_id, col(ExceptionCase.state) == ExceptionState.OPEN
    )
    if kinds is not None:
        statement = statement.where(col(ExceptionCase.kind).in_(list(kinds)))
    return tx.session.scalars(statement.order_by(col(ExceptionCase.id))).all()


def overdue(tx: Tx, pharmacy_id: str) -> Sequence[ExceptionCase]:
    """The open exceptions of a pharmacy whose due time has passed, the oldest first."""
    return tx.session.scalars(_OVERDUE, {"pharmacy_id": pharmacy_id, "now": tx.now}).all()


def open_of_kind(tx: Tx, pharmacy_id: str, kind: ExceptionKind) -> Sequence[ExceptionCase]:
    """The open exceptions of one kind at a pharmacy."""
    return tx.session.scalars(
        select(ExceptionCase)
        .where(
            col(ExceptionCase.pharmacy_id) == pharmacy_id,
            col(ExceptionCase.kind) == kind,
            col(ExceptionCase.state) == ExceptionState.OPEN,
        )
        .order_by(col(ExceptionCase.id))
    ).all()
