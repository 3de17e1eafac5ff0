"""Which days a pharmacy is open, counted in ordinal days (`date.toordinal()`) so that planning stays fast."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

WEEKDAY_NAMES = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTH_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class OpenDays:
    """Open weekdays without the closed dates; at least one weekday is open, so every search ends."""

    open_by_remainder: tuple[bool, ...]
    closed: frozenset[int]

    @classmethod
    def of(cls, open_weekdays: Iterable[int], closed_dates: Iterable[date] = ()) -> "OpenDays":
        """Weekdays count from Monday = 0; raises ValueError when no weekday is open."""
        weekdays = frozenset(open_weekdays)
        if not weekdays & frozenset(range(7)):
            raise ValueError("at least one weekday must be open")
        # Ordinal 1 is a Monday, so ordinal % 7 == 1 on Mondays and 0 on Sundays.
        by_remainder = tuple((remainder - 1) % 7 in weekdays for remainder in range(7))
        return cls(by_remainder, frozenset(day.toordinal() for day in closed_dates))

    def is_open(self, day: int) -> bool:
        return self.open_by_remainder[day % 7] and day not in self.closed

    def on_or_before(self, day: int) -> int:
        """The last open day that is not later than `day`."""
        while not (self.open_by_remainder[day % 7] and day not in self.closed):
            day -= 1
        return day

    def last_open(self, day: date) -> date:
        """The same for calendar days."""
        return date.fromordinal(self.on_or_before(day.toordinal()))

    def on_or_after(self, day: int) -> int:
        """The first open day that is not earlier than `day`."""
        while not (self.open_by_remainder[day % 7] and day not in self.closed):
            day += 1
        return day


ALWAYS_OPEN = OpenDays.of(range(7))


def plain_day(day: date) -> str:
    """`Tue 20 Oct`: how a day is written in sentences for people, whatever the machine's locale."""
    return f"{WEEKDAY_NAMES[day.weekday()]} {day.day} {MONTH_NAMES[day.month - 1]}"
