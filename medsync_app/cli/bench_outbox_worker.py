"""One worker process of the outbox benchmark: `WHAT URL`; it begins at a line on stdin and prints how many it sent."""

import sys
from datetime import datetime

from medsync_app.clock import SystemClock
from medsync_app.connections.protocol import Accepted, Found, Outgoing
from medsync_app.domain.states import Channel
from medsync_app.engine.loop import Limits, new_owner, tick
from medsync_app.store.outbox_bench import send_bare
from medsync_app.store.session import Database

#: Our loop; the bare driver keeping the same promise; the bare driver with one commit a message.
LOOP, BARE, ONE_COMMIT = "loop", "bare", "one_commit"


class NoOp:
    """A channel that does nothing."""

    live, loopback, can_look_up = False, True, True

    def send(self, message: Outgoing) -> Accepted:
        return Accepted(f"noop-{message.attempt_id}")

    def look_up(self, to: str, since: datetime) -> list[Found]:
        return []


def _send_all(database: Database) -> int:
    """Tick as the loop does until nothing is due."""
    clock, owner, sent = SystemClock(), new_owner(), 0
    while True:
        report = tick(database, clock, {Channel.SMS: NoOp()}, owner, Limits(), plan=False)
        sent += report.sent
        if not report.claimed:
            return sent


def main(what: str, url: str) -> None:
    database = Database(url)
    with database.engine.connect():
        print("ready", flush=True)
    sys.stdin.readline()
    sent = _send_all(database) if what == LOOP else send_bare(database, marked=what == BARE)
    print(sent, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
