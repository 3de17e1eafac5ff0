"""Whether the database answers."""

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from medsync_app.logs import get_logger
from medsync_app.store.session import Tx


def database_answers(tx: Tx) -> bool:
    """True when the database runs a query; False, with a line in the log, when it does not."""
    try:
        return tx.session.connection().execute(text("SELECT 1")).scalar() == 1
    except SQLAlchemyError as error:
        get_logger().error("health_database_unreachable", error_type=type(error).__name__)
        return False
