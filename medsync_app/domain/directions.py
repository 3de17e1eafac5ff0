"""Reads the daily dose out of directions, where they say it plainly; anything else stays unknown."""

import re
from decimal import Decimal
from functools import lru_cache

_NUMBERS = {
    "one": 1, "two": 2, "three": 3, "four": 4, "once": 1, "twice": 2, "1/2": Decimal("0.5"), "half": Decimal("0.5"),
}  # fmt: skip
_AMOUNT = r"(\d{1,3}(?:\.\d{1,3})?|1/2|one|two|three|four)"
_UNIT = r"(?:unit\(s\)|units?|tablets?|tabs?|capsules?|caps?|tablet\(s\)|capsule\(s\))"
_OFTEN = r"(?:(once|twice|(?:one|two|three|four|[1-4]) times?) )?"
_WHEN = r"(?:daily|a day|per day|each day|every day|every morning|every evening|at bedtime|nightly)"
_PLAIN = re.compile(rf"take {_AMOUNT} {_UNIT} (?:by mouth )?{_OFTEN}{_WHEN}", re.IGNORECASE)
_HOURS = re.compile(rf"take {_AMOUNT} {_UNIT} (?:by mouth )?every (4|6|8|12|24) hours", re.IGNORECASE)


@lru_cache(20_000)
def daily_units(sig: str) -> Decimal | None:
    """Units a day that the directions prescribe ("Take 2 tablets by mouth twice daily" -> 4), None when not
    plain.
    """
    text = " ".join(sig.split()).rstrip(".")
    if match := _PLAIN.fullmatch(text):
        often = (match[2] or "once").split()[0].lower()
        return _positive(_value(match[1]) * _value(often))
    if match := _HOURS.fullmatch(text):
        return _positive(_value(match[1]) * (24 // int(match[2])))
    return None


def _value(word: str) -> Decimal:
    known = _NUMBERS.get(word.lower())
    return Decimal(known) if known is not None else Decimal(word)


def _positive(value: Decimal) -> Decimal | None:
    return value.quantize(Decimal("0.001")) if value > 0 else None
