"""Rules for two records that turn out to be one person: whose word wins, and what was written down twice."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, cast

from medsync_app.domain.states import ContactBasis

#: The first that either record has stays: a stop or a no outlasts every yes, and an answer that nobody was asked.
_STRICTEST_FIRST: Final = (
    ContactBasis.REVOKED,
    ContactBasis.DECLINED,
    ContactBasis.EXPRESS,
    ContactBasis.NUMBER_GIVEN,
    ContactBasis.NOT_ASKED,
)
#: How far a date told at the counter may lie from that of the claim, in days.
_TOLD_ABOUT: Final = 7


@dataclass(frozen=True, slots=True)
class Dispensed:
    """One fill of a drug: its claim date, days of supply, and whether it was told at the counter."""

    id: int
    on: date
    days_supply: int | None
    by_hand: bool


def stricter(one: ContactBasis, other: ContactBasis) -> ContactBasis:
    """The basis that one number has when two records name it: the stricter word wins (DOMAIN.md section 5)."""
    return min(one, other, key=_STRICTEST_FIRST.index)


def told_twice(kept: Sequence[Dispensed], dropped: Sequence[Dispensed]) -> dict[int, int]:
    """Fills of one drug that only repeat one of the other record: the fill told by hand -> the one that stays.

    A fill written down at the counter and found in the export later is one dispensing: counted twice, its supply
    would move the next date. Rx numbers are unique, so that two claims are never one.
    """
    twice: dict[int, int] = {}
    for mine, theirs in ((dropped, kept), (kept, dropped)):
        free = [fill for fill in theirs if fill.id not in twice]
        for fill in sorted(mine, key=lambda one: (one.on, one.id)):
            near = [other for other in free if fill.by_hand and _is_near(fill, other)]
            if near:
                same = min(near, key=lambda other: (abs((other.on - fill.on).days), other.id))
                free.remove(same)
                twice[fill.id] = same.id
    return twice


def _is_near(told: Dispensed, other: Dispensed) -> bool:
    """Nearer than a second fill of that size could be claimed."""
    reach = min(_TOLD_ABOUT, (told.days_supply or 0) // 2)
    return abs((other.on - told.on).days) <= reach


def renamed(document: Any, ids: Mapping[str, str]) -> Any:
    """A JSON document with the ids it names, as keys or values, replaced by others."""
    if isinstance(document, str):
        return ids.get(document, document)
    if isinstance(document, list):
        return [renamed(part, ids) for part in cast("list[Any]", document)]
    if isinstance(document, dict):
        parts = cast("dict[str, Any]", document)
        return {ids.get(key, key): renamed(value, ids) for key, value in parts.items()}
    return document
