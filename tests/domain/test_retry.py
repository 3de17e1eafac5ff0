"""What follows a failed call: one pure policy."""

from hypothesis import given
from hypothesis import strategies as st

from medsync_app.domain.retry import (
    POLICY,
    Failure,
    FindOut,
    NextWay,
    RetryPolicy,
    StopChannel,
    TryAgain,
)

CHANCE = st.floats(0, 1, allow_nan=False)
SECONDS = st.one_of(st.none(), st.floats(0, 86_400, allow_nan=False))


@given(st.integers(1, 50), SECONDS, CHANCE)
def test_what_may_have_been_accepted_is_never_sent_again(
    calls: int, after: float | None, chance: float
) -> None:
    assert POLICY.decide(Failure.IN_DOUBT, calls, retry_after=after, chance=chance) == FindOut()


@given(st.integers(1, 50), SECONDS, CHANCE)
def test_a_wrong_setting_stops_the_channel_and_uses_up_no_call(
    calls: int, after: float | None, chance: float
) -> None:
    assert isinstance(
        POLICY.decide(Failure.CONFIGURATION, calls, retry_after=after, chance=chance), StopChannel
    )


@given(st.integers(1, 50), SECONDS, CHANCE)
def test_a_number_that_will_never_take_it_gives_way_at_once(
    calls: int, after: float | None, chance: float
) -> None:
    assert POLICY.decide(Failure.PERMANENT, calls, retry_after=after, chance=chance) == NextWay()


@given(st.integers(1, 50), SECONDS, CHANCE)
def test_a_passing_failure_is_tried_again_up_to_the_limit_and_never_before_the_provider_wants(
    calls: int, after: float | None, chance: float
) -> None:
    verdict = POLICY.decide(Failure.TRANSIENT, calls, retry_after=after, chance=chance)
    if calls >= POLICY.max_calls:
        assert verdict == NextWay()
    else:
        assert isinstance(verdict, TryAgain)
        assert verdict.seconds >= (after or 0.0)
        assert verdict.seconds >= POLICY.first_wait
        assert verdict.seconds <= max(POLICY.longest_wait, after or 0.0) * (1 + POLICY.spread)


@given(st.integers(1, 40), CHANCE, CHANCE)
def test_waits_never_become_shorter_and_are_spread(calls: int, one: float, other: float) -> None:
    assert POLICY.wait(calls + 1, chance=one) >= POLICY.wait(calls, chance=one)
    apart = abs(POLICY.wait(calls, chance=one) - POLICY.wait(calls, chance=other))
    assert apart <= POLICY.wait(calls) * POLICY.spread * 1.0000001


def test_waits_double_from_half_a_minute_to_half_an_hour() -> None:
    assert [POLICY.wait(calls) for calls in range(1, 9)] == [30, 60, 120, 240, 480, 960, 1800, 1800]
    assert POLICY.wait(1, chance=1) == 45
    assert RetryPolicy(max_calls=2).decide(Failure.TRANSIENT, 2) == NextWay()
