"""Schema migrations by alembic, called from Python so that make, the command line and tests do the same."""

from alembic.config import Config

from alembic import command
from medsync_app.settings import ROOT


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
