"""Whether the database answers."""

from sqlalchemy import text

from medsync_app.store.session import Tx


def answers(tx: Tx) -> bool:
    """True when the database runs a query; raises whatever the driver raises when it cannot be reached."""
    return tx.session.connection().execute(text("SELECT 1")).scalar() == 1
