"""The supply walks of many patients at once, on sorted columns; days are counted from any fixed day.

The walk `run_out = max(day, run_out) + supply` becomes a running maximum: with `before`, the supply of the
earlier fills of the same unit, a fill's supply starts on max(day - before, over this and the earlier fills)
+ before. Fills on or after the end of a period change nothing before it, so that they are walked along and not
counted.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Column = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Fills:
    """Fills in order of owner and day. `starts`: where the fills of each of `owners` begin."""

    owners: Column
    starts: Column
    day: Column
    supply: Column
    echo: Column

    @property
    def columns(self) -> tuple[Column, Column, Column]:
        """Day, days supply and echo."""
        return self.day, self.supply, self.echo

    @property
    def sizes(self) -> Column:
        """Number of fills of each owner."""
        return np.diff(self.starts, append=len(self.day))


def begins(owner: Column) -> Column:
    """Index of the first row of each run of equal owners."""
    if not len(owner):
        return np.zeros(0, np.int64)
    return np.concatenate(([0], np.flatnonzero(owner[1:] != owner[:-1]) + 1))


def supply_starts(fills: Fills) -> Column:
    """First day that each fill covers: supply in hand is used first."""
    before = np.cumsum(fills.supply)
    before -= fills.supply
    wanted = fills.day - before
    latest = running_maximum(wanted, fills.starts)
    latest += before
    return latest


def running_maximum(values: Column, starts: Column) -> Column:
    """The largest value of a run so far, for runs that begin at `starts`; at least one value."""
    # Each run is lifted above all earlier ones, so that one pass over everything serves.
    step = int(values.max()) - int(values.min()) + 1
    lift = np.zeros(len(values), np.int64)
    lift[starts[1:]] = step
    np.cumsum(lift, out=lift)
    found = np.maximum.accumulate(values + lift)
    found -= lift
    return found


def count_fills(fills: Fills, first: Column, end: Column, *, echoes: bool) -> tuple[Column, Column, Flags]:
    """Number of fills before the end, the numerator of MPR, and whether they lie on several dates.

    `echoes` false leaves out the second ingredient of a claim: it is not another fill.
    """
    sizes = fills.sizes
    left = np.repeat(end, sizes) - fills.day
    counted = left > 0
    several = np.logical_or.reduceat(counted & (fills.day != np.repeat(first, sizes)), fills.starts)
    if not echoes:
        counted &= fills.echo == 0
    supplied = np.add.reduceat(np.minimum(fills.supply, left) * counted, fills.starts)
    return np.add.reduceat(counted, fills.starts, dtype=np.int64), supplied, several


def uncovered_days(fills: Fills, first: Column, end: Column, runs: tuple[Column, Column]) -> Column:
    """Days of each owner's [first, end) outside the runs (from, to), which are disjoint and begin no earlier."""
    limit = np.repeat(end, fills.sizes)
    covered = np.minimum(runs[1], limit)
    covered -= np.minimum(runs[0], limit)
    return np.maximum(end - first, 0) - np.add.reduceat(covered, fills.starts)


def disjoint(number: Column, starts: Column, begin: Column, stop: Column) -> tuple[Column, Column]:
    """The runs of each owner in order of their first day, each without the days of those before it.

    `number` counts the owners from 0, whose rows begin at `starts`.
    """
    # Three numbers in one: a single key sorts several times faster than an order of rows.
    low = int(begin.min())
    width = (int(stop.max()) - low).bit_length()
    packed = (number << width | begin - low) << width | stop - low
    packed.sort()
    mask = (1 << width) - 1
    begin, stop = packed >> width & mask, packed & mask
    reach = running_maximum(stop, starts)
    earlier = np.concatenate(([0], reach[:-1]))
    earlier[starts] = 0
    return np.maximum(begin, earlier) + low, reach + low


def as_columns(*values: Any) -> tuple[Column, ...]:
    """Whole columns of equal length; a single number stands for all rows."""
    return np.broadcast_arrays(*(np.asarray(one, np.int64) for one in values))
