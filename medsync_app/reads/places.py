"""The pharmacies in scope with the day it is there: every page that says "today" asks here."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, cast

from sqlalchemy import select

from medsync_app.clock import local_day
from medsync_app.store.session import Tx
from medsync_app.store.tables import Pharmacy

_pharmacy = cast(Any, Pharmacy)


@dataclass(frozen=True, slots=True)
class Here:
    """A pharmacy, and the calendar day at its place when the transaction began."""

    id: str
    slug: str
    name: str
    zone: str
    today: date


def places(tx: Tx) -> Mapping[str, Here]:
    """The pharmacies in scope by id."""
    rows = tx.session.execute(select(_pharmacy.id, _pharmacy.slug, _pharmacy.name, _pharmacy.zone))
    return {key: Here(key, slug, name, zone, local_day(tx.now, zone)) for key, slug, name, zone in rows}
