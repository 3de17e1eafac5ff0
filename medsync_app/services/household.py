"""What is said together to one number: a household's reminders, its follow-ups, and the batches it can fetch."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from medsync_app.clock import local_day
from medsync_app.connections.protocol import Connection
from medsync_app.domain.contact_rules import Merge, Send
from medsync_app.domain.household import same_pickup, waits_until
from medsync_app.domain.local_time import day_bounds, window_end
from medsync_app.domain.states import ActionState, Channel, ContactBasis, CycleState, ItemState
from medsync_app.outbox.queue import READY, SPEAKS_FOR
from medsync_app.outbox.settle import end_pending, waiting_messages_of
from medsync_app.services.contact_decision import contact_decision, likely_way, rules_now, template_of
from medsync_app.services.fire_check import obstacle_to
from medsync_app.services.message_text import Share, Topic, topic_of
from medsync_app.services.rules import rules_of
from medsync_app.store.repositories.contact import contact_points, open_cycles, points_at
from medsync_app.store.repositories.cycles import items_of
from medsync_app.store.session import Tx
from medsync_app.store.tables import Cycle, Patient, Pharmacy, ScheduledAction

#: Wordings that several pickups of one number can share; of two about the same one, the first here is said.
MERGEABLE = ("confirm_t3", "confirm_t1", "reminder_t7", "trip_t1")
#: Those of them that want no answer: they can be said beside what is ready.
_TELLS = frozenset({"confirm_t1", "trip_t1"})
#: That a batch was not fetched: said once of the batches of several people.
_FOLLOW_UP = "not_picked_up"
_CHANGED = "date_changed"
_ALIKE = frozenset({"welcome", _CHANGED, _FOLLOW_UP})
_COMING = frozenset({ItemState.PLANNED, ItemState.FILLING})
_Said = Sequence[tuple[ScheduledAction, Cycle]]


def said_together(one: str, other: str, *, same_patient: bool = False) -> bool:
    """Whether messages of these wordings to one number are said as one, when the first of them goes.

    Reminders of anybody; news of one kind, and follow-ups only of different people, since two of one patient tell of
    different batches. What is ready takes along what else is, and the reminders of the day before; a question goes by
    itself, so that it can be answered.
    """
    if one == other and one in _ALIKE:
        return not same_patient or one == _CHANGED
    if one in READY:
        return other in READY | _TELLS
    return {one, other} <= set(MERGEABLE)


def goes_alone(
    tx: Tx, action: ScheduledAction, cycle: Cycle | None, pharmacy: Pharmacy, address: str
) -> bool:
    """Whether nothing else at the number could be said with a message, or is to be waited for."""
    if cycle is None or not _could_be_merged(action):
        return True
    people = _people_at(tx, address, pharmacy)
    if _is_ready(action):
        return people <= {cycle.patient_id}
    return not _others_waiting(tx, action, pharmacy, people)


def household_wait(
    tx: Tx,
    action: ScheduledAction,
    cycle: Cycle | None,
    pharmacy: Pharmacy,
    send: Send,
    connections: Mapping[Channel, Connection],
) -> datetime | None:
    """Until when a ready notice waits for the batches of others that are fetched with its own; None: it goes now."""
    if cycle is None or not _is_ready(action):
        return None
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
        and _reached_at(tx, action, pharmacy, theirs.patient_id, connections) == send.address
        for theirs in open_cycles(tx, others)
    )
    return until if expected else None


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
    people = _people_at(tx, send.address, pharmacy)
    if _is_ready(action) and people <= {cycle.patient_id}:
        return topic_of(action.payload, cycle)
    said, merged = [(action, cycle)], list[str]()
    for other_id in _others_waiting(tx, action, pharmacy, people):
        other = tx.get(ScheduledAction, other_id)
        theirs = _joinable(tx, other, action, pharmacy, send, connections)
        if theirs is None:
            continue
        reason = "Said in the message that this number gets today."
        if end_pending(tx, other_id, ActionState.MERGED, reason):
            said.append((other, theirs))
            merged.append(other_id)
    if not merged:
        return topic_of(action.payload, cycle)
    action.payload = {**action.payload, SPEAKS_FOR: merged}
    agreed = all(_basis_at(tx, about.patient_id, send) is ContactBasis.EXPRESS for _, about in said)
    return replace(_together(tx, said, send), others_agreed=agreed)


def _together(tx: Tx, said: _Said, send: Send) -> Topic:
    """The wording of several messages that are said as one."""
    (first, cycle), *_ = said
    patients = {c.patient_id for _, c in said}
    if _is_ready(first):
        shares = [_share(tx, one, about, send) for one, about in said if _is_ready(one)]
        ready = {about.id for one, about in said if _is_ready(one)}
        days = [about.sync_date for _, about in said if about.id not in ready]
        if len(shares) == 1 and not days:
            return topic_of(first.payload, cycle)
        return Topic("household_ready", days=days, people=len(patients), shares=shares)
    days = [about.sync_date for _, about in said]
    wording = template_of(first.payload)
    if wording == "welcome":
        return topic_of(first.payload, cycle)
    if wording == _FOLLOW_UP:
        return Topic("household_waiting", cycle, people=len(patients))
    if wording == _CHANGED:
        return Topic("household_changed", days=days, people=len(patients))
    if len({(c.patient_id, c.sync_date) for _, c in said}) == 1:
        one, about = min(said, key=lambda pair: MERGEABLE.index(template_of(pair[0].payload)))
        return topic_of(one.payload, about)
    name = "household" if len(patients) > 1 else "several"
    return Topic(name, cycle, days, len(patients))


def _share(tx: Tx, action: ScheduledAction, cycle: Cycle, send: Send) -> Share:
    """One batch of what is ready, with the patient's own basis at that number."""
    part = template_of(action.payload) == "partly_ready"
    basis = _basis_at(tx, cycle.patient_id, send)
    return Share(cycle, tx.get(Patient, cycle.patient_id), basis, part=part)


def _basis_at(tx: Tx, patient_id: str, send: Send) -> ContactBasis:
    """On what a patient is written to at the number and channel that a message takes."""
    points = contact_points(tx, patient_id)
    return next(
        (one.basis for one in points if (one.channel, one.address) == (send.channel, send.address)),
        send.basis,
    )


def _is_ready(action: ScheduledAction) -> bool:
    return template_of(action.payload) in READY


def _could_be_merged(action: ScheduledAction) -> bool:
    return template_of(action.payload) in (*MERGEABLE, *READY, *_ALIKE)


def _people_at(tx: Tx, address: str, pharmacy: Pharmacy) -> set[str]:
    return {point.patient_id for point in points_at(tx, address, pharmacy.id)}


def _others_waiting(tx: Tx, action: ScheduledAction, pharmacy: Pharmacy, people: set[str]) -> list[str]:
    """Messages that wait for these people, due by the end of the day."""
    end_of_day = day_bounds(tx.now, pharmacy.zone)[1]
    waiting = waiting_messages_of(tx, sorted(people), end_of_day)
    return [other_id for other_id in waiting if other_id != action.id]


def _is_prepared(tx: Tx, cycle: Cycle) -> bool:
    """Whether a batch is being prepared: something of it is coming that does not wait for stock or an answer."""
    if cycle.state is not CycleState.PREPARING:
        return False
    return any(item.state in _COMING for item in items_of(tx, cycle.id))


def _reached_at(
    tx: Tx,
    action: ScheduledAction,
    pharmacy: Pharmacy,
    patient_id: str,
    connections: Mapping[Channel, Connection],
) -> str:
    """Where another patient would be told the same as things are now, "" for nowhere."""
    patient = tx.get(Patient, patient_id)
    if patient.deceased_on is not None:
        return ""
    way = likely_way(tx, action, pharmacy, patient, frozenset(connections))
    return way.address if way is not None else ""


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
    decision = contact_decision(tx, other, pharmacy, patient, connections, joins=send.address)
    return cycle if isinstance(decision, Merge) else None
