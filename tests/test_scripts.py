"""The helpers of make."""

from pathlib import Path

import pytest

from medsync_app.settings import ROOT
from scripts import get_services, setup_env
from scripts.make_help import targets
from scripts.screenshots import picture_name


def test_help_lists_every_target_that_people_use() -> None:
    listed = {name for name, _ in targets((ROOT / "Makefile").read_text("utf-8"))}
    assert listed == set(
        "help setup run test test-fast test-faults check e2e bench migrate demo screenshots".split()  # noqa: SIM905
    )


@pytest.fixture
def venv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(setup_env, "VENV", tmp_path / ".venv")
    (tmp_path / ".venv").mkdir()
    return tmp_path


def test_requirements_are_installed_again_only_when_they_change(
    venv: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[list[str]] = []

    class _Done:
        returncode = 0

    def run(command: list[str], **_: object) -> _Done:
        calls.append(command)
        return _Done()

    monkeypatch.setattr(setup_env.subprocess, "run", run)
    wanted = venv / "requirements.txt"
    for text in ("a==1\n", "a==1\n", "a==2\n"):
        wanted.write_text(text)
        setup_env.install(wanted)
    assert len(calls) == 2


def test_a_failed_installation_is_tried_again_next_time(venv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class _Failed:
        returncode = 1

    monkeypatch.setattr(setup_env.subprocess, "run", lambda *_, **__: _Failed())
    wanted = venv / "requirements.txt"
    wanted.write_text("a==1\n")
    with pytest.raises(SystemExit, match="could not be installed"):
        setup_env.install(wanted)
    assert not (setup_env.VENV / "requirements.stamp").exists()


def test_a_service_that_cannot_be_had_is_named_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(get_services, "_apt_install", lambda _: False)
    problem = get_services.get("redis", lambda: None)
    assert problem is not None
    assert "redis-server" in problem


def test_a_service_that_is_there_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(get_services, "_apt_install", lambda _: pytest.fail("nothing had to be installed"))
    assert get_services.get("redis", lambda: "redis-server") is None


def test_pictures_are_named_after_their_page() -> None:
    assert picture_name("http://localhost:3000/", 1280) == "today-1280.png"
    assert picture_name("http://localhost:3000/", 390, "dark") == "today-390-dark.png"
    assert picture_name("http://localhost:3000/settings/?tab=import&at=x", 390) == "settings-import-390.png"
