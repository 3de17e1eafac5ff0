"""`loop`: run the background loop in a process of its own, or one tick of it."""

import argparse
import json
import signal
from datetime import UTC, datetime
from types import FrameType
from typing import TextIO

from medsync_app.clock import Clock, SystemClock, VirtualClock
from medsync_app.engine.chores import usual_chores
from medsync_app.engine.loop import TickReport, new_owner, tick
from medsync_app.engine.outside import work_outside
from medsync_app.engine.supervise import usual_loop
from medsync_app.engine.wiring import connections_from
from medsync_app.errors import Invalid
from medsync_app.logs import configure
from medsync_app.settings import get_settings
from medsync_app.store.session import get_database


def run(argv: list[str], stdin: TextIO, stdout: TextIO, stderr: TextIO) -> int:
    """Tick until SIGTERM or SIGINT; with --once do what is due now and print what was done."""
    parser = argparse.ArgumentParser(prog="python -m medsync_app loop", description=__doc__)
    parser.add_argument("--once", action="store_true", help="do what is due now, then end")
    parser.add_argument("--now", metavar="INSTANT", help="with --once: as if it were this instant (ISO 8601)")
    options = parser.parse_args(argv)
    if options.now and not options.once:
        parser.error("--now needs --once")
    configure(get_settings().medsync_log_level)
    if options.once:
        clock = _clock(options.now)
        for chore in usual_chores() if options.now is None else ():
            # A timer that calls this instead of a running loop gets imports and backups too; another instant
            # than now is for trying out what would go, and a backup of that instant would be no backup.
            chore.run(get_database(), clock)
        print(json.dumps(_once(clock)), file=stdout)
        return 0
    loop = usual_loop(usual_chores())

    def end(_signal: int, _frame: FrameType | None) -> None:
        loop.stop.set()

    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, end)
    print(f"The loop {loop.owner} runs.", file=stderr, flush=True)
    loop.run_until_stopped()
    return 0


def _clock(text: str | None) -> Clock:
    if text is None:
        return SystemClock()
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise Invalid("Write the instant as 2026-10-03T15:00:00Z.", "--now") from error
    return VirtualClock(instant if instant.tzinfo else instant.replace(tzinfo=UTC))


def _once(clock: Clock) -> dict[str, object]:
    """Tick until nothing more is due, then hand over what other programs get; the sums of what was done."""
    db, connections, owner = get_database(), connections_from(get_settings()), new_owner()
    total = TickReport()
    while True:
        report = tick(db, clock, connections, owner)
        total = _sum(total, report)
        if not report.busy:
            break
    handed = 0
    while count := work_outside(db, clock):
        handed += count
    return {
        "claimed": total.claimed, "sent": total.sent, "states": total.states, "stale": total.stale,
        "freed": total.freed, "in_doubt": total.in_doubt, "settled": total.settled,
        "inbound": total.inbound, "outside": handed,
    }  # fmt: skip


def _sum(a: TickReport, b: TickReport) -> TickReport:
    states = {name: a.states.get(name, 0) + b.states.get(name, 0) for name in {**a.states, **b.states}}
    return TickReport(
        a.claimed + b.claimed, states, a.stale + b.stale, a.freed + b.freed, a.in_doubt + b.in_doubt,
        a.settled + b.settled, a.inbound + b.inbound,
    )  # fmt: skip
