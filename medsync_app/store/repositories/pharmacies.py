"""Queries for organizations and pharmacies."""

from datetime import date

from sqlalchemy import bindparam, or_, select
from sqlmodel import col

from medsync_app.clock import local_day
from medsync_app.errors import NotFound
from medsync_app.store.session import Tx
from medsync_app.store.tables import ClosedDay, Organization, Pharmacy

_CLOSED_DAYS = select(col(ClosedDay.day)).where(
    col(ClosedDay.pharmacy_id) == bindparam("pharmacy_id"), col(ClosedDay.day) >= bindparam("since")
)


def pharmacy_by_name(tx: Tx, text: str) -> Pharmacy:
    """The pharmacy with that id or slug; NotFound when the caller sees none."""
    found = tx.session.scalars(
        select(Pharmacy).where(or_(col(Pharmacy.id) == text, col(Pharmacy.slug) == text))
    ).first()
    if found is None:
        raise NotFound("There is no pharmacy with this id or slug. `pharmacy add` makes one and prints both.")
    return found


def first_organization(tx: Tx) -> Organization | None:
    """The oldest organization, None before the first pharmacy."""
    return tx.session.scalars(select(Organization).order_by(col(Organization.created_at))).first()


def slug_is_taken(tx: Tx, slug: str) -> bool:
    """Whether a pharmacy has that slug."""
    return tx.session.scalars(select(col(Pharmacy.id)).where(col(Pharmacy.slug) == slug)).first() is not None


def pharmacy_today(tx: Tx, pharmacy_id: str) -> date:
    """The calendar day at the pharmacy; NotFound outside the scope."""
    return local_day(tx.now, tx.get(Pharmacy, pharmacy_id).zone)


def closed_days(tx: Tx, pharmacy_id: str, since: date = date.min) -> frozenset[date]:
    """The calendar days from `since` on which a pharmacy is closed beyond its weekly hours."""
    known: frozenset[date] | None = tx.ahead.get(("closed", pharmacy_id))
    if known is not None:
        return frozenset(day for day in known if day >= since)
    return frozenset(tx.session.scalars(_CLOSED_DAYS, {"pharmacy_id": pharmacy_id, "since": since}))


def read_closed_days(tx: Tx, pharmacy_id: str) -> None:
    """Read them ahead, for `closed_days`."""
    tx.ahead["closed", pharmacy_id] = closed_days(tx, pharmacy_id)
