"""Decides about one message at the moment it fires, renders it and marks it calling."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from medsync_app.connections.protocol import CALL_SECONDS, Connection, Outgoing
from medsync_app.domain.causes import Cause
from medsync_app.domain.contact_rules import (
    Decision,
    Hold,
    Merge,
    Send,
    StaffCall,
    Suppress,
)
from medsync_app.domain.local_time import day_bounds, local, window_end
from medsync_app.domain.states import ActionState, Channel, ExceptionKind, Role, Severity
from medsync_app.domain.step_names import step_name
from medsync_app.outbox.claim import Claim
from medsync_app.outbox.queue import READY, is_urgent
from medsync_app.outbox.settle import end_claim, lock_address, mark_calling, release_merged, still_held
from medsync_app.services.agreements import LOOK_AGAIN, OF_CHANNEL, may_carry, tell_missing
from medsync_app.services.contact_decision import DIRECT, NOTICE, contact_decision, rules_now, template_of
from medsync_app.services.exceptions import due_in, open_exception
from medsync_app.services.household import goes_alone, household_wait, take_along
from medsync_app.services.message_text import Topic, compose, topic_of
from medsync_app.services.own_wording import own_text
from medsync_app.services.pickup_event import pickup_event
from medsync_app.services.provider_care import turns_of
from medsync_app.services.render_message import Text
from medsync_app.store.ids import new_id
from medsync_app.store.repositories.messaging import said_since
from medsync_app.store.session import Tx
from medsync_app.store.tables import Cycle, Patient, Pharmacy, ScheduledAction

#: What the lease must leave for the call: its time-out and some time to record the answer.
ROOM = timedelta(seconds=CALL_SECONDS + 5)


@dataclass(frozen=True, slots=True)
class Call:
    """A call to make outside any transaction: the action is marked calling under `claim`."""

    claim: Claim
    attempt_id: str
    channel: Channel
    outgoing: Outgoing


def send_message(
    tx: Tx,
    claim: Claim,
    action: ScheduledAction,
    pharmacy: Pharmacy,
    cycle: Cycle | None,
    connections: Mapping[Channel, Connection],
) -> tuple[ActionState | None, Call | None]:
    """Settle a message that must not go now, or mark it calling."""
    patient = tx.find(Patient, action.patient_id) if action.patient_id else None
    decision = contact_decision(tx, action, pharmacy, patient, connections)
    if isinstance(decision, Send) and lock_address(tx, decision.address):
        if not still_held(tx, claim):  # merged, withdrawn or rescued while this waited for the number
            return None, None
        decision = contact_decision(tx, action, pharmacy, patient, connections)
    if not isinstance(decision, Send):
        return _not_now(tx, claim, action, decision), None
    connection = connections[decision.channel]
    if pharmacy.is_demo and connection.live and not connection.loopback:
        end_claim(tx, claim, ActionState.SUPPRESSED, "This is a demo pharmacy: nothing is really sent.")
        return ActionState.SUPPRESSED, None
    if not may_carry(pharmacy, decision.channel, connection):
        reason = tell_missing(tx, pharmacy.id, OF_CHANNEL[decision.channel])
        end_claim(tx, claim, ActionState.QUEUED, reason, due_at=tx.now + LOOK_AGAIN)
        return ActionState.HELD, None
    wait = household_wait(tx, action, cycle, pharmacy, decision, connections)
    if wait is not None:
        until, what_for = wait
        reason = f"Waits until {local(until, pharmacy.zone):%H:%M} {what_for}"
        end_claim(tx, claim, ActionState.QUEUED, reason, due_at=until)
        return ActionState.HELD, None
    (turn,) = turns_of(tx, decision.channel, connection, [action])
    if turn.at is not None:
        since = action.front_since or action.due_at
        end_claim(tx, claim, ActionState.QUEUED, turn.reason, due_at=turn.at, front_since=since)
        return ActionState.HELD, None
    topic = take_along(tx, action, pharmacy, cycle, decision, connections)
    outgoing = _write(tx, action, pharmacy, patient, decision, topic)
    if _was_said(tx, action, pharmacy, outgoing):
        end_claim(tx, claim, ActionState.MERGED, "The same words have gone to this number today.")
        return ActionState.MERGED, None
    attempt_id = mark_calling(
        tx, claim, channel=decision.channel, address=decision.address, body=outgoing.body, room=ROOM
    )
    if attempt_id is None:
        release_merged(tx, action.id)
        end_claim(tx, claim, ActionState.QUEUED, action.reason)
        return ActionState.QUEUED, None
    return ActionState.CALLING, Call(
        claim, attempt_id, decision.channel, replace(outgoing, attempt_id=attempt_id)
    )


def plain_call(
    tx: Tx,
    claim: Claim,
    action: ScheduledAction,
    pharmacy: Pharmacy,
    cycle: Cycle | None,
    connections: Mapping[Channel, Connection],
) -> Call | None:
    """The call of a message that goes now, alone and to a number that the caller has locked; it is not marked yet.

    The provider's pace may still speak against it (`turns_of`). None for everything else: `send_message` settles that.
    Nothing is written.
    """
    patient = tx.find(Patient, action.patient_id) if action.patient_id else None
    decision = contact_decision(tx, action, pharmacy, patient, connections)
    if not isinstance(decision, Send):
        return None
    connection = connections[decision.channel]
    if pharmacy.is_demo and connection.live and not connection.loopback:
        return None
    if not may_carry(pharmacy, decision.channel, connection):
        return None
    if not goes_alone(tx, action, cycle, pharmacy, decision.address):
        return None
    outgoing = _write(tx, action, pharmacy, patient, decision, topic_of(action.payload, cycle))
    if _was_said(tx, action, pharmacy, outgoing):
        return None
    return Call(claim, outgoing.attempt_id, decision.channel, outgoing)


def _was_said(tx: Tx, action: ScheduledAction, pharmacy: Pharmacy, outgoing: Outgoing) -> bool:
    """Whether this patient was told today, in the same words, of another batch that is ready: two trips of one day.

    Ready notices are exempt from the daily cap, and a text that comes twice reads as a mistake.
    """
    if template_of(action.payload) not in READY or action.patient_id is None:
        return False
    since = day_bounds(tx.now, pharmacy.zone)[0]
    return said_since(tx, action.patient_id, outgoing.to, outgoing.body, since=since, besides=action.id)


def _write(
    tx: Tx, action: ScheduledAction, pharmacy: Pharmacy, patient: Patient | None, send: Send, topic: Topic
) -> Outgoing:
    text = _text(tx, action, pharmacy, patient, topic, send)
    zone = (patient.zone if patient else None) or pharmacy.zone
    language = topic.language or (patient.language if patient else "en")
    return Outgoing(
        attempt_id=new_id(), to=send.address, body=text.body, subject=text.subject, sender_name=pharmacy.name,
        reply_to=pharmacy.reply_to_email, valid_seconds=_valid_seconds(tx, action, pharmacy, zone),
        language=language, event=pickup_event(tx, pharmacy, patient, topic),
    )  # fmt: skip


def _text(
    tx: Tx, action: ScheduledAction, pharmacy: Pharmacy, patient: Patient | None, topic: Topic, send: Send
) -> Text:
    if action.kind == NOTICE:
        return Text(str(action.payload["body"]), str(action.payload.get("subject", "")))
    usual = compose(tx, pharmacy, patient, topic, send.channel, send.basis)
    return own_text(action, pharmacy, topic, send.channel, send.basis, usual)


def _not_now(tx: Tx, claim: Claim, action: ScheduledAction, decision: Decision) -> ActionState:
    if isinstance(decision, Hold):
        if decision.until is None:
            end_claim(tx, claim, ActionState.HELD, decision.reason)
        else:
            # What had a turn at the provider loses it, and its place before others with it.
            since = action.front_since if is_urgent(action.kind, action.payload) else None
            end_claim(
                tx, claim, ActionState.QUEUED, decision.reason, due_at=decision.until, front_since=since
            )
        return ActionState.HELD
    if isinstance(decision, StaffCall):
        open_exception(
            tx, pharmacy_id=action.pharmacy_id, kind=ExceptionKind.CALL,
            cause_key=Cause.CALL.of(str(action.cycle_id or action.patient_id)),
            summary=f"Call the patient ({step_name(action.step, action.payload)}). {decision.reason}",
            owner_role=Role.TECHNICIAN, due_at=due_in(tx, hours=8), severity=Severity.NORMAL,
            patient_id=action.patient_id, cycle_id=action.cycle_id, action_id=action.id,
        )  # fmt: skip
        end_claim(tx, claim, ActionState.SUPPRESSED, f"{decision.reason} A call task was created.")
        return ActionState.SUPPRESSED
    state = ActionState.MERGED if isinstance(decision, Merge) else ActionState.SUPPRESSED
    assert isinstance(decision, Merge | Suppress)  # noqa: S101 (Send is handled by the caller)
    end_claim(tx, claim, state, decision.reason)
    return state


def _valid_seconds(tx: Tx, action: ScheduledAction, pharmacy: Pharmacy, zone: str) -> int | None:
    """Until the end of the contact window, and not longer than the message is of use."""
    if action.kind in DIRECT:
        return None
    end = window_end(tx.now, zone, rules_now(tx, pharmacy).window[1])
    if action.stale_at is not None:
        end = min(end, action.stale_at)
    return max(60, int((end - tx.now).total_seconds()))
