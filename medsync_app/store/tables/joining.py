"""Requests to take part that come in by forms and from the pharmacy system, and where they come from."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field

from medsync_app.domain.states import JoinOrigin
from medsync_app.store.tables.base import PharmacyScoped, choice, document, id_field, instant, optional_ref


class JoinLink(PharmacyScoped, table=True):
    """The public form by which patients ask to be enrolled: its random address, one per pharmacy."""

    __table_args__ = (UniqueConstraint("pharmacy_id"),)

    id: str = id_field()
    #: Printed on paper and known to anybody: it opens the form and nothing else.
    token: str = Field(unique=True)
    created_at: datetime = instant()
    created_by: str


class JoinRequest(PharmacyScoped, table=True):
    """What somebody wrote into a form, or the pharmacy system sent; no patient until a person has looked at it.

    A name, date or number that is missing or cannot be read is "" (None), and what was written stands in `extra`.
    """

    __table_args__ = (Index(None, "pharmacy_id", "received_at"), Index(None, "source_hash", "received_at"))

    id: str = id_field()
    origin: JoinOrigin = Field(default=JoinOrigin.FORM, sa_type=choice(JoinOrigin))
    first_name: str
    last_name: str
    birth_date: date | None = None
    phone: str
    email: str = ""
    language: str = "en"
    #: The wording that was agreed to; "" when it was not.
    consent_wording: str = ""
    #: [{"name": ..., "days_left": ...}] as the person wrote it.
    medicines: list[dict[str, Any]] = document(list)
    #: [{"question": ..., "answer": ...}]: what no field of ours holds.
    extra: list[dict[str, Any]] = document(list)
    #: The patient's id in the pharmacy system, when that sent the request.
    source_id: str = ""
    #: Keyed hash of where the public form was filled in, to bound how much comes from one place.
    source_hash: str = ""
    #: When the person said so; a form may be handed over later, and in any order.
    told_at: datetime = instant()
    received_at: datetime = instant()
    handled_at: datetime | None = instant(optional=True)
    handled_by: str = ""
    #: The patient it led to; None when it was put aside.
    patient_id: str | None = optional_ref("patient")


class FormSource(PharmacyScoped, table=True):
    """A form of another provider, or the pharmacy system: how it is read, and what came of it."""

    __table_args__ = (UniqueConstraint("pharmacy_id", "origin"),)

    id: str = id_field()
    origin: JoinOrigin = Field(sa_type=choice(JoinOrigin))
    #: Which question fills which of our fields (domain/form_mapping.py); {} is the preset.
    mapping: dict[str, Any] = document()
    received_at: datetime | None = instant(optional=True)
    refused_at: datetime | None = instant(optional=True)
    #: Why the last refused delivery was; holds nothing of a patient.
    refusal: str = ""
