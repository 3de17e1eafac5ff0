"""What every test gets: the shared fixtures, and the marks that follow from what a test asks for."""

from collections.abc import Generator, Iterable

import pytest
import structlog

from tests.support.databases import DEFAULT_DATABASE, POSTGRES, SQLITE

pytest_plugins = [
    "tests.support.browser",
    "tests.support.postgres",
    "tests.support.redis",
    "tests.support.served_app",
    "tests.support.store",
    "tests.support.loop",
    "tests.support.staff",
    "tests.support.sockets",
]

# Asking for one of these is what makes a test need the thing: nobody has to remember the mark as well.
MARK_OF_FIXTURE = {
    "_postgres_server": "postgres",
    "redis_url": "redis",
    "browser": "e2e",
    "serve_app": "e2e",
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test marked `both_databases` twice: once with a SQLite file, once with PostgreSQL."""
    if "database" in metafunc.fixturenames and metafunc.definition.get_closest_marker("both_databases"):
        metafunc.parametrize("database", [SQLITE, POSTGRES], indirect=True)


def _fixtures_of(item: pytest.Item) -> set[str]:
    """What a test asks for, with the PostgreSQL server when its `database` will ask for that while it runs."""
    fixtures = set[str](getattr(item, "fixturenames", ()))
    parameters = getattr(getattr(item, "callspec", None), "params", {})
    if "database" in fixtures and parameters.get("database", DEFAULT_DATABASE) == POSTGRES:
        fixtures.add("_postgres_server")
    return fixtures


def marks_for(fixtures: Iterable[str]) -> set[str]:
    """The names of the marks of a test that uses these fixtures, directly or through others."""
    return {mark for fixture, mark in MARK_OF_FIXTURE.items() if fixture in set(fixtures)}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for mark in marks_for(_fixtures_of(item)):
            item.add_marker(mark)
            # One worker serves one app and one PostgreSQL; the other has the processor for everything else.
            if mark in {"e2e", "postgres"}:
                item.add_marker(pytest.mark.xdist_group(mark))


@pytest.fixture(autouse=True)
def _logs_as_before() -> Generator[None]:
    """A command that a test runs in this process may set up the logs: the next test must not write to its stream."""
    yield
    structlog.reset_defaults()
