"""Queries for who works where."""

from sqlalchemy import select
from sqlmodel import col

from medsync_app.store.session import Tx
from medsync_app.store.tables import Membership


def membership_of(tx: Tx, pharmacy_id: str, staff_id: str) -> Membership | None:
    """The role of one person at one pharmacy, None when there is none."""
    return tx.session.scalars(
        select(Membership).where(
            col(Membership.pharmacy_id) == pharmacy_id, col(Membership.staff_id) == staff_id
        )
    ).one_or_none()
