"""Takes the provider's news of what became of a call; states only move forward."""

from datetime import timedelta

from medsync_app.connections.twilio.errors import CALL_RETRIES
from medsync_app.domain.contact_rules import tried_key
from medsync_app.domain.states import ActionState, Channel
from medsync_app.outbox.settle import advance
from medsync_app.services.contact_settings import mark_unreachable
from medsync_app.services.handle_delivery_status import after_news, try_again
from medsync_app.store.session import Tx
from medsync_app.store.tables import Attempt, ScheduledAction

#: Our own news: somebody confirmed to be the person, and the message was read out.
HEARD = "heard"
_UNDER_WAY = frozenset({"queued", "initiated", "ringing", "in-progress", "answered", HEARD})
_FAILED = {
    "busy": "The line was busy.",
    "no-answer": "Nobody answered the phone.",
    "failed": "The number could not be called.",
    "canceled": "The call was cancelled at the provider.",
}
_MACHINE = "An answering machine took the call: it has our number to call back, and nothing about health."
_UNHEARD = "Somebody answered and did not say who they are: the message was not read out."


def handle_call_status(
    tx: Tx, attempt_id: str, *, provider_id: str, status: str, answered_by: str = ""
) -> str:
    """Apply one piece of news; gives what it did: moved, known, double, unknown or ignored.

    A call counts as delivered when the message was read to the person, or a machine has the number to call
    back. Any news that names our attempt proves that the provider accepted it.
    """
    status = status.lower()
    if status not in _UNDER_WAY | _FAILED.keys() and status != "completed":
        return "ignored"
    known = tx.find(Attempt, attempt_id)
    if known is not None:
        tx.take_turn(known.pharmacy_id)
    heard = status == HEARD or (known is not None and _was_heard(tx, known))
    state, reason = _outcome(status, answered_by.lower(), heard=heard)
    result = advance(tx, attempt_id, state, provider_id=provider_id, reason=reason)
    if result == "unknown":
        return result
    attempt = tx.get(Attempt, attempt_id)
    action = tx.get(ScheduledAction, attempt.action_id)
    if status == HEARD and action.attempts == attempt.number:
        action.payload = {**action.payload, "heard": attempt_id}
    after_news(tx, action, result)
    if result == "moved" and state is ActionState.UNDELIVERED:
        _not_reached(tx, action, attempt, status)
    return result


def _was_heard(tx: Tx, attempt: Attempt) -> bool:
    return tx.get(ScheduledAction, attempt.action_id).payload.get("heard") == attempt.id


def _outcome(status: str, answered_by: str, *, heard: bool) -> tuple[ActionState, str]:
    if status in _UNDER_WAY:
        return ActionState.SENT, ""
    if status in _FAILED:
        return ActionState.UNDELIVERED, _FAILED[status]
    if heard:
        return ActionState.DELIVERED, ""
    if answered_by.startswith("machine"):
        return ActionState.DELIVERED, _MACHINE
    return ActionState.UNDELIVERED, _UNHEARD


def _not_reached(tx: Tx, action: ScheduledAction, attempt: Attempt, status: str) -> None:
    """Call again later where that can help; else the next channel, the last being a person's call."""
    if status == "failed":
        mark_unreachable(tx, action.pharmacy_id, Channel.VOICE, attempt.address, "the call failed")
    waits = CALL_RETRIES.get(status, ())
    again = int(action.payload.get("again", 0))
    if again < len(waits):
        try_again(tx, action, due_at=tx.now + timedelta(hours=waits[again]))
        return
    # Who answered and hung up is not sent a text at once as well: that number has had its contact.
    spent = attempt.address if status == "completed" else tried_key(Channel.VOICE, attempt.address)
    try_again(tx, action, due_at=tx.now, spent=spent)
