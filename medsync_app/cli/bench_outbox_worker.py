"""One worker process of the outbox benchmark: `WHAT URL COUNT`; it begins at a line on stdin; prints what it sent."""

import sys
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial

from medsync_app.cli.bench_peers import begin, work_dbos, work_procrastinate
from medsync_app.clock import SystemClock
from medsync_app.connections.protocol import Accepted, Found, Outgoing
from medsync_app.domain.states import Channel
from medsync_app.engine.loop import Limits, new_owner, tick
from medsync_app.store.outbox_bench import send_bare
from medsync_app.store.session import Database


class NoOp:
    """A channel that does nothing."""

    live, loopback, can_look_up = False, True, True

    def send(self, message: Outgoing) -> Accepted:
        return Accepted(f"noop-{message.attempt_id}")

    def look_up(self, to: str, since: datetime) -> list[Found]:
        return []


def _loop(url: str, _count: int, *, batch: int) -> int:
    """Tick as the loop does until nothing is due."""
    database, clock, owner, sent = _open(url), SystemClock(), new_owner(), 0
    while True:
        report = tick(database, clock, {Channel.SMS: NoOp()}, owner, Limits(batch=batch), plan=False)
        sent += report.sent
        if not report.claimed:
            return sent


def _bare(url: str, _count: int, *, marked: bool) -> int:
    return send_bare(_open(url), marked=marked)


def _open(url: str) -> Database:
    database = Database(url)
    with database.engine.connect():
        begin()
    return database


#: Our loop as it is; with a batch of one, so that no message shares a commit; the bare driver keeping the same promise;
#: the bare driver with one commit a message; the job libraries.
WORK: Mapping[str, Callable[[str, int], int]] = {
    "loop": partial(_loop, batch=Limits().batch),
    "one_by_one": partial(_loop, batch=1),
    "bare": partial(_bare, marked=True),
    "bare_one_commit": partial(_bare, marked=False),
    "procrastinate": work_procrastinate,
    "dbos": work_dbos,
}

if __name__ == "__main__":
    print(WORK[sys.argv[1]](sys.argv[2], int(sys.argv[3])), flush=True)
