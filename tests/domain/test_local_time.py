"""Wall times become instants safely on the days clocks change."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from medsync_app.domain.local_time import day_bounds, next_opening, to_instant, window_end

EAST = "America/New_York"
ZONES = [
    "America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles", "America/Phoenix",
    "Pacific/Honolulu", "America/Puerto_Rico", "America/Anchorage",
]  # fmt: skip


def test_the_same_wall_time_is_another_instant_after_the_change() -> None:
    assert to_instant(date(2026, 10, 31), time(10), EAST) == datetime(2026, 10, 31, 14, tzinfo=UTC)
    assert to_instant(date(2026, 11, 1), time(10), EAST) == datetime(2026, 11, 1, 15, tzinfo=UTC)


def test_a_time_the_clock_skips_comes_as_much_later() -> None:
    assert to_instant(date(2027, 3, 14), time(2, 30), EAST) == datetime(2027, 3, 14, 7, 30, tzinfo=UTC)


def test_of_a_time_that_comes_twice_the_first_is_meant() -> None:
    assert to_instant(date(2026, 11, 1), time(1, 30), EAST) == datetime(2026, 11, 1, 5, 30, tzinfo=UTC)


def test_a_day_may_have_23_or_25_hours() -> None:
    for day, hours in (
        (datetime(2027, 3, 14, 12, tzinfo=UTC), 23),
        (datetime(2026, 11, 1, 12, tzinfo=UTC), 25),
    ):
        first, last = day_bounds(day, EAST)
        assert last - first == timedelta(hours=hours)


def test_the_window_of_a_day_ends_at_its_wall_time() -> None:
    assert window_end(datetime(2026, 11, 1, 5, tzinfo=UTC), EAST, time(20)) == datetime(
        2026, 11, 2, 1, tzinfo=UTC
    )


@given(
    st.dates(date(2026, 1, 1), date(2036, 12, 31)), st.times().map(lambda t: t.replace(second=0, microsecond=0)),
    st.sampled_from(ZONES),
)  # fmt: skip
def test_each_wall_time_of_a_day_has_exactly_one_instant_on_that_day(day: date, at: time, zone: str) -> None:
    instant = to_instant(day, at, zone)
    shown = instant.astimezone(ZoneInfo(zone))
    assert shown.date() == day
    late = datetime.combine(day, shown.time()) - datetime.combine(day, at)
    assert late in (timedelta(0), timedelta(hours=1))


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2036, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001
    st.sampled_from(ZONES),
)
def test_the_next_opening_is_never_in_the_past_nor_more_than_a_day_away(now: datetime, zone: str) -> None:
    opening = next_opening(now, zone, time(9), time(20))
    assert now <= opening <= now + timedelta(hours=25)
