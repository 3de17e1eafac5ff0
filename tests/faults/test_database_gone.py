"""Rows 11 and 12 of the fault tests: the database is locked, or gone, or the disk full, while messages go out."""

import resource
import sqlite3
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from sqlalchemy import select

from medsync_app.clock import SystemClock, VirtualClock
from medsync_app.connections.protocol import Accepted, Found, Outgoing
from medsync_app.demo.due_messages import add_due_messages
from medsync_app.domain.states import ActionState, Channel
from medsync_app.engine.loop import Limits, Loop, tick
from medsync_app.reads.health import workings
from medsync_app.store.session import Database
from medsync_app.store.tables import Attempt
from medsync_app.web.health import SILENT_AFTER
from tests.support.faults import (
    BACK,
    LONG,
    SLACK,
    accepted,
    arrived,
    doubted,
    figures,
    fill,
    loop,
    provider,
    settle_all,
    sized,
    states,
    wait_until,
)
from tests.support.loop import FakeConnection
from tests.support.own_postgres import own_server
from tests.support.store import SYSTEM, make_shop

pytestmark = pytest.mark.slow


class Remembering(FakeConnection):
    """Takes `seconds` for each message, and can say later what it has accepted."""

    def __init__(self, seconds: float) -> None:
        super().__init__(behave=self._accept)
        self.seconds = seconds
        self.accepted: list[tuple[str, Found]] = []

    def _accept(self, message: Outgoing) -> Accepted:
        time.sleep(self.seconds)
        sid = f"SM{message.attempt_id}"
        self.accepted.append((message.to, Found(sid, datetime.now(UTC), message.body)))
        return Accepted(sid)

    def look_up(self, to: str, since: datetime) -> list[Found]:
        return [found for number, found in list(self.accepted) if number == to]


@contextmanager
def sending(database: Database, count: int, seconds: float = 0.02) -> Iterator[Remembering]:
    """A loop in a thread, with so many messages to send, each call taking so long."""
    add_due_messages(database, SystemClock(), count)
    sms = Remembering(seconds)
    sender = Loop(database, SystemClock(), {Channel.SMS: sms}, limits=Limits(batch=16, idle_seconds=0.05))
    thread = threading.Thread(target=sender.run_until_stopped)
    thread.start()
    try:
        yield sms
    finally:
        sender.stop.set()
        thread.join(30)


def all_sent_once(database: Database, sms: Remembering, count: int) -> None:
    wait_until(lambda: states(database)[ActionState.SENT] == count, 60 + count / 20)
    assert set(Counter(message.to for message in sms.sent).values()) == {1}
    assert len(sms.sent) == count


def hasten(database: Database, sms: Remembering) -> None:
    """Let the minutes pass in which leases run out and what is in doubt is looked up twice."""
    for minutes in range(1, 5):
        clock = VirtualClock(datetime.now(UTC) + timedelta(minutes=2 * minutes))
        while tick(database, clock, {Channel.SMS: sms}, "later", plan=False).busy:
            pass


def seconds_until_more(sms: Remembering) -> float:
    """How long it takes until the loop sends again."""
    before, started = len(sms.sent), time.monotonic()
    wait_until(lambda: len(sms.sent) > before, 30)
    return time.monotonic() - started


def test_a_locked_sqlite_file_loses_nothing_and_work_goes_on_without_a_restart(database: Database) -> None:
    count, locked = sized(300, 5_000), sized(12, 40)
    with sending(database, count) as sms:
        wait_until(lambda: len(sms.sent) > 20)
        other = sqlite3.connect(database.url.removeprefix("sqlite:///"), isolation_level=None, timeout=60)
        other.execute("BEGIN IMMEDIATE")
        time.sleep(locked)
        other.execute("ROLLBACK")
        other.close()
        back = seconds_until_more(sms)
        all_sent_once(database, sms, count)
    figures(
        11, database="sqlite", due=count, locked_s=locked, back_s=round(back, 2), doubted=doubted(database)
    )
    assert back < 5 * SLACK


def test_a_postgresql_that_is_restarted_again_and_again_loses_nothing() -> None:
    """By turns stopped with every connection cut, and crashed; each time after 5 to 40 s of work in the long form."""
    count, chance, restarts, worst = sized(400, 5_000), Random(11), 0, 0.0
    with own_server() as server:
        database = Database(server.url)
        with sending(database, count, seconds=1.0 if LONG else 0.02) as sms:
            while restarts < sized(1, 1_000) and len(sms.sent) < count - 100:
                seconds_until_more(sms)
                time.sleep(chance.uniform(5, 40) if LONG else 0.5)
                server.stop("fast" if restarts % 2 else "immediate")
                time.sleep(chance.uniform(0.5, 3))
                server.start()
                restarts += 1
                if len(sms.sent) < count:
                    worst = max(worst, seconds_until_more(sms))
            settled = (
                {ActionState.SENT} if LONG else {ActionState.SENT, ActionState.CALLING, ActionState.IN_DOUBT}
            )
            wait_until(lambda: states(database).keys() <= settled, 300)
        hasten(database, sms)
        all_sent_once(database, sms, count)
        figures(
            11, database="postgresql", due=count, restarts=restarts, back_s=round(worst, 2),
            accepted=len(sms.accepted), doubted=doubted(database),
        )  # fmt: skip
        database.dispose()
    assert worst < 5 * SLACK


@contextmanager
def full_disk(process: "subprocess.Popen[str]") -> Iterator[None]:
    """No file of that process may grow or be written beyond its first byte."""
    before = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (1, before[1]))
    try:
        yield
    finally:
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, before)


def marked(database: Database) -> set[str]:
    """The numbers that a call was marked for."""
    with database.reading(SYSTEM) as tx:
        return set(tx.session.scalars(select(Attempt.address)))


def last_beat(database: Database) -> datetime | None:
    with database.reading(SYSTEM) as tx:
        return workings(tx).last_beat


def test_with_a_full_disk_nothing_is_called_that_cannot_be_recorded_and_all_goes_on_after(
    database: Database,
) -> None:
    count, full = sized(300, 3_000), sized(2, 130)
    fill(database, make_shop(database), count)
    with provider(0.05) as url:
        with loop(database, url, BACK) as process:
            wait_until(lambda: sum(accepted(url).values()) >= 20 and last_beat(database) is not None)
            with full_disk(process):
                time.sleep(1)
                called, beat = arrived(url), last_beat(database)
                time.sleep(full)
                assert arrived(url) == called, "nothing more is called"
                assert accepted(url).keys() <= marked(database)
                assert last_beat(database) == beat, "no sign of life of a loop that cannot record any"
                assert beat is not None
                if LONG:
                    assert datetime.now(UTC) + timedelta(seconds=BACK) - beat > SILENT_AFTER, "health is red"
            began, before = time.monotonic(), arrived(url)
            wait_until(lambda: arrived(url) > before, 30)
            back = time.monotonic() - began
            ended = {ActionState.SENT, ActionState.IN_DOUBT}
            # Not so long as a lease: what a broken tick had claimed is given back when the database is there again.
            wait_until(lambda: states(database).keys() <= ended, 40 + count / 20)
        if states(database)[ActionState.IN_DOUBT]:
            settle_all(database, url, BACK, count)
        assert set(accepted(url).values()) == {1}
        assert len(accepted(url)) == count
    figures(
        12, due=count, full_s=full + 1, called_before=called, back_s=round(back, 2), doubted=doubted(database)
    )
    assert states(database) == {ActionState.SENT: count}
    assert back < 5 * SLACK
