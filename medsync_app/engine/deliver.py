"""Fires claimed actions: decides in one transaction, calls outside any, records in another."""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass

from medsync_app.clock import Clock
from medsync_app.connections.protocol import CALL_SECONDS, Accepted, Connections, LookUpFailed, SendFailed
from medsync_app.domain.states import ActionState
from medsync_app.logs import get_logger
from medsync_app.outbox.claim import Claim, Doubt, doubts
from medsync_app.services.fire_action import fire
from medsync_app.services.fire_message import Call
from medsync_app.services.look_up_doubt import APART, leave_to_person, record_look, record_no_answer
from medsync_app.services.record_outcome import (
    record_accepted,
    record_error,
    record_failed,
    record_not_called,
    record_unknown,
)
from medsync_app.store.scope import Scope
from medsync_app.store.session import Database, is_database_error

LOOP = Scope.system("loop")
#: What a report calls an action that MedSync itself has done: a task, a check.
DONE = "done"


@dataclass(frozen=True, slots=True)
class Answer:
    """How one call ended: an acceptance, a classified failure, an unexpected error's name, or no call at all."""

    accepted: Accepted | None = None
    failed: SendFailed | None = None
    unexpected: str | None = None
    duration_ms: int = 0


@dataclass(frozen=True, slots=True)
class _Waiting:
    call: Call
    #: Monotonic second until which the lease holds.
    lease_ends: float


def deliver(
    db: Database,
    clock: Clock,
    connections: Connections,
    claims: Sequence[Claim],
    *,
    threads: int,
    stop: threading.Event | None = None,
) -> list[str]:
    """Fire each claimed action; gives the states they ended in ("done" for what needed no call).

    One that breaks does not touch the others. `threads` 0: each call is made here, before the next action fires.
    When `stop` is set, what is not yet calling stays claimed for the caller to give back.
    """
    states: list[str] = []
    broken: Exception | None = None
    with ThreadPoolExecutor(max_workers=threads or 1, thread_name_prefix="send") as pool:
        running: dict[Future[Answer], _Waiting] = {}
        for claim in claims:
            if stop is not None and stop.is_set():
                break
            try:
                state, waiting = _fire_one(db, clock, connections, claim)
            except Exception as error:  # the database itself: what is under way is still recorded below
                broken = error
                break
            if waiting is not None and not threads:
                ended = _record_while_held(db, clock, waiting, _call(connections, waiting))
                states.extend([ended] if ended is not None else [])
            elif waiting is not None:
                running[pool.submit(_call, connections, waiting)] = waiting
            elif state is not None:
                states.append(DONE if state is ActionState.SENT else state)
        for future in as_completed(running):
            try:
                ended = _record_while_held(db, clock, running[future], future.result())
            except Exception as error:
                broken = broken or error
                continue
            if ended is not None:
                states.append(ended)
    if broken is not None:
        raise broken
    return states


def _fire_one(
    db: Database, clock: Clock, connections: Connections, claim: Claim
) -> tuple[ActionState | None, _Waiting | None]:
    try:
        with db.transaction(LOOP, clock) as tx:
            fired = fire(tx, claim, connections)
            lease_ends = time.monotonic() + (claim.lease_until - tx.now).total_seconds()
    except Exception as error:
        if is_database_error(error):
            raise
        get_logger().error(
            "action_failed", action_id=claim.action_id, error_type=type(error).__name__, where="fire"
        )
        with db.transaction(LOOP, clock) as tx:
            tx.take_turn(claim.pharmacy_id)
            return record_error(tx, claim, type(error).__name__), None
    return fired.state, _Waiting(fired.call, lease_ends) if fired.call else None


def _call(connections: Connections, waiting: _Waiting) -> Answer:
    """Make one call, in a thread. Nothing that a connection raises leaves here."""
    started = time.monotonic()
    if waiting.lease_ends - started < CALL_SECONDS:
        return Answer()  # a rescuer may be looking it up already: calling now could send it twice
    try:
        accepted = connections[waiting.call.channel].send(waiting.call.outgoing)
    except SendFailed as failed:
        return Answer(failed=failed, duration_ms=_since(started))
    except BaseException as error:
        return Answer(unexpected=type(error).__name__, duration_ms=_since(started))
    return Answer(accepted=accepted, duration_ms=_since(started))


def _since(started: float) -> int:
    return int((time.monotonic() - started) * 1000)


def _record_while_held(db: Database, clock: Clock, waiting: _Waiting, answer: Answer) -> ActionState | None:
    """Record an answer, again and again while the database fails and the lease holds: it must not be lost."""
    while True:
        try:
            return _record(db, clock, waiting.call, answer)
        except Exception as error:
            if not is_database_error(error) or time.monotonic() > waiting.lease_ends:
                raise
            get_logger().warning("record_failed", attempt_id=waiting.call.attempt_id)
            time.sleep(0.5)


def _record(db: Database, clock: Clock, call: Call, answer: Answer) -> ActionState | None:
    with db.transaction(LOOP, clock) as tx:
        tx.take_turn(call.claim.pharmacy_id, shared=answer.accepted is not None)
        if answer.accepted is not None:
            sent = record_accepted(tx, call, answer.accepted, answer.duration_ms)
            return ActionState.SENT if sent else None
        if answer.failed is not None:
            return record_failed(tx, call, answer.failed, answer.duration_ms)
        if answer.unexpected is not None:
            return record_unknown(tx, call, answer.unexpected, answer.duration_ms)
        return ActionState.QUEUED if record_not_called(tx, call) else None


def settle_doubts(db: Database, clock: Clock, connections: Connections) -> int:
    """Ask the providers about calls in doubt; gives how many were settled or left to a person."""
    with db.reading(LOOP, clock) as tx:
        waiting = doubts(tx, apart=APART)
    return sum(_settle_one(db, clock, connections, doubt) for doubt in waiting)


def _settle_one(db: Database, clock: Clock, connections: Connections, doubt: Doubt) -> bool:
    connection = connections.get(doubt.channel)
    if connection is None or not connection.can_look_up:
        with db.transaction(LOOP, clock) as tx:
            tx.take_turn(doubt.pharmacy_id)
            leave_to_person(tx, doubt, "It cannot be looked up.")
        return True
    try:
        found = connection.look_up(doubt.address, doubt.started_at)
    except Exception as error:
        if not isinstance(error, LookUpFailed):
            get_logger().error("look_up_failed", attempt_id=doubt.attempt_id, error_type=type(error).__name__)
        with db.transaction(LOOP, clock) as tx:
            record_no_answer(tx, doubt)
        return False
    with db.transaction(LOOP, clock) as tx:
        tx.take_turn(doubt.pharmacy_id)
        return record_look(tx, doubt, found) != "absent"
