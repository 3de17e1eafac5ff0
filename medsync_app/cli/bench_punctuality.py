"""Measures how late a message is called that is due at some moment (row 23 of docs/reliability.md).

One loop on each database has nothing else to do. Beside them, in the same time, the bare driver on a database of each
kind: it holds all moments in its memory, sleeps until each and commits a mark, as no program that restarts can.
"""

import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random
from typing import Any, Final

from medsync_app.cli.bench_outbox import postgres_server
from medsync_app.cli.bench_outbox_worker import NoOp
from medsync_app.clock import SystemClock
from medsync_app.connections.protocol import Accepted, Outgoing
from medsync_app.demo.due_messages import add_due_messages
from medsync_app.domain.states import Channel
from medsync_app.engine.loop import Loop
from medsync_app.store.migrate import upgrade
from medsync_app.store.outbox_bench import create_bare_tables, due_by_attempt, mark_when_due
from medsync_app.store.session import Database

#: 5,000 due times over ten minutes.
_A_SECOND: Final = 5_000 / 600
#: Messages that are queued in a second, at least: nothing is due before all are there.
_QUEUED: Final = 250


def measure(count: int) -> dict[str, Any]:
    """Milliseconds late, the middle one, the 99th of 100 and the least, of so many messages at 8.3 a second."""
    with tempfile.TemporaryDirectory() as folder, postgres_server() as new_database:
        urls = {
            "sqlite": f"sqlite:///{folder}/ours.db", "sqlite_bare": f"sqlite:///{folder}/bare.db",
            "postgres": new_database(), "postgres_bare": new_database(),
        }  # fmt: skip
        for url in urls.values():
            upgrade(url)
        moments = _moments(count)
        databases = {name: _prepared(url, moments) for name, url in urls.items()}
        ours = partial(_loop, count=count, ends=max(moments) + timedelta(seconds=60))
        with ThreadPoolExecutor(len(urls)) as threads:
            running = {
                name: threads.submit(mark_when_due if name.endswith("bare") else ours, database)
                for name, database in databases.items()
            }
        for database in databases.values():
            database.dispose()
    figures: dict[str, Any] = {"messages": count, "seconds": round(count / _A_SECOND)}
    for name, ended in running.items():
        seconds = sorted(ended.result())
        figures |= {
            f"{name}_p50_ms": _ms(seconds, 0.5), f"{name}_p99_ms": _ms(seconds, 0.99),
            f"{name}_earliest_ms": _ms(seconds, 0.0),
        }  # fmt: skip
    pairs = (("sqlite", "sqlite_bare"), ("postgres", "postgres_bare"))
    return figures | {
        "ratio": round(max(figures[f"{a}_p99_ms"] / figures[f"{b}_p99_ms"] for a, b in pairs), 2)
    }


def _moments(count: int) -> list[datetime]:
    chance, begin = Random(23), datetime.now(UTC) + timedelta(seconds=3 + 4 * count / _QUEUED)  # noqa: S311
    return [begin + timedelta(seconds=chance.uniform(0, count / _A_SECOND)) for _ in range(count)]


def _prepared(url: str, moments: list[datetime]) -> Database:
    database = Database(url)
    add_due_messages(database, SystemClock(), len(moments), moments)
    create_bare_tables(database)
    database.refresh_statistics()
    if datetime.now(UTC) > min(moments):
        raise RuntimeError("The messages were due before all of them were queued: this machine is too busy.")
    return database


class _Noting(NoOp):
    """Notes when each message is called."""

    def __init__(self) -> None:
        self.called: dict[str, datetime] = {}

    def send(self, message: Outgoing) -> Accepted:
        self.called[message.attempt_id] = datetime.now(UTC)
        return super().send(message)


def _loop(database: Database, *, count: int, ends: datetime) -> list[float]:
    """Seconds from when each message was due to when it was called."""
    channel = _Noting()
    loop = Loop(database, SystemClock(), {Channel.SMS: channel})
    thread = threading.Thread(target=loop.run_until_stopped, daemon=True)
    thread.start()
    while len(channel.called) < count and datetime.now(UTC) < ends:
        time.sleep(0.1)
    loop.stop.set()
    thread.join(30)
    if len(channel.called) != count:
        raise RuntimeError(f"{len(channel.called)} of {count} messages were called.")
    due = due_by_attempt(database)
    return [(called - due[attempt_id]).total_seconds() for attempt_id, called in channel.called.items()]


def _ms(seconds: list[float], share: float) -> float:
    return round(seconds[min(len(seconds) - 1, int(len(seconds) * share))] * 1_000, 2)
