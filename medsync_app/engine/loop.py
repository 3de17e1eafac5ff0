"""The background loop: one tick does what is due; `run_until_stopped` ticks for as long as the process lives."""

import os
import secrets
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from medsync_app.clock import Clock
from medsync_app.connections.protocol import Connections
from medsync_app.domain.states import ActionState
from medsync_app.engine.checks import Chore, plan_daily_checks, run_chores
from medsync_app.engine.deliver import LOOP, deliver, settle_doubts
from medsync_app.engine.inbox import work_inbox
from medsync_app.engine.providers import tell_of_providers
from medsync_app.logs import get_logger
from medsync_app.outbox.claim import Claim, Rescued, claim_due, release_all, rescue, skip_stale
from medsync_app.outbox.outlook import outlook
from medsync_app.services.beat import beat
from medsync_app.services.look_up_doubt import APART
from medsync_app.store.session import Database

_PLAN_EVERY = timedelta(minutes=1)
#: Seconds before a loop looks again at work that it could not have.
_MOMENT = 0.02
#: The longest wait between two ticks while the database fails: it is found again soon after it is back.
_LONGEST_CALM = 3.0


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a loop takes at once, and how long it may hold it."""

    #: As many as calls run side by side: each begins at once when it is decided about.
    batch: int = 64
    lease: timedelta = timedelta(seconds=60)
    #: Batches in one tick, and seconds after which no batch or look-up is begun: a backlog, or a slow provider, keeps
    #: neither replies waiting nor what a dead loop has left.
    batches: int = 10
    seconds: float = 1.0
    #: The longest wait between two ticks: for what others queue meanwhile. What is known wakes the loop when it is due.
    idle_seconds: float = 0.5
    heartbeat: timedelta = timedelta(seconds=10)
    #: Calls one after another in the loop's own thread: always in the same order, for simulations.
    in_order: bool = False
    #: No two acceptances share a commit: slower, and no safer; `bench` measures what it costs.
    apart: bool = False

    def one_part(self) -> Callable[[], bool]:
        """Begin one part of a tick: tells when its seconds are over. Work in order has all the time it wants."""
        began = time.monotonic()
        return lambda: not self.in_order and time.monotonic() - began > self.seconds


@dataclass(frozen=True, slots=True)
class TickReport:
    """What one tick did."""

    claimed: int = 0
    #: State -> how many actions ended in it; "done" for tasks and checks.
    states: dict[str, int] = field(default_factory=lambda: dict[str, int]())
    stale: int = 0
    freed: int = 0
    in_doubt: int = 0
    settled: int = 0
    inbound: int = 0
    #: When there is something to do again, as far as was known when the tick began.
    next: datetime | None = None

    @property
    def sent(self) -> int:
        return self.states.get(ActionState.SENT, 0)

    @property
    def busy(self) -> bool:
        """There may be more to do at once."""
        return bool(self.claimed or self.inbound or self.stale)


def tick(
    db: Database,
    clock: Clock,
    connections: Connections,
    owner: str,
    limits: Limits = Limits(),
    stop: threading.Event | None = None,
    *,
    plan: bool = True,
) -> TickReport:
    """Do what is due now: inbox, rescue, doubts, stale actions, then batches of due ones; nothing is written for none.

    `plan` False leaves out the queueing of the daily checks, which a loop does once a minute only.
    """
    inbound = work_inbox(db, clock)
    if plan:
        plan_daily_checks(db, clock)
    with db.reading(LOOP, clock) as tx:
        ahead, now = outlook(tx, apart=APART), tx.now
    rescued, stale, settled = Rescued(0, 0), 0, 0
    if _reached(ahead.lease, now) or _reached(ahead.stale, now):
        with db.transaction(LOOP, clock) as tx:
            rescued, stale = rescue(tx), skip_stale(tx)
    if rescued.in_doubt or _reached(ahead.look, now):
        settled = settle_doubts(db, clock, connections, enough=limits.one_part())
    claimed, states = 0, Counter[str]()
    if rescued.freed or settled or _reached(ahead.due, now):
        claimed, states = _deliver_batches(db, clock, connections, owner, limits, stop)
    tell_of_providers(db, clock, connections)
    return TickReport(
        claimed, dict(states), stale, rescued.freed, rescued.in_doubt, settled, inbound, ahead.next
    )  # fmt: skip


def _reached(instant: datetime | None, now: datetime) -> bool:
    return instant is not None and instant <= now


def _deliver_batches(
    db: Database,
    clock: Clock,
    connections: Connections,
    owner: str,
    limits: Limits,
    stop: threading.Event | None,
) -> tuple[int, Counter[str]]:
    claimed, states, enough = 0, Counter[str](), limits.one_part()
    for _ in range(limits.batches):
        if enough() or (stop is not None and stop.is_set()):
            break
        claims = _claim(db, clock, owner, limits)
        claimed += len(claims)
        ended = deliver(
            db, clock, connections, claims, in_order=limits.in_order, apart=limits.apart, stop=stop
        )
        states.update(ended)
        if len(claims) < limits.batch:
            break
    return claimed, states


def _claim(db: Database, clock: Clock, owner: str, limits: Limits) -> list[Claim]:
    with db.transaction(LOOP, clock) as tx:
        return claim_due(tx, owner, lease=limits.lease, limit=limits.batch)


def new_owner() -> str:
    """A name for this loop that no other has, also not the next one on the same machine."""
    return f"{socket.gethostname()[:40]}:{os.getpid()}:{secrets.token_hex(4)}"


class Loop:
    """One running loop; it never ends because of an error."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        connections: Connections,
        *,
        limits: Limits = Limits(),
        chores: Sequence[Chore] = (),
        owner: str | None = None,
    ) -> None:
        self._db, self._clock, self._connections = db, clock, connections
        self._limits, self._chores = limits, chores
        self.owner = owner or new_owner()
        self.stop = threading.Event()
        self._beaten: datetime | None = None
        self._planned: datetime | None = None
        #: A broken tick may have left claims that could not be given back.
        self._owes = False

    def run_until_stopped(self) -> None:
        """Tick until `stop` is set; then finish the calls under way and give back what was only claimed."""
        helper = threading.Thread(
            target=run_chores,
            args=(self._db, self._clock, self._chores, self.stop),
            name="chores",
            daemon=True,
        )
        helper.start()
        calm = 0.0
        while not self.stop.is_set():
            calm = self._once(calm)
            if calm:
                self.stop.wait(calm)
        self._leave()

    def _once(self, calm: float) -> float:
        """One tick; gives how many seconds to wait before the next: longer and longer while errors last."""
        try:
            if self._owes:
                self._give_back()
            plan = self._planned is None or abs(self._clock.now() - self._planned) >= _PLAN_EVERY
            report = tick(
                self._db, self._clock, self._connections, self.owner, self._limits, self.stop, plan=plan
            )
            if plan:
                self._planned = self._clock.now()
            self._beat("")
        except Exception as error:
            get_logger().error("tick_failed", owner=self.owner, error_type=type(error).__name__)
            self._beat_if_possible(type(error).__name__)
            self._give_back_if_possible()
            return min(max(calm * 2, 0.5), _LONGEST_CALM)
        return 0.0 if report.busy else self._calm(report.next)

    def _calm(self, known: datetime | None) -> float:
        """Seconds until something is due; a moment when it is and could not be had: another loop is at it."""
        longest = self._limits.idle_seconds
        if known is None:
            return longest
        return min(longest, max((known - self._clock.now()).total_seconds(), _MOMENT))

    def _beat(self, error: str) -> None:
        now = self._clock.now()
        if not error and self._beaten is not None and abs(now - self._beaten) < self._limits.heartbeat:
            return
        with self._db.transaction(LOOP, self._clock) as tx:
            beat(tx, self.owner, error=error)
        self._beaten = now

    def _beat_if_possible(self, error: str) -> None:
        try:
            self._beat(error)
        except Exception:  # the database is what failed: health sees the old beat
            get_logger().warning("heartbeat_failed", owner=self.owner)

    def _give_back_if_possible(self) -> None:
        """What a broken tick had claimed and not called need not wait for its lease to run out."""
        self._owes = True
        try:
            self._give_back()
        except Exception:  # the first tick that finds the database again does it
            get_logger().warning("give_back_failed", owner=self.owner)

    def _give_back(self) -> None:
        with self._db.transaction(LOOP, self._clock) as tx:
            release_all(tx, self.owner)
        self._owes = False

    def _leave(self) -> None:
        ends = time.monotonic() + 5
        while True:
            try:
                with self._db.transaction(LOOP, self._clock) as tx:
                    release_all(tx, self.owner)
                    beat(tx, self.owner, stopped=True)
                return
            except Exception as error:
                get_logger().error("leave_failed", owner=self.owner, error_type=type(error).__name__)
                if time.monotonic() > ends:
                    return  # the leases run out by themselves
                time.sleep(0.5)
