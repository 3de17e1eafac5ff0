"""Rows 7, 8 and 9 of the fault tests in short form, on a virtual clock: unreachable, flooded, down and back."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random

import pytest
from sqlalchemy import select

from medsync_app.clock import VirtualClock
from medsync_app.connections.guarded import GuardedConnection
from medsync_app.connections.protocol import Accepted, Failure, Outgoing, SendFailed
from medsync_app.connections.twilio import TwilioApi, TwilioSms
from medsync_app.domain.provider import Breaker, Pace
from medsync_app.domain.states import ActionState, Channel, ExceptionKind
from medsync_app.engine.loop import tick
from medsync_app.store.session import Database
from medsync_app.store.tables import ExceptionCase, ScheduledAction
from tests.support.fake_twilio import FakeTwilio
from tests.support.loop import FakeConnection, action, all_actions, exceptions, queue_message
from tests.support.ports import free_port
from tests.support.store import SYSTEM, Shop, make_patient, make_shop

pytestmark = pytest.mark.slow


def queue_for_many(
    database: Database, shop: Shop, clock: VirtualClock, count: int, stale: Callable[[int], timedelta]
) -> list[str]:
    made: list[str] = []
    for number in range(count):
        patient = make_patient(database, shop, first=f"P{number}", phone=f"+1404555{number:04d}")
        until = clock.now() + stale(number)
        made.append(queue_message(database, shop, clock, patient, f"m{number}", stale_at=until))
    return made


def next_due(database: Database) -> datetime | None:
    with database.reading(SYSTEM) as tx:
        due = tx.session.scalars(
            select(ScheduledAction.due_at)
            .where(ScheduledAction.state == ActionState.QUEUED, ScheduledAction.kind == "message")
            .order_by(ScheduledAction.due_at)
        )
        return due.first()


def run_until(database: Database, clock: VirtualClock, guard: GuardedConnection, end: datetime) -> None:
    """Tick whenever something is due, up to an instant."""
    while (due := next_due(database)) is not None and max(due, clock.now()) < end:
        clock.set(max(due, clock.now()))
        tick(database, clock, {Channel.SMS: guard}, "loop-1", plan=False)
    clock.set(max(end, clock.now()))


def test_a_provider_that_is_down_for_two_hours_is_not_flooded_when_it_is_back(
    database: Database, clock: VirtualClock
) -> None:
    shop = make_shop(database)
    start, back = clock.now(), clock.now() + timedelta(hours=2)
    calls: Counter[str] = Counter()
    went: list[datetime] = []

    def behave(message: Outgoing) -> Accepted:
        calls[message.to] += 1
        if clock.now() < back:
            raise SendFailed(Failure.TRANSIENT, "Twilio could not be reached.", code="not_connected")
        went.append(clock.now())
        return Accepted(f"SM{message.attempt_id}")

    per_second = 0.5
    breaker = Breaker(first=120, longest=1_200)
    guard = GuardedConnection(FakeConnection(behave=behave), Pace(per_second), breaker)
    made = queue_for_many(
        database, shop, clock, 16, lambda number: timedelta(hours=1 if number % 4 == 0 else 8)
    )
    run_until(database, clock, guard, start + timedelta(minutes=20))
    (told,) = exceptions(database, ExceptionKind.CHANNEL_DOWN)
    assert "cannot be reached" in told.summary
    run_until(database, clock, guard, back)
    assert went == []
    during = sum(calls.values())
    assert (
        during <= 16 + 8 + 24
    )  # the batch under way when it failed, then a probe at most every five minutes
    run_until(database, clock, guard, back + timedelta(hours=1))

    states = Counter(action(database, one).state for one in made)
    assert states == {ActionState.SENT: 12, ActionState.SKIPPED: 4}
    for row in all_actions(database, ActionState.SKIPPED):
        assert "provider cannot be reached" in row.reason
        assert "Too late" in row.reason
    assert len(went) == 12
    for first in went:
        inside = sum(first <= one < first + timedelta(seconds=10) for one in went)
        assert inside <= per_second * 10 + 1
    assert went[-1] <= back + timedelta(minutes=21)
    assert max(calls.values()) <= 6
    assert exceptions(database, ExceptionKind.CHANNEL_DOWN) == []
    with database.reading(SYSTEM) as tx:
        assert len(tx.session.scalars(select(ExceptionCase)).all()) == 1


def test_in_a_storm_of_refusals_everything_is_sent_once_and_never_before_the_provider_wants(
    database: Database, clock: VirtualClock
) -> None:
    shop, chance = make_shop(database), Random(7)
    end = clock.now() + timedelta(seconds=60)
    calls: Counter[str] = Counter()
    accepted: Counter[str] = Counter()
    not_before: dict[str, datetime] = {}

    def behave(message: Outgoing) -> Accepted:
        assert clock.now() >= not_before.get(message.to, clock.now())
        calls[message.to] += 1
        if clock.now() < end and chance.random() < 0.8:
            wait = chance.uniform(1, 40)
            not_before[message.to] = clock.now() + timedelta(seconds=wait)
            raise SendFailed(Failure.TRANSIENT, "Too many.", code="20429", retry_after=wait)
        accepted[message.to] += 1
        return Accepted(f"SM{message.attempt_id}")

    guard = GuardedConnection(FakeConnection(behave=behave), Pace(100))
    made = queue_for_many(database, shop, clock, 20, lambda _: timedelta(hours=8))
    run_until(database, clock, guard, clock.now() + timedelta(hours=1))
    assert {action(database, one).state for one in made} == {ActionState.SENT}
    assert set(accepted.values()) == {1}
    assert sum(calls.values()) > len(made)
    assert max(calls.values()) <= 6
    assert exceptions(database) == []


def test_a_request_that_never_left_is_sent_once_within_the_back_off(
    database: Database, clock: VirtualClock
) -> None:
    shop, port = make_shop(database), free_port()
    api = TwilioApi(
        account_sid="ACtest", auth_token="secret", api_url=f"http://127.0.0.1:{port}", seconds=2.0
    )
    sms = TwilioSms(api, callback_url="https://shop.example/api/v1", from_number="+14045550999")
    guard = GuardedConnection(sms, Pace(100))
    (made,) = queue_for_many(database, shop, clock, 1, lambda _: timedelta(hours=8))
    tick(database, clock, {Channel.SMS: guard}, "loop-1")
    row = action(database, made)
    assert (row.state, row.attempts) == (ActionState.QUEUED, 1)
    assert timedelta(seconds=30) <= row.due_at - clock.now() <= timedelta(seconds=45)
    with FakeTwilio().running(port) as provider:
        clock.advance(timedelta(seconds=45))
        for _ in range(3):
            tick(database, clock, {Channel.SMS: guard}, "loop-1")
        assert len(provider.messages) == 1
    assert action(database, made).state is ActionState.SENT
