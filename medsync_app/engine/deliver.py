"""Fires claimed actions: decides in one transaction, calls outside any, records in another; in batches where it can."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta

from medsync_app.clock import Clock
from medsync_app.connections.protocol import CALL_SECONDS, Accepted, Connections, LookUpFailed, SendFailed
from medsync_app.domain.states import ActionState
from medsync_app.engine.providers import tell_of_providers
from medsync_app.logs import get_logger
from medsync_app.outbox.apart import accept_apart
from medsync_app.outbox.attempts import OFTEN, often_lost
from medsync_app.outbox.batch import Taken, accept_many
from medsync_app.outbox.claim import Claim, Doubt, doubts
from medsync_app.services.fire_action import fire
from medsync_app.services.fire_batch import fire_plain
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
#: A decision older than this is made again before anything goes out: a stop or a pickup may have come meanwhile. With
#: what a line makes up for (`domain/provider.py:CATCH_UP`) it bounds how many calls a provider sees at once.
FRESH = timedelta(seconds=1.5)
#: Seconds for which an answer waits for others to share its commit.
_TOGETHER = 0.01


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
    #: When it was decided that it goes; nothing that speaks against it could be written before the mark was there.
    decided: datetime
    #: Monotonic second until which the lease holds.
    lease_ends: float


@dataclass(frozen=True, slots=True)
class _Way:
    """What every part of a delivery needs."""

    db: Database
    clock: Clock
    connections: Connections
    stop: threading.Event
    #: No two acceptances share a commit.
    apart: bool


def deliver(
    db: Database,
    clock: Clock,
    connections: Connections,
    claims: Sequence[Claim],
    *,
    in_order: bool = False,
    apart: bool = False,
    stop: threading.Event | None = None,
) -> list[str]:
    """Fire the claimed actions; gives the states they ended in ("done" for what needed no call).

    Messages that plainly go now are marked together, one commit for all of a pharmacy, and each call begins at once
    in a thread of its own; the rest is decided about one by one, and one that breaks does not touch the others. What
    was lost again and again comes last and alone: should it be what kills the program, nothing else is under way.
    `in_order`: the calls are made here, one after another. `apart`: no two acceptances share a
    commit. When `stop` is set, what is not yet calling stays claimed for the caller to give back.
    """
    way = _Way(db, clock, connections, stop or threading.Event(), apart)
    states: list[str] = []
    calls = _Calls(way, 0 if in_order else max(len(claims), 1))
    try:
        lost = _often_lost(way, claims)
        together = [claim for claim in claims if claim.action_id not in lost]
        for claim in _mark_plain(way, together, calls, states):
            calls.record_answered()
            _fire_alone(way, claim, calls, states)
        for claim in claims:
            if claim.action_id in lost:
                calls.finish()
                _fire_alone(way, claim, calls, states)
    except Exception as error:  # the database itself: what is under way is still recorded
        calls.broken = error
    states += calls.finish()
    if calls.broken is not None:
        raise calls.broken
    return states


class _Calls:
    """Calls under way, in threads of their own, whose answers are recorded as they come."""

    def __init__(self, way: _Way, threads: int) -> None:
        self._way = way
        self._pool = _pool(threads) if threads else None
        self._running: dict[Future[Answer], _Waiting] = {}
        self._answered: list[tuple[_Waiting, Answer]] = []
        self._states: list[str] = []
        self.broken: Exception | None = None

    def make(self, waiting: _Waiting) -> None:
        """Begin a call; without threads, make it before anything else happens."""
        if self._pool is not None:
            self._running[self._pool.submit(_call, self._way, waiting)] = waiting
        else:
            self._answered.append((waiting, _call(self._way, waiting)))

    def record_answered(self) -> None:
        """Record the answers that are there already, together, in one commit for each pharmacy."""
        done = [future for future in self._running if future.done()]
        answers = [*self._answered, *((self._running.pop(future), future.result()) for future in done)]
        self._answered.clear()
        self._record(answers)

    def finish(self) -> list[str]:
        """Record every answer; those that come at nearly the same time go together."""
        while self._running:
            wait(self._running, return_when=FIRST_COMPLETED)
            wait(self._running, timeout=_TOGETHER)
            self.record_answered()
        self.record_answered()
        return self._states

    def _record(self, answers: Sequence[tuple[_Waiting, Answer]]) -> None:
        for alone in _record_together(self._way, answers, self._states):
            try:
                ended = _record_while_held(self._way, *alone)
            except Exception as error:
                self.broken = self.broken or error
                continue
            if ended is not None:
                self._states.append(ended)
        try:
            tell_of_providers(self._way.db, self._way.clock, self._way.connections)
        except Exception as error:
            self.broken = self.broken or error


class _OfThread(threading.local):
    """The threads that make the calls of one loop, kept from batch to batch; they end with the loop's own."""

    size = 0
    pool: ThreadPoolExecutor | None = None


_OURS, _USUAL = _OfThread(), 64


def _pool(threads: int) -> ThreadPoolExecutor:
    """At least so many threads, of this loop alone: nobody else's slow calls keep its own from beginning."""
    threads = max(threads, _USUAL)
    if _OURS.pool is None or _OURS.size < threads:
        _OURS.pool, _OURS.size = ThreadPoolExecutor(threads, thread_name_prefix="send"), threads
    return _OURS.pool


def _mark_plain(way: _Way, claims: Sequence[Claim], calls: _Calls, states: list[str]) -> list[Claim]:
    """Mark together the messages that plainly go now, and begin their calls; gives the claims that are left."""
    groups: dict[str, list[Claim]] = {}
    for claim in claims:
        if claim.kind == "message":
            groups.setdefault(claim.pharmacy_id, []).append(claim)
    settled: set[str] = set()
    for group in groups.values():
        if way.stop.is_set():
            break
        marked, paced = _mark_group(way, group)
        settled |= paced | {waiting.call.claim.action_id for waiting in marked}
        states += [ActionState.HELD] * len(paced)
        for waiting in marked:
            calls.make(waiting)
    return [claim for claim in claims if claim.action_id not in settled]


def _mark_group(way: _Way, group: Sequence[Claim]) -> tuple[list[_Waiting], frozenset[str]]:
    """What goes now, and the ids of what waits for its turn at the provider."""
    began = (
        time.monotonic()
    )  # before the transaction's instant, and before it waits: the lease ends no earlier
    try:
        with way.db.transaction(LOOP, way.clock) as tx:
            plain = fire_plain(tx, group, way.connections)
            opened, decided = tx.now, way.clock.now()
    except Exception as error:
        if is_database_error(error):
            raise
        get_logger().error("batch_failed", error_type=type(error).__name__, where="fire")
        return [], frozenset()  # each is fired alone, and the one that breaks is found
    ends = [began + (call.claim.lease_until - opened).total_seconds() for call in plain.calls]
    return [_Waiting(call, decided, end) for call, end in zip(plain.calls, ends, strict=True)], plain.paced


def _often_lost(way: _Way, claims: Sequence[Claim]) -> frozenset[str]:
    if all(claim.attempts < OFTEN for claim in claims):
        return frozenset()
    with way.db.reading(LOOP, way.clock) as tx:
        return often_lost(tx, claims)


def _fire_alone(way: _Way, claim: Claim, calls: _Calls, states: list[str]) -> None:
    if way.stop.is_set():
        return
    state, waiting = _fire_one(way, claim)
    if waiting is not None:
        calls.make(waiting)
    elif state is not None:
        states.append(DONE if state is ActionState.SENT else state)


def _fire_one(way: _Way, claim: Claim) -> tuple[ActionState | None, _Waiting | None]:
    began = time.monotonic()
    try:
        with way.db.transaction(LOOP, way.clock) as tx:
            fired = fire(tx, claim, way.connections)
            lease_ends = began + (claim.lease_until - tx.now).total_seconds()
            decided = way.clock.now()
    except Exception as error:
        if is_database_error(error):
            raise
        get_logger().error(
            "action_failed", action_id=claim.action_id, error_type=type(error).__name__, where="fire"
        )
        with way.db.transaction(LOOP, way.clock) as tx:
            tx.take_turn(claim.pharmacy_id)
            return record_error(tx, claim, type(error).__name__), None
    return fired.state, _Waiting(fired.call, decided, lease_ends) if fired.call else None


def _call(way: _Way, waiting: _Waiting) -> Answer:
    """Make one call, in a thread. Nothing that a connection raises leaves here."""
    started = time.monotonic()
    # Too late, a rescuer may be looking it up already: calling now could send it twice.
    too_late = waiting.lease_ends - started < CALL_SECONDS
    if way.stop.is_set() or too_late or abs(way.clock.now() - waiting.decided) > FRESH:
        return Answer()
    try:
        accepted = way.connections[waiting.call.channel].send(waiting.call.outgoing)
    except SendFailed as failed:
        return Answer(failed=failed, duration_ms=_since(started))
    except BaseException as error:
        return Answer(unexpected=type(error).__name__, duration_ms=_since(started))
    return Answer(accepted=accepted, duration_ms=_since(started))


def _since(started: float) -> int:
    return int((time.monotonic() - started) * 1000)


def _record_together(
    way: _Way, answers: Sequence[tuple[_Waiting, Answer]], states: list[str]
) -> list[tuple[_Waiting, Answer]]:
    """Record the acceptances of each pharmacy in one commit; gives the answers that must be recorded one by one."""
    if way.apart and way.db.is_sqlite:  # nothing commits beside its one writer
        return list(answers)
    groups: dict[str, list[Taken]] = {}
    for waiting, answer in answers:
        if answer.accepted is not None:
            call = waiting.call
            taken = Taken(call.claim, call.attempt_id, answer.accepted.provider_id, answer.duration_ms)
            groups.setdefault(call.claim.pharmacy_id, []).append(taken)
    recorded: set[str] = set()
    for pharmacy_id, group in groups.items():
        if len(group) < 2:
            continue
        try:
            with way.db.transaction(LOOP, way.clock) as tx:
                tx.take_turn(pharmacy_id, shared=True)
                count = len(accept_apart(tx, group)) if way.apart else accept_many(tx, group)
        except Exception as error:
            get_logger().warning("record_together_failed", error_type=type(error).__name__)
            continue
        states.extend([ActionState.SENT] * count)
        recorded |= {taken.attempt_id for taken in group}
    return [pair for pair in answers if pair[0].call.attempt_id not in recorded]


def _record_while_held(way: _Way, waiting: _Waiting, answer: Answer) -> ActionState | None:
    """Record an answer, again and again while the database fails and the lease holds: it must not be lost."""
    while True:
        try:
            return _record(way, waiting.call, answer)
        except Exception as error:
            if not is_database_error(error) or time.monotonic() > waiting.lease_ends:
                raise
            get_logger().warning("record_failed", attempt_id=waiting.call.attempt_id)
            time.sleep(0.5)


def _record(way: _Way, call: Call, answer: Answer) -> ActionState | None:
    with way.db.transaction(LOOP, way.clock) as tx:
        tx.take_turn(call.claim.pharmacy_id, shared=answer.accepted is not None)
        if answer.accepted is not None:
            sent = record_accepted(tx, call, answer.accepted, answer.duration_ms)
            return ActionState.SENT if sent else None
        if answer.failed is not None:
            return record_failed(tx, call, answer.failed, answer.duration_ms)
        if answer.unexpected is not None:
            return record_unknown(tx, call, answer.unexpected, answer.duration_ms)
        return ActionState.QUEUED if record_not_called(tx, call) else None


def settle_doubts(
    db: Database, clock: Clock, connections: Connections, *, enough: Callable[[], bool] = lambda: False
) -> int:
    """Ask the providers about calls in doubt; gives how many were settled or left to a person.

    No more of them are asked about once it is `enough`: a slow provider must not keep all else waiting.
    """
    with db.reading(LOOP, clock) as tx:
        waiting = doubts(tx, apart=APART)
    settled = 0
    for doubt in waiting:
        if enough():
            break
        settled += _settle_one(db, clock, connections, doubt)
    return settled


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
        return record_look(tx, doubt, found) not in ("absent", "under way")
