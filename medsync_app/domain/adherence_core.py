"""Integer core of the adherence figures: supply walks, their union, and time with stays taken out.

A day is a whole number counted from any fixed day, ends are exclusive. A fill is one packed integer, which
sorts by its day: `day << 11 | days_supply << 1 | echo`. An *echo* is the second and
further ingredient of one claim for a combination product: it covers days but is not another fill.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple

DAY_SHIFT = 11
SUPPLY_MASK = 1023
MAX_DAYS_SUPPLY = SUPPLY_MASK

Run = tuple[int, int]


class Walk(NamedTuple):
    """What the fills of one ingredient, or the union of several, leave of a period that ends before `end`."""

    first: int
    last_fill: int
    fills: int
    supplied: int
    """Sum of min(days supply, days from the fill to the period's end): the numerator of MPR."""
    gaps: Sequence[Run]
    """Uncovered runs, sorted and disjoint, each (first day without supply, first day with supply again)."""


class Shape(NamedTuple):
    """A measured period in days; `uncovered_so_far` counts up to the as-of day only."""

    first: int
    end: int
    period_days: int
    uncovered: int
    uncovered_so_far: int
    supplied: int
    fills: int
    several_dates: bool


def pack(day: int, days_supply: int, echo: bool = False) -> int:
    """One fill as a sortable integer; days_supply 1..1023."""
    return day << DAY_SHIFT | days_supply << 1 | echo


def walk(fills: Sequence[int], end: int) -> Walk:
    """Walk sorted packed fills of one ingredient: supply in hand is used first, supply past `end` is cut.

    At least one fill must lie before `end`; later ones are ignored.
    """
    if fills[-1] >> DAY_SHIFT >= end:
        fills = [fill for fill in fills if fill >> DAY_SHIFT < end]
    first = run_out = fills[0] >> DAY_SHIFT
    day = first
    supplied = 0
    gaps: list[Run] = []
    for fill in fills:
        day = fill >> DAY_SHIFT
        supply = fill >> 1 & SUPPLY_MASK
        if day > run_out:
            gaps.append((run_out, day))
            run_out = day + supply
        else:
            run_out += supply
        rest = end - day
        supplied += supply if supply < rest else rest
    if run_out < end:
        gaps.append((run_out, end))
    return Walk(first, day, len(fills), supplied, gaps)


def shared(left: Sequence[Run], right: Sequence[Run]) -> list[Run]:
    """The days that lie in both of two sorted lists of disjoint runs."""
    both: list[Run] = []
    i = j = 0
    while i < len(left) and j < len(right):
        start = max(left[i][0], right[j][0])
        stop = min(left[i][1], right[j][1])
        if start < stop:
            both.append((start, stop))
        if left[i][1] < right[j][1]:
            i += 1
        else:
            j += 1
    return both


def union(walks: Sequence[Walk]) -> Walk:
    """Several ingredients without any shift between them: a day is uncovered when none covers it."""
    first = min(each.first for each in walks)
    gaps: Sequence[Run] | None = None
    for each in walks:
        own = each.gaps if each.first == first else [(first, each.first), *each.gaps]
        gaps = own if gaps is None else shared(gaps, own)
    return Walk(
        first,
        max(each.last_fill for each in walks),
        sum(each.fills for each in walks),
        sum(each.supplied for each in walks),
        gaps or (),
    )


def without_echoes(total: Walk, units: Iterable[Sequence[int]], end: int) -> Walk:
    """Count a claim for a combination product as one fill, though it covered days for each ingredient."""
    fills, supplied = total.fills, total.supplied
    for unit in units:
        for fill in unit:
            rest = end - (fill >> DAY_SHIFT)
            if fill & 1 and rest > 0:
                fills -= 1
                supplied -= min(fill >> 1 & SUPPLY_MASK, rest)
    return total._replace(fills=fills, supplied=supplied)


class Calendar:
    """Time with the days of inpatient and nursing-facility stays taken out.

    Counting only the days outside stays turns "the stay leaves numerator and denominator, overlapping supply
    shifts after it" into the ordinary walk.
    """

    def __init__(self, stays: Iterable[Run]) -> None:
        """`stays` are (first day, day after discharge), in any order, overlapping or not."""
        merged: list[Run] = []
        for start, stop in sorted(stays):
            if merged and start <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(stop, merged[-1][1]))
            elif stop > start:
                merged.append((start, stop))
        self._stays = merged
        self._starts = [start for start, _ in merged]
        self._removed = [0]
        for start, stop in merged:
            self._removed.append(self._removed[-1] + stop - start)
        # In counted time a stay is one point: the day that its discharge leads to.
        self._points = [start - removed for (start, _), removed in zip(merged, self._removed, strict=False)]

    def counted(self, day: int) -> int:
        """The day in counted time; a day inside a stay becomes the first day after it."""
        before = bisect_right(self._starts, day)
        if before == 0:
            return day
        stop = self._stays[before - 1][1]
        return max(day, stop) - self._removed[before]

    def real_runs(self, run: Run) -> list[Run]:
        """A run of counted time as real days, cut where a stay lies inside it."""
        runs: list[Run] = []
        start, stop = run
        while start < stop:
            passed = bisect_right(self._points, start)
            piece = min(stop, self._points[passed]) if passed < len(self._points) else stop
            runs.append((start + self._removed[passed], piece + self._removed[passed]))
            start = piece
        return runs


def first_day(units: Sequence[Sequence[int]]) -> int:
    """Day of the earliest fill of sorted, non-empty units."""
    return min(unit[0] for unit in units) >> DAY_SHIFT


def shape(total: Walk, end: int, as_of: int) -> Shape:
    """Sum up a walk over ordinary days; `as_of` is exclusive: the day after the last one looked at."""
    uncovered = so_far = 0
    for start, stop in total.gaps:
        uncovered += stop - start
    if as_of < end:
        for start, stop in total.gaps:
            if start < as_of:
                so_far += min(stop, as_of) - start
    else:
        so_far = uncovered
    first = total.first
    return Shape(
        first, end, end - first, uncovered, so_far, total.supplied, total.fills, total.last_fill != first
    )


def walk_units(units: Sequence[Sequence[int]], end: int, echoes: bool = True) -> Walk:
    """The union of the ingredients' walks; `echoes` false promises that no fill is an echo."""
    units = [unit for unit in units if unit[0] >> DAY_SHIFT < end]
    total = walk(units[0], end) if len(units) == 1 else union([walk(unit, end) for unit in units])
    return without_echoes(total, units, end) if echoes else total


def walk_around_stays(
    units: Sequence[Sequence[int]], end: int, as_of: int, calendar: Calendar
) -> tuple[Shape, Walk]:
    """Like `walk_units` and `shape`, with stays taken out; the walk's gaps are in counted time.

    MPR keeps its real days in the numerator and loses the stay in its denominator, as its formula says.
    """
    plain = walk_units(units, end)
    counted_end = calendar.counted(end)
    moved: list[list[int]] = []
    for unit in units:
        inside = [fill for fill in unit if fill >> DAY_SHIFT < end]
        if inside:
            moved.append([_moved(fill, calendar) for fill in inside])
    walks = [_walk_to(unit, counted_end) for unit in moved]
    total = union(walks)
    counted = shape(total, counted_end, calendar.counted(as_of))
    result = counted._replace(
        first=plain.first,
        end=end,
        supplied=plain.supplied,
        fills=plain.fills,
        several_dates=plain.last_fill != plain.first,
    )
    return result, total


def _moved(fill: int, calendar: Calendar) -> int:
    day = calendar.counted(fill >> DAY_SHIFT)
    return day << DAY_SHIFT | fill & ((1 << DAY_SHIFT) - 1)


def _walk_to(fills: Sequence[int], end: int) -> Walk:
    # A stay that lasts to the period's end moves its fills onto the end itself: they cover nothing.
    if fills[0] >> DAY_SHIFT >= end:
        return Walk(end, end, len(fills), 0, ())
    return walk(fills, end)
