"""Schema migrations by alembic, called from Python so that make, the command line and tests do the same."""

from pathlib import Path

from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import make_url

from alembic import command
from medsync_app.settings import ROOT
from medsync_app.store.engine import make_engine


def config(url: str) -> Config:
    """The alembic configuration for one database."""
    result = Config(str(ROOT / "alembic.ini"))
    result.set_main_option("script_location", str(ROOT / "alembic"))
    result.attributes["url"] = url
    return result


def upgrade(url: str, revision: str = "head") -> None:
    """Bring the schema up to `revision`."""
    command.upgrade(config(url), revision)


def downgrade(url: str, revision: str) -> None:
    """Take the schema down to `revision` ("base" removes everything)."""
    command.downgrade(config(url), revision)


def current(url: str) -> str | None:
    """The revision a database is at; None for an empty or missing one (which is not made by asking)."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite" and not Path(parsed.database or "").is_file():
        return None
    engine = make_engine(url)
    try:
        with engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    finally:
        engine.dispose()


def newest() -> str:
    """The revision this version of MedSync needs."""
    return ScriptDirectory.from_config(config("sqlite://")).get_current_head() or ""
