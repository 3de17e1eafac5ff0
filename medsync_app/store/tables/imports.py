"""Import runs with the rows that could not be used, and the column mappings a pharmacy keeps."""

from datetime import datetime
from typing import Any

from sqlalchemy import UniqueConstraint

from medsync_app.store.tables.base import PharmacyScoped, document, id_field, instant, ref


class ImportRun(PharmacyScoped, table=True):
    """One file, worked in chunks, resumable from `rows_done`."""

    id: str = id_field()
    file_name: str
    #: SHA-256 of the file: the same file again is recognised.
    file_hash: str
    stored_path: str
    mapping: dict[str, Any] = document()
    #: uploaded, waiting, running, done, failed, cancelled.
    state: str
    rows_total: int | None = None
    rows_done: int = 0
    counts: dict[str, Any] = document()
    notes: list[str] = document(list)
    error: str = ""
    started_by: str
    created_at: datetime = instant(index=True)
    #: Last sign of life: a running import that has been silent for minutes is taken over.
    worked_at: datetime | None = instant(optional=True)
    finished_at: datetime | None = instant(optional=True)


class ImportProblem(PharmacyScoped, table=True):
    """One row of a file that was not used, and why."""

    id: str = id_field()
    run_id: str = ref("import_run")
    #: Line number, the header being 1.
    row: int
    column: str
    reason: str


class ImportMapping(PharmacyScoped, table=True):
    """A named mapping of a source's columns to our fields."""

    __table_args__ = (UniqueConstraint("pharmacy_id", "name"),)

    id: str = id_field()
    name: str
    #: Our field -> the source's column header.
    columns: dict[str, Any] = document()
    updated_at: datetime = instant()
