"""What goes to other programs than the patient's phone: tasks mirrored, renewal requests, signed events."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, text
from sqlmodel import Field

from medsync_app.domain.states import OutsideKind, OutsideState
from medsync_app.store.tables.base import PharmacyScoped, choice, document, id_field, instant, optional_ref

_OPEN = text("state in ('queued', 'calling')")


class OutsideJob(PharmacyScoped, table=True):
    """One thing for one program: `op` is open or close (a mirrored task), or send."""

    __table_args__ = (Index("ix_outside_job_due", "due_at", sqlite_where=_OPEN, postgresql_where=_OPEN),)

    id: str = id_field()
    kind: OutsideKind = Field(sa_type=choice(OutsideKind))
    op: str
    idempotency_key: str = Field(unique=True)
    exception_id: str | None = optional_ref("exception_case", index=True)
    renewal_id: str | None = optional_ref("renewal_request", index=True)
    cycle_id: str | None = optional_ref("cycle", index=True)
    #: What a signed event says; tasks and letters are put together when they go.
    payload: dict[str, Any] = document()
    state: OutsideState = Field(default=OutsideState.QUEUED, sa_type=choice(OutsideState))
    attempts: int = 0
    due_at: datetime = instant()
    lease_until: datetime | None = instant(optional=True)
    #: Its id there, and an address that a person can open.
    external_ref: str = ""
    external_url: str = ""
    reason: str = ""
    created_at: datetime = instant()
    sent_at: datetime | None = instant(optional=True)
