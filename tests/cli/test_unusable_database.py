"""A database that is empty or away: one line that says what to do, for every command alike."""

import io
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy.exc import DBAPIError

from medsync_app.cli.main import main
from medsync_app.settings import get_settings
from medsync_app.store.session import Database, get_database, lacks_schema

COMMANDS = (
    ("pharmacy", "add", "--name", "Main Street", "--zone", "America/New_York"),
    ("audit", "verify"),
    ("level", "--pharmacy", "main"),
    ("loop", "--once", "--now", "2026-11-23T15:00:00Z"),
)


@contextmanager
def settings_naming(url: str, monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    """The settings of this process name that database inside the block."""
    monkeypatch.setenv("DATABASE_URL", url)
    for cached in (get_settings, get_database):
        cached.cache_clear()
    try:
        yield
    finally:
        get_database().dispose()
        for cached in (get_settings, get_database):
            cached.cache_clear()


def failing(command: tuple[str, ...]) -> str:
    out, err = io.StringIO(), io.StringIO()
    assert main([*command], stdout=out, stderr=err) == 1
    assert out.getvalue() == ""
    return err.getvalue()


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_an_empty_database_is_to_be_migrated(
    command: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with settings_naming(f"sqlite:///{tmp_path / 'empty.db'}", monkeypatch):
        assert "python -m medsync_app migrate" in failing(command)


def test_an_unreachable_database_is_named_without_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    with settings_naming("postgresql+psycopg://somebody:secret-word@127.0.0.1:1/nothing", monkeypatch):
        said = failing(("audit", "verify"))
    assert "doctor" in said
    assert "secret-word" not in said


@pytest.mark.both_databases
def test_a_missing_table_and_a_missing_column_are_told_from_other_errors(database: Database) -> None:
    for query, missing in (
        ("select 1 from no_such_table", True),
        ("select no_such_column from pharmacy", True),
        ("select from from", False),
    ):
        with database.engine.connect() as connection, pytest.raises(DBAPIError) as caught:
            connection.exec_driver_sql(query)
        assert lacks_schema(caught.value) is missing
