"""The clock is injected, aware and in UTC."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from medsync_app.clock import SystemClock, VirtualClock, local_day


def test_the_system_clock_is_aware() -> None:
    assert SystemClock().now().utcoffset() == timedelta(0)


def test_a_virtual_clock_moves_only_when_told() -> None:
    clock = VirtualClock(datetime(2026, 3, 8, 6, 59, tzinfo=UTC))
    assert clock.now() == clock.now()
    clock.advance(timedelta(minutes=2))
    assert clock.now() == datetime(2026, 3, 8, 7, 1, tzinfo=UTC)
    clock.set(datetime(2026, 3, 9, tzinfo=timezone(timedelta(hours=-5))))
    assert clock.now().hour == 5


def test_a_naive_instant_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        VirtualClock(datetime(2026, 1, 1))  # noqa: DTZ001


def test_the_local_day_is_the_pharmacys_not_utcs() -> None:
    assert local_day(datetime(2026, 11, 23, 2, 0, tzinfo=UTC), "America/New_York") == date(2026, 11, 22)
