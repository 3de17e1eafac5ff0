"""Queries for patients and the ways to reach them."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import select
from sqlmodel import col

from medsync_app.store.session import Tx
from medsync_app.store.tables import AddressStatus, ClosedDay, ContactPoint


def contact_points(tx: Tx, patient_id: str) -> Sequence[ContactPoint]:
    """All contact points of a patient, the preferred first."""
    return tx.session.scalars(
        select(ContactPoint)
        .where(col(ContactPoint.patient_id) == patient_id)
        .order_by(col(ContactPoint.rank), col(ContactPoint.id))
    ).all()


def address_statuses(tx: Tx, pharmacy_id: str, addresses: Sequence[str]) -> Sequence[AddressStatus]:
    """What is known of these numbers and addresses at one pharmacy."""
    if not addresses:
        return []
    return tx.session.scalars(
        select(AddressStatus).where(
            col(AddressStatus.pharmacy_id) == pharmacy_id, col(AddressStatus.address).in_(list(addresses))
        )
    ).all()


def closed_days(tx: Tx, pharmacy_id: str, since: date) -> frozenset[date]:
    """The pharmacy's closed days on or after `since`."""
    return frozenset(
        tx.session.scalars(
            select(col(ClosedDay.day)).where(
                col(ClosedDay.pharmacy_id) == pharmacy_id, col(ClosedDay.day) >= since
            )
        )
    )
