"""A loop in a process of its own, to be killed: `python loop_process.py DATABASE PROVIDER OFFSET [FAILPOINT]`.

OFFSET (seconds, negative) shifts its clock, so that the leases of a killed one have run out for the next. With a
FAILPOINT the process kills itself at that step: claimed, calling, requested, answered.
"""

import os
import signal
import sys
import threading
import time
from datetime import UTC, datetime, timedelta

import httpx2

from medsync_app.clock import Clock
from medsync_app.connections.protocol import Accepted, Connections, Outgoing
from medsync_app.connections.twilio import TwilioApi, TwilioSms
from medsync_app.domain.states import Channel
from medsync_app.engine import loop as engine
from medsync_app.engine.loop import Limits, Loop
from medsync_app.store.session import Database


class OffsetClock(Clock):
    def __init__(self, seconds: float) -> None:
        self._offset = timedelta(seconds=seconds)

    def now(self) -> datetime:
        return datetime.now(UTC) + self._offset


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Failing(TwilioSms):
    """Kills the process before, during or after a real request."""

    point = ""
    provider = ""

    def _die_when_arrived(self) -> None:
        while not httpx2.get(f"{self.provider}/arrived").json():
            time.sleep(0.01)
        die()

    def send(self, message: Outgoing) -> Accepted:
        if self.point == "calling":
            die()
        if self.point == "requested":
            threading.Thread(target=self._die_when_arrived).start()
        accepted = super().send(message)
        if self.point == "answered":
            die()
        return accepted


def main(database: str, provider: str, offset: str, point: str = "") -> None:
    api = TwilioApi(account_sid="ACtest", auth_token="secret", api_url=provider)
    connection = Failing(api, callback_url="http://127.0.0.1/api/v1", from_number="+14045550999")
    connection.point, connection.provider = point, provider
    connections: Connections = {Channel.SMS: connection}
    if point == "claimed":
        engine.deliver = lambda *_args, **_more: die()  # type: ignore[assignment]
    loop = Loop(
        Database(database), OffsetClock(float(offset)), connections, limits=Limits(batch=8, idle_seconds=0.05)
    )
    signal.signal(signal.SIGTERM, lambda *_: loop.stop.set())
    print("runs", flush=True)
    loop.run_until_stopped()


if __name__ == "__main__":
    main(*sys.argv[1:])
