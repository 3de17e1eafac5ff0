"""Queries for import runs and their problems."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import and_, or_, select
from sqlmodel import col

from medsync_app.domain.dispensing_row import RowProblem
from medsync_app.store.session import Tx
from medsync_app.store.tables import ImportMapping, ImportProblem, ImportRun


def problems_of(tx: Tx, run_id: str) -> list[RowProblem]:
    """The problems of a run, by row."""
    rows = tx.session.execute(
        select(col(ImportProblem.row), col(ImportProblem.column), col(ImportProblem.reason))
        .where(col(ImportProblem.run_id) == run_id)
        .order_by(col(ImportProblem.row), col(ImportProblem.id))
    )
    return [RowProblem(row, column, reason) for row, column, reason in rows]


def to_work(tx: Tx, silent_before: datetime) -> Sequence[str]:
    """Ids of runs that wait, or were interrupted, oldest first."""
    interrupted = and_(
        col(ImportRun.state) == "running",
        or_(col(ImportRun.worked_at).is_(None), col(ImportRun.worked_at) < silent_before),
    )
    return tx.session.scalars(
        select(col(ImportRun.id))
        .where(or_(col(ImportRun.state) == "waiting", interrupted))
        .order_by(col(ImportRun.created_at), col(ImportRun.id))
    ).all()


def unconfirmed(tx: Tx, created_before: datetime) -> Sequence[str]:
    """Ids of uploads that nobody has started."""
    return tx.session.scalars(
        select(col(ImportRun.id)).where(
            col(ImportRun.state) == "uploaded", col(ImportRun.created_at) < created_before
        )
    ).all()


def mappings_of(tx: Tx, pharmacy_id: str) -> Sequence[ImportMapping]:
    """The mappings a pharmacy keeps, newest first."""
    return tx.session.scalars(
        select(ImportMapping)
        .where(col(ImportMapping.pharmacy_id) == pharmacy_id)
        .order_by(col(ImportMapping.updated_at).desc(), col(ImportMapping.name))
    ).all()
