"""Adds a pharmacy, with hours that it can change in the settings."""

import re
import unicodedata
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from medsync_app.errors import Forbidden, Invalid
from medsync_app.services.ensure_workflow import workflow_for
from medsync_app.store.repositories.pharmacies import first_organization, slug_is_taken
from medsync_app.store.session import Tx
from medsync_app.store.tables import Organization, Pharmacy

MAX_NAME = 120
#: Until the pharmacy says otherwise: Monday to Friday 9-19, Saturday 9-17.
USUAL_HOURS = {**{str(day): ["09:00", "19:00"] for day in range(5)}, "5": ["09:00", "17:00"]}


@dataclass(frozen=True, slots=True)
class AddedPharmacy:
    """The new pharmacy's id, and the slug that addresses and commands may use for it."""

    id: str
    slug: str


def add_pharmacy(tx: Tx, name: str, zone: str) -> AddedPharmacy:
    """Add a pharmacy to the organization, which the first one creates; Invalid names the field. System
    scopes only.
    """
    if not tx.scope.is_system:
        raise Forbidden("Pharmacies are added on the command line.")
    name = " ".join(name.split())
    if not 0 < len(name) <= MAX_NAME or not name.isprintable():
        raise Invalid(f"Give a name of 1 to {MAX_NAME} characters.", "name")
    _check_zone(zone)
    organization = first_organization(tx)
    if organization is None:
        organization = tx.add(Organization(name=name, created_at=tx.now))
        tx.session.flush()
    pharmacy = tx.add(
        Pharmacy(
            organization_id=organization.id, slug=_free_slug(tx, name), name=name, zone=zone,
            hours=dict(USUAL_HOURS), created_at=tx.now,
        )
    )  # fmt: skip
    tx.session.flush()
    workflow_for(tx, pharmacy.id)
    return AddedPharmacy(pharmacy.id, pharmacy.slug)


def _check_zone(zone: str) -> None:
    """Only names of places: "EST" and offsets know no daylight saving time."""
    try:
        found = "/" in zone and len(zone) <= 64 and bool(ZoneInfo(zone))
    except (ValueError, OSError, KeyError):  # ZoneInfoNotFoundError is a KeyError
        found = False
    if not found:
        raise Invalid(
            "There is no such time zone. Give one such as America/New_York or America/Chicago.", "zone"
        )


def _free_slug(tx: Tx, name: str) -> str:
    """The name in lower-case ASCII letters, digits and hyphens, numbered when it is taken."""
    plain = unicodedata.normalize("NFKD", name.casefold()).encode("ascii", "ignore").decode()
    base = re.sub(r"[^a-z0-9]+", "-", plain.replace("'", "")).strip("-")[:40].strip("-") or "pharmacy"
    slug, number = base, 1
    while slug_is_taken(tx, slug):
        number += 1
        slug = f"{base}-{number}"
    return slug
