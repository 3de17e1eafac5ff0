"""Decides about many claimed messages of one pharmacy in one transaction: those that plainly go now are marked.

The rest (held, merged, of no use, about something another loop is deciding) is left for `fire`, one by one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from medsync_app.connections.protocol import Connection
from medsync_app.domain.states import ActionState, Channel
from medsync_app.outbox.batch import Mark, hold_addresses, hold_claims, hold_cycles, mark_many, read_sent
from medsync_app.outbox.claim import Claim
from medsync_app.outbox.settle import end_claim
from medsync_app.services.contact_decision import read_rules
from medsync_app.services.fire_action import local_due
from medsync_app.services.fire_check import obstacle_to
from medsync_app.services.fire_message import ROOM, Call, plain_call
from medsync_app.services.provider_care import turns_of
from medsync_app.store.repositories.contact import read_contact_points, read_statuses
from medsync_app.store.repositories.messaging import read_wordings
from medsync_app.store.repositories.pharmacies import read_closed_days
from medsync_app.store.session import Tx, is_database_error
from medsync_app.store.tables import Cycle, Enrollment, Patient, Pharmacy, ScheduledAction, WorkflowVersion


@dataclass(frozen=True, slots=True)
class _Batch:
    """What is held and read for the decisions of one batch, all of it until its transaction ends."""

    pharmacy: Pharmacy
    actions: Mapping[str, ScheduledAction]
    cycles: Mapping[str, Cycle]
    addresses: frozenset[str]
    #: Rows the decisions ask for by id: known as long as they are kept.
    kept: tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Plain:
    """What became of the messages about which there was nothing to think: the others are fired alone."""

    #: Marked calling: to be called now, in the order of the claims.
    calls: list[Call]
    #: Ids of those that are back in the queue until the provider's pace lets them go.
    paced: frozenset[str]


def fire_plain(tx: Tx, claims: Sequence[Claim], connections: Mapping[Channel, Connection]) -> Plain:
    """Mark those of a pharmacy's claimed messages calling that go now.

    Raises Changed, and nothing of `tx` may be kept, when a row was not as it had just been read.
    """
    tx.take_turn(claims[0].pharmacy_id, shared=True)
    batch = _read(tx, claims)
    ready: list[Call] = []
    met: set[str] = set()
    for claim in claims:
        action = batch.actions.get(claim.action_id)
        if action is None:
            continue
        theirs = {point.address for point in tx.ahead.get(("points", action.patient_id or ""), ())}
        # Two messages to one number: the second is decided about when the first is marked.
        alone = bool(theirs) and theirs <= batch.addresses and not theirs & met
        met |= theirs
        call = _plain(tx, claim, action, batch, connections) if alone else None
        if call is not None:
            ready.append(call)
    calls, paced = _in_turn(tx, ready, batch, connections)
    marks = [Mark(c.claim, c.attempt_id, c.channel, c.outgoing.to, c.outgoing.body) for c in calls]
    if marks:
        mark_many(tx, marks)
    return Plain(calls, paced)


def _in_turn(
    tx: Tx, ready: Sequence[Call], batch: _Batch, connections: Mapping[Channel, Connection]
) -> tuple[list[Call], frozenset[str]]:
    """The calls that the providers' pace lets go now, and the ids of those that are put back for later."""
    paced: set[str] = set()
    for channel in {call.channel for call in ready}:
        theirs = [call.claim for call in ready if call.channel is channel]
        actions = [batch.actions[claim.action_id] for claim in theirs]
        turns = turns_of(tx, channel, connections[channel], actions)
        for claim, action, turn in zip(theirs, actions, turns, strict=True):
            if turn.at is not None:
                since = action.front_since or action.due_at
                end_claim(tx, claim, ActionState.QUEUED, turn.reason, due_at=turn.at, front_since=since)
                paced.add(claim.action_id)
    return [call for call in ready if call.claim.action_id not in paced], frozenset(paced)


def _read(tx: Tx, claims: Sequence[Claim]) -> _Batch:
    """Hold the rows and numbers first, then read what decides: nothing of it changes until the marks are made."""
    pharmacy = tx.get(Pharmacy, claims[0].pharmacy_id)
    actions = hold_claims(tx, [c for c in claims if c.lease_until >= tx.now + ROOM])
    cycles = hold_cycles(tx, [action.cycle_id for action in actions.values() if action.cycle_id])
    people = [action.patient_id for action in actions.values() if action.patient_id]
    kept = (
        tx.find_many(Patient, people),
        tx.find_many(Enrollment, [cycle.enrollment_id for cycle in cycles.values()]),
        tx.find_many(WorkflowVersion, [str(action.payload.get("workflow")) for action in actions.values()]),
    )  # fmt: skip
    addresses = hold_addresses(tx, read_contact_points(tx, people))
    read_statuses(tx, pharmacy.id, addresses)
    read_rules(tx, pharmacy)
    read_wordings(tx, pharmacy.id)
    read_closed_days(tx, pharmacy.id)
    read_sent(tx, pharmacy.id, addresses, tx.now - timedelta(days=7))
    return _Batch(pharmacy, actions, cycles, frozenset(addresses), kept)


def _plain(
    tx: Tx, claim: Claim, action: ScheduledAction, batch: _Batch, connections: Mapping[Channel, Connection]
) -> Call | None:
    """The call of a message that nothing speaks against but, maybe, the pace; None when `fire` must find out.

    Also when it breaks: fired alone, it breaks again, and is recorded and reported then.
    """
    if action.stale_at is not None and tx.now >= action.stale_at:
        return None
    try:
        due = local_due(action, batch.pharmacy.zone)
        if due is not None and due > tx.now + timedelta(seconds=1):
            return None
        cycle = batch.cycles.get(action.cycle_id) if action.cycle_id else None
        if action.cycle_id and cycle is None:
            return None
        if cycle is not None and obstacle_to(tx, action, cycle, batch.pharmacy) is not None:
            return None
        return plain_call(tx, claim, action, batch.pharmacy, cycle, connections)
    except Exception as error:
        if is_database_error(error):
            raise
        return None
