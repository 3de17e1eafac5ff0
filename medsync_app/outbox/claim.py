"""Takes due actions under a lease, and brings back what a dead loop has left (DESIGN.md decisions 2 and 3)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, TypeVar, cast

from sqlalchemy import (
    ColumnElement,
    ScalarSelect,
    Select,
    Table,
    Text,
    bindparam,
    case,
    func,
    literal_column,
    select,
    true,
    update,
)

from medsync_app.domain.states import ActionState, Channel
from medsync_app.outbox.queue import ACTION
from medsync_app.store.one_of import one_of
from medsync_app.store.session import Tx
from medsync_app.store.tables import Attempt

S = TypeVar("S")
ATTEMPT = cast(Table, Attempt.__table__)  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]


@dataclass(frozen=True, slots=True)
class Claim:
    """An action this loop holds: every change of it names owner and attempts, so that a late one changes nothing."""

    action_id: str
    pharmacy_id: str
    owner: str
    attempts: int
    lease_until: datetime
    kind: str = "message"


@dataclass(frozen=True, slots=True)
class Rescued:
    """What leases that ran out left behind."""

    freed: int
    in_doubt: int


@dataclass(frozen=True, slots=True)
class Doubt:
    """A call whose outcome is not known."""

    action_id: str
    pharmacy_id: str
    attempts: int
    attempt_id: str
    channel: Channel
    address: str
    started_at: datetime
    looks: int


def visible(tx: Tx) -> ColumnElement[bool]:
    """The caller's scope as a condition on the outbox (Core statements are not restricted by the session)."""
    return visible_to(tx.scope.pharmacy_ids)


def visible_to(pharmacy_ids: frozenset[str] | None) -> ColumnElement[bool]:
    """The same for a statement that is kept."""
    return true() if pharmacy_ids is None else ACTION.c.pharmacy_id.in_(sorted(pharmacy_ids))


def kept_by_scope(build: Callable[[frozenset[str] | None], S]) -> Callable[[Tx], S]:
    """A statement built once for each scope: the loop asks the same at every tick, and building costs as much."""
    kept = lru_cache(maxsize=256)(build)
    return lambda tx: kept(tx.scope.pharmacy_ids)


def in_state(*states: ActionState) -> ColumnElement[bool]:
    """The condition in the words of the partial indexes: a bound value would hide them from a prepared plan."""
    words: list[ColumnElement[str]] = [literal_column(f"'{state.value}'", Text) for state in states]
    return ACTION.c.state == words[0] if len(words) == 1 else ACTION.c.state.in_(words)


def skip_stale(tx: Tx, *, limit: int = 2_000) -> int:
    """Skip, with the reason, what is of no use any more, the oldest first; returns how many actions were.

    At most `limit` at once: after a week off there may be very many, and nothing else is written meanwhile.
    """
    late = "Too late to be of use: skipped."
    reason = case((ACTION.c.reason == "", late), else_=ACTION.c.reason + " " + late)
    stale = _free_rows(
        tx,
        in_state(ActionState.QUEUED, ActionState.HELD),
        ACTION.c.stale_at <= tx.now,
        order_by=ACTION.c.stale_at,
        limit=limit,
    )
    done = tx.session.connection().execute(
        update(ACTION)
        .where(ACTION.c.id.in_(stale))
        .values(state=ActionState.SKIPPED, reason=reason, updated_at=tx.now)
        .returning(ACTION.c.pharmacy_id)
    )
    return _touched(tx, [row.pharmacy_id for row in done])


_TAKE = (
    update(ACTION)
    .where(one_of(ACTION.c.id, "actions"), ACTION.c.state == ActionState.QUEUED)
    .values(state=ActionState.CLAIMED)
    .returning(ACTION.c.id, ACTION.c.pharmacy_id, ACTION.c.attempts, ACTION.c.kind)
)


@kept_by_scope
def _due_in_front(pharmacy_ids: frozenset[str] | None) -> Select[Any]:
    return _due_of(ACTION.c.front_since.is_not(None), ACTION.c.front_since, pharmacy_ids)


@kept_by_scope
def _due_behind(pharmacy_ids: frozenset[str] | None) -> Select[Any]:
    return _due_of(ACTION.c.front_since.is_(None), ACTION.c.due_at, pharmacy_ids)


def _due_of(
    which: ColumnElement[bool], order: ColumnElement[Any], pharmacy_ids: frozenset[str] | None
) -> Select[Any]:
    now = bindparam("now", type_=ACTION.c.due_at.type)
    return (
        select(ACTION.c.id)
        .where(
            in_state(ActionState.QUEUED),
            which,
            ACTION.c.due_at <= now,
            ACTION.c.stale_at.is_(None) | (ACTION.c.stale_at > now),
            visible_to(pharmacy_ids),
        )
        .order_by(order, ACTION.c.id)
        .limit(bindparam("most"))
        .with_for_update(skip_locked=True)
    )


def claim_due(tx: Tx, owner: str, *, lease: timedelta, limit: int) -> list[Claim]:
    """Take up to `limit` due actions until the lease runs out, those in front first, each the longest waiting first.

    None that is of no use.
    PostgreSQL skips rows that another loop is taking; on SQLite the transaction holds the only write lock.
    """
    connection = tx.session.connection()
    ids = list(connection.execute(_due_in_front(tx), {"now": tx.now, "most": limit}).scalars())
    if len(ids) < limit:
        ids += connection.execute(_due_behind(tx), {"now": tx.now, "most": limit - len(ids)}).scalars()
    if not ids:
        return []
    until = tx.now + lease
    rows = connection.execute(
        _TAKE, {"actions": ids, "lease_owner": owner, "lease_until": until, "updated_at": tx.now}
    ).all()
    order = {action_id: index for index, action_id in enumerate(ids)}
    claims = [Claim(row.id, row.pharmacy_id, owner, row.attempts, until, row.kind) for row in rows]
    return sorted(claims, key=lambda claim: order[claim.action_id])


def rescue(tx: Tx) -> Rescued:
    """Deal with leases that ran out: not yet calling -> back to the queue; calling -> in doubt, never sent again."""
    connection = tx.session.connection()
    # Both states in every condition: SQLite then knows that the index of the leases holds these rows.
    expired = in_state(ActionState.CLAIMED, ActionState.CALLING) & (ACTION.c.lease_until <= tx.now)
    freed = connection.execute(
        update(ACTION)
        .where(ACTION.c.id.in_(_free_rows(tx, in_state(ActionState.CLAIMED), expired)))
        .values(state=ActionState.QUEUED, lease_owner=None, lease_until=None, updated_at=tx.now)
    ).rowcount
    lost = connection.execute(
        update(ACTION)
        .where(ACTION.c.id.in_(_free_rows(tx, in_state(ActionState.CALLING), expired)))
        .values(
            state=ActionState.IN_DOUBT, lease_owner=None, lease_until=None, updated_at=tx.now,
            reason="The program stopped during the call: it is being looked up whether it went out.",
        )
        .returning(ACTION.c.id, ACTION.c.attempts, ACTION.c.pharmacy_id)
    ).all()  # fmt: skip
    for row in lost:
        connection.execute(
            update(ATTEMPT)
            .where(
                ATTEMPT.c.action_id == row.id,
                ATTEMPT.c.number == row.attempts,
                ATTEMPT.c.outcome == "calling",
            )
            .values(outcome="in_doubt", error="The lease ran out during the call.")
        )
    _touched(tx, [row.pharmacy_id for row in lost])
    return Rescued(freed, len(lost))


def release_all(tx: Tx, owner: str) -> int:
    """Give back what an ending loop has claimed and not called; returns how many actions were."""
    return (
        tx.session.connection()
        .execute(
            update(ACTION)
            .where(in_state(ActionState.CLAIMED), ACTION.c.lease_owner == owner, visible(tx))
            .values(state=ActionState.QUEUED, lease_owner=None, lease_until=None, updated_at=tx.now)
        )
        .rowcount
    )


@kept_by_scope
def _doubts(pharmacy_ids: frozenset[str] | None) -> Any:
    return (
        select(
            ACTION.c.id, ACTION.c.pharmacy_id, ACTION.c.attempts, ATTEMPT.c.id.label("attempt_id"),
            ATTEMPT.c.channel, ATTEMPT.c.address, ATTEMPT.c.started_at, ATTEMPT.c.looks,
        )
        .join(ATTEMPT, (ATTEMPT.c.action_id == ACTION.c.id) & (ATTEMPT.c.number == ACTION.c.attempts))
        .where(
            in_state(ActionState.IN_DOUBT),
            ATTEMPT.c.settled_by.is_(None),
            (ATTEMPT.c.looked_at.is_(None)) | (ATTEMPT.c.looked_at <= bindparam("before")),
            visible_to(pharmacy_ids),
        )
        .order_by(ATTEMPT.c.started_at)
        .limit(bindparam("most"))
    )  # fmt: skip


def doubts(tx: Tx, *, apart: timedelta, limit: int = 50) -> list[Doubt]:
    """Calls in doubt whose next look is due, `apart` after the one before; those a person must settle are not."""
    rows = tx.session.connection().execute(_doubts(tx), {"before": tx.now - apart, "most": limit})
    return [
        Doubt(
            row.id,
            row.pharmacy_id,
            row.attempts,
            row.attempt_id,
            row.channel,
            row.address,
            row.started_at,
            row.looks,
        )
        for row in rows
    ]


def oldest_due(tx: Tx) -> datetime | None:
    """When the longest waiting due action was due; None when nothing waits."""
    return tx.session.connection().execute(
        select(func.min(ACTION.c.due_at)).where(
            in_state(ActionState.QUEUED), ACTION.c.due_at <= tx.now, visible(tx)
        )
    ).scalar()  # fmt: skip


def next_due(tx: Tx) -> datetime | None:
    """When the next action is due, or was; None when nothing is queued."""
    return tx.session.connection().execute(_next_due(tx)).scalar()


@kept_by_scope
def _next_due(pharmacy_ids: frozenset[str] | None) -> Select[Any]:
    return select(func.min(ACTION.c.due_at)).where(in_state(ActionState.QUEUED), visible_to(pharmacy_ids))


def _free_rows(
    tx: Tx, *which: ColumnElement[bool], order_by: ColumnElement[Any] | None = None, limit: int | None = None
) -> ScalarSelect[str]:
    """Those of the rows that nobody is changing just now: waiting for several rows at once could deadlock."""
    free = select(ACTION.c.id).where(*which, visible(tx)).order_by(order_by).limit(limit)
    return free.with_for_update(skip_locked=True).scalar_subquery()


def _touched(tx: Tx, pharmacy_ids: list[str]) -> int:
    for pharmacy_id in set(pharmacy_ids):
        tx.touch(pharmacy_id)
    return len(pharmacy_ids)
