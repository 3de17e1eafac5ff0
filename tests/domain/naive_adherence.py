"""An independent adherence calculation, one day at a time, to hold the fast one against."""

from dataclasses import dataclass
from datetime import date, timedelta

ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Naive:
    covered: tuple[date, ...]
    uncovered: tuple[date, ...]
    supplied: int
    fills: int
    dates: int


def naive_adherence(
    claims: list[tuple[tuple[str, ...], date, int]],
    start: date,
    end: date,
    *,
    days: int | None = None,
    left_on: date | None = None,
    stays: list[tuple[date, date]] | None = None,
) -> Naive | None:
    """Claims are (ingredients, fill date, days supply); each ingredient's stock shrinks by one a day."""
    inside = [claim for claim in claims if claim[1] >= start]
    if not inside:
        return None
    first = min(claim[1] for claim in inside)
    if first > end:
        return None
    last = first + timedelta(days=days - 1) if days is not None else end
    if left_on is not None and left_on < last:
        last = left_on
    if first > last:
        return None
    inside = [claim for claim in inside if claim[1] <= last]
    stock: dict[str, int] = {}
    covered: list[date] = []
    uncovered: list[date] = []
    day = first
    while day <= last:
        for ingredients, fill_date, supply in inside:
            if fill_date == day:
                for ingredient in set(ingredients):
                    stock[ingredient] = stock.get(ingredient, 0) + supply
        if not any(a <= day <= b for a, b in stays or []):
            if any(left > 0 for left in stock.values()):
                covered.append(day)
            else:
                uncovered.append(day)
            stock = {name: max(0, left - 1) for name, left in stock.items()}
        day += ONE_DAY
    supplied = sum(min(supply, (last - fill_date).days + 1) for _, fill_date, supply in inside)
    return Naive(tuple(covered), tuple(uncovered), supplied, len(inside), len({c[1] for c in inside}))
