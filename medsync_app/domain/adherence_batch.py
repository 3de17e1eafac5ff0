"""Adherence of a whole population: fills packed into integers, sorted once, measured in one pass.

The caller numbers patients, groups (classes) and units (ingredients). Nothing is kept but one integer per
fill and ingredient; results stream out in order of patient, group, unit.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from medsync_app.domain.adherence import NOBODY, Adherence, Period, Person, adherence_of
from medsync_app.domain.adherence_core import (
    DAY_SHIFT,
    MAX_DAYS_SUPPLY,
    Calendar,
    Run,
    Shape,
    first_day,
    shape,
    shape_of_one,
    walk,
    walk_around_stays,
    walk_units,
)
from medsync_app.errors import Invalid

NO_GROUP = 0
WHOLE_GROUP = -1
"""The `unit` of a row that measures a group."""

# Low to high: a fill whose day is counted from the window's start, unit, group, patient. A fill fits one
# digit of Python's integers (30 bits), which makes it quick to sort and to take apart.
_DAY_BITS = 17
_UNIT_BITS = 20
_GROUP_BITS = 16
_FILL_BITS = DAY_SHIFT + _DAY_BITS
_FILL_MASK = (1 << _FILL_BITS) - 1
_UNIT_MASK = (1 << _UNIT_BITS) - 1
_GROUP_MASK = (1 << _GROUP_BITS) - 1
_OWNER_BITS = _UNIT_BITS + _GROUP_BITS


class Tally(NamedTuple):
    """The figures of one patient for one unit of a group, or for the whole group."""

    patient: int
    group: int
    unit: int
    figures: Shape
    """Its `first` and `end` are counted from the first day of the window."""


# What a named tuple does for itself, without the call in between: it shows on a million fills.
_new_tally: Callable[[type[Tally], tuple[int, int, int, Shape]], Tally] = tuple.__new__  # pyright: ignore
_Members = list[tuple[int, list[int]]]


class FillLedger:
    """Collects fills and measures them; fills before the window's start are ignored."""

    def __init__(self, period: Period) -> None:
        self._period = period
        self._base = period.start.toordinal()
        window = period.end.toordinal() - self._base
        self._last = self._base + min(window + (period.days or 0), (1 << _DAY_BITS) - 1)
        self._packed: list[int] = []
        self._echoes = False

    def __len__(self) -> int:
        """Number of packed fills that can matter for the window."""
        return len(self._packed)

    def add(
        self, patient: int, group: int, unit: int, day: int, days_supply: int, echo: bool = False
    ) -> None:
        """Record a fill; ordinal day, days supply 1..1023. `echo`: the claim is in this group already."""
        if not 1 <= days_supply <= MAX_DAYS_SUPPLY:
            raise Invalid(f"Days supply must be 1 to {MAX_DAYS_SUPPLY}.", field="days_supply")
        if group > _GROUP_MASK or unit > _UNIT_MASK:
            raise Invalid("Too many different drugs or classes: split the input.", field="drug")
        if not self._base <= day <= self._last:
            return
        if echo:
            self._echoes = True
        self._packed.append(
            ((patient << _GROUP_BITS | group) << _UNIT_BITS | unit) << _FILL_BITS
            | (day - self._base) << DAY_SHIFT
            | days_supply << 1
            | echo
        )

    def extend(self, fills: Iterable[tuple[int, int, int, int, int]]) -> None:
        """Record many (patient, group, unit, day, days_supply) without a call for each.

        None may be an echo; numbers must be in the ranges of `add`, which does check them.
        """
        base, last = self._base, self._last
        self._packed += [
            ((patient << _GROUP_BITS | group) << _UNIT_BITS | unit) << _FILL_BITS
            | (day - base) << DAY_SHIFT
            | days_supply << 1
            for patient, group, unit, day, days_supply in fills
            if base <= day <= last
        ]

    def tallies(
        self,
        *,
        units: bool,
        groups: bool,
        as_of: int | None = None,
        stays: Mapping[int, Sequence[Run]] | None = None,
        left_on: Mapping[int, int] | None = None,
    ) -> Iterator[Tally]:
        """Measure each unit, each group (but NO_GROUP) or both.

        `as_of`: last day that uses up gap days. `stays` (first day, day after discharge) and `left_on` (last
        day that counts) are by patient number; stays only count in measurement years up to 2025.
        """
        base = self._base
        until = None if as_of is None else as_of + 1 - base
        exits = left_on or {}
        calendars: Mapping[int, Sequence[Run]] = stays if stays and self._period.counts_stays else {}
        end = self._period.end.toordinal() + 1 - base
        common_end = self._period.days is None
        for patient, group, members in self._grouped():
            whole = groups and group != NO_GROUP
            if common_end and patient not in calendars and patient not in exits:
                measured = self._simple(members, units, whole, end, end if until is None else until)
            else:
                runs = [(start - base, stop - base) for start, stop in calendars.get(patient, ())]
                left = exits.get(patient)
                measured = self._general(
                    members, units, whole, until, Calendar(runs), None if left is None else left + 1 - base
                )
            for unit, figures in measured:
                yield _new_tally(Tally, (patient, group, unit, figures))

    def record(self, tally: Tally, person: Person = NOBODY) -> Adherence:
        """The public record of a tally (without its gap list), with the denominator rules for `person`."""
        figures = tally.figures
        placed = figures._replace(first=figures.first + self._base, end=figures.end + self._base)
        return adherence_of(placed, self._period, person)

    def _grouped(self) -> Iterator[tuple[int, int, _Members]]:
        """(patient, group, its units with their sorted fills) in order."""
        self._packed.sort()
        owner = key = -1
        members: _Members = []
        fills: list[int] = []
        for packed in self._packed:
            if packed >> _FILL_BITS != key:
                key = packed >> _FILL_BITS
                if key >> _UNIT_BITS != owner:
                    if members:
                        yield owner >> _GROUP_BITS, owner & _GROUP_MASK, members
                    owner = key >> _UNIT_BITS
                    members = []
                fills = []
                members.append((key & _UNIT_MASK, fills))
            fills.append(packed & _FILL_MASK)
        if members:
            yield owner >> _GROUP_BITS, owner & _GROUP_MASK, members

    def _simple(
        self, members: _Members, units: bool, whole: bool, end: int, as_of: int
    ) -> list[tuple[int, Shape]]:
        """Common end, no stays: a group of one unit has that unit's figures."""
        alone = whole and len(members) == 1
        measured: list[tuple[int, Shape]] = []
        if units or alone:
            for unit, fills in members:
                one = shape_of_one(fills, end) if as_of >= end else shape(walk(fills, end), end, as_of)
                measured.append((unit, one))
        if alone:
            group_row = (WHOLE_GROUP, measured[0][1])
            return [*measured, group_row] if units else [group_row]
        if whole:
            total = walk_units([fills for _, fills in members], end, self._echoes)
            measured.append((WHOLE_GROUP, shape(total, end, as_of)))
        return measured

    def _general(
        self,
        members: _Members,
        units: bool,
        whole: bool,
        until: int | None,
        calendar: Calendar,
        left: int | None,
    ) -> list[tuple[int, Shape]]:
        # A unit measured alone has no claim in it twice, so that its echoes are fills of its own.
        wanted = [(unit, [[fill & ~1 for fill in fills]]) for unit, fills in members] if units else []
        if whole:
            wanted.append((WHOLE_GROUP, [fills for _, fills in members]))
        measured: list[tuple[int, Shape]] = []
        for unit, lists in wanted:
            first = first_day(lists)
            end = self._period.stop_for(first + self._base) - self._base
            end = end if left is None else min(end, left)
            if first + self._base > self._period.end.toordinal() or first >= end:
                continue
            as_of = end if until is None else until
            measured.append((unit, walk_around_stays(lists, end, as_of, calendar)[0]))
        return measured
