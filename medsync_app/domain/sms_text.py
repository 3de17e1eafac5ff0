"""How a text message is encoded and how many segments it takes (GSM 03.38, or UCS-2 when a character needs it)."""

from dataclasses import dataclass

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
#: These take two places: an escape and the character.
_EXTENDED = frozenset("\f^{}\\[~]|€")
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
