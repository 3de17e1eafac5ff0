"""Rows 7, 8 and 9 of the fault tests, on a virtual clock: unreachable, flooded, down and back."""

from bisect import bisect_left
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
from medsync_app.outbox.queue import NewAction, queue
from medsync_app.store.session import Database
from medsync_app.store.tables import ExceptionCase, ScheduledAction
from tests.support.fake_twilio import ACCEPT, Answer, FakeTwilio
from tests.support.faults import address_of, figures, sized, states
from tests.support.loop import FakeConnection, all_actions, exceptions
from tests.support.ports import free_port
from tests.support.store import SYSTEM, Shop, make_patient, make_shop

pytestmark = pytest.mark.slow


def queue_for_many(
    database: Database, shop: Shop, clock: VirtualClock, count: int, stale: Callable[[int], timedelta]
) -> None:
    """One message each to so many people; of use for as long as `stale` says of the number of each."""
    people = [
        make_patient(database, shop, first=f"P{number}", phone=address_of(number, Channel.SMS))
        for number in range(count)
    ]
    with database.transaction(SYSTEM, clock) as tx:
        queue(
            tx,
            [
                NewAction(
                    pharmacy_id=shop.pharmacy_id, patient_id=person, step="welcome", kind="message",
                    due_at=tx.now, stale_at=tx.now + stale(number), idempotency_key=f"m{number}",
                    payload={"action": {"do": "message", "template": "welcome"}},
                )
                for number, person in enumerate(people)
            ],
        )  # fmt: skip


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


class Provider:
    """Takes messages when it is there, and counts."""

    def __init__(self, clock: VirtualClock, back: datetime) -> None:
        self.clock, self.back = clock, back
        self.calls, self.went = Counter[str](), list[datetime]()

    def behave(self, message: Outgoing) -> Accepted:
        self.calls[message.to] += 1
        if self.clock.now() < self.back:
            raise SendFailed(Failure.TRANSIENT, "Twilio could not be reached.", code="not_connected")
        self.went.append(self.clock.now())
        return Accepted(f"SM{message.attempt_id}")

    def most_in(self, seconds: float) -> int:
        """The most messages that were accepted within so many seconds."""
        within = timedelta(seconds=seconds)
        return max(bisect_left(self.went, one + within) - at for at, one in enumerate(self.went))


def test_a_provider_that_is_down_for_two_hours_is_not_flooded_when_it_is_back(
    database: Database, clock: VirtualClock
) -> None:
    shop, start = make_shop(database), clock.now()
    count, per_second = sized(16, 1_000), 0.5
    provider = Provider(clock, start + timedelta(hours=2))
    breaker = Breaker(first=120, longest=1_200)
    guard = GuardedConnection(FakeConnection(behave=provider.behave), Pace(per_second), breaker)
    queue_for_many(database, shop, clock, count, lambda number: timedelta(hours=1 if number % 4 == 0 else 8))
    run_until(database, clock, guard, start + timedelta(minutes=20))
    (told,) = exceptions(database, ExceptionKind.CHANNEL_DOWN)
    assert "cannot be reached" in told.summary
    run_until(database, clock, guard, provider.back)
    assert provider.went == []
    # Those under way when it failed, then a probe at most every five minutes.
    assert sum(provider.calls.values()) <= 16 + 8 + 24
    run_until(database, clock, guard, provider.back + timedelta(hours=1))

    assert states(database) == {ActionState.SENT: count * 3 // 4, ActionState.SKIPPED: count // 4}
    for row in all_actions(database, ActionState.SKIPPED):
        assert "provider cannot be reached" in row.reason
        assert "Too late" in row.reason
    assert len(provider.went) == count * 3 // 4
    figures(
        9, due=count, down_h=2, cap_per_s=per_second, most_in_10_s=provider.most_in(10),
        most_in_60_s=provider.most_in(60),
        skipped=count // 4, calls_of_one_at_most=max(provider.calls.values()),
    )  # fmt: skip
    assert provider.most_in(10) <= per_second * 10 + 1
    assert provider.most_in(60) <= per_second * 60 + 1
    assert provider.went[-1] <= provider.back + timedelta(minutes=21, seconds=count / per_second)
    assert max(provider.calls.values()) <= 6
    assert exceptions(database, ExceptionKind.CHANNEL_DOWN) == []
    with database.reading(SYSTEM) as tx:
        assert len(tx.session.scalars(select(ExceptionCase)).all()) == 1


def test_what_misses_its_window_while_the_provider_is_down_goes_the_next_morning_or_says_why_not(
    database: Database, clock: VirtualClock
) -> None:
    clock.set(clock.now().replace(hour=23, minute=30))  # 18:30 in New York; the window closes at 20:00
    shop, start = make_shop(database), clock.now()
    count, per_second = sized(12, 300), 1.0
    provider = Provider(clock, start + timedelta(hours=2))
    guard = GuardedConnection(FakeConnection(behave=provider.behave), Pace(per_second))
    queue_for_many(database, shop, clock, count, lambda number: timedelta(hours=5 if number % 3 == 0 else 24))
    run_until(database, clock, guard, start + timedelta(hours=20))
    assert states(database) == {ActionState.SENT: count * 2 // 3, ActionState.SUPPRESSED: count // 3}
    opens = start + timedelta(hours=14, minutes=30)
    assert min(provider.went) >= opens
    assert provider.most_in(10) <= per_second * 10 + 1
    for row in all_actions(database, ActionState.SUPPRESSED):
        assert row.reason == "Outside the contact window. Later it is of no use."
    figures(9, due=count, missed_window=count, sent_next_morning=len(provider.went), suppressed=count // 3)


@pytest.mark.parametrize("longest", [None, 4, 90])
def test_in_a_storm_of_refusals_everything_is_sent_once_and_never_before_the_provider_wants(
    database: Database, clock: VirtualClock, longest: float | None
) -> None:
    """`longest` is the provider's longest Retry-After in seconds: without one the whole storm is lived through."""
    shop, chance = make_shop(database), Random(7)
    end, count = clock.now() + timedelta(seconds=60), sized(20, 2_000)
    calls, early, refused = Counter[str](), list[str](), 0
    not_before: dict[str, datetime] = {}

    def storm(fields: dict[str, str]) -> Answer:
        nonlocal refused
        to = fields["To"]
        if clock.now() < not_before.get(to, clock.now()):
            early.append(to)
        calls[to] += 1
        if clock.now() >= end or chance.random() >= 0.8:
            return ACCEPT
        refused += 1
        if longest is None:
            return (429, 20429, {})
        wait = round(chance.uniform(1, longest), 1)
        not_before[to] = clock.now() + timedelta(seconds=wait)
        return (429, 20429, {"Retry-After": str(wait)})

    queue_for_many(database, shop, clock, count, lambda _: timedelta(hours=8))
    with FakeTwilio(behave=storm).running() as provider:
        guard = GuardedConnection(twilio(provider.url), Pace(100))
        run_until(database, clock, guard, clock.now() + timedelta(hours=1))
        accepted = Counter(message.fields["To"] for message in provider.messages)
    figures(
        8, due=count, refused=refused, calls=sum(calls.values()), calls_of_one_at_most=max(calls.values()),
        accepted=sum(accepted.values()), longest_retry_after_s=longest,
    )  # fmt: skip
    assert early == [], "before the provider wants it"
    assert states(database) == {ActionState.SENT: count}
    assert (len(accepted), set(accepted.values())) == (count, {1})
    assert sum(calls.values()) == count + refused > count
    assert max(calls.values()) <= 6
    assert exceptions(database) == []


def twilio(url: str) -> TwilioSms:
    api = TwilioApi(account_sid="ACtest", auth_token="secret", api_url=url, seconds=2.0)
    return TwilioSms(api, callback_url="https://shop.example/api/v1", from_number="+14045550999")


def test_a_request_that_never_left_is_sent_once_within_the_back_off(
    database: Database, clock: VirtualClock
) -> None:
    shop, port = make_shop(database), free_port()
    guard = GuardedConnection(twilio(f"http://127.0.0.1:{port}"), Pace(100))
    queue_for_many(database, shop, clock, 1, lambda _: timedelta(hours=8))
    tick(database, clock, {Channel.SMS: guard}, "loop-1")
    (row,) = all_actions(database)
    assert (row.state, row.attempts) == (ActionState.QUEUED, 1)
    assert timedelta(seconds=30) <= row.due_at - clock.now() <= timedelta(seconds=45)
    with FakeTwilio().running(port) as provider:
        clock.advance(timedelta(seconds=45))
        for _ in range(3):
            tick(database, clock, {Channel.SMS: guard}, "loop-1")
        assert len(provider.messages) == 1
    assert states(database) == {ActionState.SENT: 1}
