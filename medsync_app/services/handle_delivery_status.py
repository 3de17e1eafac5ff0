"""Takes the provider's news of what became of a message; states only move forward."""

from datetime import datetime, timedelta

from medsync_app.connections.twilio.errors import (
    CONFIGURATION,
    FILTERED,
    FILTERED_HOURS,
    MANY_FILTERED,
    OPTED_OUT,
    PERMANENT_LATER,
    RETRIES,
)
from medsync_app.domain.causes import Cause
from medsync_app.domain.contact_rules import tried_key
from medsync_app.domain.states import ActionState, Channel, ExceptionKind, Role, Severity
from medsync_app.outbox.queue import ASKS_ABOUT, SPEAKS_FOR, NewAction, queue
from medsync_app.outbox.settle import SPOKE_FOR, advance
from medsync_app.services.contact_settings import mark_unreachable, opt_out_in_group
from medsync_app.services.exceptions import close_exception, due_in, open_exception
from medsync_app.services.record_outcome import stop_channel
from medsync_app.store.repositories.messaging import failed_since
from medsync_app.store.session import Tx
from medsync_app.store.tables import Attempt, ScheduledAction

_STATES = {
    "accepted": ActionState.SENT, "scheduled": ActionState.SENT, "queued": ActionState.SENT,
    "sending": ActionState.SENT, "sent": ActionState.SENT, "delivered": ActionState.DELIVERED,
    "read": ActionState.DELIVERED, "undelivered": ActionState.UNDELIVERED, "failed": ActionState.UNDELIVERED,
}  # fmt: skip

#: What the payload keeps about the calls of one action, and does not hold for another that says the same.
OF_ONE_TRY = frozenset({SPEAKS_FOR, ASKS_ABOUT, SPOKE_FOR, "calls_before", "heard"})


def handle_delivery_status(
    tx: Tx, attempt_id: str, *, provider_id: str, status: str, error_code: str = ""
) -> str:
    """Apply one piece of news; gives what it did: moved, known, double, unknown or ignored.

    Any news that names our attempt proves that the provider accepted it, whatever it says.
    """
    state = _STATES.get(status.lower())
    if state is None:
        return "ignored"
    reason = f"The provider could not deliver it (code {error_code or 'none'})." if error_code else ""
    known = tx.find(Attempt, attempt_id)
    if known is not None:
        tx.take_turn(known.pharmacy_id)
    result = advance(tx, attempt_id, state, provider_id=provider_id, reason=reason)
    if result == "unknown":
        return result
    attempt = tx.get(Attempt, attempt_id)
    action = tx.get(ScheduledAction, attempt.action_id)
    after_news(tx, action, result)
    if result == "moved" and state is ActionState.UNDELIVERED:
        _not_delivered(tx, action, attempt, int(error_code) if error_code.isdigit() else None)
    return result


def after_news(tx: Tx, action: ScheduledAction, result: str) -> None:
    """What follows from any news: a double is shown, a doubt is over."""
    if result == "double":
        _tell_of_double(tx, action)
    if result == "moved":
        close_exception(
            tx, pharmacy_id=action.pharmacy_id, cause_key=Cause.DOUBT.of(action.id),
            outcome="The provider says that it was accepted.",
        )  # fmt: skip


def _tell_of_double(tx: Tx, action: ScheduledAction) -> None:
    open_exception(
        tx, pharmacy_id=action.pharmacy_id, kind=ExceptionKind.SEND_IN_DOUBT, cause_key=Cause.DOUBLE.of(action.id),
        summary="A message that was thought lost had gone out and was sent again: the patient has it twice.",
        owner_role=Role.TECHNICIAN, due_at=due_in(tx, days=1), severity=Severity.LOW,
        patient_id=action.patient_id, cycle_id=action.cycle_id, action_id=action.id,
    )  # fmt: skip


def _not_delivered(tx: Tx, action: ScheduledAction, attempt: Attempt, code: int | None) -> None:
    """Once more after some hours where that can help; else the next channel, the last being a person's call.

    An account or registration that is not in order stops the channel: one exception, not one for each patient.
    """
    attempt.error_code = str(code) if code is not None else None
    if code == OPTED_OUT:
        opt_out_in_group(tx, action.pharmacy_id, attempt.channel, attempt.address, "provider code 21610")
    if code in CONFIGURATION:
        stop_channel(tx, action.pharmacy_id, attempt.channel, f"code {code}")
        try_again(tx, action, due_at=tx.now)
        return
    if code == FILTERED and _many_filtered(tx, attempt):
        stop_channel(tx, action.pharmacy_id, attempt.channel, f"many messages were filtered (code {code})")
    if code in PERMANENT_LATER:
        mark_unreachable(tx, action.pharmacy_id, Channel(attempt.channel), attempt.address, f"code {code}")
    waits = RETRIES.get(code or 0, ())
    again = int(action.payload.get("again", 0))
    if again < len(waits):
        try_again(tx, action, due_at=tx.now + timedelta(hours=waits[again]))
    else:
        try_again(tx, action, due_at=tx.now, spent=tried_key(Channel(attempt.channel), attempt.address))


def _many_filtered(tx: Tx, attempt: Attempt) -> bool:
    tx.session.flush()
    since = tx.now - timedelta(hours=FILTERED_HOURS)
    return failed_since(tx, attempt.pharmacy_id, attempt.channel, str(FILTERED), since) >= MANY_FILTERED


def try_again(tx: Tx, action: ScheduledAction, *, due_at: datetime, spent: str = "") -> None:
    """Queue what did not arrive as a new action, past the way that is `spent`; a direct answer is not repeated."""
    if action.kind == "reply":
        return
    payload = {key: value for key, value in action.payload.items() if key not in OF_ONE_TRY}
    payload["again"] = int(payload.get("again", 0)) + 1
    if spent:
        payload["tried"] = sorted({*payload.get("tried", ()), spent})
    # The newest try holds the key: when a new plan withdraws it, what never arrived may be queued again.
    key, action.idempotency_key = action.idempotency_key, f"{action.idempotency_key}~{action.id}"
    queue(
        tx,
        [
            NewAction(
                pharmacy_id=action.pharmacy_id, step=action.step, kind=action.kind, due_at=due_at,
                idempotency_key=key, stale_at=action.stale_at, payload=payload, patient_id=action.patient_id,
                enrollment_id=action.enrollment_id, cycle_id=action.cycle_id, therapy_id=action.therapy_id,
                reason="The message before it was not delivered.",
            )
        ],
    )  # fmt: skip
