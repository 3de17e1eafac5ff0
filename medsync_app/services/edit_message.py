"""What a person may do with one message: cancel it, reword it before it goes, or send it again."""

from datetime import timedelta

from medsync_app.domain.consent import USABLE
from medsync_app.domain.states import ActionState, Channel, ContactBasis
from medsync_app.errors import Conflict, NotFound
from medsync_app.outbox.queue import NewAction, queue
from medsync_app.outbox.settle import end_pending
from medsync_app.services.audit import audit
from medsync_app.services.handle_delivery_status import OF_ONE_TRY
from medsync_app.services.own_wording import KEY, check_own_wording
from medsync_app.store.repositories.contact import contact_points
from medsync_app.store.session import Tx
from medsync_app.store.tables import Pharmacy, ScheduledAction

#: States in which a message may still be changed or cancelled.
OPEN = frozenset({ActionState.QUEUED, ActionState.HELD})
#: States after which the same thing may be said again, as a new message.
AGAIN = frozenset({
    ActionState.SENT, ActionState.DELIVERED, ActionState.UNDELIVERED, ActionState.FAILED, ActionState.SKIPPED,
    ActionState.SUPPRESSED,
})  # fmt: skip
#: How long a message that is sent again stays of use.
_USEFUL = timedelta(hours=24)
#: What the first try left behind, which must not bind the second.
_LEFT_BEHIND = OF_ONE_TRY | {"tried", "again", KEY}


def cancel_message(tx: Tx, action_id: str) -> None:
    """Withdraw a message that has not gone; Conflict when it is on its way or settled already."""
    action = _message(tx, action_id)
    # A loop that has just claimed it looks again before it calls: a person's word comes first.
    if not end_pending(tx, action.id, ActionState.SUPPRESSED, f"Cancelled by {tx.scope.actor_name}."):
        raise Conflict(
            "This message is on its way or settled by now, so it cannot be cancelled. Look at it again."
        )
    tx.session.expire(action)
    tx.touch(action.pharmacy_id)
    _audited(tx, action, "message.cancel")


def reword_message(tx: Tx, action_id: str, text: str) -> None:
    """Keep a wording for this one message; an empty text goes back to the usual one.

    Invalid (field "wording") names what the text lacks, Conflict when the message has gone.
    """
    action = _message(tx, action_id)
    if action.state not in OPEN or action.kind != "message":
        raise Conflict("This message has gone or was settled by now: its wording cannot be changed any more.")
    payload = {key: value for key, value in action.payload.items() if key != KEY}
    if text.strip():
        pharmacy = tx.get(Pharmacy, action.pharmacy_id)
        payload[KEY] = check_own_wording(text, pharmacy, express=has_express_consent(tx, action))
    action.payload, action.updated_at = payload, tx.now
    _audited(tx, action, "message.reword", own=KEY in payload)


def send_again(tx: Tx, action_id: str) -> None:
    """Queue a new message about the same; the first one stays as it is.

    The contact rules decide about it like about any other. Conflict when it was sent again already, or when
    it is still open.
    """
    action = _message(tx, action_id)
    if action.kind != "message" or action.state not in AGAIN:
        raise Conflict("Only a message that has gone, failed or was not sent can be sent again.")
    payload = {key: value for key, value in action.payload.items() if key not in _LEFT_BEHIND}
    again = NewAction(
        pharmacy_id=action.pharmacy_id, step=action.step, kind=action.kind, idempotency_key=f"again:{action.id}",
        due_at=tx.now, stale_at=tx.now + _USEFUL, payload=payload, patient_id=action.patient_id,
        enrollment_id=action.enrollment_id, cycle_id=action.cycle_id, therapy_id=action.therapy_id,
    )  # fmt: skip
    if queue(tx, [again]) == 0:
        raise Conflict("This message was sent again already: look for the newer one.")
    _audited(tx, action, "message.send_again")


def has_express_consent(tx: Tx, action: ScheduledAction) -> bool:
    """Whether the first way the patient may be reached has express consent, or is an e-mail."""
    if action.patient_id is None:
        return False
    for point in contact_points(tx, action.patient_id):
        if point.basis in USABLE:
            return point.basis is ContactBasis.EXPRESS or point.channel is Channel.EMAIL
    return False


def _message(tx: Tx, action_id: str) -> ScheduledAction:
    action = tx.get(ScheduledAction, action_id, lock=True)
    if action.kind not in ("message", "reply"):
        raise NotFound("This is not a message.")
    return action


def _audited(tx: Tx, action: ScheduledAction, act: str, **detail: bool) -> None:
    audit(
        tx, pharmacy_id=action.pharmacy_id, act=act, subject_kind="scheduled_action", subject_id=action.id,
        detail={"step": action.step, **detail},
    )  # fmt: skip
