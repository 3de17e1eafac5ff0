"""Reads the values of cells: dates, numbers, phone numbers, names; each error says what is expected."""

import re
import unicodedata
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import lru_cache

import phonenumbers

from medsync_app.domain.days import MONTH_NAMES

EARLIEST_YEAR = 1900
LATEST_YEAR = 2200
_CACHED = 20_000
_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ][\d:.+Z-]*)?")
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})")
_NUMERIC = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4}|\d{2})(?: [\d:]+(?: ?[AaPp][Mm])?)?")
_NAMED = re.compile(
    r"(\d{1,2})[- ]([A-Za-z]{3,9})\.?[- ,]+(\d{4}|\d{2})|([A-Za-z]{3,9})\.? (\d{1,2}),? (\d{4})"
)
_NUMBER = re.compile(r"[+-]?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+)?")
_DECIMAL_COMMA = re.compile(r"[+-]?(?:\d{1,3}(?:\.\d{3})+|\d+),\d{1,2}")
_MONTHS = {name.lower(): number for number, name in enumerate(MONTH_NAMES, start=1)}
_EXTENSION = re.compile(r"(?:ext\.?|x|extension)\s*\d+\s*$", re.IGNORECASE)
# Letters stand for digits on old telephones: "call me" would be a number.
_LETTERS = re.compile(r"[A-Za-z]")
_EMAIL = re.compile(r"[^\s@,;<>\"()]+@[^\s@,;<>\"()]+\.[^\s@,;<>\"().]{2,}")


class BadValue(Exception):
    """A cell that cannot be used; the text says what is expected."""


@lru_cache(_CACHED)
def parse_date(text: str, two_digit_years: bool = False, day_first: bool = False) -> date | None:
    """11/20/2026, 2026-11-20, 20261120, 20-Nov-2026 or Nov 20, 2026; None when empty, BadValue otherwise."""
    text = text.strip()
    if not text:
        return None
    year, month, day = _date_parts(text, day_first)
    if len(year) == 2:
        if not two_digit_years:
            raise BadValue("The year has two digits; export dates with four, or allow it in the mapping.")
        # Drugs and birthdays: 00-30 is this century.
        year = ("20" if int(year) <= 30 else "19") + year
    if not EARLIEST_YEAR <= int(year) <= LATEST_YEAR:
        raise BadValue("The year is out of range.")
    try:
        return date(int(year), month, int(day))
    except ValueError:
        raise BadValue("There is no such day. Write dates as month/day/year, like 11/20/2026.") from None


def _date_parts(text: str, day_first: bool) -> tuple[str, int, str]:
    """Year, month and day as written."""
    if match := _NUMERIC.fullmatch(text):
        first, second, year = match.groups()
        return (year, int(second), first) if day_first else (year, int(first), second)
    if match := _ISO.fullmatch(text) or _COMPACT.fullmatch(text):
        year, month, day = match.groups()
        return year, int(month), day
    if match := _NAMED.fullmatch(text):
        day, name, year = (match[1], match[2], match[3]) if match[1] else (match[5], match[4], match[6])
        if month_number := _MONTHS.get(name[:3].lower()):
            return year, month_number, day
    raise BadValue("This is not a date. Write dates as month/day/year, like 11/20/2026.")


@lru_cache(_CACHED)
def parse_decimal(text: str) -> Decimal | None:
    """30, 1,000.5, $3.80, (30) and -30; a decimal comma (12,5) too; None when empty, BadValue otherwise."""
    text = text.strip().replace("\u2212", "-").replace("\u00a0", "").lstrip("$").strip()
    if not text:
        return None
    if text.startswith("(") and text.endswith(")"):
        text = "-" + text[1:-1].lstrip("$")
    if text.endswith("-") and len(text) > 1:
        text = "-" + text[:-1]
    text = text.replace("-$", "-")
    if _NUMBER.fullmatch(text):
        text = text.replace(",", "")
    elif _DECIMAL_COMMA.fullmatch(text):
        text = text.replace(".", "").replace(",", ".")
    else:
        raise BadValue("This is not a number.")
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise BadValue("This is not a number.") from None
    if abs(value) >= 10_000_000:
        raise BadValue("The number is too large to be right.")
    return value


@lru_cache(_CACHED)
def parse_whole(text: str, most: int) -> int | None:
    """A whole number from 0 to `most`; None when empty, BadValue otherwise."""
    value = parse_decimal(text)
    if value is None:
        return None
    if value != value.to_integral_value() or value < 0:
        raise BadValue("A whole number is needed, not below 0.")
    if value > most:
        raise BadValue(f"The number is above {most} and cannot be right.")
    return int(value)


@lru_cache(_CACHED)
def parse_phone(text: str, region: str = "US") -> str | None:
    """The number in E.164; None when empty, BadValue when it cannot be one."""
    text = text.strip()
    if not text:
        return None
    try:
        if _LETTERS.search(_EXTENSION.sub("", text)):
            raise BadValue("This is not a phone number.")
        number = phonenumbers.parse(text[:40], region)
    except phonenumbers.NumberParseException:
        raise BadValue("This is not a phone number.") from None
    # A number without its area code is "possible, locally": nobody could be reached at it.
    if phonenumbers.is_possible_number_with_reason(number) != phonenumbers.ValidationResult.IS_POSSIBLE:
        raise BadValue("This is not a phone number.")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def parse_email(text: str) -> str:
    """The address in lower case, empty when missing; BadValue when it cannot be one."""
    text = text.strip().lower()
    if text and (len(text) > 254 or not _EMAIL.fullmatch(text)):
        raise BadValue("This is not an e-mail address.")
    return text


@lru_cache(_CACHED)
def clean_text(text: str, most: int = 200) -> str:
    """Text in NFC without control characters and doubled spaces; apostrophes and accents stay."""
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    if not text.isprintable():
        text = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(text.split())[:most]
