"""Settles calls whose outcome is not known, by what the provider says or by a person's word."""

from collections.abc import Sequence
from datetime import timedelta

from medsync_app.connections.protocol import Found
from medsync_app.domain.causes import Cause
from medsync_app.domain.lost_answers import Unfound, find
from medsync_app.domain.retry import POLICY
from medsync_app.domain.states import ActionState, ExceptionKind, Role, Severity
from medsync_app.errors import Conflict
from medsync_app.outbox.claim import Doubt
from medsync_app.outbox.doubts import known_provider_ids, lost_at, under_way_at
from medsync_app.outbox.settle import looked, settle_doubt
from medsync_app.services.audit import audit
from medsync_app.services.exceptions import close_exception, due_in, open_exception
from medsync_app.services.record_outcome import calls_on_this_way, give_up
from medsync_app.store.repositories.messaging import newest_attempt
from medsync_app.store.session import Tx
from medsync_app.store.tables import ScheduledAction

#: A message is sent again only when it was not found in so many looks, so far apart.
LOOKS, APART = 2, timedelta(seconds=60)


def record_look(tx: Tx, doubt: Doubt, found: Sequence[Found]) -> str:
    """What a look at the provider's list says: "sent", "again", "absent" or "under way" (look once more), "person".

    While another call to that number is being made nobody knows whose a message is that no attempt holds.
    """
    if under_way_at(tx, doubt.channel, doubt.address):
        looked(tx, doubt.attempt_id, counts=False)
        return "under way"
    known = known_provider_ids(tx, [message.provider_id for message in found])
    free = [message for message in found if message.provider_id not in known]
    match find(doubt.attempt_id, lost_at(tx, doubt.channel, doubt.address), free):
        case Found() as mine:
            return _went_out(tx, doubt, mine.provider_id)
        case Unfound.UNSURE:
            leave_to_person(tx, doubt, "The provider knows several messages that it may be.")
            return "person"
        case _:
            if doubt.looks + 1 >= LOOKS:
                return _send_again(tx, doubt)
            looked(tx, doubt.attempt_id, counts=True)
            return "absent"


def _went_out(tx: Tx, doubt: Doubt, provider_id: str) -> str:
    settled = settle_doubt(
        tx, doubt.action_id, doubt.attempts, doubt.attempt_id, state=ActionState.SENT, by="list",
        outcome="sent", provider_id=provider_id,
    )  # fmt: skip
    if not settled:
        return "known"
    cause = Cause.DOUBT.of(doubt.action_id)
    close_exception(
        tx, pharmacy_id=doubt.pharmacy_id, cause_key=cause, outcome="The provider had accepted it."
    )
    return "sent"


def _send_again(tx: Tx, doubt: Doubt) -> str:
    looked(tx, doubt.attempt_id, counts=True)
    given_up = calls_on_this_way(tx, tx.get(ScheduledAction, doubt.action_id)) >= POLICY.max_calls
    settled = settle_doubt(
        tx, doubt.action_id, doubt.attempts, doubt.attempt_id,
        state=ActionState.FAILED if given_up else ActionState.QUEUED, by="list", outcome="not_sent",
        reason="The provider does not know it: it did not go out.", due_at=tx.now,
    )  # fmt: skip
    if settled and given_up:
        give_up(tx, doubt.action_id, "in doubt too often")
    return "again" if settled else "known"


def record_no_answer(tx: Tx, doubt: Doubt) -> None:
    """The provider could not be asked: the look does not count."""
    looked(tx, doubt.attempt_id, counts=False)


def leave_to_person(tx: Tx, doubt: Doubt, why: str) -> None:
    """What cannot be known by asking is listed for a person, never guessed."""
    looked(tx, doubt.attempt_id, counts=False, settled_by="person")
    action = tx.get(ScheduledAction, doubt.action_id)
    open_exception(
        tx, pharmacy_id=doubt.pharmacy_id, kind=ExceptionKind.SEND_IN_DOUBT, cause_key=Cause.DOUBT.of(doubt.action_id),
        summary=f"It is not known whether a message went out. {why} Ask the patient, then say whether it did.",
        owner_role=Role.TECHNICIAN, due_at=due_in(tx, hours=8), severity=Severity.HIGH,
        patient_id=action.patient_id, cycle_id=action.cycle_id, action_id=action.id,
    )  # fmt: skip


def settle_by_person(tx: Tx, action_id: str, *, was_sent: bool) -> None:
    """A person says whether a message in doubt went out; Conflict when that is known by now."""
    action = tx.get(ScheduledAction, action_id)
    attempt = newest_attempt(tx, action_id)
    settled = attempt is not None and settle_doubt(
        tx, action_id, action.attempts, attempt.id, by=tx.scope.actor_id,
        state=ActionState.SENT if was_sent else ActionState.QUEUED, outcome="sent" if was_sent else "not_sent",
        reason="A person said that it went out." if was_sent else "A person said that it did not go out.",
        due_at=None if was_sent else tx.now,
    )  # fmt: skip
    if not settled:
        raise Conflict("This message is not in doubt any more: look at it again.")
    close_exception(
        tx,
        pharmacy_id=action.pharmacy_id,
        cause_key=Cause.DOUBT.of(action_id),
        outcome="Settled by a person.",
    )
    audit(
        tx, pharmacy_id=action.pharmacy_id, act="message.settle_doubt", subject_kind="scheduled_action",
        subject_id=action_id, detail={"was_sent": was_sent},
    )  # fmt: skip
