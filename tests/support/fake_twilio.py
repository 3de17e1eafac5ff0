"""A provider of its own: accepts messages and calls over real HTTP, counts them, lists them, and breaks on request.

Runs in a thread (`FakeTwilio.running()`), or as a process of its own: `python fake_twilio.py PORT`.
"""

import json
import socket
import struct
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

#: Set by a test: how the next requests are answered.
ACCEPT = "accept"
#: How one request is answered: one of the words of `FakeTwilio.behave`, or (status, code, headers) to refuse.
Answer = str | tuple[int, int | None, dict[str, str]]


@dataclass
class Message:
    sid: str
    fields: dict[str, str]
    created: datetime


@dataclass
class FakeTwilio:
    """What the provider knows and how it behaves."""

    messages: list[Message] = field(default_factory=list)
    calls: list[Message] = field(default_factory=list)
    #: accept; reset, timeout, half, http_502 (all after accepting); or (status, code, headers) to refuse; or what gives
    #: one of these for the fields of a request, asked for one request at a time.
    behave: Any = ACCEPT
    seconds: float = 0.0
    port: int = 0
    lists: int = 0
    #: Create requests whose body has come in, answered or not.
    arrived: int = 0
    #: When each of them came in, by the monotonic clock.
    times: list[float] = field(default_factory=list)
    #: Seconds for which the next one is asked to wait, and when it was told so.
    wait_next: int = 0
    told_at: float | None = None
    authorization: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def accept(self, fields: dict[str, str], *, call: bool = False) -> Message:
        kept = self.calls if call else self.messages
        with self._lock:
            message = Message(f"{'CA' if call else 'SM'}{len(kept):032d}", fields, datetime.now(UTC))
            kept.append(message)
            return message

    def came_in(self, fields: dict[str, str]) -> Answer:
        """How a request that has just come in is answered."""
        with self._lock:
            self.times.append(time.monotonic())
            seconds, self.wait_next = self.wait_next, 0
            if not seconds:
                return self.behave(fields) if callable(self.behave) else self.behave
        self.told_at = time.monotonic()
        return 429, 20429, {"Retry-After": str(seconds)}

    @contextmanager
    def running(self, port: int = 0) -> "Iterator[FakeTwilio]":
        server = serve(self, port)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


def _document(message: Message) -> dict[str, Any]:
    at = format_datetime(message.created)
    return {
        "sid": message.sid, "to": message.fields.get("To"), "from": message.fields.get("From"),
        "body": message.fields.get("Body"), "status": "queued", "direction": "outbound-api", "date_created": at,
        "date_updated": at, "date_sent": None, "account_sid": "ACtest", "error_code": None, "error_message": None,
    }  # fmt: skip


class _Handler(BaseHTTPRequestHandler):
    provider: FakeTwilio
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def _json(self, status: int, document: Any, headers: dict[str, str] | None = None) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        provider = self.provider
        length = int(self.headers["Content-Length"])
        body = self.rfile.read(length)
        if (
            len(body) < length
        ):  # the caller died between the request's head and its end: nobody takes half of one
            self.close_connection = True
            return
        fields = {name: ",".join(values) for name, values in parse_qs(body.decode()).items()}
        provider.authorization = self.headers.get("Authorization", "")
        provider.arrived += 1
        behave = provider.came_in(fields)
        time.sleep(provider.seconds)
        if isinstance(behave, tuple):
            status, code, headers = behave
            self._json(status, {"code": code, "message": "no", "status": status}, headers)
            return
        message = provider.accept(fields, call=self.path.endswith("/Calls.json"))
        if behave == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            return
        if behave == "timeout":
            time.sleep(3)
            self.close_connection = True
            return
        if behave == "half":
            self.send_response(201)
            self.send_header("Content-Length", "500")
            self.end_headers()
            self.wfile.write(b'{"sid": "SM')
            self.close_connection = True
            return
        if behave == "http_502":
            self._json(502, {"message": "Bad gateway"})
            return
        self._json(201, _document(message))

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if parts.path == "/arrived":
            self._json(200, self.provider.arrived)
            return
        if parts.path == "/times":
            self._json(200, {"times": self.provider.times, "told_at": self.provider.told_at})
            return
        if parts.path.startswith("/wait-next/"):
            self.provider.wait_next = int(parts.path.rpartition("/")[2])
            self._json(200, None)
            return
        if parts.path == "/count":
            sent = [
                (m.sid, m.fields.get("To"), m.fields.get("StatusCallback", ""))
                for m in (*self.provider.messages, *self.provider.calls)
            ]
            self._json(200, sent)
            return
        self.provider.lists += 1
        to = parse_qs(parts.query).get("To", [""])[0]
        calls = parts.path.endswith("/Calls.json")
        kept = self.provider.calls if calls else self.provider.messages
        found = [_document(m) for m in reversed(kept) if m.fields.get("To") == to]
        name = "calls" if calls else "messages"
        self._json(200, {name: found[:50], "next_page_uri": None, "page": 0, "page_size": 50})


class _Server(ThreadingHTTPServer):
    #: A provider takes many connections at once; with the usual five, some would wait longer than the caller does.
    request_queue_size = 256

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):  # callers are killed in mid-request on purpose
            super().handle_error(request, client_address)


def serve(provider: FakeTwilio, port: int = 0) -> ThreadingHTTPServer:
    handler = type("Handler", (_Handler,), {"provider": provider})
    server = _Server(("127.0.0.1", port), handler)
    server.daemon_threads = True
    provider.port = server.server_address[1]
    return server


if __name__ == "__main__":
    fake = FakeTwilio(seconds=float(sys.argv[2]) if len(sys.argv) > 2 else 0.0)
    fake_server = serve(fake, int(sys.argv[1]))
    print(fake.port, flush=True)
    fake_server.serve_forever()
