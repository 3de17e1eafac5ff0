"""Runs migrations on the database that `medsync_app.store.migrate` (or DATABASE_URL) names."""

from sqlalchemy import Connection
from sqlmodel.sql.sqltypes import AutoString

from alembic import context
from medsync_app.settings import get_settings
from medsync_app.store.engine import make_engine
from medsync_app.store.tables import metadata
from medsync_app.store.tables.base import JsonDocument, UtcDateTime


def _render(kind: str, item: object, _context: object) -> str | bool:
    """Write plain SQLAlchemy types into migrations, so that an old one never depends on today's code."""
    if kind == "type":
        if isinstance(item, UtcDateTime):
            return "sa.DateTime(timezone=True)"
        if isinstance(item, AutoString):
            return "sa.String()"
        if item is JsonDocument:
            return "sa.JSON().with_variant(postgresql.JSONB(), 'postgresql')"
    return False


def _run(connection: Connection) -> None:
    context.configure(
        connection=connection, target_metadata=metadata, render_as_batch=True, compare_type=True,
        transaction_per_migration=True, render_item=_render,
    )  # fmt: skip
    with context.begin_transaction():
        context.run_migrations()


def run() -> None:
    engine = make_engine(context.config.attributes.get("url") or get_settings().database_url)
    # Batch migrations rebuild tables, which SQLite refuses to do while foreign keys are checked.
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection.connection.driver_connection.execute("PRAGMA foreign_keys=OFF")
        _run(connection)
        connection.commit()
    engine.dispose()


run()
