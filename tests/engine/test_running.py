"""The running loop: it lives through errors, beats, ends cleanly, and is wired by the settings."""

import asyncio
import io
import json
import threading
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from medsync_app.cli import loop as command
from medsync_app.clock import Clock, SystemClock
from medsync_app.connections.guarded import GuardedConnection
from medsync_app.connections.sandbox import SandboxConnection
from medsync_app.connections.smtp import SmtpEmail
from medsync_app.connections.twilio import TwilioSms
from medsync_app.domain.states import ActionState, Channel
from medsync_app.engine import loop as engine
from medsync_app.engine.checks import Chore
from medsync_app.engine.loop import Limits, Loop
from medsync_app.engine.supervise import background_loop
from medsync_app.engine.wiring import connections_from
from medsync_app.errors import Invalid
from medsync_app.settings import Settings
from medsync_app.store.session import Database
from medsync_app.store.tables import LoopHeartbeat
from tests.support.loop import queue_message
from tests.support.store import NOW, SYSTEM, make_patient, make_shop

pytestmark = pytest.mark.slow

FAST = Limits(idle_seconds=0.01)


def until(seen: Callable[[], bool], seconds: float = 5) -> None:
    ends = time.monotonic() + seconds
    while not seen():
        assert time.monotonic() < ends, "it did not happen"
        time.sleep(0.01)


def beats(database: Database) -> list[LoopHeartbeat]:
    with database.reading(SYSTEM) as tx:
        return list(tx.session.scalars(select(LoopHeartbeat)))


def test_a_running_loop_beats_and_says_when_it_has_ended(database: Database) -> None:
    loop = Loop(database, SystemClock(), {}, limits=FAST)
    thread = threading.Thread(target=loop.run_until_stopped)
    thread.start()
    until(lambda: bool(beats(database)))
    loop.stop.set()
    thread.join(5)
    assert not thread.is_alive()
    (beat,) = beats(database)
    assert beat.owner == loop.owner
    assert beat.stopped_at is not None


def test_database_errors_do_not_end_the_loop(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = 0
    real = engine.tick

    def tick(*args: Any, **more: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls <= 2:
            raise OperationalError("select", {}, Exception("database is locked"))
        return real(*args, **more)

    monkeypatch.setattr(engine, "tick", tick)
    loop = Loop(database, SystemClock(), {}, limits=FAST)
    thread = threading.Thread(target=loop.run_until_stopped)
    thread.start()
    until(lambda: calls > 4)
    loop.stop.set()
    thread.join(5)
    assert not thread.is_alive()


def test_chores_run_beside_the_loop_and_their_errors_stay_with_them(database: Database) -> None:
    done: list[str] = []

    def bad(_db: Database, _clock: Clock) -> None:
        done.append("bad")
        raise ZeroDivisionError

    chores = [
        Chore("bad", bad, timedelta(0)),
        Chore("good", lambda _db, _clock: done.append("good"), timedelta(0)),
        Chore("rare", lambda _db, _clock: done.append("rare"), timedelta(hours=1)),
    ]
    loop = Loop(database, SystemClock(), {}, limits=FAST, chores=chores)
    thread = threading.Thread(target=loop.run_until_stopped)
    thread.start()
    until(lambda: done.count("good") >= 2)
    loop.stop.set()
    thread.join(5)
    assert done.count("bad") >= 2
    assert done.count("rare") == 1


async def test_the_supervisor_starts_a_new_loop_when_one_dies_and_ends_with_its_task(
    database: Database,
) -> None:
    made: list[Loop] = []

    class Dying(Loop):
        def run_until_stopped(self) -> None:
            if len(made) == 1:
                raise SystemExit
            super().run_until_stopped()

    def make(chores: Sequence[Chore]) -> Loop:
        made.append(Dying(database, SystemClock(), {}, limits=FAST, chores=chores))
        return made[-1]

    task = asyncio.create_task(background_loop((), make))
    await asyncio.to_thread(until, lambda: len(made) == 2 and bool(beats(database)))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert beats(database)[0].stopped_at is not None


def settings(**values: Any) -> Settings:
    return Settings(_env_file=None, **values)  # type: ignore[call-arg]


def test_nothing_is_sent_unless_the_settings_say_live() -> None:
    made = connections_from(
        settings(twilio_account_sid="AC", twilio_auth_token=SecretStr("t"), twilio_from="+1")
    )
    assert all(isinstance(c, SandboxConnection) for c in made.values())
    assert connections_from(settings(medsync_send="live")) == {}


def test_live_connections_come_from_the_settings() -> None:
    made = connections_from(
        settings(
            medsync_send="live", twilio_account_sid="AC1", twilio_auth_token=SecretStr("t"), twilio_from="+1404",
            medsync_public_url="https://shop.example/", smtp_url=SecretStr("smtp://u:p@mail.example:25"),
            smtp_from="a@shop.example",
        )
    )  # fmt: skip
    assert Channel.VOICE not in made
    guarded = made[Channel.SMS], made[Channel.EMAIL]
    sms, mail = (one.inner for one in guarded if isinstance(one, GuardedConnection))
    assert isinstance(sms, TwilioSms)
    assert isinstance(mail, SmtpEmail)
    assert sms.status_url("x") == "https://shop.example/api/v1/twilio/status/x"
    assert not sms.loopback
    assert not mail.loopback


def test_unreadable_mail_settings_are_named() -> None:
    for values in (
        {"smtp_url": SecretStr("smtp://h")},
        {"smtp_url": SecretStr("ftp://h"), "smtp_from": "a@b.c"},
    ):
        with pytest.raises(Invalid):
            connections_from(settings(medsync_send="live", **values))


def run_command(database: Database, monkeypatch: pytest.MonkeyPatch, *argv: str) -> dict[str, Any]:
    monkeypatch.setattr(command, "get_database", lambda: database)
    monkeypatch.setattr(command, "get_settings", lambda: settings())
    monkeypatch.setattr(command, "configure", lambda _level: None)
    out = io.StringIO()
    assert command.run(list(argv), io.StringIO(), out, io.StringIO()) == 0
    return json.loads(out.getvalue())


def test_loop_once_does_what_is_due_at_an_instant(
    database: Database, monkeypatch: pytest.MonkeyPatch, clock: Any
) -> None:
    shop = make_shop(database)
    for index in range(40):
        person = make_patient(database, shop, first=f"P{index}", phone=f"+14045550{100 + index}")
        queue_message(database, shop, clock, person, f"m{index}")
    before = run_command(database, monkeypatch, "--once", "--now", (NOW - timedelta(hours=1)).isoformat())
    assert before["sent"] == 0
    report = run_command(database, monkeypatch, "--once", "--now", NOW.isoformat())
    assert report["sent"] == 40
    assert report["states"][ActionState.SENT] == 40
    assert run_command(database, monkeypatch, "--once", "--now", NOW.isoformat())["sent"] == 0


def test_an_unreadable_instant_is_refused(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Invalid):
        run_command(database, monkeypatch, "--once", "--now", "tomorrow")
    with pytest.raises(SystemExit):
        run_command(database, monkeypatch, "--now", NOW.isoformat())
