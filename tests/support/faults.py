"""What the fault tests share: loops and a provider as processes of their own, many due messages, and their sizes.

`MEDSYNC_FAULTS=long` (make test-faults) gives the sizes of the long forms; `figures` prints what was measured.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from datetime import time as wall_time
from pathlib import Path

import httpx2
from sqlalchemy import func, select

from medsync_app.clock import VirtualClock
from medsync_app.domain.states import ActionState, Channel, ContactBasis
from medsync_app.outbox.queue import NewAction, queue
from medsync_app.store.ids import new_id
from medsync_app.store.session import Database
from medsync_app.store.tables import Attempt, ContactPoint, LoopHeartbeat, Patient, Pharmacy, ScheduledAction
from tests.support.store import SYSTEM, Shop

ROOT = Path(__file__).resolve().parents[2]
#: A restart finds the leases (60 s) of the one before run out, and the looks (60 s) due.
STEP = 70
BACK = -24 * 3600.0
LONG = os.environ.get("MEDSYNC_FAULTS") == "long"
#: The bounds in seconds hold on a machine of its own; beside other tests the short forms show that nothing hangs.
SLACK = 1 if LONG else 10


def sized(short: int, long: int) -> int:
    """How much of it: little in `make test`, much in `make test-faults`."""
    return long if LONG else short


def figures(row: int, **measured: object) -> None:
    """Print what a fault test has measured, for docs/reliability.md."""
    print(json.dumps({"row": row, **measured}))


@contextmanager
def provider(seconds: float = 0.0) -> Iterator[str]:
    process = subprocess.Popen(
        [sys.executable, "tests/support/fake_twilio.py", "0", str(seconds)],
        cwd=ROOT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
    finally:
        process.kill()
        process.communicate()


def start_loop(
    database: Database,
    url: str,
    offset: float,
    point: str = "",
    *,
    lease: float = 60,
    channel: Channel = Channel.SMS,
    pace: float | None = None,
) -> "subprocess.Popen[str]":
    """A loop whose clock is `offset` seconds off; with a short lease its calls take a tenth of the usual time."""
    arguments = [database.url, url, str(offset), point, str(lease), channel.value, str(pace or "")]
    return subprocess.Popen(
        [sys.executable, "-m", "tests.support.loop_process", *arguments],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip


@contextmanager
def loop(
    database: Database,
    url: str,
    offset: float,
    point: str = "",
    *,
    lease: float = 60,
    channel: Channel = Channel.SMS,
) -> Iterator[subprocess.Popen[str]]:
    process = start_loop(database, url, offset, point, lease=lease, channel=channel)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
    finally:
        process.kill()
        process.communicate()


def accepted(url: str) -> Counter[str]:
    return Counter(to for _, to, _ in httpx2.get(f"{url}/count").json())


def arrived(url: str) -> int:
    """How many requests have come to the provider, answered or not."""
    return int(httpx2.get(f"{url}/arrived").json())


def wait_until(seen: Callable[[], bool], seconds: float = 20) -> None:
    ends = time.monotonic() + seconds
    while not seen():
        assert time.monotonic() < ends, "it did not happen"
        time.sleep(0.02)


def wait_until_accepted(url: str, count: int) -> None:
    wait_until(lambda: sum(accepted(url).values()) >= count)


def address_of(number: int, channel: Channel) -> str:
    if channel is Channel.EMAIL:
        return f"p{number}@example.org"
    return f"+1{200 + number // 100}55501{number % 100:02d}"


def fill(
    database: Database, shop: Shop, count: int, channel: Channel = Channel.SMS, *, apart: float | None = None
) -> None:
    """So many messages to so many numbers, due an hour before the loops' clocks; or from now on, so many s apart."""
    due = datetime.now(UTC) + timedelta(seconds=BACK - (3600 if apart is None else 0))
    with database.transaction(SYSTEM, VirtualClock(due)) as tx:
        pharmacy = tx.get(Pharmacy, shop.pharmacy_id)
        # A demo pharmacy may have its window open all day, and only local providers are called for it.
        pharmacy.is_demo, pharmacy.contact_from, pharmacy.contact_until = True, wall_time(0), wall_time.max
        people = [new_id() for _ in range(count)]
        tx.add_all(
            Patient(
                id=person, pharmacy_id=shop.pharmacy_id, first_name="A", last_name=str(i), created_at=tx.now,
                updated_at=tx.now,
            )
            for i, person in enumerate(people)
        )  # fmt: skip
        tx.session.flush()
        tx.add_all(
            ContactPoint(
                pharmacy_id=shop.pharmacy_id, patient_id=person, channel=channel,
                address=address_of(i, channel), basis=ContactBasis.EXPRESS, created_at=tx.now,
            )
            for i, person in enumerate(people)
        )  # fmt: skip
        tx.session.flush()
        queue(
            tx,
            [
                NewAction(
                    pharmacy_id=shop.pharmacy_id, step="welcome", kind="message", patient_id=person,
                    due_at=due + index * timedelta(seconds=apart or 0), idempotency_key=f"load:{person}",
                    payload={"action": {"do": "message", "template": "welcome"}},
                )
                for index, person in enumerate(people)
            ],
        )  # fmt: skip


def held_by(
    database: Database, process: "subprocess.Popen[str]", state: ActionState
) -> list[ScheduledAction]:
    """The messages in a state that a loop of that process holds, or held when it died."""
    with database.reading(SYSTEM) as tx:
        rows = tx.session.scalars(
            select(ScheduledAction).where(
                ScheduledAction.state == state, ScheduledAction.lease_owner.contains(f":{process.pid}:")  # type: ignore[union-attr]
            )
        )  # fmt: skip
        return list(rows)


def states(database: Database) -> Counter[ActionState]:
    with database.reading(SYSTEM) as tx:
        return Counter(
            tx.session.scalars(select(ScheduledAction.state).where(ScheduledAction.kind == "message"))
        )


def run_a_while(database: Database, url: str, offset: float, channel: Channel = Channel.SMS) -> None:
    """Start a loop, let it tick at least once, and end it with a word."""
    before = beats(database)
    with loop(database, url, offset, channel=channel) as process:
        ends = time.monotonic() + 30
        while beats(database) == before:
            assert time.monotonic() < ends, "the loop did not tick"
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0


def beats(database: Database) -> int:
    """How many loops have finished a tick: each has a name, and so a row, of its own."""
    with database.reading(SYSTEM) as tx:
        return tx.session.scalar(select(func.count()).select_from(LoopHeartbeat)) or 0


def wait_until_sent(database: Database, count: int, seconds: float = 30) -> None:
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        now = states(database)
        if now[ActionState.SENT] == count:
            return
        time.sleep(0.1)
    raise AssertionError(f"not all were sent: {states(database)}")


def settle_all(database: Database, url: str, offset: float, count: int, seconds: float = 60) -> None:
    """Loops that come later: the leases have run out, the first look, the second look; then all must be sent."""
    for step in range(1, 4):
        run_a_while(database, url, offset + step * STEP)
    with loop(database, url, offset + 4 * STEP):
        wait_until_sent(database, count, seconds)


def doubted(database: Database) -> int:
    """How many calls nobody knew the end of at first."""
    with database.reading(SYSTEM) as tx:
        return (
            tx.session.scalar(
                select(func.count()).select_from(Attempt).where(Attempt.settled_by.is_not(None))  # type: ignore[union-attr]
            )
            or 0
        )
