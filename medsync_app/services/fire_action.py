"""Decides what becomes of a claimed action at the moment it fires, in one transaction, as the world is now."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from medsync_app.connections.protocol import Connection
from medsync_app.domain.local_time import to_instant
from medsync_app.domain.states import ActionState, Channel
from medsync_app.outbox.claim import Claim
from medsync_app.outbox.settle import end_claim, held_action, still_held
from medsync_app.services.fire_check import obstacle_to
from medsync_app.services.fire_internal import do_internally
from medsync_app.services.fire_message import Call, send_message
from medsync_app.store.session import Tx
from medsync_app.store.tables import Cycle, Pharmacy, ScheduledAction

#: How long an action waits that may be done later, before it is looked at again.
_LOOK_AGAIN = timedelta(hours=1)
_MESSAGES = frozenset({"message", "reply", "notice"})


@dataclass(frozen=True, slots=True)
class Fired:
    """What became of an action: its new state (None: it was no longer ours), and the call to make now."""

    state: ActionState | None
    call: Call | None = None


def fire(tx: Tx, claim: Claim, connections: Mapping[Channel, Connection]) -> Fired:
    """Look at a claimed action again and settle it, or mark it calling and give the call."""
    # Other loops may go on sending meanwhile; people, replies and imports wait until this is decided.
    tx.take_turn(claim.pharmacy_id, shared=claim.kind in _MESSAGES)
    # Not locked yet: the household's message of another loop may be about to take this one along.
    action = held_action(tx, claim)
    if action is None:
        return Fired(None)
    if action.stale_at is not None and tx.now >= action.stale_at:
        return _end(tx, claim, ActionState.SKIPPED, "Too late to be of use: skipped.")
    pharmacy = tx.get(Pharmacy, action.pharmacy_id)
    due = local_due(action, pharmacy.zone)
    if due is not None and due > tx.now + timedelta(seconds=1):
        end_claim(tx, claim, ActionState.QUEUED, action.reason, due_at=due)
        return Fired(ActionState.QUEUED)
    cycle = tx.find(Cycle, action.cycle_id, lock=True) if action.cycle_id else None
    if cycle is not None:
        obstacle = obstacle_to(tx, action, cycle, pharmacy)
        if obstacle is not None and obstacle.state is ActionState.QUEUED:
            again = obstacle.until or tx.now + _LOOK_AGAIN
            end_claim(tx, claim, ActionState.QUEUED, obstacle.reason, due_at=again)
            return Fired(ActionState.HELD)
        if obstacle is not None:
            return _end(tx, claim, obstacle.state, obstacle.reason)
    if action.kind in _MESSAGES:
        state, call = send_message(tx, claim, action, pharmacy, cycle, connections)
        return Fired(state, call)
    if tx.on_postgresql and not still_held(tx, claim):  # SQLite lets one transaction write at a time anyway
        return Fired(None)
    done = do_internally(tx, action, pharmacy, cycle)
    return _end(tx, claim, ActionState.SENT, done)


def local_due(action: ScheduledAction, zone: str) -> datetime | None:
    """The instant an action's wall time means by today's zone rules; None when it stands for an instant."""
    if action.local_date is None or not action.local_time:
        return None
    return to_instant(action.local_date, time.fromisoformat(action.local_time), zone)


def _end(tx: Tx, claim: Claim, state: ActionState, reason: str) -> Fired:
    end_claim(tx, claim, state, reason)
    return Fired(state)
