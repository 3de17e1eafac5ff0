"""Row 11 of the fault tests: the database is locked, or gone, while messages go out."""

import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from medsync_app.clock import SystemClock
from medsync_app.connections.protocol import Accepted, Outgoing
from medsync_app.demo.due_messages import add_due_messages
from medsync_app.domain.states import ActionState, Channel
from medsync_app.engine.loop import Limits, Loop
from medsync_app.store.session import Database
from tests.support.databases import POSTGRES
from tests.support.faults import SLACK, doubted, figures, sized, states, wait_until
from tests.support.loop import FakeConnection

pytestmark = pytest.mark.slow


@contextmanager
def sending(database: Database, count: int) -> Iterator[FakeConnection]:
    """A loop in a thread, with so many messages to send, each call a little slow."""
    add_due_messages(database, SystemClock(), count)

    def behave(message: Outgoing) -> Accepted:
        time.sleep(0.02)
        return Accepted(f"SM{message.attempt_id}")

    sms = FakeConnection(behave=behave)
    loop = Loop(database, SystemClock(), {Channel.SMS: sms}, limits=Limits(batch=16, idle_seconds=0.05))
    thread = threading.Thread(target=loop.run_until_stopped)
    thread.start()
    try:
        yield sms
    finally:
        loop.stop.set()
        thread.join(30)


def all_sent_once(database: Database, sms: FakeConnection, count: int) -> None:
    wait_until(lambda: states(database)[ActionState.SENT] == count, 60 + count / 20)
    assert set(Counter(message.to for message in sms.sent).values()) == {1}
    assert len(sms.sent) == count


def seconds_until_more(sms: FakeConnection) -> float:
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


@pytest.mark.parametrize("database", [POSTGRES], indirect=True)
def test_a_postgresql_that_comes_and_goes_loses_nothing(database: Database) -> None:
    count, times, worst = sized(400, 5_000), sized(3, 20), 0.0
    with sending(database, count) as sms:
        for _ in range(times):
            seconds_until_more(sms)
            shut(database)
            time.sleep(0.7)
            allow(database, True)
            if len(sms.sent) < count - 20:
                worst = max(worst, seconds_until_more(sms))
        all_sent_once(database, sms, count)
    figures(
        11, database="postgresql", due=count, outages=times, back_s=round(worst, 2), doubted=doubted(database)
    )
    assert worst < 5 * SLACK


def shut(database: Database) -> None:
    """As a restart does: every connection is cut, and new ones are refused."""
    allow(database, False)
    with psycopg.connect(server(database), autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
            (database.engine.url.database,),
        )


def allow(database: Database, yes: bool) -> None:
    with psycopg.connect(server(database), autocommit=True) as connection:
        name = database.engine.url.database
        connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS {str(yes).lower()}'.encode())


def server(database: Database) -> str:
    url = database.engine.url.set(drivername="postgresql", database="postgres")
    return url.render_as_string(hide_password=False)
