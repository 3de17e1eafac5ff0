"""Adherence of a whole population: fills packed into integers, sorted once, measured in one pass.

The caller numbers patients, groups (classes) and units (ingredients). Nothing is kept but one integer per fill
and ingredient; results stream out in order of patient, group, unit.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from medsync_app.domain.adherence import Period
from medsync_app.domain.adherence_core import (
    DAY_SHIFT,
    MAX_DAYS_SUPPLY,
    Calendar,
    Run,
    Shape,
    Walk,
    first_day,
    shape,
    union,
    walk,
    walk_around_stays,
    walk_units,
    without_echoes,
)
from medsync_app.errors import Invalid

NO_GROUP = 0
WHOLE_GROUP = -1
"""The `unit` of a row that measures a group."""

# Low to high: fill (DAY_SHIFT + 22 bits for any date), unit, group, patient.
_UNIT_SHIFT = DAY_SHIFT + 22
_GROUP_SHIFT = _UNIT_SHIFT + 20
_PATIENT_SHIFT = _GROUP_SHIFT + 16
_FILL_MASK = (1 << _UNIT_SHIFT) - 1
_UNIT_MASK = (1 << 20) - 1
_GROUP_MASK = (1 << 16) - 1


class Tally(NamedTuple):
    """The figures of one patient for one unit of a group, or for the whole group."""

    patient: int
    group: int
    unit: int
    figures: Shape


class FillLedger:
    """Collects fills and measures them; the first fill counted is the first on or after the window's start."""

    def __init__(self, period: Period) -> None:
        self._period = period
        self._first = period.start.toordinal()
        self._last = period.end.toordinal() if period.days is None else self._first + 10**6
        self._packed: list[int] = []
        self._echoes = False

    def __len__(self) -> int:
        """Number of packed fills that can matter for the window."""
        return len(self._packed)

    def add(
        self, patient: int, group: int, unit: int, day: int, days_supply: int, echo: bool = False
    ) -> None:
        """Record a fill; ordinal day, days supply 1..1023. `echo`: the claim is in this group already."""
        if not self._first <= day <= self._last:
            return
        if not 1 <= days_supply <= MAX_DAYS_SUPPLY or group > _GROUP_MASK or unit > _UNIT_MASK:
            raise Invalid(f"Days supply must be 1 to {MAX_DAYS_SUPPLY}.", field="days_supply")
        if echo:
            self._echoes = True
        self._packed.append(
            patient << _PATIENT_SHIFT
            | group << _GROUP_SHIFT
            | unit << _UNIT_SHIFT
            | day << DAY_SHIFT
            | days_supply << 1
            | echo
        )

    def extend(self, fills: Iterable[tuple[int, int, int, int, int]]) -> None:
        """Record many (patient, group, unit, day, days_supply), none an echo, without a call for each."""
        first, last = self._first, self._last
        self._packed.extend(
            [
                patient << _PATIENT_SHIFT
                | group << _GROUP_SHIFT
                | unit << _UNIT_SHIFT
                | day << DAY_SHIFT
                | supply << 1
                for patient, group, unit, day, supply in fills
                if first <= day <= last and 0 < supply <= MAX_DAYS_SUPPLY
            ]
        )

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
        until = None if as_of is None else as_of + 1
        exits = left_on or {}
        calendars = stays if stays and self._period.counts_stays else {}
        simple_end = self._period.end.toordinal() + 1 if self._period.days is None else None
        for owner, members in self._grouped():
            patient, group = owner >> 16, owner & _GROUP_MASK
            whole = groups and group != NO_GROUP
            if simple_end is not None and patient not in calendars and patient not in exits:
                yield from self._simple(patient, group, members, units, whole, simple_end, until)
                continue
            runs = calendars.get(patient)
            calendar = Calendar(runs) if runs else None
            wanted = [(unit, [fills]) for unit, fills in members] if units else []
            if whole:
                wanted.append((WHOLE_GROUP, [fills for _, fills in members]))
            for unit, lists in wanted:
                figures = self._general(lists, until, calendar, exits.get(patient))
                if figures is not None:
                    yield Tally(patient, group, unit, figures)

    def _grouped(self) -> Iterator[tuple[int, list[tuple[int, list[int]]]]]:
        """(patient << 16 | group, [(unit, sorted fills), ...]) in order."""
        self._packed.sort()
        owner = key = -1
        members: list[tuple[int, list[int]]] = []
        fills: list[int] = []
        for packed in self._packed:
            if packed >> _UNIT_SHIFT != key:
                key = packed >> _UNIT_SHIFT
                if key >> 20 != owner:
                    if members:
                        yield owner, members
                    owner = key >> 20
                    members = []
                fills = []
                members.append((key & _UNIT_MASK, fills))
            fills.append(packed & _FILL_MASK)
        if members:
            yield owner, members

    def _simple(
        self,
        patient: int,
        group: int,
        members: list[tuple[int, list[int]]],
        units: bool,
        whole: bool,
        end: int,
        until: int | None,
    ) -> Iterator[Tally]:
        """Common end, no stays: each ingredient is walked once, for its own row and for its group's."""
        as_of = end if until is None else until
        walks: list[Walk] = [walk(fills, end) for _, fills in members]
        figures: Shape | None = None
        if units:
            for (unit, _), each in zip(members, walks, strict=True):
                figures = shape(each, end, as_of)
                yield Tally(patient, group, unit, figures)
        if not whole:
            return
        if len(walks) > 1 or figures is None:
            total = union(walks) if len(walks) > 1 else walks[0]
            if self._echoes:
                total = without_echoes(total, [fills for _, fills in members], end)
            figures = shape(total, end, as_of)
        yield Tally(patient, group, WHOLE_GROUP, figures)

    def _general(
        self, lists: list[list[int]], until: int | None, calendar: Calendar | None, left_on: int | None
    ) -> Shape | None:
        first = first_day(lists)
        end = self._period.stop_for(first)
        if left_on is not None:
            end = min(end, left_on + 1)
        if first > self._period.end.toordinal() or first >= end:
            return None
        as_of = end if until is None else until
        # A unit measured alone has no claim in it twice, so that its echoes are fills of its own.
        if len(lists) == 1:
            lists = [[fill & ~1 for fill in lists[0]]]
        if calendar is None:
            return shape(walk_units(lists, end, self._echoes), end, as_of)
        return walk_around_stays(lists, end, as_of, calendar)[0]
