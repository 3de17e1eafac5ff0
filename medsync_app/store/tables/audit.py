"""The append-only audit log, chained per pharmacy by HMAC, and the backups that were made."""

from datetime import datetime
from typing import Any

from sqlalchemy import UniqueConstraint
from sqlmodel import Field

from medsync_app.store.tables.base import BigId, Table, document, id_field, instant, optional_ref


class AuditEvent(Table, table=True):
    """One act of a person: every read of a patient page, change, export and failed login."""

    __table_args__ = (UniqueConstraint("chain", "sequence"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    #: The pharmacy's id, or "system" for acts outside any pharmacy (a failed login).
    chain: str
    #: 1, 2, 3 ... within the chain: a missing row shows.
    sequence: int
    at: datetime = instant(index=True)
    actor_id: str
    actor_name: str
    act: str
    subject_kind: str = ""
    subject_id: str = Field(default="", index=True)
    detail: dict[str, Any] = document()
    #: HMAC-SHA256 over the previous row's mac and this row, hex.
    mac: str


class AuditHead(Table, table=True):
    """The newest sequence and mac of each chain: a cut-off tail shows, and writers queue on its row."""

    chain: str = Field(primary_key=True)
    sequence: int
    mac: str


class BackupRun(Table, table=True):
    """A backup that was made, or failed."""

    id: str = id_field()
    pharmacy_id: str | None = optional_ref("pharmacy")
    started_at: datetime = instant(index=True)
    finished_at: datetime | None = instant(optional=True)
    file_name: str = ""
    size_bytes: int | None = None
    error: str = ""
