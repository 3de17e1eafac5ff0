"""Queries for organizations and pharmacies."""

from sqlalchemy import or_, select
from sqlmodel import col

from medsync_app.errors import NotFound
from medsync_app.store.session import Tx
from medsync_app.store.tables import Organization, Pharmacy


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
