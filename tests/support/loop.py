"""A loop for tests: fake connections that record what they are given, and one tick on a virtual clock."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from medsync_app.clock import VirtualClock
from medsync_app.connections.protocol import Accepted, Found, Outgoing
from medsync_app.domain.states import ActionState, Channel
from medsync_app.engine.deliver import LOOP
from medsync_app.engine.loop import Limits, TickReport, tick
from medsync_app.outbox.claim import Claim, claim_due
from medsync_app.outbox.queue import NewAction, queue
from medsync_app.store.session import Database
from medsync_app.store.tables import Attempt, ExceptionCase, ScheduledAction
from tests.support.store import SYSTEM, Shop


@dataclass
class FakeConnection:
    """Accepts everything, or does what `behave` does with each message."""

    live: bool = False
    loopback: bool = True
    can_look_up: bool = True
    behave: Callable[[Outgoing], Accepted] | None = None
    found: list[Found] = field(default_factory=list)
    sent: list[Outgoing] = field(default_factory=list)
    looks: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def send(self, message: Outgoing) -> Accepted:
        with self._lock:
            self.sent.append(message)
        if self.behave is not None:
            return self.behave(message)
        return Accepted(f"SM{message.attempt_id}")

    def look_up(self, to: str, since: datetime) -> list[Found]:
        self.looks += 1
        return list(self.found)


@pytest.fixture
def sms() -> FakeConnection:
    """A provider of text messages that accepts everything."""
    return FakeConnection()


def run_tick(
    database: Database,
    clock: VirtualClock,
    connections: dict[Channel, FakeConnection],
    *,
    owner: str = "loop-1",
    limits: Limits | None = None,
) -> TickReport:
    return tick(database, clock, connections, owner, limits or Limits())


def claim(database: Database, clock: VirtualClock) -> list[Claim]:
    """What a loop takes that is due, before it decides about it."""
    with database.transaction(LOOP, clock) as tx:
        return claim_due(tx, "loop-1", lease=timedelta(seconds=60), limit=64)


def queue_message(
    database: Database, shop: Shop, clock: VirtualClock, patient_id: str, key: str = "m1", **more: object
) -> str:
    """One message of no cycle, due now; gives its id."""
    values: dict[str, object] = {
        "step": "welcome",
        "kind": "message",
        "due_at": clock.now(),
        "payload": {"action": {"do": "message", "template": "welcome"}},
        **more,
    }
    with database.transaction(SYSTEM, clock) as tx:
        queue(
            tx,
            [NewAction(pharmacy_id=shop.pharmacy_id, patient_id=patient_id, idempotency_key=key, **values)],  # type: ignore[arg-type]
        )
        return tx.session.scalars(
            select(ScheduledAction.id).where(ScheduledAction.idempotency_key == key)
        ).one()


def action(database: Database, action_id: str) -> ScheduledAction:
    with database.reading(SYSTEM) as tx:
        return tx.get(ScheduledAction, action_id)


def attempts(database: Database, action_id: str) -> Sequence[Attempt]:
    with database.reading(SYSTEM) as tx:
        return tx.session.scalars(
            select(Attempt).where(Attempt.action_id == action_id).order_by(Attempt.number)
        ).all()


def exceptions(database: Database, kind: str | None = None) -> list[ExceptionCase]:
    with database.reading(SYSTEM) as tx:
        rows = tx.session.scalars(select(ExceptionCase).where(ExceptionCase.state == "open")).all()
        return [row for row in rows if kind is None or row.kind == kind]


def all_actions(database: Database, *states: ActionState, kind: str = "message") -> list[ScheduledAction]:
    with database.reading(SYSTEM) as tx:
        statement = select(ScheduledAction).where(ScheduledAction.kind == kind)
        if states:
            statement = statement.where(ScheduledAction.state.in_(states))
        return list(tx.session.scalars(statement.order_by(ScheduledAction.due_at, ScheduledAction.id)))
