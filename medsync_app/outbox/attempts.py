"""Looks at the attempts of an action: what counts against the limits of the policy, and what a call has read."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, func, select, update

from medsync_app.outbox.claim import ATTEMPT, Claim
from medsync_app.outbox.settle import SPEAKS_FOR
from medsync_app.store.session import Tx
from medsync_app.store.tables import Attempt, ScheduledAction

#: The outcome of an attempt that was marked, and then not begun.
NOT_CALLED = "not_called"
#: So many lost calls make an action one that may be what breaks the program.
OFTEN = 3
_LOST = ("not_sent", NOT_CALLED)


def calls_made(tx: Tx, action_id: str, *, after: int = 0) -> int:
    """How many calls of an action were begun, or may have been, since the attempt number `after`."""
    return _count(tx, action_id, ATTEMPT.c.number > after, ATTEMPT.c.outcome != NOT_CALLED)


def own_errors(tx: Tx, action_id: str, attempts: int) -> int:
    """How many of an action's attempts ended with an error of our own before any mark: those have no row."""
    return attempts - _count(tx, action_id)


def often_lost(tx: Tx, claims: Sequence[Claim]) -> frozenset[str]:
    """Ids of the actions whose calls ended again and again with nobody knowing how, and had not gone out."""
    candidates = [claim.action_id for claim in claims if claim.attempts >= OFTEN]
    if not candidates:
        return frozenset()
    rows = tx.session.connection().execute(
        select(ATTEMPT.c.action_id)
        .where(ATTEMPT.c.action_id.in_(candidates), ATTEMPT.c.outcome.in_(_LOST))
        .group_by(ATTEMPT.c.action_id)
        .having(func.count() >= OFTEN)
    )
    return frozenset(rows.scalars())


def note_not_called(tx: Tx, attempt_id: str) -> None:
    """Say of an attempt whose action has moved on that no call was made for it."""
    tx.session.connection().execute(
        update(ATTEMPT)
        .where(ATTEMPT.c.id == attempt_id, ATTEMPT.c.outcome != "sent")
        .values(outcome=NOT_CALLED)
    )


def _count(tx: Tx, action_id: str, *which: ColumnElement[bool]) -> int:
    statement = select(func.count()).where(ATTEMPT.c.action_id == action_id, *which)
    return tx.session.connection().execute(statement).scalar_one()


def read_in_call(tx: Tx, attempt_id: str) -> list[ScheduledAction]:
    """The message that a call reads, and those of the household that it speaks for; none when there is no such call."""
    attempt = tx.find(Attempt, attempt_id)
    if attempt is None:
        return []
    message = tx.get(ScheduledAction, attempt.action_id)
    others = tx.find_many(ScheduledAction, message.payload.get(SPEAKS_FOR, ()))
    return [message, *(others[key] for key in sorted(others))]
