"""Moves a held action forward, each change guarded by id AND state AND owner AND attempts (DESIGN.md decision 3)."""

from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Row, bindparam, func, insert, select, update

from medsync_app.domain.states import ActionState, Channel
from medsync_app.outbox.claim import ATTEMPT, Claim, visible
from medsync_app.outbox.queue import ACTION, ASKS_ABOUT, SPEAKS_FOR
from medsync_app.outbox.states import CALLED, PENDING, moves_forward
from medsync_app.store.ids import new_id
from medsync_app.store.session import Tx
from medsync_app.store.tables import AddressStatus, ScheduledAction

#: Where it keeps, by the number of the attempt, those it spoke for in a call that seemed not to have gone out.
SPOKE_FOR = "spoke_for"
_FREE = {"lease_owner": None, "lease_until": None}
#: The guard of every change of a held action, and the statements that the loop needs for each: built once.
HELD = (
    ACTION.c.id == bindparam("held"),
    ACTION.c.state == bindparam("held_state"),
    ACTION.c.lease_owner == bindparam("held_by"),
    ACTION.c.attempts == bindparam("held_attempts"),
)
_CHANGE_HELD = update(ACTION).where(*HELD)
_CHANGE_IN_TIME = _CHANGE_HELD.where(ACTION.c.lease_until >= bindparam("needed_until"))
_IN_LEASE = ACTION.c.lease_until > bindparam("now")
_HELD_ACTION = select(ScheduledAction).where(*HELD, _IN_LEASE)
_LOCK_HELD = select(ACTION.c.id).where(*HELD, _IN_LEASE).with_for_update()
_ADD_ATTEMPT = insert(ATTEMPT)
_ATTEMPT = select(ATTEMPT).where(ATTEMPT.c.id == bindparam("attempt"))
_LOCKED_ACTION = select(ACTION).where(ACTION.c.id == bindparam("action")).with_for_update()
_ANSWERED = (
    update(ATTEMPT)
    .where(ATTEMPT.c.id == bindparam("attempt"))
    .values(
        provider_id=func.coalesce(
            bindparam("provider", type_=ATTEMPT.c.provider_id.type), ATTEMPT.c.provider_id
        )
    )
)
_KNOWN_SENT = (
    update(ATTEMPT)
    .where(ATTEMPT.c.id == bindparam("attempt"))
    .values(
        finished_at=func.coalesce(ATTEMPT.c.finished_at, bindparam("now", type_=ATTEMPT.c.finished_at.type))
    )
)
_MOVE_ON = (
    update(ACTION)
    .where(
        ACTION.c.id == bindparam("action"),
        ACTION.c.state == bindparam("before"),
        ACTION.c.attempts == bindparam("tried"),
    )
    .values(sent_at=func.coalesce(ACTION.c.sent_at, bindparam("started", type_=ACTION.c.sent_at.type)))
)


def held_as(claim: Claim, state: ActionState, attempts: int) -> dict[str, Any]:
    return {
        "held": claim.action_id, "held_state": state, "held_by": claim.owner, "held_attempts": attempts,
    }  # fmt: skip


def held_action(tx: Tx, claim: Claim) -> ScheduledAction | None:
    """The action while it is claimed by this loop; its row is not locked yet."""
    return tx.session.execute(_HELD_ACTION, _claimed(tx, claim)).scalar_one_or_none()


def still_held(tx: Tx, claim: Claim) -> bool:
    """True while the action is claimed by this loop; its row stays as it is until the end of `tx`."""
    return tx.session.connection().execute(_LOCK_HELD, _claimed(tx, claim)).first() is not None


def _claimed(tx: Tx, claim: Claim) -> dict[str, Any]:
    return {**held_as(claim, ActionState.CLAIMED, claim.attempts), "now": tx.now}


def lock_address(tx: Tx, address: str) -> bool:
    """Let one transaction at a time decide about a number: two loops must not both find it free of messages today.

    Also those of two pharmacies: the caps and stops belong to the number. What was read of numbers before is read
    anew after it.

    False when there was nothing to wait for: SQLite lets one transaction write anyway.
    """
    if not tx.on_postgresql:
        return False
    tx.session.connection().execute(select(func.pg_advisory_xact_lock(func.hashtextextended(address, 0))))
    for row in list(tx.session.identity_map.values()):
        if isinstance(row, AddressStatus):
            tx.session.expire(row)
    return True


def mark_calling(
    tx: Tx, claim: Claim, *, channel: Channel, address: str, body: str, room: timedelta
) -> str | None:
    """Write the durable mark that comes before the call; the attempt's id, or None when the action is not ours.

    Refused when the lease does not leave `room` for the call's time-out: a rescuer could otherwise look the
    call up while it is still under way.
    """
    number = claim.attempts + 1
    changed = tx.session.connection().execute(
        _CHANGE_IN_TIME,
        {
            **held_as(claim, ActionState.CLAIMED, claim.attempts), "needed_until": tx.now + room,
            "state": ActionState.CALLING, "attempts": number, "channel": channel, "address": address,
            "body": body, "sent_at": tx.now, "reason": "", "updated_at": tx.now,
        },
    )  # fmt: skip
    if changed.rowcount != 1:
        return None
    attempt_id = new_id()
    tx.session.connection().execute(
        _ADD_ATTEMPT,
        {
            "id": attempt_id, "pharmacy_id": claim.pharmacy_id, "action_id": claim.action_id, "number": number,
            "channel": channel, "address": address, "started_at": tx.now, "outcome": "calling", "looks": 0,
        },
    )  # fmt: skip
    tx.touch(claim.pharmacy_id)
    return attempt_id


def end_claim(
    tx: Tx,
    claim: Claim,
    state: ActionState,
    reason: str = "",
    *,
    due_at: datetime | None = None,
    count_attempt: bool = False,
    **more: Any,
) -> bool:
    """Settle an action that was not called (done here, skipped, suppressed, put back); False when it is not ours.

    `count_attempt` raises the number of attempts, for an error of our own before the call.
    """
    values: dict[str, Any] = {"state": state, "reason": reason, "updated_at": tx.now, **_FREE, **more}
    if due_at is not None:
        values["due_at"] = due_at
    if count_attempt:
        values["attempts"] = claim.attempts + 1
    if state is ActionState.SENT:
        values["sent_at"] = tx.now
    changed = tx.session.connection().execute(
        _CHANGE_HELD, {**values, **held_as(claim, ActionState.CLAIMED, claim.attempts)}
    )
    tx.touch(claim.pharmacy_id)
    return changed.rowcount == 1


def settle_call(
    tx: Tx,
    claim: Claim,
    attempt_id: str,
    *,
    state: ActionState,
    outcome: str,
    reason: str = "",
    provider_id: str | None = None,
    due_at: datetime | None = None,
    error_code: str | None = None,
    error: str | None = None,
    duration_ms: int | None = None,
    payload: dict[str, Any] | None = None,
) -> bool:
    """Record how a call ended; False, and nothing changed, when the action has moved on in the meantime."""
    values: dict[str, Any] = {"state": state, "reason": reason, "updated_at": tx.now, **_FREE}
    if state is ActionState.SENT:
        values |= {"provider_id": provider_id, "sent_at": tx.now}
    elif state is not ActionState.IN_DOUBT:
        values["sent_at"] = None  # it did not go out: it does not count against the caps
    if due_at is not None:
        values["due_at"] = due_at
    if payload is not None:
        values["payload"] = payload
    connection = tx.session.connection()
    changed = connection.execute(
        _CHANGE_HELD, {**values, **held_as(claim, ActionState.CALLING, claim.attempts + 1)}
    )
    if changed.rowcount != 1:
        return False
    connection.execute(
        _ANSWERED,
        {
            "attempt": attempt_id, "provider": provider_id, "outcome": outcome, "finished_at": tx.now,
            "error_code": error_code, "error": error, "duration_ms": duration_ms,
        },
    )  # fmt: skip
    if state not in (ActionState.SENT, ActionState.IN_DOUBT):
        release_merged(tx, claim.action_id)
    tx.touch(claim.pharmacy_id)
    return True


def settle_doubt(
    tx: Tx,
    action_id: str,
    attempts: int,
    attempt_id: str,
    *,
    state: ActionState,
    by: str,
    outcome: str,
    reason: str = "",
    provider_id: str | None = None,
    due_at: datetime | None = None,
) -> bool:
    """End a doubt once it is known what happened; False when somebody settled it first."""
    values: dict[str, Any] = {"state": state, "reason": reason, "updated_at": tx.now, **_FREE}
    if state is ActionState.SENT:
        values["provider_id"] = provider_id
    else:
        values["sent_at"] = None
    if due_at is not None:
        values["due_at"] = due_at
    connection = tx.session.connection()
    changed = connection.execute(
        update(ACTION)
        .where(
            ACTION.c.id == action_id,
            ACTION.c.state == ActionState.IN_DOUBT,
            ACTION.c.attempts == attempts,
            visible(tx),
        )
        .values(**values)
        .returning(ACTION.c.pharmacy_id)
    ).first()
    if changed is None:
        return False
    connection.execute(
        update(ATTEMPT)
        .where(ATTEMPT.c.id == attempt_id)
        .values(
            outcome=outcome, settled_by=by, finished_at=tx.now,
            provider_id=func.coalesce(provider_id, ATTEMPT.c.provider_id),
        )
    )  # fmt: skip
    if state is not ActionState.SENT:
        release_merged(tx, action_id)
    tx.touch(changed.pharmacy_id)
    return True


def looked(tx: Tx, attempt_id: str, *, counts: bool, settled_by: str | None = None) -> None:
    """Note a look at a doubt; one that failed does not count. `settled_by` leaves it to a person."""
    tx.session.connection().execute(
        update(ATTEMPT)
        .where(ATTEMPT.c.id == attempt_id)
        .values(looks=ATTEMPT.c.looks + int(counts), looked_at=tx.now, settled_by=settled_by)
    )


def advance(tx: Tx, attempt_id: str, state: ActionState, *, provider_id: str, reason: str = "") -> str:
    """News from the provider about an attempt: "moved", "known", "double" or "unknown"; states only move forward.

    It proves that the provider accepted this attempt, so an action that was put back to the queue after a
    doubt is not sent again. "double" means that it has been by now.
    """
    connection = tx.session.connection()
    attempt = connection.execute(_ATTEMPT, {"attempt": attempt_id}).first()
    if attempt is None:
        return "unknown"
    action = connection.execute(_LOCKED_ACTION, {"action": attempt.action_id}).one()
    connection.execute(
        _KNOWN_SENT, {"attempt": attempt_id, "provider_id": provider_id, "outcome": "sent", "now": tx.now}
    )
    tx.touch(action.pharmacy_id)
    if state is not ActionState.UNDELIVERED:
        _say_again_no_more(tx, action, attempt.number)
    if action.attempts != attempt.number and action.state in CALLED:
        return "double"
    if not moves_forward(action.state, state):
        return "known"
    connection.execute(
        _MOVE_ON,
        {
            "action": action.id, "before": action.state, "tried": action.attempts, "started": attempt.started_at,
            "state": state, "reason": reason, "provider_id": provider_id, "updated_at": tx.now, **_FREE,
        },
    )  # fmt: skip
    if state is ActionState.UNDELIVERED:
        release_merged(tx, action.id)
    return "moved"


def attempt_with(tx: Tx, attempt_id: str) -> Row[Any] | None:
    """An attempt with its action's columns; None when it is not there or not the caller's."""
    return (
        tx.session.connection()
        .execute(
            select(ATTEMPT.c.number, ATTEMPT.c.provider_id.label("attempt_provider_id"), ACTION)
            .join(ACTION, ACTION.c.id == ATTEMPT.c.action_id)
            .where(ATTEMPT.c.id == attempt_id, visible(tx))
        )
        .first()
    )


def waiting_messages_of(
    tx: Tx, patient_ids: list[str], until: datetime, *, meant_until: date | None = None
) -> list[str]:
    """Ids of pending messages of patients that are due before an instant, in the order of their due times.

    With `meant_until` also those that were meant for that local day or one before it, and were put off.
    """
    if not patient_ids:
        return []
    due = ACTION.c.due_at < until
    if meant_until is not None:
        due |= ACTION.c.local_date <= meant_until
    rows = tx.session.connection().execute(
        select(ACTION.c.id)
        .where(
            ACTION.c.patient_id.in_(patient_ids),
            ACTION.c.kind == "message",
            ACTION.c.state.in_([ActionState.QUEUED, ActionState.CLAIMED]),
            due,
            visible(tx),
        )
        .order_by(ACTION.c.due_at, ACTION.c.id)
    )
    return list(rows.scalars())


def end_pending(tx: Tx, action_id: str, state: ActionState, reason: str) -> bool:
    """Settle a pending action that somebody may hold a claim on: the claim ends with it."""
    changed = tx.session.connection().execute(
        update(ACTION)
        .where(ACTION.c.id == action_id, ACTION.c.state.in_(sorted(PENDING)), visible(tx))
        .values(state=state, reason=reason, updated_at=tx.now, **_FREE)
    )
    return changed.rowcount == 1


def release_merged(tx: Tx, action_id: str) -> int:
    """Queue again what a household's message was to say for others: it did not go out, or did not arrive."""
    action = tx.session.get_one(ScheduledAction, action_id, populate_existing=True)
    others = action.payload.get(SPEAKS_FOR)
    if not others:
        return 0
    # Forgotten here: by the next failure of this message another one may have said them.
    payload = {key: value for key, value in action.payload.items() if key not in (SPEAKS_FOR, ASKS_ABOUT)}
    spoke = {**payload.get(SPOKE_FOR, {}), str(action.attempts): others}
    action.payload = {**payload, SPOKE_FOR: spoke}
    changed = tx.session.connection().execute(
        update(ACTION)
        .where(ACTION.c.id.in_(others), ACTION.c.state == ActionState.MERGED, visible(tx))
        .values(
            state=ActionState.QUEUED, due_at=tx.now, updated_at=tx.now,
            reason="The message that was to say this did not arrive.",
        )
    )  # fmt: skip
    return changed.rowcount


def _say_again_no_more(tx: Tx, action: Row[Any], number: int) -> None:
    """A call that seemed lost had gone out: what it said for others is not said a second time."""
    spoke: list[str] = action.payload.get(SPOKE_FOR, {}).get(str(number), [])
    for other_id in spoke:
        end_pending(tx, other_id, ActionState.MERGED, "Said in a message that had gone out after all.")


def release_held(tx: Tx, pharmacy_id: str, patient_ids: list[str]) -> int:
    """Put messages back into the queue that waited for a person's decision."""
    if not patient_ids:
        return 0
    changed = tx.session.connection().execute(
        update(ACTION)
        .where(
            ACTION.c.pharmacy_id == pharmacy_id,
            ACTION.c.patient_id.in_(patient_ids),
            ACTION.c.state == ActionState.HELD,
            visible(tx),
        )
        .values(state=ActionState.QUEUED, updated_at=tx.now)
    )
    tx.touch(pharmacy_id)
    return changed.rowcount
