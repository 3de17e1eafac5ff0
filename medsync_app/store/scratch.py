"""A database to write much into at once: what was made appears as a whole at the end, or not at all."""

import sqlite3
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import event
from sqlalchemy.engine import make_url

from medsync_app.store.session import Database
from medsync_app.store.snapshot import snapshot

D = TypeVar("D", bound=Database)


@contextmanager
def scratch(database: Database, before_return: Callable[[], None]) -> Generator[Database]:
    """A private copy of a SQLite database that does not wait for the disk; it replaces the content at the end.

    `before_return` is called just before and may refuse by raising. When the block raises, nothing has changed.
    Nobody else may write meanwhile: it would be lost. PostgreSQL: the database itself.
    """
    if not database.is_sqlite:
        yield database
        return
    with tempfile.TemporaryDirectory(prefix="medsync-scratch-") as folder:
        path = Path(folder) / "scratch.db"
        snapshot(database.url, path)
        copy = quick(f"sqlite:///{path}")
        try:
            yield copy
        finally:
            copy.dispose()
        before_return()
        _replace(path, Path(make_url(database.url).database or ""))


def quick(url: str, kind: Callable[[str], D] = Database) -> D:
    """A SQLite database that does not wait for the disk: for what may be lost with the machine."""
    database = kind(url)
    event.listen(database.engine, "connect", _do_not_wait)
    return database


def _do_not_wait(connection: Any, _record: object) -> None:
    connection.execute("PRAGMA synchronous=OFF").close()


def _replace(source: Path, target: Path) -> None:
    origin, place = sqlite3.connect(source), sqlite3.connect(target, timeout=10)
    try:
        origin.backup(place)
    finally:
        place.close()
        origin.close()
