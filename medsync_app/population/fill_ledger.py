"""Adherence of a whole population: fills as columns of integers, sorted once, measured all together.

The caller numbers patients, groups (classes) and units (ingredients). The rules are those of
`domain.adherence`, which measures one patient; a property test holds the two against each other. Patients with
stays are measured by the domain's own walk.
"""

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Final, NamedTuple, cast

import numpy as np

from medsync_app.domain.adherence import MIN_PERIOD_DAYS, NOBODY, Adherence, Period, Person, adherence_of
from medsync_app.domain.adherence_core import (
    MAX_DAYS_SUPPLY,
    Calendar,
    Run,
    Shape,
    first_day,
    pack,
    walk_around_stays,
)
from medsync_app.errors import Invalid
from medsync_app.population.walks import (
    Column,
    Fills,
    Flags,
    as_columns,
    begins,
    count_fills,
    disjoint,
    supply_starts,
    uncovered_days,
)

NO_GROUP: Final = 0
WHOLE_GROUP: Final = -1
"""The `unit` of a row that measures a group."""

_UNIT_BITS: Final = 20
_GROUP_BITS: Final = 16
#: Days supply and, lowest, whether the fill is an echo.
_SUPPLY_BITS: Final = 11
_DAY_BITS: Final = 17
_MAX_UNIT: Final = (1 << _UNIT_BITS) - 1
_MAX_GROUP: Final = (1 << _GROUP_BITS) - 1
_MAX_PATIENT: Final = (1 << 27) - 1
_PIECE: Final = 8_192


class Tally(NamedTuple):
    """The figures of one patient for one unit of a group, or for the whole group."""

    patient: int
    group: int
    unit: int
    figures: Shape
    """Its `first` and `end` are counted from the first day of the window."""


@dataclass(frozen=True, slots=True)
class Tallies:
    """Tallies as columns, in order of patient, group, unit; the row of a whole group comes first."""

    patient: Column
    group: Column
    unit: Column
    first: Column
    end: Column
    period_days: Column
    uncovered: Column
    uncovered_so_far: Column
    supplied: Column
    fills: Column
    several_dates: Flags

    def __len__(self) -> int:
        return len(self.patient)

    def only(self, chosen: Flags) -> "Tallies":
        """The chosen rows."""
        return _rows(self, chosen)

    def in_denominator(self, minors: Flags, excluded: Flags) -> Flags:
        """Rows that count: `domain.adherence.reasons_not_counted` gives none for them.

        `minors` is by patient number, `excluded` (by a drug, hospice or ESRD) by row.
        """
        long_enough = (self.end - self.first >= MIN_PERIOD_DAYS) & (self.period_days > 0)
        return self.several_dates & long_enough & ~minors[self.patient] & ~excluded

    def adherent(self) -> Flags:
        """Rows with PDC >= 0.80."""
        return (self.period_days > 0) & ((self.period_days - self.uncovered) * 5 >= self.period_days * 4)

    def __iter__(self) -> Iterator[Tally]:
        # In pieces: Python's own numbers take many times the room of a column's.
        for start in range(0, len(self), _PIECE):
            piece = _rows(self, slice(start, start + _PIECE))
            columns = [cast("list[Any]", column.tolist()) for column in _columns(piece)]
            for patient, group, unit, *figures in zip(*columns, strict=True):
                yield Tally(patient, group, unit, Shape(*figures))


class FillLedger:
    """Collects fills and measures them; fills before the window's start are ignored."""

    def __init__(self, period: Period) -> None:
        self._period = period
        self._base = period.start.toordinal()
        self._window = period.end.toordinal() - self._base
        self._last = self._base + min(self._window + (period.days or 0), (1 << _DAY_BITS) - 1)
        self._owners = array("q")
        self._fills = array("q")

    def __len__(self) -> int:
        """Number of fills that can matter for the window."""
        return len(self._fills)

    def add(
        self, patient: int, group: int, unit: int, day: int, days_supply: int, echo: bool = False
    ) -> None:
        """Record a fill; ordinal day, days supply 1..1023. `echo`: the claim is in this group already."""
        if not 1 <= days_supply <= MAX_DAYS_SUPPLY:
            raise Invalid(f"Days supply must be 1 to {MAX_DAYS_SUPPLY}.", field="days_supply")
        if group > _MAX_GROUP or unit > _MAX_UNIT or patient > _MAX_PATIENT:
            raise Invalid("Too many different drugs, classes or patients: split the input.", field="drug")
        if self._base <= day <= self._last:
            self._owners.append((patient << _GROUP_BITS | group) << _UNIT_BITS | unit)
            self._fills.append((day - self._base) << _SUPPLY_BITS | days_supply << 1 | echo)

    def extend(self, fills: Iterable[tuple[int, int, int, int, int]]) -> None:
        """Record many (patient, group, unit, day, days_supply), none of them an echo."""
        rows = list(fills)
        if rows:
            patient, group, unit, day, days_supply = zip(*rows, strict=True)
            self.add_columns(patient, group, unit, day, days_supply)

    def add_columns(
        self, patient: Any, group: Any, unit: Any, day: Any, days_supply: Any, echo: Any = 0
    ) -> None:
        """Like `add` for columns (lists or arrays of numbers); a single number stands for all rows."""
        patients, groups, units, days, supplies, echoes = as_columns(
            patient, group, unit, day, days_supply, echo
        )
        _check("days_supply", supplies, 1, MAX_DAYS_SUPPLY)
        _check("patient_id", patients, 0, _MAX_PATIENT)
        _check("class", groups, 0, _MAX_GROUP)
        _check("drug", units, 0, _MAX_UNIT)
        inside = (days >= self._base) & (days <= self._last)
        owners = (patients << _GROUP_BITS | groups) << _UNIT_BITS | units
        self._owners.frombytes(owners[inside].tobytes())
        fills = (days - self._base) << _SUPPLY_BITS | supplies << 1 | (echoes != 0)
        self._fills.frombytes(fills[inside].tobytes())

    def tallies(
        self,
        *,
        units: bool,
        groups: bool,
        as_of: int | None = None,
        stays: Mapping[int, Sequence[Run]] | None = None,
        left_on: Mapping[int, int] | None = None,
    ) -> Tallies:
        """Measure each unit, each group (but NO_GROUP) or both.

        `as_of`: last day that uses up gap days. `stays` (first day, day after discharge) and `left_on` (last
        day that counts) are by patient number; stays only count in measurement years up to 2025.
        """
        until = None if as_of is None else as_of + 1 - self._base
        exits = left_on or {}
        kept: Mapping[int, Sequence[Run]] = (stays or {}) if self._period.counts_stays else {}
        fills = self._sorted()
        found: list[Tallies] = []
        if len(fills.day):
            found = self._measured(fills, until, exits, units, groups)
        if kept:
            apart = np.array(sorted(kept), np.int64)
            found = [_rows(one, ~np.isin(one.patient, apart)) for one in found]
            found.append(_tallies_of(self._around_stays(fills, until, exits, kept, units, groups)))
        return _in_order(found)

    def record(self, tally: Tally, person: Person = NOBODY) -> Adherence:
        """The public record of a tally (without its gap list), with the denominator rules for `person`."""
        figures = tally.figures
        placed = figures._replace(first=figures.first + self._base, end=figures.end + self._base)
        return adherence_of(placed, self._period, person)

    def _sorted(self) -> Fills:
        owners = np.frombuffer(self._owners, np.int64)
        packed = np.frombuffer(self._fills, np.int64)
        width = int(packed.max(initial=0)).bit_length()
        numbers, known = _narrowed(owners, 63 - width)
        # Owner and fill in one number: that sorts several times faster than an order of rows.
        both = numbers << width | packed
        both.sort()
        number = both >> width
        both &= (1 << width) - 1
        starts = begins(number)
        return Fills(
            known(number[starts]), starts, both >> _SUPPLY_BITS, both >> 1 & MAX_DAYS_SUPPLY, both & 1
        )

    def _ends(self, first: Column, owners: Column, exits: Mapping[int, int]) -> Column:
        """Day after the last one of each owner's period, by its first day."""
        days, left = self._period.days, self._period.left_on
        end = np.full_like(first, self._window + 1) if days is None else first + days
        if left is not None:
            end = np.minimum(end, left.toordinal() + 1 - self._base)
        if exits:
            patients = _patient(owners)
            last = np.full(int(patients.max()) + 1, int(end.max()), np.int64)
            for patient, day in exits.items():
                if patient < len(last):
                    last[patient] = day + 1 - self._base
            end = np.minimum(end, last[patients])
        return end

    def _measured(
        self, fills: Fills, until: int | None, exits: Mapping[int, int], units: bool, groups: bool
    ) -> list[Tallies]:
        first = fills.day[fills.starts]
        end = self._ends(first, fills.owners, exits)
        start = supply_starts(fills)
        covered = (start, start + fills.supply)
        alone = _figures(fills, first, end, covered, until, echoes=True)
        found = [alone] if units else []
        if groups:
            group = fills.owners >> _UNIT_BITS
            at = begins(group)
            members = np.diff(at, append=len(group))
            named = group[at] & _MAX_GROUP != NO_GROUP
            # A group of one unit has that unit's figures.
            lone = _rows(alone, at[named & (members == 1)])
            found.append(replace(lone, unit=np.full_like(lone.unit, WHOLE_GROUP)))
            several = np.repeat(named & (members > 1), members)
            if several.any():
                found.append(self._unions(fills, several, covered, until, exits))
        latest = self._window
        return [_rows(one, (one.first <= latest) & (one.first < one.end)) for one in found]

    def _unions(
        self,
        fills: Fills,
        chosen: Flags,
        covered: tuple[Column, Column],
        until: int | None,
        exits: Mapping[int, int],
    ) -> Tallies:
        """The groups of the chosen owners, as the union of their units."""
        rows = np.repeat(chosen, fills.sizes)
        groups = fills.owners[chosen] >> _UNIT_BITS
        at = begins(groups)
        sizes = np.add.reduceat(fills.sizes[chosen], at)
        starts = np.cumsum(sizes) - sizes
        together = Fills(
            groups[at] << _UNIT_BITS, starts, fills.day[rows], fills.supply[rows], fills.echo[rows]
        )
        first = np.minimum.reduceat(together.day, starts)
        end = self._ends(first, together.owners, exits)
        number, limit = np.repeat(np.arange(len(at)), sizes), np.repeat(end, sizes)
        # Cut at the period's end, a day stays a small number.
        begin, stop = (np.minimum(days[rows], limit) for days in covered)
        runs = disjoint(number, starts, begin, stop)
        found = _figures(together, first, end, runs, until, echoes=False)
        return replace(found, unit=np.full_like(found.unit, WHOLE_GROUP))

    def _around_stays(
        self,
        fills: Fills,
        until: int | None,
        exits: Mapping[int, int],
        stays: Mapping[int, Sequence[Run]],
        units: bool,
        groups: bool,
    ) -> Iterator[Tally]:
        """The patients with stays, one by one."""
        patients = np.array(sorted(stays), np.int64)
        members: dict[tuple[int, int], dict[int, list[int]]] = {}
        for at in np.flatnonzero(np.isin(_patient(fills.owners), patients)).tolist():
            owner, start = int(fills.owners[at]), int(fills.starts[at])
            stop = start + int(fills.sizes[at])
            members.setdefault(divmod(owner >> _UNIT_BITS, 1 << _GROUP_BITS), {})[owner & _MAX_UNIT] = [
                pack(*one)
                for one in zip(*(column[start:stop].tolist() for column in fills.columns), strict=True)
            ]
        for (patient, group), own in members.items():
            # A unit measured alone has no claim in it twice, so that its echoes are fills of its own.
            wanted = {unit: [[fill & ~1 for fill in found]] for unit, found in own.items()} if units else {}
            if groups and group != NO_GROUP:
                wanted[WHOLE_GROUP] = list(own.values())
            calendar = Calendar((start - self._base, stop - self._base) for start, stop in stays[patient])
            for unit, lists in wanted.items():
                first = first_day(lists)
                owner = np.array([(patient << _GROUP_BITS | group) << _UNIT_BITS])
                end = int(self._ends(np.array([first]), owner, exits)[0])
                if first <= self._window and first < end:
                    figures, _ = walk_around_stays(lists, end, end if until is None else until, calendar)
                    yield Tally(patient, group, unit, figures)


def _figures(
    fills: Fills, first: Column, end: Column, runs: tuple[Column, Column], until: int | None, *, echoes: bool
) -> Tallies:
    """The owners' figures; `runs` are the days covered, disjoint within an owner."""
    number, supplied, several_dates = count_fills(fills, first, end, echoes=echoes)
    uncovered = uncovered_days(fills, first, end, runs)
    so_far = uncovered
    if until is not None:
        so_far = uncovered_days(fills, first, np.minimum(end, until), runs)
    return Tallies(
        _patient(fills.owners), fills.owners >> _UNIT_BITS & _MAX_GROUP, fills.owners & _MAX_UNIT,
        first, end, end - first, uncovered, so_far, supplied, number, several_dates,
    )  # fmt: skip


def _patient(owners: Column) -> Column:
    return owners >> (_GROUP_BITS + _UNIT_BITS)


def _check(field: str, numbers: Column, least: int, most: int) -> None:
    if numbers.size and not least <= int(numbers.min()) <= int(numbers.max()) <= most:
        raise Invalid(f"The numbers of {field} must be {least} to {most}.", field=field)


def _narrowed(owners: Column, bits: int) -> tuple[Column, Callable[[Column], Column]]:
    """The owners as numbers of at most `bits` bits in the same order, and the way back."""
    patient, group, unit = _patient(owners), owners >> _UNIT_BITS & _MAX_GROUP, owners & _MAX_UNIT
    for_patient, for_group, for_unit = (
        int(part.max(initial=0)).bit_length() for part in (patient, group, unit)
    )
    if for_patient + for_group + for_unit > bits:
        known, numbers = np.unique(owners, return_inverse=True)
        return numbers, known.__getitem__

    def widened(number: Column) -> Column:
        wide = (number >> (for_group + for_unit)) << _GROUP_BITS
        wide = (wide | number >> for_unit & ((1 << for_group) - 1)) << _UNIT_BITS
        return wide | number & ((1 << for_unit) - 1)

    return (patient << for_group | group) << for_unit | unit, widened


def _columns(tallies: Tallies) -> list[Any]:
    return [getattr(tallies, field.name) for field in fields(Tallies)]


def _rows(tallies: Tallies, chosen: Any) -> Tallies:
    return Tallies(*(column[chosen] for column in _columns(tallies)))


def _tallies_of(found: Iterable[Tally]) -> Tallies:
    rows = [(one.patient, one.group, one.unit, *one.figures) for one in found]
    whole = np.array(rows, np.int64).reshape(-1, len(fields(Tallies)))
    *numbers, several = whole.T
    return Tallies(*numbers, several_dates=several != 0)


def _in_order(found: list[Tallies]) -> Tallies:
    if not found:
        return _tallies_of(())
    if len(found) == 1:
        return found[0]
    joined = Tallies(*(np.concatenate(columns) for columns in zip(*map(_columns, found), strict=True)))
    return _rows(joined, np.lexsort((joined.unit, joined.group, joined.patient)))
