"""When the outbox next has something to do: four looks at small indexes, however many rows wait for their day."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, func, select

from medsync_app.domain.states import ActionState
from medsync_app.outbox.claim import ATTEMPT, in_state, kept_by_scope, next_due, visible_to
from medsync_app.outbox.queue import ACTION
from medsync_app.store.session import Tx


@dataclass(frozen=True, slots=True)
class Outlook:
    """The earliest instant of each kind of work, past or to come; None when there is none."""

    #: A queued action is due.
    due: datetime | None
    #: A lease runs out.
    lease: datetime | None
    #: What waits is of no use any more.
    stale: datetime | None
    #: A call in doubt may be looked up again.
    look: datetime | None

    @property
    def next(self) -> datetime | None:
        """The earliest of all."""
        known = [at for at in (self.due, self.lease, self.stale, self.look) if at is not None]
        return min(known, default=None)


def outlook(tx: Tx, *, apart: timedelta) -> Outlook:
    """What the loop wakes up for; looks at one doubt are at least `apart`."""
    return Outlook(
        due=next_due(tx),
        lease=tx.session.connection().execute(_first_lease(tx)).scalar(),
        stale=tx.session.connection().execute(_first_stale(tx)).scalar(),
        look=_next_look(tx, apart),
    )


@kept_by_scope
def _first_lease(pharmacy_ids: frozenset[str] | None) -> Select[Any]:
    held = in_state(ActionState.CLAIMED, ActionState.CALLING)
    return select(func.min(ACTION.c.lease_until)).where(held, visible_to(pharmacy_ids))


@kept_by_scope
def _first_stale(pharmacy_ids: frozenset[str] | None) -> Select[Any]:
    waiting = in_state(ActionState.QUEUED, ActionState.HELD)
    return select(func.min(ACTION.c.stale_at)).where(waiting, visible_to(pharmacy_ids))


@kept_by_scope
def _oldest_look(pharmacy_ids: frozenset[str] | None) -> Select[Any]:
    return (
        select(ATTEMPT.c.looked_at)
        .select_from(ACTION)
        .join(ATTEMPT, (ATTEMPT.c.action_id == ACTION.c.id) & (ATTEMPT.c.number == ACTION.c.attempts))
        .where(in_state(ActionState.IN_DOUBT), ATTEMPT.c.settled_by.is_(None), visible_to(pharmacy_ids))
        .order_by(ATTEMPT.c.looked_at.nulls_first())
        .limit(1)
    )


def _next_look(tx: Tx, apart: timedelta) -> datetime | None:
    """Those that a person must settle are not looked up; those nobody has looked up yet are, at once."""
    last = tx.session.connection().execute(_oldest_look(tx)).first()
    if last is None:
        return None
    return tx.now if last.looked_at is None else last.looked_at + apart
