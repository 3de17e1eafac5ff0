"""The schema goes up, down and up again on both databases, and the tables match it."""

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect

from medsync_app.store.migrate import downgrade, upgrade
from medsync_app.store.session import make_engine
from medsync_app.store.tables import metadata


def _differences(url: str) -> list[object]:
    engine = make_engine(url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        found = compare_metadata(context, metadata)
    engine.dispose()
    return found


def _tables(url: str) -> set[str]:
    engine = make_engine(url)
    names = set(inspect(engine).get_table_names())
    engine.dispose()
    return names - {"alembic_version"}


def _up_down_up(url: str) -> None:
    upgrade(url)
    assert _tables(url) == set(metadata.tables)
    assert _differences(url) == []
    downgrade(url, "base")
    assert _tables(url) == set()
    upgrade(url)
    assert _differences(url) == []


def test_migrations_go_up_down_and_up_on_sqlite(tmp_path: Path) -> None:
    _up_down_up(f"sqlite:///{tmp_path / 'm.db'}")


@pytest.mark.postgres
def test_migrations_go_up_down_and_up_on_postgresql(fresh_postgres_url: str) -> None:
    _up_down_up(fresh_postgres_url)
