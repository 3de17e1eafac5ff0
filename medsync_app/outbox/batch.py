"""Decides about and records many actions of one pharmacy in one transaction, without waiting for any row.

What another loop is deciding about at the same time is left out: it is fired alone, in the careful order.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import ARRAY, Text, Update, bindparam, func, select, update

from medsync_app.domain.states import ActionState, Channel
from medsync_app.outbox.claim import ATTEMPT, Claim
from medsync_app.outbox.many import NUMBER, TEXT, Additions, Changes, Row, Value
from medsync_app.outbox.queue import ACTION
from medsync_app.outbox.sent import messages_sent
from medsync_app.store.one_of import one_of
from medsync_app.store.session import Tx
from medsync_app.store.tables import Cycle, ScheduledAction

_action = cast(Any, ScheduledAction)
_HELD_CLAIMS = (
    select(ScheduledAction)
    .where(
        one_of(_action.id, "actions"), _action.state == ActionState.CLAIMED, one_of(_action.lease_owner, "owners"),
        _action.lease_until > bindparam("now"),
    )
    .with_for_update(skip_locked=True)
    .execution_options(populate_existing=True)
)  # fmt: skip
_HELD_CYCLES = (
    select(Cycle)
    .where(one_of(cast(Any, Cycle).id, "cycles"))
    .with_for_update(skip_locked=True)
    .execution_options(populate_existing=True)
)
_key = func.unnest(bindparam("addresses", type_=ARRAY(Text))).column_valued("key")
_HELD_ADDRESSES = select(_key, func.pg_try_advisory_xact_lock(func.hashtextextended(_key, 0)))
_LOCKED = (
    select(ACTION.c.id, ACTION.c.state, ACTION.c.lease_owner, ACTION.c.attempts)
    .where(one_of(ACTION.c.id, "actions"))
    .order_by(ACTION.c.id)
    .with_for_update()
)


@dataclass(frozen=True, slots=True)
class Mark:
    """The durable mark before one call."""

    claim: Claim
    attempt_id: str
    channel: Channel
    address: str
    body: str


@dataclass(frozen=True, slots=True)
class Taken:
    """A call that the provider accepted."""

    claim: Claim
    attempt_id: str
    provider_id: str
    duration_ms: int


class Changed(Exception):
    """A row was not as it had just been read: nothing of the transaction may stay."""


def hold_claims(tx: Tx, claims: Sequence[Claim]) -> dict[str, ScheduledAction]:
    """The actions still claimed as these claims say, by id, locked; those somebody else has locked are left out."""
    attempts = {claim.action_id: claim.attempts for claim in claims}
    owners = {claim.owner for claim in claims}
    rows = tx.session.scalars(_HELD_CLAIMS, {"actions": attempts, "owners": owners, "now": tx.now})
    return {action.id: action for action in rows if action.attempts == attempts[action.id]}


def hold_cycles(tx: Tx, cycle_ids: Iterable[str]) -> dict[str, Cycle]:
    """Cycles by id, locked; those somebody else has locked are left out."""
    wanted = set(cycle_ids)
    rows = tx.session.scalars(_HELD_CYCLES, {"cycles": wanted}) if wanted else ()
    return {cycle.id: cycle for cycle in rows}


def hold_addresses(tx: Tx, addresses: Iterable[str]) -> set[str]:
    """Those of the addresses that no other transaction is deciding about; they are ours until this one ends."""
    wanted = sorted(set(addresses))
    if not tx.on_postgresql or not wanted:
        return set(wanted)
    rows = tx.session.connection().execute(_HELD_ADDRESSES, {"addresses": wanted})
    return {str(name) for name, free in rows if free}


def read_sent(tx: Tx, pharmacy_id: str, addresses: Iterable[str], week: datetime) -> None:
    """Read ahead, for `sent_to`, what went to these addresses since `week`."""
    for address, went in messages_sent(tx, pharmacy_id, addresses, week).items():
        tx.ahead["sent", address] = went


_NOW = bindparam("now", type_=ACTION.c.updated_at.type)
_GUARD = {"action": TEXT, "owner": TEXT, "number": NUMBER}


def _held(value: Value, state: ActionState) -> Update:
    """The change of an action that a loop holds in a state, with the guard of all its changes."""
    return update(ACTION).where(
        ACTION.c.id == value("action"),
        ACTION.c.state == state,
        ACTION.c.lease_owner == value("owner"),
        ACTION.c.attempts == value("number"),
    )


_CALLING = Changes(
    lambda value: _held(value, ActionState.CLAIMED).values(
        state=ActionState.CALLING, attempts=value("number") + 1, channel=value("by"), address=value("to"),
        body=value("text"), sent_at=_NOW, reason="", updated_at=_NOW,
    ),
    {**_GUARD, "by": TEXT, "to": TEXT, "text": TEXT},
)  # fmt: skip
_ATTEMPTS = Additions(
    ATTEMPT,
    {"id": TEXT, "pharmacy_id": TEXT, "action_id": TEXT, "number": NUMBER, "channel": TEXT, "address": TEXT},
    ["started_at", "outcome", "looks"],
)
_SENT = Changes(
    lambda value: _held(value, ActionState.CALLING).values(
        state=ActionState.SENT, reason="", provider_id=value("provider"), sent_at=_NOW, updated_at=_NOW,
        lease_owner=None, lease_until=None,
    ),
    {**_GUARD, "provider": TEXT},
)  # fmt: skip
_ANSWERED = Changes(
    lambda value: update(ATTEMPT)
    .where(ATTEMPT.c.id == value("attempt"))
    .values(
        outcome="sent", finished_at=_NOW, provider_id=value("provider"), duration_ms=value("took"),
        error_code=None, error=None,
    ),
    {"attempt": TEXT, "provider": TEXT, "took": NUMBER},
)  # fmt: skip


def mark_many(tx: Tx, marks: Sequence[Mark]) -> None:
    """`mark_calling` for actions that `hold_claims` holds; raises Changed when one was not claimed after all."""
    given = [_row(m.claim, m.claim.attempts, by=m.channel.value, to=m.address, text=m.body) for m in marks]
    if _CALLING.run(tx, given, now=tx.now) != len(marks):
        raise Changed
    _ATTEMPTS.run(
        tx,
        [
            {
                "id": m.attempt_id, "pharmacy_id": m.claim.pharmacy_id, "action_id": m.claim.action_id,
                "number": m.claim.attempts + 1, "channel": m.channel.value, "address": m.address,
            }
            for m in marks
        ],
        started_at=tx.now, outcome="calling", looks=0,
    )  # fmt: skip


def accept_many(tx: Tx, taken: Sequence[Taken]) -> int:
    """Record acceptances, as `settle_call` does for one; gives how many actions had not moved on before."""
    ours = {answer.claim.action_id: answer for answer in taken}
    held = [
        ours[row.id]
        for row in tx.session.connection().execute(_LOCKED, {"actions": ours})
        if row.state == ActionState.CALLING
        and row.lease_owner == ours[row.id].claim.owner
        and row.attempts == ours[row.id].claim.attempts + 1
    ]
    if not held:
        return 0
    settled = [_row(a.claim, a.claim.attempts + 1, provider=a.provider_id) for a in held]
    if _SENT.run(tx, settled, now=tx.now) != len(held):
        raise Changed
    _ANSWERED.run(
        tx,
        [{"attempt": a.attempt_id, "provider": a.provider_id, "took": a.duration_ms} for a in held],
        now=tx.now,
    )
    for pharmacy_id in {answer.claim.pharmacy_id for answer in held}:
        tx.touch(pharmacy_id)
    return len(held)


def _row(claim: Claim, number: int, **more: str | int) -> Row:
    return {"action": claim.action_id, "owner": claim.owner, "number": number, **more}
