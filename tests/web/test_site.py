"""The site as a whole: pages, API and Reflex's own routes behind one set of limits and headers."""

from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from medsync_app.web import site


async def _path(request: Request) -> Response:
    return PlainTextResponse(f"{request.url.path} {len(await request.body())}")


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    pages = tmp_path / "build" / "client"
    (pages / "calendar").mkdir(parents=True)
    (pages / "calendar" / "index.html").write_text("<script>calendar()</script>")
    monkeypatch.setenv("REFLEX_WEB_WORKDIR", str(tmp_path))
    reflex_site = Starlette(routes=[Route("/{path:path}", _path, methods=["GET", "POST"])])
    return TestClient(site.site_around(reflex_site), base_url="http://localhost:3000")


def test_a_page_answers_without_a_redirect(client: TestClient) -> None:
    assert client.get("/calendar", follow_redirects=False).text == "/calendar/ 0"
    assert client.get("/calendar/").text == "/calendar/ 0"


def test_other_paths_reach_reflex_as_they_are(client: TestClient) -> None:
    assert client.get("/patients/7").text == "/patients/7 0"
    assert client.get("/ping").text == "/ping 0"


def test_the_api_stands_beside_the_pages_with_the_same_headers(client: TestClient) -> None:
    answer = client.get("/api/v1/openapi.json")
    assert answer.json()["info"]["title"] == "MedSync"
    assert answer.headers["X-Frame-Options"] == client.get("/ping").headers["X-Frame-Options"] == "DENY"
    assert client.get("/api/v1/no-such-thing").status_code == 404


def test_a_body_beyond_the_limit_is_refused_with_the_headers(client: TestClient) -> None:
    answer = client.post("/anything", content=b"x" * (1024 * 1024 + 1))
    assert answer.status_code == 413
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
