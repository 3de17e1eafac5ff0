"""The schema goes up, down and up again on both databases, and the tables match it."""

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import func, inspect, select

from medsync_app.store.engine import make_engine
from medsync_app.store.migrate import downgrade, upgrade
from medsync_app.store.session import Database
from medsync_app.store.tables import ScheduledAction, metadata
from tests.support.programme import enroll_recommended, even_patient, make_clinic
from tests.support.store import make_shop

pytestmark = pytest.mark.slow


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


def test_migrations_go_up_down_and_up_on_postgresql(bare_postgres_url: str) -> None:
    _up_down_up(bare_postgres_url)


@pytest.mark.both_databases
def test_a_schema_with_data_in_it_goes_up_and_down(database: Database) -> None:
    clinic = make_clinic(database)
    patient_id, _ = even_patient(clinic)
    enroll_recommended(clinic, patient_id)
    upgrade(database.url)
    with clinic.reading() as tx:
        assert tx.session.scalar(select(func.count()).select_from(ScheduledAction)), (
            "an upgrade keeps the data"
        )
    assert _differences(database.url) == []
    database.dispose()
    downgrade(database.url, "base")
    assert _tables(database.url) == set()
    upgrade(database.url)
    assert _differences(database.url) == []
    make_shop(database)
