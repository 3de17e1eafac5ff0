"""The pace and the circuit breaker before a provider."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medsync_app.connections.guarded import GO, Breaker, GuardedConnection, News, Pace
from medsync_app.connections.protocol import Accepted, Failure, Outgoing, SendFailed
from tests.support.loop import FakeConnection

NOON = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)
MESSAGE = Outgoing(attempt_id="a", to="+14045550123", body="x")


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def refuse(failure: Failure, code: str | None = None, retry_after: float | None = None):
    def behave(_: Outgoing) -> Accepted:
        raise SendFailed(failure, "No.", code=code, retry_after=retry_after)

    return behave


def fail(guard: GuardedConnection, times: int = 1) -> None:
    for _ in range(times):
        with pytest.raises(SendFailed):
            guard.send(MESSAGE)


def down() -> tuple[GuardedConnection, FakeConnection]:
    inner = FakeConnection(behave=refuse(Failure.TRANSIENT, "not_connected"))
    breaker = Breaker()
    guard = GuardedConnection(inner, Pace(1000), breaker)
    for number in range(breaker.failures):
        assert guard.turn(str(number), NOON) == GO
    fail(guard, breaker.failures)
    return guard, inner


@settings(max_examples=60, deadline=None)
@given(
    st.floats(0.5, 50, allow_nan=False),
    st.lists(st.floats(0, 30, allow_nan=False), min_size=1, max_size=80),
)
def test_no_stretch_of_time_has_more_calls_than_the_pace_and_everything_gets_its_turn(
    per_second: float, arrivals: list[float]
) -> None:
    pace = Pace(per_second)
    guard = GuardedConnection(FakeConnection(), pace)
    waiting = {str(number): after(at) for number, at in enumerate(arrivals)}
    went: list[datetime] = []
    looks = 0
    while waiting:
        key = min(waiting, key=lambda one: (waiting[one], one))
        now, looks = waiting[key], looks + 1
        turn = guard.turn(key, now)
        if turn.at is None:
            went.append(now)
            del waiting[key]
        else:
            assert turn.at > now
            waiting[key] = turn.at
    for index, start in enumerate(went):
        for length in (1.0, 5.0, 30.0):
            end = start + timedelta(seconds=length)
            inside = sum(start <= one < end for one in went[index:])
            assert inside <= per_second * length + pace.burst + 1e-6
    assert looks <= 4 * len(arrivals)  # nobody is sent round and round
    last = max(arrivals) + (len(arrivals) + 1) / per_second
    assert went[-1] <= after(last + 1)


def test_five_failures_in_a_row_open_the_circuit_and_no_message_is_called_then() -> None:
    guard, inner = down()
    calls = len(inner.sent)
    turn = guard.turn("x", after(1))
    assert turn.at is not None
    assert turn.at > after(30)
    assert "cannot be reached" in turn.reason
    assert len(inner.sent) == calls


def test_after_a_while_one_message_probes_and_an_answer_closes_it() -> None:
    guard, inner = down()
    assert guard.turn("x", after(31)) == GO
    assert guard.turn("y", after(31)).at is not None  # one at a time
    inner.behave = None
    guard.send(MESSAGE)
    assert guard.turn("z", after(40)) == GO


def test_a_failed_probe_keeps_it_open_for_longer_and_longer_up_to_five_minutes() -> None:
    guard, _ = down()
    now, waits = 0.0, list[float]()
    for _ in range(6):
        turn = guard.turn("x", after(now))
        assert turn.at is not None
        waits.append(round((turn.at - after(now)).total_seconds()))
        now += waits[-1]
        assert guard.turn("x", after(now + 0.01)) == GO
        fail(guard)
    assert waits == [30, 60, 120, 240, 300, 300]


def test_a_probe_that_was_never_called_makes_room_for_another() -> None:
    guard, _ = down()
    assert guard.turn("x", after(31)) == GO
    assert guard.turn("y", after(60)).at is not None
    assert guard.turn("z", after(92)) == GO


@pytest.mark.parametrize(
    "behave",
    [
        refuse(Failure.PERMANENT, "21211"), refuse(Failure.CONFIGURATION, "20003"),
        refuse(Failure.TRANSIENT, "450"), refuse(Failure.TRANSIENT, "20429", 1.0),
    ],
)  # fmt: skip
def test_who_refuses_is_there(behave: object) -> None:
    guard = GuardedConnection(FakeConnection(behave=behave), Pace(1000))  # type: ignore[arg-type]
    assert guard.turn("x", NOON) == GO
    fail(guard, 20)
    assert guard.turn("y", after(2)) == GO


@pytest.mark.parametrize(
    "behave", [refuse(Failure.IN_DOUBT, "answer_lost"), refuse(Failure.TRANSIENT, "http_503")]
)
def test_lost_answers_open_it_too(behave: object) -> None:
    guard = GuardedConnection(FakeConnection(behave=behave), Pace(1000))  # type: ignore[arg-type]
    assert guard.turn("x", NOON) == GO
    fail(guard, 5)
    assert guard.turn("y", after(1)).at is not None


def test_when_the_provider_asks_to_wait_everything_to_it_waits() -> None:
    guard = GuardedConnection(FakeConnection(behave=refuse(Failure.TRANSIENT, "20429", 10.0)), Pace(1000))
    assert guard.turn("x", NOON) == GO
    fail(guard)
    turn = guard.turn("y", after(1))
    assert turn.at is not None
    assert after(10) < turn.at < after(11)


def test_people_are_told_once_that_it_is_down_and_once_that_it_is_back() -> None:
    guard, inner = down()
    assert guard.news() is News.DOWN
    guard.told(News.DOWN)
    assert guard.news() is None
    guard.turn("x", after(31))
    fail(guard)
    assert guard.news() is None
    inner.behave = None
    guard.turn("x", after(120))
    guard.send(MESSAGE)
    assert guard.news() is News.BACK
    guard.told(News.BACK)
    assert guard.news() is None
