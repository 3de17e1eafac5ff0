"""Decides about and records many actions of one pharmacy in one transaction, without waiting for any row.

What another loop is deciding about at the same time is left out: it is fired alone, in the careful order.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import ARRAY, Text, Update, func, literal, select, update

from medsync_app.domain.states import ActionState, Channel
from medsync_app.outbox.claim import ATTEMPT, Claim
from medsync_app.outbox.many import Row, Value, add_many, change_many
from medsync_app.outbox.queue import ACTION
from medsync_app.outbox.sent import messages_sent
from medsync_app.store.session import Tx
from medsync_app.store.tables import Cycle, ScheduledAction


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


def hold_claims(tx: Tx, claims: Sequence[Claim], *, lock: bool = True) -> dict[str, ScheduledAction]:
    """The actions still claimed as these claims say, by id, locked; those somebody else has locked are left out.

    `lock` False leaves them free to be marked apart from `tx`.
    """
    attempts = {claim.action_id: claim.attempts for claim in claims}
    owners = {claim.owner for claim in claims}
    row = cast(Any, ScheduledAction)
    still = select(ScheduledAction).where(
        tx.among(row.id, attempts),
        row.state == ActionState.CLAIMED,
        tx.among(row.lease_owner, owners),
        row.lease_until > tx.now,
    )
    if lock:
        still = still.with_for_update(skip_locked=True)
    rows = tx.session.scalars(still.execution_options(populate_existing=True))
    return {action.id: action for action in rows if action.attempts == attempts[action.id]}


def hold_cycles(tx: Tx, cycle_ids: Iterable[str]) -> dict[str, Cycle]:
    """Cycles by id, locked; those somebody else has locked are left out."""
    wanted = sorted(set(cycle_ids))
    if not wanted:
        return {}
    rows = tx.session.scalars(
        select(Cycle)
        .where(tx.among(cast(Any, Cycle).id, wanted))
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    return {cycle.id: cycle for cycle in rows}


def hold_addresses(tx: Tx, addresses: Iterable[str]) -> set[str]:
    """Those of the addresses that no other transaction is deciding about; they are ours until this one ends."""
    wanted = sorted(set(addresses))
    if not tx.on_postgresql or not wanted:
        return set(wanted)
    keys = literal(wanted, ARRAY(Text))
    key = func.unnest(keys).column_valued("key")
    rows = tx.session.connection().execute(
        select(key, func.pg_try_advisory_xact_lock(func.hashtextextended(key, 0)))
    )
    got = {str(name) for name, free in rows if free}
    return {address for address in wanted if address in got}


def read_sent(tx: Tx, pharmacy_id: str, addresses: Iterable[str], week: datetime) -> None:
    """Read ahead, for `sent_to`, what went to these addresses since `week`."""
    for address, went in messages_sent(tx, pharmacy_id, addresses, week).items():
        tx.ahead["sent", address] = went


def mark_many(tx: Tx, marks: Sequence[Mark]) -> None:
    """`mark_calling` for actions that `hold_claims` holds; raises Changed when one was not claimed after all."""

    def calling(value: Value) -> Update:
        return _held(value, ActionState.CLAIMED).values(
            state=ActionState.CALLING, attempts=value("number") + 1, channel=value("by"), address=value("to"),
            body=value("text"), sent_at=tx.now, reason="", updated_at=tx.now,
        )  # fmt: skip

    given = [_row(m.claim, m.claim.attempts, by=m.channel.value, to=m.address, text=m.body) for m in marks]
    if change_many(tx, given, calling) != len(marks):
        raise Changed
    add_many(
        tx,
        ATTEMPT,
        [
            {
                "id": m.attempt_id, "pharmacy_id": m.claim.pharmacy_id, "action_id": m.claim.action_id,
                "number": m.claim.attempts + 1, "channel": m.channel.value, "address": m.address,
            }
            for m in marks
        ],
        {"started_at": tx.now, "outcome": "calling", "looks": 0},
    )  # fmt: skip


def accept_many(tx: Tx, taken: Sequence[Taken]) -> int:
    """Record acceptances, as `settle_call` does for one; gives how many actions had not moved on before."""
    connection = tx.session.connection()
    ours = {answer.claim.action_id: answer for answer in taken}
    rows = connection.execute(
        select(ACTION.c.id, ACTION.c.state, ACTION.c.lease_owner, ACTION.c.attempts)
        .where(tx.among(ACTION.c.id, ours))
        .order_by(ACTION.c.id)
        .with_for_update()
    )
    held = [
        ours[row.id]
        for row in rows
        if row.state == ActionState.CALLING
        and row.lease_owner == ours[row.id].claim.owner
        and row.attempts == ours[row.id].claim.attempts + 1
    ]
    if not held:
        return 0

    def sent(value: Value) -> Update:
        return _held(value, ActionState.CALLING).values(
            state=ActionState.SENT, reason="", provider_id=value("provider"), sent_at=tx.now, updated_at=tx.now,
            lease_owner=None, lease_until=None,
        )  # fmt: skip

    def answered(value: Value) -> Update:
        return (
            update(ATTEMPT)
            .where(ATTEMPT.c.id == value("attempt"))
            .values(
                outcome="sent", finished_at=tx.now, provider_id=value("provider"), duration_ms=value("took"),
                error_code=None, error=None,
            )
        )  # fmt: skip

    settled = [_row(a.claim, a.claim.attempts + 1, provider=a.provider_id) for a in held]
    if change_many(tx, settled, sent) != len(held):
        raise Changed
    change_many(
        tx,
        [{"attempt": a.attempt_id, "provider": a.provider_id, "took": a.duration_ms} for a in held],
        answered,
    )
    for pharmacy_id in {answer.claim.pharmacy_id for answer in held}:
        tx.touch(pharmacy_id)
    return len(held)


def _held(value: Value, state: ActionState) -> Update:
    """The change of an action that a loop holds in a state, with the guard of all its changes."""
    return update(ACTION).where(
        ACTION.c.id == value("action"),
        ACTION.c.state == state,
        ACTION.c.lease_owner == value("owner"),
        ACTION.c.attempts == value("number"),
    )


def _row(claim: Claim, number: int, **more: str | int) -> Row:
    return {"action": claim.action_id, "owner": claim.owner, "number": number, **more}
