"""A loop in a process of its own: `python -m ... DATABASE PROVIDER OFFSET [FAILPOINT [LEASE [CHANNEL [PACE]]]]`.

OFFSET (seconds, negative) shifts its clock, so that the leases of a killed one have run out for the next. With a
FAILPOINT the process kills itself at that step: claimed, calling, requested, answered. PACE is a rate a second.
"""

import os
import signal
import sys
import threading
import time
from datetime import UTC, datetime, timedelta

import httpx2

from medsync_app.clock import Clock
from medsync_app.connections.guarded import GuardedConnection
from medsync_app.connections.protocol import Accepted, Connection, Connections, Outgoing
from medsync_app.connections.twilio import TwilioApi, TwilioSms, TwilioVoice
from medsync_app.domain.provider import Pace
from medsync_app.domain.states import Channel
from medsync_app.engine import deliver
from medsync_app.engine import loop as engine
from medsync_app.engine.loop import Limits, Loop
from medsync_app.services import fire_batch, fire_message
from medsync_app.store.session import Database


class OffsetClock(Clock):
    def __init__(self, seconds: float) -> None:
        self._offset = timedelta(seconds=seconds)

    def now(self) -> datetime:
        return datetime.now(UTC) + self._offset


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Failing:
    """Kills the process before, during or after a real request of the connection inside."""

    live, loopback = True, True

    def __init__(self, inner: Connection, provider: str, point: str) -> None:
        self.can_look_up, self.look_up = inner.can_look_up, inner.look_up
        self._inner, self._provider, self._point = inner, provider, point

    def _die_when_arrived(self) -> None:
        while not httpx2.get(f"{self._provider}/arrived").json():
            time.sleep(0.01)
        die()

    def send(self, message: Outgoing) -> Accepted:
        if self._point == "calling":
            die()
        if self._point == "requested":
            threading.Thread(target=self._die_when_arrived).start()
        accepted = self._inner.send(message)
        if self._point == "answered":
            die()
        return accepted


class Unlisted(TwilioSms):
    """Cannot be asked afterwards, as a mail server cannot."""

    can_look_up = False


def main(
    database: str,
    provider: str,
    offset: str,
    point: str = "",
    lease: str = "60",
    channel: str = "sms",
    pace: str = "",
) -> None:
    api = TwilioApi(account_sid="ACtest", auth_token="secret", api_url=provider)
    kind = {Channel.SMS: TwilioSms, Channel.VOICE: TwilioVoice, Channel.EMAIL: Unlisted}[Channel(channel)]
    inner = kind(api, callback_url="http://127.0.0.1/api/v1", from_number="+14045550999")
    connection: Connection = Failing(inner, provider, point)
    if pace:
        connection = GuardedConnection(connection, Pace(float(pace)))
    connections: Connections = {Channel(channel): connection}
    if point == "claimed":
        engine.deliver = lambda *_args, **_more: die()  # type: ignore[assignment]
    if float(lease) < 60:
        deliver.CALL_SECONDS = 1.0
        fire_message.ROOM = fire_batch.ROOM = timedelta(seconds=1.5)
    limits = Limits(batch=8, idle_seconds=0.05, lease=timedelta(seconds=float(lease)))
    loop = Loop(Database(database), OffsetClock(float(offset)), connections, limits=limits)
    signal.signal(signal.SIGTERM, lambda *_: loop.stop.set())
    print("runs", flush=True)
    loop.run_until_stopped()


if __name__ == "__main__":
    main(*sys.argv[1:])
