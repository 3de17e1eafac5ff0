"""Time as a dependency: the one place that asks what time it is."""

from datetime import UTC, date, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo


class Clock(Protocol):
    """Tells the present instant as an aware UTC datetime."""

    def now(self) -> datetime: ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class VirtualClock:
    """A clock that stands still until it is moved; drives simulations and tests."""

    def __init__(self, start: datetime) -> None:
        self._now = start
        self.set(start)

    def now(self) -> datetime:
        return self._now

    def set(self, instant: datetime) -> None:
        """Move to `instant`, which must be aware; ValueError otherwise."""
        if instant.tzinfo is None:
            raise ValueError("A clock needs an aware instant.")
        self._now = instant.astimezone(UTC)

    def advance(self, step: timedelta) -> None:
        self._now += step


def local_day(instant: datetime, zone: str) -> date:
    """The calendar day of an aware instant in an IANA zone."""
    return instant.astimezone(ZoneInfo(zone)).date()
