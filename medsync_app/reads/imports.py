"""What the import screen shows: runs with their progress."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlmodel import col

from medsync_app.store.session import Tx
from medsync_app.store.tables import ImportRun


@dataclass(frozen=True, slots=True)
class ImportView:
    """One import run."""

    id: str
    pharmacy_id: str
    file_name: str
    #: uploaded, waiting, running, done, failed, cancelled.
    state: str
    rows_done: int
    #: None until it is known (Excel).
    rows_total: int | None
    #: {"added": n, "changed": n, "unchanged": n} of distinct patients, prescriptions and fills; empty before.
    patients: Mapping[str, int]
    prescriptions: Mapping[str, int]
    fills: Mapping[str, int]
    problems: int
    notes: Sequence[str]
    error: str
    created_at: datetime
    finished_at: datetime | None

    @property
    def percent(self) -> int | None:
        """How far it is, 0 to 100; None while nobody can tell. 100 only when it has ended well."""
        if self.state == "done":
            return 100
        return None if not self.rows_total else min(99, self.rows_done * 100 // self.rows_total)


def recent_imports(tx: Tx, pharmacy_id: str, *, limit: int = 20) -> list[ImportView]:
    """The newest runs of a pharmacy."""
    rows = tx.session.scalars(
        select(ImportRun)
        .where(col(ImportRun.pharmacy_id) == pharmacy_id)
        .order_by(col(ImportRun.created_at).desc(), col(ImportRun.id).desc())
        .limit(limit)
    )
    return [_view(row) for row in rows]


def import_view(tx: Tx, run_id: str) -> ImportView:
    """One run; NotFound outside the scope."""
    return _view(tx.get(ImportRun, run_id))


def _view(row: ImportRun) -> ImportView:
    counts: Mapping[str, Any] = row.counts
    return ImportView(
        id=row.id, pharmacy_id=row.pharmacy_id, file_name=row.file_name, state=row.state,
        rows_done=row.rows_done, rows_total=row.rows_total, patients=counts.get("patients", {}),
        prescriptions=counts.get("prescriptions", {}), fills=counts.get("fills", {}),
        problems=int(counts.get("problems", 0)), notes=tuple(row.notes), error=row.error,
        created_at=row.created_at, finished_at=row.finished_at,
    )  # fmt: skip
