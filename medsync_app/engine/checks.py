"""What the loop does beside sending: daily checks, and chores such as the nightly backup and waiting imports."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from medsync_app.clock import Clock
from medsync_app.engine.deliver import LOOP
from medsync_app.logs import get_logger
from medsync_app.services.queue_daily_checks import queue_daily_checks
from medsync_app.store.session import Database


@dataclass(frozen=True, slots=True)
class Chore:
    """Work that decides by itself whether there is any: called again and again, `every` so often."""

    name: str
    run: Callable[[Database, Clock], object]
    every: timedelta = timedelta(minutes=10)


def plan_daily_checks(db: Database, clock: Clock) -> int:
    """Make sure that every pharmacy's daily check is queued; gives how many are new."""
    with db.transaction(LOOP, clock) as tx:
        return queue_daily_checks(tx)


def run_chores(db: Database, clock: Clock, chores: Sequence[Chore], stop: threading.Event) -> None:
    """Run chores until `stop` is set, in a thread of their own: a long one does not delay messages."""
    due = {chore.name: 0.0 for chore in chores}
    while not stop.wait(0.5):
        for chore in chores:
            if stop.is_set() or time.monotonic() < due[chore.name]:
                continue
            due[chore.name] = time.monotonic() + chore.every.total_seconds()
            try:
                chore.run(db, clock)
            except Exception as error:
                get_logger().error("chore_failed", handler=chore.name, error_type=type(error).__name__)
