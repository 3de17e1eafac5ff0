"""The event socket without a browser: a small app on a real port, and a client that sends what it likes."""

import asyncio
import os
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.support.ports import free_port, wait_until

WAIT_SECONDS = 5.0
QUIET_SECONDS = 0.3


def _serve(port: int, started: threading.Event, stop: list[Callable[[], None]]) -> None:
    os.environ["REFLEX_ENV_MODE"] = "prod"
    os.environ["__REFLEX_SKIP_COMPILE"] = "true"
    import reflex as rx
    from granian.constants import Interfaces
    from granian.log import LogLevels
    from granian.server.embed import Server

    from medsync_app.ui.failures import report_failure
    from medsync_app.ui.gate import Gate
    from medsync_app.web.site import site_around

    async def run() -> None:
        app = rx.App(backend_exception_handler=report_failure, api_transformer=site_around)
        app.add_middleware(Gate())
        app.add_page(lambda: rx.el.div(), route="/")
        server = Server(
            app(), address="127.0.0.1", port=port, interface=Interfaces.ASGI, log_level=LogLevels.error
        )
        task = asyncio.create_task(server.serve())
        loop = asyncio.get_running_loop()
        stop.append(lambda: loop.call_soon_threadsafe(server.stop))
        started.set()
        await task

    asyncio.run(run())


@pytest.fixture(scope="session")
def socket_port() -> Iterator[int]:
    """The port of an app with the gate in front and no built pages; it uses what `house` puts into the
    runtime.
    """
    port, started, stop = free_port(), threading.Event(), list[Callable[[], None]]()
    thread = threading.Thread(target=_serve, args=(port, started, stop), daemon=True)
    thread.start()
    assert started.wait(20)

    def answers() -> bool:
        from urllib.request import ProxyHandler, build_opener

        with suppress(OSError):
            return (
                build_opener(ProxyHandler({})).open(f"http://127.0.0.1:{port}/ping", timeout=2).status == 200
            )
        return False

    wait_until(answers, seconds=20, what="The socket app did not start")
    yield port
    stop[0]()
    thread.join(10)


@dataclass
class SocketClient:
    """A browser tab's end of the socket. `updates` holds every message the server sent."""

    port: int
    token: str = field(default_factory=lambda: str(uuid.uuid4()))
    updates: list[Any] = field(default_factory=list)

    async def connect(self, cookie: str = "") -> "SocketClient":
        import socketio

        self._client: Any = socketio.AsyncClient(reconnection=False)
        self._client.on("event", self._received, namespace="/_event")
        await self._client.connect(
            f"http://127.0.0.1:{self.port}/_event?token={self.token}",
            headers={"Cookie": cookie} if cookie else {}, namespaces=["/_event"],
            socketio_path="/_event", transports=["websocket"],
        )  # fmt: skip
        return self

    async def _received(self, data: Any) -> None:
        self.updates.append(data)

    async def send(self, name: str, payload: Any = None, path: str = "/", **more: Any) -> list[Any]:
        """Send an event and return what came back until the server was quiet."""
        before = len(self.updates)
        route, _, query = path.partition("?")
        router = {
            "pathname": route, "asPath": path,
            "query": dict(part.split("=", 1) for part in query.split("&") if part),
        }  # fmt: skip
        event = {"name": name, "payload": {} if payload is None else payload, "router_data": router} | more
        await self._client.emit("event", event, namespace="/_event")
        await self._quiet()
        return self.updates[before:]

    async def send_raw(self, data: Any) -> list[Any]:
        """Send anything at all as an event."""
        before = len(self.updates)
        await self._client.emit("event", data, namespace="/_event")
        await self._quiet()
        return self.updates[before:]

    async def _quiet(self) -> None:
        seen = -1
        while seen != len(self.updates):
            seen = len(self.updates)
            await asyncio.sleep(QUIET_SECONDS)

    async def close(self) -> None:
        await self._client.disconnect()
