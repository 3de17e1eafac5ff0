"""The event socket without a browser: a small app on a real port, and a client that sends what it likes."""

import asyncio
import contextvars
import os
import threading
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest

from medsync_app.auth.sessions import cookie_name
from medsync_app.settings import get_settings
from medsync_app.store.session import Database
from tests.support.ports import free_port, wait_until

QUIET = 0.08
PATIENCE = 0.4


def _serve(port: int, started: threading.Event, stop: list[Callable[[], None]]) -> None:
    os.environ["REFLEX_ENV_MODE"] = "prod"
    os.environ["__REFLEX_SKIP_COMPILE"] = "true"
    import reflex as rx
    from granian.constants import Interfaces
    from granian.log import LogLevels
    from granian.server.embed import Server
    from reflex_base.registry import RegistrationContext

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

    # An app of its own beside the real one, knowing the same states.
    with RegistrationContext.ensure_context().fork():
        asyncio.run(run())


@pytest.fixture(scope="session")
def socket_port() -> Iterator[int]:
    """The port of an app with the gate in front and no built pages; it uses what `house` puts into the
    runtime.
    """
    port, started, stop = free_port(), threading.Event(), list[Callable[[], None]]()
    # Reflex keeps what states there are in a context variable, which a thread does not inherit.
    context = contextvars.copy_context()
    thread = threading.Thread(target=context.run, args=(_serve, port, started, stop), daemon=True)
    thread.start()
    assert started.wait(20)

    def answers() -> bool:
        from urllib.request import ProxyHandler, build_opener

        with suppress(OSError):
            return (
                build_opener(ProxyHandler({})).open(f"http://127.0.0.1:{port}/ping", timeout=2).status == 200
            )
        return False

    wait_until(answers, seconds=20, what="The socket app did not start", why_not=lambda: None)
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
        await self._quiet(before)
        return self.updates[before:]

    async def send_raw(self, data: Any) -> list[Any]:
        """Send anything at all as an event."""
        before = len(self.updates)
        await self._client.emit("event", data, namespace="/_event")
        await self._quiet(before)
        return self.updates[before:]

    async def _quiet(self, before: int) -> None:
        """Wait until an answer is complete; a refused event has none, which takes PATIENCE to know."""
        waited, seen = 0.0, before
        while waited < PATIENCE or seen != len(self.updates):
            if seen != len(self.updates):
                waited = PATIENCE - QUIET
            seen = len(self.updates)
            await asyncio.sleep(QUIET)
            waited += QUIET

    async def close(self) -> None:
        await self._client.disconnect()


@pytest.fixture
async def tab(socket_port: int, house: Database) -> AsyncIterator[Any]:
    """Opens tabs: `await tab(secret)`; they are closed at the end."""
    opened: list[SocketClient] = []

    async def open_tab(secret: str | None = None, token: str | None = None) -> SocketClient:
        client = SocketClient(socket_port, **({"token": token} if token else {}))
        await client.connect(f"{cookie_name(get_settings())}={secret}" if secret else "")
        opened.append(client)
        return client

    yield open_tab
    for client in opened:
        await client.close()
