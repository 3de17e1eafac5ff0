"""Rows 3 and 4 of the fault tests: loops side by side that are killed, or stopped longer than their lease."""

import random
import signal
import subprocess
import time
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from medsync_app.domain.states import ActionState
from medsync_app.store.session import Database
from medsync_app.store.tables import ScheduledAction
from tests.support.databases import POSTGRES
from tests.support.faults import (
    BACK,
    SLACK,
    accepted,
    doubted,
    figures,
    fill,
    loop,
    provider,
    settle_all,
    sized,
    start_loop,
    states,
    wait_until_accepted,
)
from tests.support.store import SYSTEM, make_shop

pytestmark = pytest.mark.slow
LEASE = 4.0


def overdue(database: Database) -> list[float]:
    """For how many seconds each claim has lain whose lease ran out, by the clock of the loops."""
    now = datetime.now(UTC) + timedelta(seconds=BACK)
    with database.reading(SYSTEM) as tx:
        ends = tx.session.scalars(
            select(ScheduledAction.lease_until).where(ScheduledAction.state == ActionState.CLAIMED)
        )
        return [(now - end).total_seconds() for end in ends if end is not None and end < now]


@pytest.mark.parametrize("database", [POSTGRES], indirect=True)
def test_four_loops_of_which_one_is_killed_now_and_again_send_each_message_once(database: Database) -> None:
    count, kills, every = sized(300, 20_000), sized(4, 60), sized(1, 2)
    fill(database, make_shop(database), count)
    chance, late = random.Random(3), list[float]()
    with provider(0.02) as url:
        running = [start_loop(database, url, BACK, lease=LEASE) for _ in range(4)]
        try:
            for _ in range(kills):
                ends = time.monotonic() + every
                while time.monotonic() < ends:
                    late += overdue(database)
                    time.sleep(0.1)
                index = chance.randrange(4)
                end(running[index])
                running[index] = start_loop(database, url, BACK, lease=LEASE)
        finally:
            for process in running:
                end(process)
        settle_all(database, url, BACK + LEASE, count, 60 + count / 10)
        taken = accepted(url)
    late.sort()
    worst = round(late[int(len(late) * 0.99)], 2) if late else 0.0
    figures(3, due=count, kills=kills, accepted=len(taken), doubted=doubted(database), freed_late_p99=worst)
    assert len(taken) == count
    assert max(taken.values()) == 1
    assert worst < 2 * SLACK


def end(process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.communicate()


def test_a_loop_that_is_stopped_again_and_again_sends_nothing_twice(database: Database) -> None:
    stops, lease, asleep = sized(2, 50), 2.0, sized(3, 5)
    count = stops * 6
    fill(database, make_shop(database), count)
    with provider(0.3) as url:
        with (
            loop(database, url, BACK, lease=lease) as sleeper,
            loop(database, url, BACK, lease=lease) as other,
        ):
            wait_until_accepted(url, 1)
            for _ in range(stops):
                sleeper.send_signal(signal.SIGSTOP)
                time.sleep(asleep)
                sleeper.send_signal(signal.SIGCONT)
                time.sleep(0.3)
                sleeper, other = other, sleeper
        settle_all(database, url, BACK + lease, count, 60)
        taken = accepted(url)
    figures(4, stops=stops, due=count, accepted=len(taken), doubted=doubted(database))
    assert states(database) == {ActionState.SENT: count}
    assert max(taken.values()) == 1
