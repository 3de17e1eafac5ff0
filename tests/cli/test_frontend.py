"""The front end is built when something it depends on has changed, and only then."""

import io
from pathlib import Path

import pytest

from medsync_app.cli import frontend
from medsync_app.errors import Unavailable

FILES = {
    "rxconfig.py": "config",
    "reflex.lock/package.json": "{}",
    "reflex.lock/package-lock.json": "{}",
    "assets/favicon.svg": "<svg/>",
    "medsync_app/ui/pages/today.py": "page",
    "medsync_app/domain/states.py": "states",
    "medsync_app/cli/main.py": "command",
    "medsync_app/engine/loop.py": "loop",
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.setattr(frontend, "ROOT", tmp_path)
    monkeypatch.setattr(frontend, "BUILDS", tmp_path / ".build")
    return tmp_path


@pytest.fixture
def builds(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The folders that were built, instead of building them with Node."""
    made: list[Path] = []

    def build(target: Path, _progress: object) -> None:
        target.mkdir()
        made.append(target)

    monkeypatch.setattr(frontend, "_run_build", build)
    return made


@pytest.mark.parametrize(
    "name",
    [
        "rxconfig.py",
        "reflex.lock/package-lock.json",
        "assets/favicon.svg",
        "medsync_app/ui/pages/today.py",
        "medsync_app/domain/states.py",
    ],
)
def test_a_change_that_a_page_can_show_needs_a_new_build(project: Path, name: str) -> None:
    before = frontend.fingerprint()
    (project / name).write_text("changed")
    assert frontend.fingerprint() != before


@pytest.mark.parametrize("name", ["medsync_app/cli/main.py", "medsync_app/engine/loop.py"])
def test_a_change_that_no_page_can_show_needs_none(project: Path, name: str) -> None:
    before = frontend.fingerprint()
    (project / name).write_text("changed")
    assert frontend.fingerprint() == before


def test_a_renamed_file_needs_a_new_build(project: Path) -> None:
    before = frontend.fingerprint()
    (project / "assets/favicon.svg").rename(project / "assets/icon.svg")
    assert frontend.fingerprint() != before


@pytest.mark.usefixtures("project")
def test_an_unchanged_source_is_built_once(builds: list[Path]) -> None:
    first = frontend.ensure_built(io.StringIO())
    second = frontend.ensure_built(io.StringIO())
    assert first == second
    assert builds == [first]


def test_a_build_that_settles_the_lock_is_not_repeated(
    project: Path, builds: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(target: Path, _progress: object) -> None:
        target.mkdir()
        builds.append(target)
        (project / "reflex.lock/package-lock.json").write_text("settled")

    monkeypatch.setattr(frontend, "_run_build", build)
    assert frontend.ensure_built(io.StringIO()) == frontend.ensure_built(io.StringIO())
    assert len(builds) == 1


def test_a_source_edited_during_the_build_is_built_again(
    project: Path, builds: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(target: Path, _progress: object) -> None:
        target.mkdir()
        builds.append(target)
        if len(builds) == 1:
            (project / "medsync_app/ui/pages/today.py").write_text("edited")

    monkeypatch.setattr(frontend, "_run_build", build)
    assert frontend.ensure_built(io.StringIO()) == builds[1]
    assert not builds[0].exists()


def test_only_the_last_builds_are_kept(project: Path, builds: list[Path]) -> None:
    for number in range(5):
        (project / "rxconfig.py").write_text(str(number))
        frontend.ensure_built(io.StringIO())
    left = sorted(path.name for path in (project / ".build").iterdir())
    assert left == sorted(path.name for path in builds[-3:])


@pytest.mark.usefixtures("project")
def test_a_failed_build_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frontend, "tool_environment", dict)
    progress = io.StringIO()
    with pytest.raises(Unavailable, match="could not be built"):
        frontend.ensure_built(progress)
    assert "No module named" in progress.getvalue()
