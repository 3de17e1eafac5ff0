"""One worker process of the outbox benchmark: `WHAT URL COUNT`.

It begins at a line on stdin, and prints how many it sent in how many seconds.
"""

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial

from medsync_app.cli.bench_peers import SECONDS, begin, work_dbos, work_procrastinate, worked
from medsync_app.clock import SystemClock
from medsync_app.connections.protocol import Accepted, Connections, Found, Outgoing
from medsync_app.domain.states import Channel
from medsync_app.engine.loop import Limits, new_owner, tick
from medsync_app.store.outbox_bench import send_bare
from medsync_app.store.session import Database

__all__ = ["SECONDS", "WARM", "WORK"]
#: Messages that a loop sends before the clock starts.
WARM = 16


class NoOp:
    """A channel that does nothing."""

    live, loopback, can_look_up = False, True, True

    def send(self, message: Outgoing) -> Accepted:
        return Accepted(f"noop-{message.attempt_id}")

    def look_up(self, to: str, since: datetime) -> list[Found]:
        return []


def _loop(url: str, _count: int, *, apart: bool) -> int:
    """Tick as the loop does until nothing is due."""
    database, clock, owner, sent = Database(url), SystemClock(), new_owner(), 0
    # SQLite has no marks apart from the decision: there each message is a batch of its own.
    limits = Limits(batch=1 if apart and database.is_sqlite else Limits().batch, apart=apart)
    ways: Connections = {Channel.SMS: NoOp()}
    tick(
        database,
        clock,
        ways,
        owner,
        replace(limits, batch=min(WARM // 2, limits.batch), batches=2),
        plan=False,
    )
    ends = begin()
    while time.monotonic() < ends:
        report = tick(database, clock, ways, owner, limits, plan=False)
        sent += report.sent
        if not report.claimed:
            break
    return sent


def _bare(url: str, _count: int, *, marked: bool) -> int:
    database = Database(url)
    with database.engine.connect():
        ends = begin()
    return send_bare(database, marked=marked, until=ends)


#: Our loop as it is; with marks and outcomes of which no two share a commit; the bare driver doing the same; the bare
#: driver with one commit a message; the job libraries.
WORK: Mapping[str, Callable[[str, int], int]] = {
    "loop": partial(_loop, apart=False),
    "one_by_one": partial(_loop, apart=True),
    "bare": partial(_bare, marked=True),
    "bare_one_commit": partial(_bare, marked=False),
    "procrastinate": work_procrastinate,
    "dbos": work_dbos,
}

if __name__ == "__main__":
    count = WORK[sys.argv[1]](sys.argv[2], int(sys.argv[3]))
    print(count, worked(), flush=True)
