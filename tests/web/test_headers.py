"""Security headers stand on every answer: pages, files, API, errors."""

from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from medsync_app.web.csp import PageScripts, policy, script_hashes
from medsync_app.web.headers import ALWAYS, SecurityHeaders

PAGE = "<html><script src='/a.js'></script><script>first()</script><p>x</p><script>second()</script></html>"
FIRST = "'sha256-83vhNOBwEmYr0zZoMHHxMZ1dAUIO/eXbb2ZqAxY28Ug='"


async def _say(request: Request) -> Response:
    kind = request.query_params.get("type", "text/html")
    if request.query_params.get("boom"):
        raise RuntimeError("boom")
    return PlainTextResponse("hello", media_type=kind)


def _client(tmp_path: Path, *, https: bool = False) -> TestClient:
    (tmp_path / "calendar").mkdir(exist_ok=True)
    (tmp_path / "index.html").write_text(PAGE)
    (tmp_path / "calendar" / "index.html").write_text("<script>calendar()</script>")
    (tmp_path / "404.html").write_text("<script>shell()</script>")
    inner = Starlette(routes=[Route("/{path:path}", _say)])
    site = SecurityHeaders(inner, PageScripts(tmp_path), https=https)
    return TestClient(site, base_url="http://pharmacy.test:3000", raise_server_exceptions=False)


def _script_sources(header: str) -> str:
    return next(part for part in header.split("; ") if part.startswith("script-src "))


@pytest.mark.parametrize(
    "address", ["/", "/assets/a.js?type=text/javascript", "/api/v1/x?type=application/json", "/?boom=1"]
)
def test_every_answer_carries_the_headers(tmp_path: Path, address: str) -> None:
    answer = _client(tmp_path).get(address)
    assert {name: answer.headers.get(name) for name in ALWAYS} == ALWAYS
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]


def test_scripts_run_only_from_files_and_by_hash(tmp_path: Path) -> None:
    sources = _script_sources(_client(tmp_path).get("/").headers["Content-Security-Policy"])
    assert "unsafe" not in sources
    assert sources.split() == ["script-src", "'self'", *script_hashes(PAGE)]


def test_each_page_allows_its_own_scripts_and_unknown_paths_those_of_the_shell(tmp_path: Path) -> None:
    client = _client(tmp_path)
    for path, script in (
        ("/calendar", "calendar()"),
        ("/calendar/", "calendar()"),
        ("/patients/7", "shell()"),
    ):
        sources = _script_sources(client.get(path).headers["Content-Security-Policy"])
        assert sources.split()[2:] == list(script_hashes(f"<script>{script}</script>")), path


def test_the_hash_is_that_of_the_exact_text_between_the_tags() -> None:
    import base64
    import hashlib

    text = '\n  if (a && b < c) { "</p>" }\n'
    expected = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    assert script_hashes(f"<p>x</p><script nonce>{text}</script>") == (f"'sha256-{expected}'",)


def test_the_socket_of_the_same_host_is_allowed_and_a_forged_host_is_not_repeated() -> None:
    assert "connect-src 'self' ws://pharmacy.test:3000" in policy((), "pharmacy.test:3000", https=False)
    assert "connect-src 'self' wss://pharmacy.test;" in policy((), "pharmacy.test", https=True)
    forged = policy((), "evil.test; script-src *", https=False)
    assert "evil" not in forged


def test_https_is_demanded_only_when_the_public_address_is_https(tmp_path: Path) -> None:
    assert "Strict-Transport-Security" not in _client(tmp_path).get("/").headers
    assert (
        _client(tmp_path, https=True)
        .get("/")
        .headers["Strict-Transport-Security"]
        .startswith("max-age=31536000")
    )


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("/", "no-store"),
        ("/api/v1/x?type=application/json", "no-store"),
        ("/assets/a.js?type=text/javascript", "public, max-age=31536000, immutable"),
        ("/favicon.svg?type=image/svg%2Bxml", "no-cache"),
        ("/assets/a.js?boom=1", "no-store"),
    ],
)
def test_only_files_without_data_may_be_kept(tmp_path: Path, address: str, expected: str) -> None:
    assert _client(tmp_path).get(address).headers["Cache-Control"] == expected
