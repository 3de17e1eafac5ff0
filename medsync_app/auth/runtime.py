"""The database and clock that the guard, page states and routes of this process use; tests put theirs in."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

from medsync_app.clock import Clock, SystemClock
from medsync_app.store.session import Database, get_database


@dataclass(slots=True)
class _Runtime:
    database: Database | None = None
    clock: Clock | None = None


_runtime = _Runtime()
_system_clock = SystemClock()


def database() -> Database:
    """The database of this process."""
    return _runtime.database or get_database()


def clock() -> Clock:
    """The clock of this process."""
    return _runtime.clock or _system_clock


@contextmanager
def using(database: Database, clock: Clock) -> Generator[None, None, None]:
    """Use this database and clock inside the block (for tests and simulations)."""
    before = (_runtime.database, _runtime.clock)
    _runtime.database, _runtime.clock = database, clock
    try:
        yield
    finally:
        _runtime.database, _runtime.clock = before
