"""A private copy of one pharmacy, to let time pass in without touching the real one."""

import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, event, select

from medsync_app.store.session import Database
from medsync_app.store.tables import metadata

_CHUNK = 2_000
#: Who worked here, what was imported and from where: nothing that a message depends on.
_LEFT_OUT = frozenset({
    "membership", "import_run", "import_problem", "import_mapping", "enrollment_draft", "patient_note",
    "exception_comment", "consent_event", "inbound_message", "inbound_event", "workflow_draft", "trial_run",
    "join_link", "join_request", "form_source", "patient_merge",
})  # fmt: skip


@contextmanager
def pharmacy_copy(source: Database, pharmacy_id: str) -> Generator[Database]:
    """The pharmacy's rows as they are at one instant, in a SQLite file that is deleted at the end.

    Row by row for SQLite and PostgreSQL alike: one way to copy, and only what belongs to this pharmacy lies in the
    file (readable by this account only). Replies and callbacks that wait to be worked are not in it.
    """
    with tempfile.TemporaryDirectory(prefix="medsync-copy-") as folder:
        copy = Database(f"sqlite:///{Path(folder) / 'copy.db'}")
        event.listen(copy.engine, "connect", _prepare)
        try:
            metadata.create_all(copy.engine)
            with _at_one_instant(source) as reading, copy.engine.begin() as writing:
                for table in metadata.sorted_tables:
                    _copy(reading, writing, table, pharmacy_id)
            copy.refresh_statistics()
            yield copy
        finally:
            copy.dispose()


@contextmanager
def _at_one_instant(source: Database) -> Generator[Connection]:
    options: dict[str, Any] = {"medsync_write": False}
    if not source.is_sqlite:
        options["isolation_level"] = "REPEATABLE READ"
    with source.engine.execution_options(**options).connect() as connection, connection.begin():
        yield connection


def _copy(reading: Connection, writing: Connection, table: Table, pharmacy_id: str) -> None:
    rows = select(table)
    if table.name == "pharmacy":
        rows = rows.where(table.c.id == pharmacy_id)
    elif "pharmacy_id" in table.c and table.name not in _LEFT_OUT:
        rows = rows.where(table.c.pharmacy_id == pharmacy_id)
    elif table.name != "organization":
        return
    found = reading.execution_options(yield_per=_CHUNK).execute(rows)
    for part in found.mappings().partitions(_CHUNK):
        writing.execute(table.insert(), [dict(row) for row in part])


def _prepare(connection: Any, _record: object) -> None:
    """Nobody needs it after a crash; rows point to colleagues and imports that were left out."""
    for pragma in ("synchronous=OFF", "foreign_keys=OFF"):
        connection.execute(f"PRAGMA {pragma}").close()
