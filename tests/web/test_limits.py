"""Bodies larger than the limit are refused before anything reads them."""

from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient
from starlette.types import Message, Scope

from medsync_app.web.limits import BodyLimit


async def _measure(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


@pytest.fixture
def client() -> TestClient:
    inner = Starlette(routes=[Route("/{path:path}", _measure, methods=["POST"])])
    return TestClient(BodyLimit(inner, default=10, by_prefix={"/big": 20, "/big/huge": 30}))


def _chunks(size: int) -> Iterator[bytes]:
    yield from (b"x" for _ in range(size))


@pytest.mark.parametrize(
    ("path", "size", "status"), [("/a", 10, 200), ("/a", 11, 413), ("/big", 20, 200), ("/big", 21, 413)]
)
def test_the_limit_holds_for_declared_and_for_chunked_bodies(
    client: TestClient, path: str, size: int, status: int
) -> None:
    assert client.post(path, content=b"x" * size).status_code == status
    assert client.post(path, content=_chunks(size)).status_code == status


def test_the_refusal_says_the_limit(client: TestClient) -> None:
    error = client.post("/a", content=b"x" * 11).json()["error"]
    assert error["code"] == "too_large"
    assert "10 bytes" in error["message"]


def test_the_longest_prefix_counts(client: TestClient) -> None:
    assert client.post("/big/huge", content=b"x" * 30).status_code == 200


async def _post(headers: list[tuple[bytes, bytes]], chunks: list[bytes]) -> tuple[int, int]:
    """Send a body in pieces; returns the status and how many pieces were asked for."""
    asked = 0
    statuses: list[int] = []

    async def receive() -> Message:
        nonlocal asked
        asked += 1
        return {"type": "http.request", "body": chunks[asked - 1], "more_body": asked < len(chunks)}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    inner = Starlette(routes=[Route("/a", _measure, methods=["POST"])])
    scope: Scope = {
        "type": "http", "http_version": "1.1", "method": "POST", "path": "/a", "raw_path": b"/a", "root_path": "",
        "scheme": "http", "query_string": b"", "headers": headers, "client": None, "server": None,
    }  # fmt: skip
    await BodyLimit(inner, default=10)(scope, receive, send)
    assert len(statuses) == 1
    return statuses[0], asked


async def test_pieces_are_added_up_and_reading_stops_at_the_limit() -> None:
    assert await _post([], [b"xxxx"] * 9) == (413, 3)
    assert await _post([], [b"xxxx"] * 2) == (200, 2)


async def test_a_declared_length_is_refused_before_anything_is_read() -> None:
    assert await _post([(b"content-length", b"11")], [b"x"] * 11) == (413, 0)
