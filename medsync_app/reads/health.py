"""Whether MedSync does its work: the database answers, the loop ticks, nothing due is left lying."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import func, select, text
from sqlalchemy.exc import SQLAlchemyError

from medsync_app.domain.states import ExceptionState
from medsync_app.logs import get_logger
from medsync_app.outbox.claim import oldest_due
from medsync_app.store.session import Tx
from medsync_app.store.tables import ExceptionCase, LoopHeartbeat, ScheduledAction

_action, _beat, _case = cast(Any, ScheduledAction), cast(Any, LoopHeartbeat), cast(Any, ExceptionCase)


@dataclass(frozen=True, slots=True)
class Workings:
    """What a monitor watches; None where there is nothing yet."""

    last_beat: datetime | None
    oldest_due: datetime | None


def database_answers(tx: Tx) -> bool:
    """True when the database runs a query; False, with a line in the log, when it does not."""
    try:
        return tx.session.connection().execute(text("SELECT 1")).scalar() == 1
    except SQLAlchemyError as error:
        get_logger().error("health_database_unreachable", error_type=type(error).__name__)
        return False


def workings(tx: Tx) -> Workings:
    """The newest heartbeat of any loop and the longest waiting due action."""
    return Workings(tx.session.execute(select(func.max(_beat.beat_at))).scalar_one(), oldest_due(tx))


def action_counts(tx: Tx) -> dict[str, int]:
    """Actions of the outbox by state."""
    rows = tx.session.execute(select(_action.state, func.count()).group_by(_action.state))
    return {str(state): count for state, count in rows}


def open_exceptions(tx: Tx) -> int:
    """Exceptions that wait for a person."""
    statement = select(func.count()).select_from(ExceptionCase).where(_case.state == ExceptionState.OPEN)
    return tx.session.execute(statement).scalar_one()
