"""The API in worker processes, as they are served: `python -m ... PORT WORKERS`; settings by the environment."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server import Server

from medsync_app.settings import ROOT
from medsync_app.store.session import Database
from medsync_app.web.api import build_api
from tests.support.ports import free_port, wait_until
from tests.support.signed_requests import PUBLIC, TOKEN

#: The header that names the process which has answered.
WORKER = "X-Worker"


def build() -> Any:
    """The API, saying in each answer which worker gave it."""
    api = build_api()
    name = WORKER.lower().encode(), str(os.getpid()).encode()

    async def named(scope: Any, receive: Any, send: Any) -> None:
        async def send_named(message: Any) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], name]}
            await send(message)

        await api(scope, receive, send_named)

    return named


@contextmanager
def served_api(database: Database, workers: int) -> Iterator[str]:
    """The address of so many workers on one database."""
    port = free_port()
    mine = {"DATABASE_URL": database.url, "MEDSYNC_PUBLIC_URL": PUBLIC, "TWILIO_AUTH_TOKEN": TOKEN}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.api_process", str(port), str(workers)],
        cwd=ROOT, env={**os.environ, **mine}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until(
            lambda: _answers(url), seconds=60, what="The API did not start",
            why_not=lambda: None if process.poll() is None else f"it ended with {process.returncode}",
        )  # fmt: skip
        yield url
    finally:
        process.terminate()
        process.wait(20)


def _answers(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/openapi.json").status_code == 200
    except httpx2.TransportError:
        return False


if __name__ == "__main__":
    Server(
        target="tests.support.api_process:build", factory=True, address="127.0.0.1", port=int(sys.argv[1]),
        interface=Interfaces.ASGI, workers=int(sys.argv[2]), log_level=LogLevels.warning,
    ).serve()  # fmt: skip
