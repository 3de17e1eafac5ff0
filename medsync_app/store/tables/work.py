"""Exceptions and tasks a person must act on; workflow documents and message templates."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field

from medsync_app.domain.states import ExceptionKind, ExceptionState, Role, Severity
from medsync_app.store.tables.base import PharmacyScoped, choice, document, id_field, instant, optional_ref

_OPEN = text("state = 'open'")


class ExceptionCase(PharmacyScoped, table=True):
    """Something a person must look at; one open row per cause (`cause_key`), updated while the cause lasts."""

    __table_args__ = (
        Index(
            "uq_exception_case_open", "pharmacy_id", "cause_key", unique=True,
            sqlite_where=_OPEN, postgresql_where=_OPEN,
        ),
        Index(None, "pharmacy_id", "state", "due_at"),
    )  # fmt: skip

    id: str = id_field()
    kind: ExceptionKind = Field(sa_type=choice(ExceptionKind))
    cause_key: str
    severity: Severity = Field(default=Severity.NORMAL, sa_type=choice(Severity))
    state: ExceptionState = Field(default=ExceptionState.OPEN, sa_type=choice(ExceptionState))
    owner_role: Role = Field(sa_type=choice(Role))
    assigned_to: str | None = optional_ref("staff")
    patient_id: str | None = optional_ref("patient", index=True)
    cycle_id: str | None = optional_ref("cycle", index=True)
    therapy_id: str | None = optional_ref("therapy")
    action_id: str | None = Field(default=None)
    #: What to do, in plain words without patient data.
    summary: str
    detail: dict[str, Any] = document()
    due_at: datetime = instant()
    #: When the pharmacists, and later the owners, were told that it is overdue.
    told_at: datetime | None = instant(optional=True)
    told_owner_at: datetime | None = instant(optional=True)
    opened_at: datetime = instant()
    closed_at: datetime | None = instant(optional=True)
    closed_by: str = ""
    outcome: str = ""


class ExceptionComment(PharmacyScoped, table=True):
    """What somebody wrote on an exception."""

    id: str = id_field()
    exception_id: str = Field(foreign_key="exception_case.id", index=True)
    by: str
    text: str
    at: datetime = instant()


class WorkflowVersion(PharmacyScoped, table=True):
    """One version of a pharmacy's workflow document; never changed once published."""

    __table_args__ = (UniqueConstraint("pharmacy_id", "number"),)

    id: str = id_field()
    number: int
    document: dict[str, Any] = document()
    published: bool = True
    created_at: datetime = instant()
    created_by: str
    note: str = ""


class Template(PharmacyScoped, table=True):
    """The wording of one message in one language for one channel."""

    __table_args__ = (UniqueConstraint("pharmacy_id", "name", "language", "channel"),)

    id: str = id_field()
    name: str
    language: str
    channel: str
    body: str
    updated_at: datetime = instant()
    updated_by: str = ""


class WorkflowDraft(PharmacyScoped, table=True):
    """Changes to a pharmacy's workflow that are not published yet: everybody who may edit works on the same ones."""

    __table_args__ = (UniqueConstraint("pharmacy_id"),)

    id: str = id_field()
    #: The version the changes were begun from.
    base_number: int
    document: dict[str, Any] = document()
    changed_at: datetime = instant()
    changed_by: str


class TrialRun(PharmacyScoped, table=True):
    """The last dry run of a pharmacy's workflow: how far it is, and what it found."""

    __table_args__ = (UniqueConstraint("pharmacy_id"),)

    id: str = id_field()
    #: The version that was tried; 0 for changes not published yet.
    number: int
    days: int
    started_at: datetime = instant()
    started_by: str
    #: When it last said that it is alive, and how much of it is done (0 to 100).
    beat_at: datetime = instant()
    percent: int = 0
    finished_at: datetime | None = instant(optional=True)
    #: An id to report, when it broke.
    error: str = ""
    result: dict[str, Any] = document()
