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
from medsync_app.collector import collect_rarely
from medsync_app.connections.protocol import Accepted, Connections, Found, Outgoing
from medsync_app.domain.states import Channel
from medsync_app.engine.deliver import LOOP
from medsync_app.engine.loop import Limits, new_owner, tick
from medsync_app.outbox.apart import accept_apart
from medsync_app.outbox.batch import Mark, Taken, accept_many, mark_many
from medsync_app.outbox.claim import claim_due
from medsync_app.store.ids import new_id
from medsync_app.store.outbox_bench import Promise, send_bare
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
    limits = Limits(apart=apart)
    ways: Connections = {Channel.SMS: NoOp()}
    tick(database, clock, ways, owner, replace(limits, batch=WARM // 2, batches=2), plan=False)
    ends = begin()
    while time.monotonic() < ends:
        report = tick(database, clock, ways, owner, limits, plan=False)
        sent += report.sent
        if not report.claimed:
            break
    return sent


def _outbox(url: str, _count: int) -> int:
    """The outbox by itself, without the rules of contact: a claim and its marks, then each outcome by itself."""
    database, clock, owner, channel, sent = Database(url), SystemClock(), new_owner(), NoOp(), 0
    limits = Limits()

    def batch(most: int) -> int:
        with database.transaction(LOOP, clock) as tx:
            claims = claim_due(tx, owner, lease=limits.lease, limit=most)
        if not claims:
            return 0
        marks = [Mark(claim, new_id(), Channel.SMS, "+15550100000", "a message") for claim in claims]
        with database.transaction(LOOP, clock) as tx:
            mark_many(tx, marks)
        taken = [
            Taken(mark.claim, mark.attempt_id, channel.send(_outgoing(mark)).provider_id, 0) for mark in marks
        ]
        if database.is_sqlite:  # there is one writer, and nothing commits beside it
            return sum(accept_each(one) for one in taken)
        with database.transaction(LOOP, clock) as tx:
            return len(accept_apart(tx, taken))

    def accept_each(one: Taken) -> int:
        with database.transaction(LOOP, clock) as tx:
            return accept_many(tx, [one])

    batch(WARM)
    ends = begin()
    while time.monotonic() < ends:
        done = batch(limits.batch)
        if not done:
            break
        sent += done
    return sent


def _outgoing(mark: Mark) -> Outgoing:
    return Outgoing(mark.attempt_id, mark.address, mark.body)


def _bare(url: str, _count: int, *, promise: Promise) -> int:
    database = Database(url)
    with database.engine.connect():
        ends = begin()
    return send_bare(database, promise, until=ends)


#: Our loop as it is; with outcomes of which no two share a commit; the outbox without the rules, committing as that;
#: the bare driver with a commit for each mark and each outcome, as the last two, and with one commit a message and no
#: mark; the job libraries.
WORK: Mapping[str, Callable[[str, int], int]] = {
    "loop": partial(_loop, apart=False),
    "loop_each": partial(_loop, apart=True),
    "outbox": _outbox,
    "bare": partial(_bare, promise=Promise.MARK_EACH),
    "bare_outbox": partial(_bare, promise=Promise.MARK_BATCH),
    "bare_one_commit": partial(_bare, promise=Promise.NONE),
    "procrastinate": work_procrastinate,
    "dbos": work_dbos,
}

if __name__ == "__main__":
    collect_rarely()  # as the program does
    count = WORK[sys.argv[1]](sys.argv[2], int(sys.argv[3]))
    print(count, worked(), flush=True)
