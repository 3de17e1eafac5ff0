"""Measures a tick of the loop that finds nothing to do, while many messages wait for their day."""

import tempfile
import time
from datetime import timedelta
from typing import Any

from medsync_app.cli.bench_outbox import postgres_server
from medsync_app.clock import SystemClock
from medsync_app.demo.due_messages import add_due_messages
from medsync_app.engine.loop import tick
from medsync_app.store.migrate import upgrade
from medsync_app.store.outbox_bench import add_future_rows
from medsync_app.store.session import Database

_FEW, _TICKS = 100, 200


def measure(rows: int) -> dict[str, Any]:
    """Microseconds of one idle tick with so many future rows, beside one with a hundred, on both databases."""
    with tempfile.TemporaryDirectory() as folder:
        sqlite, small = _idle([f"sqlite:///{folder}/{count}.db" for count in (rows, _FEW)], rows)
    with postgres_server() as new_database:
        postgres, pg_small = _idle([new_database(), new_database()], rows)
    return {
        "future_rows": rows,
        "sqlite_us": sqlite, "sqlite_us_with_a_hundred": small,
        "postgres_us": postgres, "postgres_us_with_a_hundred": pg_small,
        "ratio": round(max(sqlite / small, postgres / pg_small), 2),
    }  # fmt: skip


def _idle(urls: list[str], rows: int) -> list[float]:
    """The best of the full database and of the nearly empty one, taken in turn: others use this machine too."""
    databases, clock = [Database(url) for url in urls], SystemClock()
    for url, database, count in zip(urls, databases, (rows, _FEW), strict=True):
        upgrade(url)
        pharmacy_id = add_due_messages(database, clock, 0)
        add_future_rows(database, pharmacy_id, count, clock.now() + timedelta(days=30))
    taken: list[list[float]] = [[] for _ in databases]
    for _ in range(_TICKS):
        for database, times in zip(databases, taken, strict=True):
            started = time.perf_counter()
            tick(database, clock, {}, "idle", plan=False)
            times.append(time.perf_counter() - started)
    for database in databases:
        database.dispose()
    return [round(min(times) * 1e6, 1) for times in taken]
