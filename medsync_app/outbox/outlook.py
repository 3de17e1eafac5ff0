"""When the outbox next has something to do: four looks at small indexes, however many rows wait for their day."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, literal, select, true

from medsync_app.domain.states import ActionState
from medsync_app.outbox.claim import ATTEMPT, in_state, kept_by_scope, visible_to
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
    found = tx.session.connection().execute(_outlook(tx)).one()
    look = None
    if found.doubt is not None:  # what nobody has looked up yet is looked up at once
        look = tx.now if found.looked_at is None else found.looked_at + apart
    return Outlook(found.due, found.lease, found.stale, look)


@kept_by_scope
def _outlook(pharmacy_ids: frozenset[str] | None) -> Any:
    """One row of four looks; each a query of its own inside, so that each finds its small index."""
    seen = visible_to(pharmacy_ids)
    held = in_state(ActionState.CLAIMED, ActionState.CALLING)
    waiting = in_state(ActionState.QUEUED, ActionState.HELD)
    firsts = (
        select(func.min(ACTION.c.due_at))
        .where(in_state(ActionState.QUEUED), seen)
        .scalar_subquery()
        .label("due"),
        select(func.min(ACTION.c.lease_until)).where(held, seen).scalar_subquery().label("lease"),
        select(func.min(ACTION.c.stale_at)).where(waiting, seen).scalar_subquery().label("stale"),
    )
    # Those that a person must settle are not looked up.
    doubt = (
        select(ACTION.c.id.label("doubt"), ATTEMPT.c.looked_at)
        .select_from(ACTION)
        .join(ATTEMPT, (ATTEMPT.c.action_id == ACTION.c.id) & (ATTEMPT.c.number == ACTION.c.attempts))
        .where(in_state(ActionState.IN_DOUBT), ATTEMPT.c.settled_by.is_(None), seen)
        .order_by(ATTEMPT.c.looked_at.nulls_first())
        .limit(1)
        .subquery()
    )
    one = select(literal(1).label("one")).subquery()
    return select(*firsts, doubt.c.doubt, doubt.c.looked_at).select_from(one.outerjoin(doubt, true()))
