"""How a text message is encoded and how many segments it takes (GSM 03.38, or UCS-2 when a character needs it)."""

import unicodedata
from dataclasses import dataclass
from typing import Final

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
#: These take two places: an escape and the character.
_EXTENDED = frozenset("\f^{}\\[~]|€")
#: What stands for characters that have no base letter of their own.
_LIKE: Final = str.maketrans(
    "\u2018\u2019\u201c\u201d\u00ab\u00bb\u2013\u2014\u0141\u0142\u0110\u0111", '\'\'""""--LlDd'
)
_SINGLE = {"GSM-7": 160, "UCS-2": 70}
_PART = {"GSM-7": 153, "UCS-2": 67}


@dataclass(frozen=True, slots=True)
class SmsSize:
    """What a text costs: encoding, length in its units (septets or 16-bit units), segments."""

    encoding: str
    units: int
    segments: int
    #: Characters that force UCS-2, each once.
    outside: str = ""


def measure(text: str) -> SmsSize:
    """The size of a text message."""
    outside = "".join(dict.fromkeys(c for c in text if c not in _BASIC and c not in _EXTENDED))
    encoding = "UCS-2" if outside else "GSM-7"
    costs = [_cost(c, encoding) for c in text]
    units = sum(costs)
    segments = 1 if units <= _SINGLE[encoding] else _parts(costs, _PART[encoding])
    return SmsSize(encoding, units, segments, outside)


def in_gsm(text: str) -> str:
    """The text with letters of GSM-7 in place of accented and typographic ones: it takes 160 characters, not 70.

    What has no such letter stays as it is.
    """
    return "".join(_in_gsm(c) for c in text.translate(_LIKE))


def _in_gsm(character: str) -> str:
    if character in _BASIC or character in _EXTENDED:
        return character
    plain = "".join(c for c in unicodedata.normalize("NFKD", character) if c in _BASIC)
    return plain or character


def _cost(character: str, encoding: str) -> int:
    if encoding == "GSM-7":
        return 2 if character in _EXTENDED else 1
    return 2 if ord(character) > 0xFFFF else 1


def _parts(costs: list[int], room: int) -> int:
    """Segments of a long text: a character of two units is never split between two of them."""
    parts, used = 1, 0
    for cost in costs:
        if used + cost > room:
            parts, used = parts + 1, 0
        used += cost
    return parts
