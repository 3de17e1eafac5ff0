"""`serve` refuses what cannot work before it touches anything."""

import io
import os
from collections.abc import Iterator

import pytest

from medsync_app.cli import serve
from medsync_app.errors import Invalid
from medsync_app.settings import get_settings


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """`serve` writes to the environment of its process: give it one to write to."""
    monkeypatch.setattr(os, "environ", os.environ.copy())
    monkeypatch.setattr(serve, "tool_environment", dict)
    monkeypatch.delenv("MEDSYNC_PUBLIC_URL", raising=False)
    monkeypatch.delenv("REDIS_URL", raising=False)
    monkeypatch.setattr(os, "chdir", lambda _: None)
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


def _run(*argv: str) -> int:
    return serve.run(list(argv), io.StringIO(), io.StringIO(), io.StringIO())


def test_several_workers_need_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    touched: list[str] = []
    for step in ("_prepare_database", "ensure_built", "_use_build", "_serve"):
        monkeypatch.setattr(serve, step, lambda *_, step=step: touched.append(step))
    with pytest.raises(Invalid, match="REDIS_URL"):
        _run("--workers", "2")
    assert touched == []


@pytest.mark.parametrize("argv", [["--port", "x"], ["--no-such-option"]])
def test_wrong_options_exit_with_2(argv: list[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        _run(*argv)
    assert stop.value.code == 2


def test_the_public_address_follows_the_port() -> None:
    serve._prepare_environment(3911)  # pyright: ignore[reportPrivateUsage]
    assert get_settings().medsync_public_url == "http://localhost:3911"


def test_a_public_address_that_was_set_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "MEDSYNC_PUBLIC_URL", "https://medsync.example.com")
    serve._prepare_environment(3911)  # pyright: ignore[reportPrivateUsage]
    assert get_settings().medsync_public_url == "https://medsync.example.com"
