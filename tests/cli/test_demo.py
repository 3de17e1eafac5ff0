"""`demo load`: what it prints, and when it refuses."""

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from medsync_app.cli.main import main
from medsync_app.settings import get_settings
from medsync_app.store.session import get_database

pytestmark = pytest.mark.slow


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The settings name a database that does not exist yet."""
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'demo.db'}")
    get_settings.cache_clear()
    get_database.cache_clear()
    yield
    get_database().dispose()
    get_database.cache_clear()
    get_settings.cache_clear()


def load(*arguments: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    code = main(["demo", "load", *arguments], stdout=out, stderr=err)
    return code, out.getvalue(), err.getvalue()


@pytest.mark.usefixtures("empty")
def test_it_prints_the_sign_ins_once_and_refuses_a_second_time() -> None:
    code, out, _ = load("--patients", "2", "--today", "2026-11-23", "--seed", "3")
    assert code == 0
    found = json.loads(out)
    assert found["patients"] == 2
    assert len(found["pharmacies"]) == 2
    assert {account["role"] for account in found["sign_ins"]} == {"owner", "pharmacist", "technician"}
    assert all(len(account["password"]) >= 12 for account in found["sign_ins"])
    code, out, err = load("--patients", "2")
    assert (code, out) == (1, "")
    assert "has a pharmacy already" in err


@pytest.mark.usefixtures("empty")
def test_due_messages_alone_need_no_other_patients_and_may_be_added_again() -> None:
    for _ in range(2):
        code, out, _ = load("--due-messages", "3")
        assert code == 0
        found = json.loads(out)
        assert (found["patients"], found["due_messages"]) == (0, 3)
        assert found["load_test_pharmacy"]


@pytest.mark.usefixtures("empty")
@pytest.mark.parametrize("wrong", [("--patients", "-1"), ("--patients", "few"), ("--today", "yesterday")])
def test_wrong_usage_exits_with_2(wrong: tuple[str, str]) -> None:
    assert load(*wrong)[0] == 2
