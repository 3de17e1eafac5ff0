"""Bodies larger than the limit are refused before anything reads them."""

from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from medsync_app.web.limits import BodyLimit


async def _measure(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


@pytest.fixture
def client() -> TestClient:
    inner = Starlette(routes=[Route("/{path:path}", _measure, methods=["POST"])])
    return TestClient(BodyLimit(inner, default=10, larger={"/big": 20}))


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
