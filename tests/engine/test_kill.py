"""The loop is killed at any moment; a provider of its own counts what it accepted (docs/reliability.md)."""

import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from datetime import time as wall_time
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import func, select

from medsync_app.clock import VirtualClock
from medsync_app.domain.states import ActionState, Channel, ContactBasis
from medsync_app.outbox.queue import NewAction, queue
from medsync_app.store.ids import new_id
from medsync_app.store.session import Database
from medsync_app.store.tables import Attempt, ContactPoint, LoopHeartbeat, Patient, Pharmacy, ScheduledAction
from tests.support.store import SYSTEM, Shop, make_shop

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
#: A restart finds the leases (60 s) of the one before run out, and the looks (60 s) due.
STEP = 70
BACK = -3 * 3600


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


@contextmanager
def loop(database: Database, url: str, offset: float, point: str = "") -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.loop_process", database.url, url, str(offset), point],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
    finally:
        process.kill()
        process.communicate()


def accepted(url: str) -> Counter[str]:
    return Counter(to for _, to, _ in httpx2.get(f"{url}/count").json())


def wait_until_accepted(url: str, count: int, seconds: float = 20) -> None:
    ends = time.monotonic() + seconds
    while sum(accepted(url).values()) < count:
        assert time.monotonic() < ends, "the provider did not take it"
        time.sleep(0.05)


def fill(database: Database, shop: Shop, count: int) -> None:
    """So many messages to so many numbers, due an hour before the loops' clocks."""
    due = datetime.now(UTC) + timedelta(seconds=BACK - 3600)
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
                pharmacy_id=shop.pharmacy_id, patient_id=person, channel=Channel.SMS,
                address=f"+1{200 + i // 100}55501{i % 100:02d}", basis=ContactBasis.EXPRESS, created_at=tx.now,
            )
            for i, person in enumerate(people)
        )  # fmt: skip
        tx.session.flush()
        queue(
            tx,
            [
                NewAction(
                    pharmacy_id=shop.pharmacy_id, step="welcome", kind="message", patient_id=person, due_at=due,
                    idempotency_key=f"load:{person}", payload={"action": {"do": "message", "template": "welcome"}},
                )
                for person in people
            ],
        )  # fmt: skip


def states(database: Database) -> Counter[ActionState]:
    with database.reading(SYSTEM) as tx:
        return Counter(
            tx.session.scalars(select(ScheduledAction.state).where(ScheduledAction.kind == "message"))
        )


def run_a_while(database: Database, url: str, offset: float) -> None:
    """Start a loop, let it tick at least once, and end it with a word."""
    before = beats(database)
    with loop(database, url, offset) as process:
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


def test_killed_at_random_moments_nothing_is_lost_and_nothing_sent_twice(database: Database) -> None:
    count, kills = 250, 8
    chance = random.Random(7)
    fill(database, make_shop(database), count)
    with provider(0.01) as url:
        offset = float(BACK)
        for _ in range(kills):
            with loop(database, url, offset) as process:
                time.sleep(chance.uniform(0.05, 0.35))
                process.kill()
            offset += STEP
        killed_with = states(database)
        assert killed_with[ActionState.SENT] < count, "the kills came too late to prove anything"
        for _ in range(3):  # leases run out, first look, second look
            run_a_while(database, url, offset)
            offset += STEP
        with loop(database, url, offset):
            wait_until_sent(database, count)
        taken = accepted(url)
    assert len(taken) == count
    assert max(taken.values()) == 1


@pytest.mark.parametrize(
    ("point", "state", "calls"),
    [
        ("claimed", ActionState.CLAIMED, 0),
        ("calling", ActionState.CALLING, 0),
        ("requested", ActionState.CALLING, 1),
        ("answered", ActionState.CALLING, 1),
    ],
)
def test_killed_at_each_step_the_message_still_goes_out_once(
    database: Database, point: str, state: ActionState, calls: int
) -> None:
    fill(database, make_shop(database), 1)
    with provider(2.0 if point == "requested" else 0.0) as url:
        with loop(database, url, BACK, point) as process:
            process.wait(20)
        assert states(database) == {state: 1}
        if point == "requested":
            wait_until_accepted(url, 1)  # the provider takes what has arrived, whoever has died
        for index in range(1, 4):
            run_a_while(database, url, BACK + index * STEP)
            if point != "claimed":
                # An accepted message is found at the first look; one that was not is sent after the second.
                seen = states(database)
                expected = ActionState.SENT if calls or index >= 2 else ActionState.IN_DOUBT
                assert seen == {expected: 1}
        assert states(database) == {ActionState.SENT: 1}
        assert max(accepted(url).values()) == 1
    with database.reading(SYSTEM) as tx:
        provider_ids = [a.provider_id for a in tx.session.scalars(select(Attempt)) if a.outcome == "sent"]
        assert len(provider_ids) == 1
        assert provider_ids[0] is not None


def test_sigterm_under_load_ends_in_ten_seconds_with_nothing_in_doubt(database: Database) -> None:
    count = 120
    fill(database, make_shop(database), count)
    with provider(0.05) as url:
        with loop(database, url, BACK) as process:
            time.sleep(0.3)
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 0
        left = states(database)
        assert set(left) <= {ActionState.SENT, ActionState.QUEUED}
        assert left[ActionState.QUEUED], "it ended by having done everything"
        with loop(database, url, BACK):
            wait_until_sent(database, count)
        assert max(accepted(url).values()) == 1


def test_two_loops_side_by_side_send_each_message_once(database: Database) -> None:
    count = 120
    fill(database, make_shop(database), count)
    with provider(0.01) as url, loop(database, url, BACK), loop(database, url, BACK):
        wait_until_sent(database, count)
        taken = accepted(url)
    assert len(taken) == count
    assert max(taken.values()) == 1


def test_a_loop_stopped_longer_than_its_lease_changes_nothing_when_it_wakes(database: Database) -> None:
    fill(database, make_shop(database), 1)
    with provider(0.6) as url:
        with loop(database, url, BACK) as sleeper:
            ends = time.monotonic() + 10
            while states(database)[ActionState.CALLING] == 0:
                assert time.monotonic() < ends
                time.sleep(0.02)
            time.sleep(0.3)  # the request is under way, the provider thinks
            sleeper.send_signal(signal.SIGSTOP)
            time.sleep(1.0)
            with loop(
                database, url, BACK + STEP
            ) as rescuer:  # the lease of the sleeper has run out for this one
                wait_until_sent(database, 1)
                rescuer.send_signal(signal.SIGTERM)
                rescuer.wait(10)
            with database.reading(SYSTEM) as tx:
                before = tx.session.scalars(
                    select(ScheduledAction).where(ScheduledAction.kind == "message")
                ).one()
            sleeper.send_signal(signal.SIGCONT)
            time.sleep(1.0)
        with database.reading(SYSTEM) as tx:
            after = tx.session.scalars(select(ScheduledAction).where(ScheduledAction.kind == "message")).one()
        assert after == before
        assert sum(accepted(url).values()) == 1
