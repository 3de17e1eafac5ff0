"""Queries of the public form: its address, and what was written into it."""

from datetime import date, datetime

from sqlalchemy import func, select
from sqlmodel import col

from medsync_app.store.session import Tx
from medsync_app.store.tables import JoinLink, JoinRequest


def link_of(tx: Tx, pharmacy_id: str) -> JoinLink | None:
    """The form of a pharmacy; None while it has none."""
    return tx.session.scalars(select(JoinLink).where(col(JoinLink.pharmacy_id) == pharmacy_id)).one_or_none()


def link_of_token(tx: Tx, token: str) -> JoinLink | None:
    """The form at an address."""
    return tx.session.scalars(select(JoinLink).where(col(JoinLink.token) == token)).one_or_none()


def received(
    tx: Tx, *, since: datetime, pharmacy_id: str | None = None, source_hash: str | None = None
) -> int:
    """How many requests came since an instant, for a pharmacy or from one source."""
    query = select(func.count()).select_from(JoinRequest).where(col(JoinRequest.received_at) >= since)
    if pharmacy_id is not None:
        query = query.where(col(JoinRequest.pharmacy_id) == pharmacy_id)
    if source_hash is not None:
        query = query.where(col(JoinRequest.source_hash) == source_hash)
    return tx.session.execute(query).scalar_one()


def waiting_twin(
    tx: Tx, pharmacy_id: str, *, first_name: str, last_name: str, birth_date: date, phone: str
) -> JoinRequest | None:
    """A request of the same person that nobody has looked at yet."""
    return tx.session.scalars(
        select(JoinRequest).where(
            col(JoinRequest.pharmacy_id) == pharmacy_id, col(JoinRequest.handled_at).is_(None),
            col(JoinRequest.birth_date) == birth_date, col(JoinRequest.phone) == phone,
            func.lower(col(JoinRequest.first_name)) == first_name.lower(),
            func.lower(col(JoinRequest.last_name)) == last_name.lower(),
        ).limit(1)
    ).first()  # fmt: skip
