"""The pharmacy group and its locations, with the settings each location keeps."""

from datetime import date, datetime, time
from typing import Any

from sqlalchemy import UniqueConstraint
from sqlmodel import Field

from medsync_app.store.tables.base import PharmacyScoped, Table, document, id_field, instant, ref


class Organization(Table, table=True):
    """The owner of one or more pharmacies."""

    id: str = id_field()
    name: str
    created_at: datetime = instant()


class Pharmacy(Table, table=True):
    """One location: its zone, hours, contact window, capacity and defaults of the rules."""

    id: str = id_field()
    organization_id: str = ref("organization")
    slug: str = Field(unique=True)
    name: str
    zone: str
    phone: str = ""
    address: str = ""
    npi: str = ""
    reply_to_email: str = ""
    #: ISO weekday of Monday = 0 as text -> ["09:00", "18:00"]; a missing day is closed.
    hours: dict[str, Any] = document()
    contact_from: time = Field(default=time(9, 0))
    contact_until: time = Field(default=time(20, 0))
    daily_capacity: int | None = None
    #: Overrides of rule defaults by name (cycle_days, min_lead_days, buffer_days, horizon_days, ...).
    rules: dict[str, Any] = document()
    #: When the newest dispensing data came in; None before the first import.
    data_as_of: datetime | None = instant(optional=True)
    #: Bumped by every commit that changes what a page of this pharmacy shows: cheap live updates.
    revision: int = 0
    is_demo: bool = False
    created_at: datetime = instant()


class ClosedDay(PharmacyScoped, table=True):
    """A calendar day on which the pharmacy does not open, beyond its weekly hours."""

    __table_args__ = (UniqueConstraint("pharmacy_id", "day"),)

    id: str = id_field()
    day: date
    name: str
