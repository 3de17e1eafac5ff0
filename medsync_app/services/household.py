"""What is said together to one number: a household's reminders, its follow-ups, and the batches it can fetch."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from medsync_app.clock import local_day
from medsync_app.connections.protocol import Connection
from medsync_app.domain.contact_rules import Merge, Send
from medsync_app.domain.household import MARGIN, same_pickup, waits_until
from medsync_app.domain.local_time import day_bounds, window_end
from medsync_app.domain.states import ActionState, Channel, CycleState, ItemState
from medsync_app.outbox.queue import ASKS_ABOUT, READY, SPEAKS_FOR, WAITS_FOR_BATCH
from medsync_app.outbox.settle import end_pending, waiting_messages_of
from medsync_app.services.contact_decision import contact_decision, could_be_said, rules_now, template_of
from medsync_app.services.fire_check import obstacle_to
from medsync_app.services.household_words import FOLLOW_UP, MERGEABLE, is_ready, together, with_its_question
from medsync_app.services.message_text import Topic, topic_of
from medsync_app.services.rules import rules_of
from medsync_app.store.repositories.contact import open_cycles, points_at
from medsync_app.store.repositories.cycles import items_of
from medsync_app.store.session import Tx
from medsync_app.store.tables import Cycle, Patient, Pharmacy, ScheduledAction

_CHANGED = "date_changed"
_ALIKE = frozenset({"welcome", _CHANGED, FOLLOW_UP})
#: What can be said in the message that tells of what is ready.
_BESIDE_READY = READY | {*MERGEABLE, FOLLOW_UP}
_COMING = frozenset({ItemState.PLANNED, ItemState.FILLING})
_MERGED = "Said in the message that this number gets today."


def said_together(one: str, other: str, *, same_patient: bool = False) -> bool:
    """Whether messages of these wordings to one number are said as one, when the first of them goes.

    Reminders of anybody; news of one kind, and follow-ups only of different people, since two of one patient tell of
    different batches. What is ready takes along what else is, what was not fetched, and the reminders of the day.
    """
    if one == other and one in _ALIKE:
        return not same_patient or one == _CHANGED
    if one in READY:
        return other in _BESIDE_READY
    return {one, other} <= set(MERGEABLE)


def goes_alone(
    tx: Tx, action: ScheduledAction, cycle: Cycle | None, pharmacy: Pharmacy, address: str
) -> bool:
    """Whether nothing else at the number could be said with a message, or is to be waited for."""
    if cycle is None or not _could_be_merged(action):
        return True
    people = _people_at(tx, address, pharmacy)
    if is_ready(action) and not people <= {cycle.patient_id}:
        return False
    return not _others_waiting(tx, action, pharmacy, people)


def household_wait(
    tx: Tx,
    action: ScheduledAction,
    cycle: Cycle | None,
    pharmacy: Pharmacy,
    send: Send,
    connections: Mapping[Channel, Connection],
) -> tuple[datetime, str] | None:
    """Until when a message waits for others at its number, and for what; None: it goes now.

    A ready notice for the batches of others that are fetched with its own; a reminder for a notice that does so.
    """
    if cycle is None or not _could_be_merged(action):
        return None
    if not is_ready(action):
        soon = _notice_that_waits(tx, action, pharmacy, send, connections)
        return (soon, "to be said with what is ready at this number.") if soon is not None else None
    others = _people_at(tx, send.address, pharmacy) - {cycle.patient_id}
    if not others:
        return None
    patient = tx.get(Patient, cycle.patient_id)
    until = waits_until(
        tx.now, action.created_at, timedelta(minutes=rules_of(pharmacy).household_wait_minutes),
        closes=window_end(tx.now, patient.zone or pharmacy.zone, rules_now(tx, pharmacy).window[1]),
        useful_until=action.stale_at,
    )  # fmt: skip
    if until is None:
        return None
    today = local_day(tx.now, pharmacy.zone)
    expected = any(
        same_pickup(cycle.sync_date, theirs.sync_date, today)
        and _is_prepared(tx, theirs)
        and could_be_said(tx, action, pharmacy, tx.get(Patient, theirs.patient_id), connections, send)
        for theirs in open_cycles(tx, others)
    )
    return (until, WAITS_FOR_BATCH) if expected else None


def take_along(
    tx: Tx,
    action: ScheduledAction,
    pharmacy: Pharmacy,
    cycle: Cycle | None,
    send: Send,
    connections: Mapping[Channel, Connection],
) -> Topic:
    """What the message says: alone, or for the whole household when others are due to the same number today."""
    if cycle is None or not _could_be_merged(action):
        return topic_of(action.payload, cycle)
    said = [(action, cycle)]
    for other_id in _others_waiting(tx, action, pharmacy, _people_at(tx, send.address, pharmacy)):
        other = tx.get(ScheduledAction, other_id)
        theirs = _joinable(tx, other, action, pharmacy, send, connections)
        if theirs is not None:
            said.append((other, theirs))
    said, question = with_its_question(tx, said, pharmacy, send)
    told = [pair for pair in said[1:] if end_pending(tx, pair[0].id, ActionState.MERGED, _MERGED)]
    if not told:
        return topic_of(action.payload, cycle)
    if len(told) < len(said) - 1:
        said, question = with_its_question(tx, [said[0], *told], pharmacy, send)
    asks = {ASKS_ABOUT: question.cycle.id} if question is not None else {}
    action.payload = {**action.payload, SPEAKS_FOR: [other.id for other, _ in told], **asks}
    return together(tx, said, send, question)


def _could_be_merged(action: ScheduledAction) -> bool:
    return template_of(action.payload) in {*_BESIDE_READY, *_ALIKE}


def _people_at(tx: Tx, address: str, pharmacy: Pharmacy) -> set[str]:
    return {point.patient_id for point in points_at(tx, address, pharmacy.id)}


def _others_waiting(tx: Tx, action: ScheduledAction, pharmacy: Pharmacy, people: set[str]) -> list[str]:
    """Messages that wait for these people, due by the end of the day, or meant for it and put off by a cap."""
    end_of_day = day_bounds(tx.now, pharmacy.zone)[1]
    today = local_day(tx.now, pharmacy.zone)
    waiting = waiting_messages_of(tx, sorted(people), end_of_day, meant_until=today)
    return [other_id for other_id in waiting if other_id != action.id]


def _notice_that_waits(
    tx: Tx,
    action: ScheduledAction,
    pharmacy: Pharmacy,
    send: Send,
    connections: Mapping[Channel, Connection],
) -> datetime | None:
    """When a ready notice goes to the same number that waits for its household, and can take a message along."""
    for other_id in _others_waiting(tx, action, pharmacy, _people_at(tx, send.address, pharmacy)):
        notice = tx.get(ScheduledAction, other_id)
        if notice.patient_id is None or not said_together(
            template_of(notice.payload), template_of(action.payload)
        ):
            continue
        waits = notice.state is ActionState.QUEUED and notice.reason.endswith(WAITS_FOR_BATCH)
        useful = action.stale_at is None or notice.due_at + MARGIN <= action.stale_at
        if not waits or not useful or notice.due_at <= tx.now:
            continue
        person = tx.get(Patient, notice.patient_id)
        if could_be_said(tx, notice, pharmacy, person, connections, send):
            return notice.due_at
    return None


def _is_prepared(tx: Tx, cycle: Cycle) -> bool:
    """Whether a batch is being prepared: something of it is coming that does not wait for stock or an answer."""
    if cycle.state is not CycleState.PREPARING:
        return False
    return any(item.state in _COMING for item in items_of(tx, cycle.id))


def _joinable(
    tx: Tx,
    other: ScheduledAction,
    action: ScheduledAction,
    pharmacy: Pharmacy,
    send: Send,
    connections: Mapping[Channel, Connection],
) -> Cycle | None:
    """The cycle of another message when that one could go to the same number now and be said with this one."""
    wordings = template_of(action.payload), template_of(other.payload)
    same = action.patient_id == other.patient_id
    if other.cycle_id is None or not said_together(*wordings, same_patient=same):
        return None
    cycle = tx.get(Cycle, other.cycle_id)
    if obstacle_to(tx, other, cycle, pharmacy) is not None:
        return None
    patient = tx.get(Patient, cycle.patient_id)
    decision = contact_decision(tx, other, pharmacy, patient, connections, beside=send)
    return cycle if isinstance(decision, Merge) else None
