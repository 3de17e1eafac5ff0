"""Queries for what goes to other programs."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlmodel import col

from medsync_app.domain.states import OutsideState
from medsync_app.store.session import Tx
from medsync_app.store.tables import OutsideJob


def by_key(tx: Tx, key: str) -> OutsideJob | None:
    """The job with that idempotency key."""
    return tx.session.scalars(select(OutsideJob).where(col(OutsideJob.idempotency_key) == key)).one_or_none()


def of_exception(tx: Tx, exception_id: str) -> Sequence[OutsideJob]:
    """Where a task is mirrored, oldest first."""
    return tx.session.scalars(
        select(OutsideJob)
        .where(col(OutsideJob.exception_id) == exception_id, col(OutsideJob.op) == "open")
        .order_by(col(OutsideJob.id))
    ).all()


def next_outside(tx: Tx) -> datetime | None:
    """When something for another program is due, or its lease runs out; None when nothing waits."""
    job = col(OutsideJob.state)
    waits = select(func.min(col(OutsideJob.due_at))).where(job == OutsideState.QUEUED)
    lost = select(func.min(col(OutsideJob.lease_until))).where(job == OutsideState.CALLING)
    instants = [at for at in (tx.session.scalar(waits), tx.session.scalar(lost)) if at is not None]
    return min(instants, default=None)


def due_ids(tx: Tx, limit: int) -> list[str]:
    """Ids of what is due, or whose lease has run out, the longest waiting first."""
    waits = (col(OutsideJob.state) == OutsideState.QUEUED) & (col(OutsideJob.due_at) <= tx.now)
    lost = (col(OutsideJob.state) == OutsideState.CALLING) & (col(OutsideJob.lease_until) <= tx.now)
    statement = select(col(OutsideJob.id)).where(waits | lost).order_by(col(OutsideJob.due_at)).limit(limit)
    return list(tx.session.scalars(statement))
