"""Local wall times and contact windows, safe on the days clocks change."""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo


def to_instant(day: date, at: time, zone: str) -> datetime:
    """The UTC instant of a wall time in an IANA zone.

    A time that the clock skips (spring) is taken as much later as the clock jumps; of one that comes twice
    (autumn) the first is meant.
    """
    return _instant(day, at.replace(tzinfo=None, fold=0), zone)


@lru_cache(maxsize=1024)
def _instant(day: date, at: time, zone: str) -> datetime:
    """Kept: the messages of a day ask for the same windows and midnights."""
    return datetime.combine(day, at, tzinfo=ZoneInfo(zone)).astimezone(UTC)


def local(instant: datetime, zone: str) -> datetime:
    """The aware local datetime of an aware instant."""
    return instant.astimezone(ZoneInfo(zone))


def in_window(instant: datetime, zone: str, opens: time, closes: time) -> bool:
    """True when the wall clock shows `opens` <= t < `closes`."""
    return opens <= local(instant, zone).time() < closes


def next_opening(instant: datetime, zone: str, opens: time, closes: time) -> datetime:
    """The first instant not before `instant` at which the window is open."""
    if in_window(instant, zone, opens, closes):
        return instant
    day = local(instant, zone).date()
    for offset in (0, 1, 2):
        opening = to_instant(day + timedelta(days=offset), opens, zone)
        if opening >= instant:
            return opening
    raise AssertionError("a day has at most 25 hours")


def window_end(instant: datetime, zone: str, closes: time) -> datetime:
    """When the window of the local day of `instant` closes."""
    return to_instant(local(instant, zone).date(), closes, zone)


def day_bounds(instant: datetime, zone: str) -> tuple[datetime, datetime]:
    """The first instant of the local day of `instant`, and that of the next day."""
    day = local(instant, zone).date()
    return to_instant(day, time(0), zone), to_instant(day + timedelta(days=1), time(0), zone)
