"""How dates, numbers, names and phones are said to people.

Everything here is pure: the present day is an argument. `DueText` is what a page's state holds for a date.
"""

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import TypedDict
from zoneinfo import ZoneInfo

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_LONG_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_LONG_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


class DueText(TypedDict):
    """A date as shown: "Tue 1 Dec", "in 3 days", the full date for hover, and its tone by lateness."""

    text: str
    relative: str
    title: str
    tone: str


NO_DATE: DueText = {"text": "", "relative": "", "title": "", "tone": "neutral"}


def day(value: date | None, today: date | None = None) -> str:
    """Said as "Tue 1 Dec"; with the year when it is not `today`'s; "" for None."""
    if value is None:
        return ""
    said = f"{_DAYS[value.weekday()]} {value.day} {_MONTHS[value.month - 1]}"
    return said if today is None or value.year == today.year else f"{said} {value.year}"


def full_day(value: date | None) -> str:
    """Said as "Tuesday 1 December 2026", for the title attribute."""
    if value is None:
        return ""
    return f"{_LONG_DAYS[value.weekday()]} {value.day} {_LONG_MONTHS[value.month - 1]} {value.year}"


def relative_day(value: date | None, today: date) -> str:
    """Said as "tomorrow", "in 3 days", "5 days ago"; in weeks from 15 days and in months from 60 days on."""
    if value is None:
        return ""
    days = (value - today).days
    if days in (-1, 0, 1):
        return ("yesterday", "today", "tomorrow")[days + 1]
    said = _span(abs(days))
    return f"in {said}" if days > 0 else f"{said} ago"


def _span(days: int) -> str:
    if days < 15:
        return plural(days, "day")
    if days < 60:
        return plural(days // 7, "week")
    if days < 700:
        return plural(round(days / 30.4), "month")
    return plural(round(days / 365.25), "year")


def due(value: date | None, today: date, *, soon_days: int = 1) -> DueText:
    """A due date for the `due_date` component: late is bad, due within `soon_days` warns."""
    if value is None:
        return NO_DATE
    days = (value - today).days
    tone = "bad" if days < 0 else "warn" if days <= soon_days else "neutral"
    return {
        "text": day(value, today),
        "relative": relative_day(value, today),
        "title": full_day(value),
        "tone": tone,
    }


def plain_date(value: date | None, today: date) -> DueText:
    """A date without urgency (a birth date, a past pickup)."""
    said = due(value, today)
    return DueText(text=said["text"], relative=said["relative"], title=said["title"], tone="neutral")


def due_instant(value: datetime | None, now: datetime, zone: str) -> DueText:
    """An instant as the local day it falls on, with the time when that is near; late once passed."""
    if value is None:
        return NO_DATE
    local, here = value.astimezone(ZoneInfo(zone)), now.astimezone(ZoneInfo(zone))
    said = due(local.date(), here.date())
    tone = "bad" if value < now else said["tone"]
    relative = said["relative"]
    if value < now and local.date() == here.date():
        relative = "today, overdue"
    near = abs((local.date() - here.date()).days) <= 1
    return {
        "text": f"{said['text']}, {clock_time(local)}" if near else said["text"],
        "relative": relative,
        "title": f"{said['title']}, {clock_time(local)}",
        "tone": tone,
    }


def clock_time(local: datetime) -> str:
    """Said as "9:05 am" of a local datetime."""
    return f"{local.hour % 12 or 12}:{local.minute:02d} {'am' if local.hour < 12 else 'pm'}"


def moment(value: datetime | None, now: datetime, zone: str) -> str:
    """An instant that has happened: "today 9:05 am", "Tue 1 Dec 9:05 am"; "" for None."""
    if value is None:
        return ""
    local, today = value.astimezone(ZoneInfo(zone)), now.astimezone(ZoneInfo(zone)).date()
    days = (local.date() - today).days
    said = {0: "today", -1: "yesterday", 1: "tomorrow"}.get(days) or day(local.date(), today)
    return f"{said} {clock_time(local)}"


def plural(count: int, noun: str, many: str | None = None) -> str:
    """Said as "1 drug", "3 drugs", "1,204 fills"."""
    return f"{count:,} {noun if count == 1 else many or noun + 's'}"


def percent(value: float | Decimal | None, digits: int = 0) -> str:
    """0.914 -> "91%"; rounds down, so that 79.96 % never reads as the 80 % it is not; "" for None."""
    if value is None:
        return ""
    scale = 10**digits
    floored = int(Decimal(str(value)) * 100 * scale) / scale
    return f"{floored:.{digits}f}%"


def units(quantity: Decimal | None) -> str:
    """Said as "30 units, ", to stand before the days; "" for an unknown quantity."""
    return f"{quantity.normalize():f} units, " if quantity else ""


def claim_code(code: int | None) -> str:
    """The submission clarification code of a claim with its meaning: "claim code 48 (after a short fill)"."""
    meaning = {47: " (short fill)", 48: " (after a short fill)"}
    return "" if not code else f"claim code {code}{meaning.get(int(code), '')}"


def money(value: Decimal | None) -> str:
    """Said as "$12.50"; "" for None."""
    return "" if value is None else f"${value:,.2f}"


def phone(value: str) -> str:
    """Said as "+14045550100" -> "(404) 555-0100"; anything else as it is."""
    if len(value) == 12 and value.startswith("+1") and value[1:].isdigit():
        return f"({value[2:5]}) {value[5:8]}-{value[8:]}"
    return value


def patient_name(last: str, first: str) -> str:
    """Said as "Example, Ada": how lists sort and staff look people up."""
    return ", ".join(part for part in (last, first) if part)


def age(birth: date | None, today: date) -> str:
    """Said as "46 years"; "" when unknown."""
    if birth is None:
        return ""
    years = today.year - birth.year - ((today.month, today.day) < (birth.month, birth.day))
    return plural(max(years, 0), "year")


def listed(words: Iterable[str], most: int = 3) -> str:
    """Said as "lisinopril, metformin and 2 more"; "a, b and c"."""
    kept = list(words)
    if len(kept) > most:
        return f"{', '.join(kept[:most])} and {len(kept) - most} more"
    return " and ".join([", ".join(kept[:-1]), kept[-1]]) if len(kept) > 1 else "".join(kept)


def code_words(code: str) -> str:
    """Said as "not_picked_up" -> "Not picked up", for codes without words of their own."""
    said = code.replace("_", " ").strip()
    return said[:1].upper() + said[1:]
