"""Adherence of one patient: PDC, MPR, gaps, who counts, and who can still make it (PQA definitions).

Source: PQA, Proportion of Days Covered, and DOMAIN.md section 3. Figures for whole populations come from
`population.fill_ledger`, which a property test holds against this. Choices where the definition leaves room:
age counts on the first day of the measurement period; the 91 days are counted before stays are taken out; a
window belongs to the measurement year in which it ends.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from medsync_app.domain.adherence_core import (
    MAX_DAYS_SUPPLY,
    Calendar,
    Run,
    Shape,
    first_day,
    pack,
    shape,
    walk_around_stays,
    walk_units,
)
from medsync_app.errors import Invalid

MIN_AGE_YEARS = 18
MIN_PERIOD_DAYS = 91
LAST_YEAR_WITH_STAYS = 2025
"""Measurement years after this one no longer adjust for inpatient and nursing-facility stays."""


class NotCounted(StrEnum):
    """Why a patient is outside the denominator."""

    UNDER_18 = "under_18"
    ONE_FILL_DATE = "one_fill_date"
    SHORT_PERIOD = "short_period"
    HOSPICE = "hospice"
    ESRD = "esrd"
    INSULIN = "insulin"
    SACUBITRIL_VALSARTAN = "sacubitril_valsartan"


NOT_COUNTED_LABELS: Mapping[NotCounted, str] = {
    NotCounted.UNDER_18: "younger than 18 when the measurement began",
    NotCounted.ONE_FILL_DATE: "fewer than two fill dates in the period",
    NotCounted.SHORT_PERIOD: "first fill less than 91 days before the period's end",
    NotCounted.HOSPICE: "in hospice care",
    NotCounted.ESRD: "has end-stage renal disease",
    NotCounted.INSULIN: "uses insulin",
    NotCounted.SACUBITRIL_VALSARTAN: "uses sacubitril/valsartan",
}


@dataclass(frozen=True, slots=True)
class Claim:
    """One picked-up, not reversed fill; `ingredients` empty means that the drug is its own ingredient."""

    patient_id: str
    drug: str
    fill_date: date
    days_supply: int
    ingredients: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 1 <= self.days_supply <= MAX_DAYS_SUPPLY:
            raise Invalid(f"Days supply must be 1 to {MAX_DAYS_SUPPLY}.", field="days_supply")


@dataclass(frozen=True, slots=True)
class Stay:
    """An inpatient or nursing-facility stay; the discharge day belongs to it."""

    start: date
    discharged_on: date

    def __post_init__(self) -> None:
        if self.discharged_on < self.start:
            raise Invalid("A stay cannot end before it starts.", field="end")


@dataclass(frozen=True, slots=True)
class Period:
    """A measurement window, both ends counted.

    `days`: measure that many days from the first fill instead of to `end`. `left_on`: the last day that
    counts because of death or disenrolment.
    """

    start: date
    end: date
    days: int | None = None
    left_on: date | None = None

    def __post_init__(self) -> None:
        if self.end < self.start:
            raise Invalid("The period's end lies before its start.", field="end")
        if self.days is not None and not 1 <= self.days <= 36_600:
            raise Invalid("The length of a period must be 1 to 36600 days.", field="days")

    def stop_for(self, first: int) -> int:
        """Day after the last one of a treatment period whose first fill is on ordinal day `first`."""
        stop = self.end.toordinal() + 1 if self.days is None else first + self.days
        return stop if self.left_on is None else min(stop, self.left_on.toordinal() + 1)

    @property
    def counts_stays(self) -> bool:
        """True when the measurement year still adjusts for stays (2025 and earlier)."""
        return self.end.year <= LAST_YEAR_WITH_STAYS


@dataclass(frozen=True, slots=True)
class Gap:
    """A run of days without supply, both ends inside it."""

    first: date
    last: date

    @property
    def days(self) -> int:
        """Length in days."""
        return (self.last - self.first).days + 1


@dataclass(frozen=True, slots=True)
class Adherence:
    """The adherence figures of one patient for one drug, class or whole list."""

    period_start: date
    period_end: date
    period_days: int
    covered_days: int
    pdc: float
    mpr: float
    fills: int
    in_denominator: bool
    adherent: bool
    gap_days_left: int
    gaps: tuple[Gap, ...] = ()
    not_counted: tuple[NotCounted, ...] = ()


@dataclass(frozen=True, slots=True)
class Outlook:
    """Whether 80 % can still be reached; `remaining` is also how many days the next refill may be late."""

    allowed: int
    used: int
    remaining: int
    best_case: float
    projected: float
    """PDC when nothing more is filled: the supply in hand, at most the days left, is still taken."""
    lost: bool


@dataclass(frozen=True, slots=True)
class Person:
    """What the denominator rules ask of a patient besides fills."""

    birth_date: date | None = None
    hospice: bool = False
    esrd: bool = False
    insulin: bool = False
    sacubitril_valsartan: bool = False
    stays: tuple[Stay, ...] = ()


NOBODY = Person()


def allowed_gap_days(period_days: int) -> int:
    """Days a patient may be without supply and still reach PDC 0.80: floor(0.20 * period)."""
    return period_days // 5


def reaches_goal(covered_days: int, period_days: int) -> bool:
    """PDC >= 0.80, in whole numbers so that exactly 80 % counts."""
    return period_days > 0 and covered_days * 5 >= period_days * 4


def is_adult(birth_date: date | None, on: date) -> bool:
    """At least 18 on that day; an unknown birth date does not exclude. Born 29 February: 18 on 1 March."""
    if birth_date is None:
        return True
    return (on.year - birth_date.year) - ((on.month, on.day) < (birth_date.month, birth_date.day)) >= (
        MIN_AGE_YEARS
    )


def pdc(
    claims: Iterable[Claim],
    period: Period,
    *,
    as_of: date | None = None,
    person: Person = NOBODY,
) -> Adherence | None:
    """Figures for one patient's claims of one drug or one class; None without a fill in the window.

    Claims of one ingredient are shifted (supply in hand first), different ingredients are not: a day counts
    once. A claim for a combination product counts for each of its `ingredients`. Pass only the flags of
    `person` that concern the drug or class measured. `as_of`: last day that uses up gap days.
    """
    units = _units(claims, period.start.toordinal())
    if not units:
        return None
    first = first_day(units)
    stop = period.stop_for(first)
    if first > period.end.toordinal() or first >= stop:
        return None
    until = stop if as_of is None else as_of.toordinal() + 1
    calendar = _calendar(person, period)
    if calendar is None:
        total = walk_units(units, stop)
        figures = shape(total, stop, until)
        runs: Sequence[Run] = total.gaps
    else:
        figures, total = walk_around_stays(units, stop, until, calendar)
        runs = [run for gap in total.gaps for run in calendar.real_runs(gap)]
    return adherence_of(figures, period, person, runs)


def adherence_of(
    figures: Shape, period: Period, person: Person = NOBODY, gaps: Sequence[Run] = ()
) -> Adherence:
    """The public record for measured integers."""
    covered = figures.period_days - figures.uncovered
    reasons = reasons_not_counted(figures, period, person)
    return Adherence(
        period_start=date.fromordinal(figures.first),
        period_end=date.fromordinal(figures.end - 1),
        period_days=figures.period_days,
        covered_days=covered,
        pdc=ratio(covered, figures.period_days),
        mpr=ratio(figures.supplied, figures.period_days),
        fills=figures.fills,
        in_denominator=not reasons,
        adherent=reaches_goal(covered, figures.period_days),
        gap_days_left=allowed_gap_days(figures.period_days) - figures.uncovered_so_far,
        gaps=tuple(Gap(date.fromordinal(a), date.fromordinal(b - 1)) for a, b in gaps),
        not_counted=reasons,
    )


def reasons_not_counted(figures: Shape, period: Period, person: Person = NOBODY) -> tuple[NotCounted, ...]:
    """Every reason that keeps a patient out of the denominator, empty when the patient counts."""
    reasons: list[NotCounted] = []
    if not is_adult(person.birth_date, period.start):
        reasons.append(NotCounted.UNDER_18)
    if not figures.several_dates:
        reasons.append(NotCounted.ONE_FILL_DATE)
    if figures.end - figures.first < MIN_PERIOD_DAYS or figures.period_days <= 0:
        reasons.append(NotCounted.SHORT_PERIOD)
    if person.hospice:
        reasons.append(NotCounted.HOSPICE)
    if person.esrd:
        reasons.append(NotCounted.ESRD)
    if person.insulin:
        reasons.append(NotCounted.INSULIN)
    if person.sacubitril_valsartan:
        reasons.append(NotCounted.SACUBITRIL_VALSARTAN)
    return tuple(reasons)


def ratio(part: int, days: int) -> float:
    """part / days; 0.0 for a period that stays have emptied."""
    return part / days if days > 0 else 0.0


def still_makeable(covered_days: int, period_days: int, days_left: int, on_hand: int = 0) -> Outlook:
    """Can the patient still reach 80 %? `covered_days` so far, `days_left` after today, supply `on_hand`.

    292 covered of 365 with 30 left: best case 88.2 %. Raises Invalid when the days do not fit the period.
    """
    elapsed = period_days - days_left
    if period_days < 1 or not 0 <= days_left <= period_days or not 0 <= covered_days <= elapsed:
        raise Invalid("The covered days and the days left must fit into the period.", field="covered_days")
    if on_hand < 0:
        raise Invalid("The supply on hand cannot be negative.", field="on_hand")
    allowed = allowed_gap_days(period_days)
    used = elapsed - covered_days
    return Outlook(
        allowed=allowed,
        used=used,
        remaining=allowed - used,
        best_case=ratio(covered_days + days_left, period_days),
        projected=ratio(covered_days + min(on_hand, days_left), period_days),
        lost=not reaches_goal(covered_days + days_left, period_days),
    )


def outlook(
    claims: Iterable[Claim], period: Period, as_of: date, *, person: Person = NOBODY
) -> Outlook | None:
    """`still_makeable` from the fills known on `as_of` (that day counts as elapsed).

    None without a fill, and where stays have taken the whole period: nothing is left to lose.
    """
    known = [claim for claim in claims if claim.fill_date <= as_of]
    result = pdc(known, period, as_of=as_of, person=person)
    if result is None or result.period_days < 1:
        return None
    used = allowed_gap_days(result.period_days) - result.gap_days_left
    last_day = min(as_of, result.period_end)
    left = _counted_days(last_day, result.period_end, person, period)
    covered = result.period_days - left - used
    return still_makeable(covered, result.period_days, left, result.covered_days - covered)


def _counted_days(after: date, last: date, person: Person, period: Period) -> int:
    start, stop = after.toordinal() + 1, last.toordinal() + 1
    calendar = _calendar(person, period)
    return stop - start if calendar is None else calendar.counted(stop) - calendar.counted(start)


def _calendar(person: Person, period: Period) -> Calendar | None:
    if not person.stays or not period.counts_stays:
        return None
    return Calendar((stay.start.toordinal(), stay.discharged_on.toordinal() + 1) for stay in person.stays)


def _units(claims: Iterable[Claim], start: int) -> list[list[int]]:
    units: dict[str, list[int]] = {}
    for claim in claims:
        day = claim.fill_date.toordinal()
        if day < start:
            continue
        for position, ingredient in enumerate(dict.fromkeys(claim.ingredients or (claim.drug,))):
            units.setdefault(ingredient, []).append(pack(day, claim.days_supply, position > 0))
    return [sorted(unit) for unit in units.values()]
