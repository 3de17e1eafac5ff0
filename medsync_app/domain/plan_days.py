"""Every day a patient could be synced on, with its cost: what planning a whole pharmacy chooses from."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date

from medsync_app.domain.plan_cases import Drug, Setting
from medsync_app.domain.plan_model import Cost, Medication, Policy
from medsync_app.domain.plan_search import Dated, align, candidate_days, fills_any, work_out
from medsync_app.domain.sync_plan import participants


@dataclass(frozen=True, slots=True)
class DayOption:
    """One possible sync date: its cost, and the days of the extra trips before and soon after it."""

    day: date
    cost: Cost
    trips: frozenset[date] = frozenset()


@dataclass(frozen=True, slots=True)
class PatientDays:
    """The feasible days of one patient in order, and the best of them by the order of plans (None: no day at all)."""

    options: tuple[DayOption, ...]
    best: DayOption | None

    def on(self, day: date) -> DayOption | None:
        """The option of that day, None when it is not feasible."""
        return next((option for option in self.options if option.day == day), None)


@dataclass(frozen=True, slots=True)
class Allowance:
    """How much worse than the recommended date a day may be for a patient, counted as `Cost` counts."""

    trips: int = 0
    short_fills: int = 0
    left_out: int = 0
    early_days: int = 5


def patient_days(
    policy: Policy,
    medications: Sequence[Medication],
    *,
    also: Collection[date] = (),
    within: Allowance | None = None,
) -> PatientDays:
    """Every feasible candidate day with its cost; how full a day is does not count here, preferred weekdays do.

    `also` adds days that stand outside the candidates, such as the date a patient has now. `within` leaves out, to
    save time, what costs more than the best day and this, and more than the days of `also`. The drugs are those of
    the recommended plan: what no date serves is taken out first.
    """
    setting = Setting.of(replace(policy, daily_capacity=None))
    drugs, _ = participants(setting, medications)
    aligned = align(setting, drugs)
    if aligned.best is None:
        return PatientDays((), None)
    preferred = policy.preferred_weekdays
    wanted = bool(preferred) and (aligned.best.day - 1) % 7 in preferred
    days = {day for day in candidate_days(setting, aligned.kept) if not wanted or (day - 1) % 7 in preferred}
    first = {aligned.best.day, *(day.toordinal() for day in also)}
    options = {day: option for day in first if (option := _option(setting, aligned.kept, day)) is not None}
    best = options[aligned.best.day]
    limits = None if within is None else _limits(best.cost, within, [o.cost for o in options.values()])
    for day in days - first:
        if limits is None or _may_fit(aligned.kept, day, setting.cycle, limits):
            option = _option(setting, aligned.kept, day)
            if option is not None:
                options[day] = option
    return PatientDays(tuple(options[day] for day in sorted(options)), best)


def _option(setting: Setting, drugs: Sequence[Drug], day: int) -> DayOption | None:
    dated = work_out(setting, drugs, day)
    if dated is None or not fills_any(dated.outcomes):
        return None
    return DayOption(date.fromordinal(day), dated.cost, _trip_days(setting, dated))


def _limits(best: Cost, allowance: Allowance, others: Sequence[Cost]) -> tuple[int, int, int]:
    """The most short fills, drugs left out and early days that a day may have and still be of use."""
    return (
        max([best.short_fills + allowance.short_fills, *(cost.short_fills for cost in others)]),
        max([best.left_out + allowance.left_out, *(cost.left_out for cost in others)]),
        max([best.early_days + allowance.early_days, *(cost.early_days for cost in others)]),
    )


def _may_fit(drugs: Sequence[Drug], day: int, cycle: int, limits: tuple[int, int, int]) -> bool:
    """Whether the cost that is known without looking for trips is within the limits."""
    short_fills, left_out, early_days = limits
    for drug in drugs:
        outcome = drug.outcome(day, cycle)
        if outcome is None:
            return False
        short_fills -= outcome.short_fills
        left_out -= outcome.case == "left_out"
        early_days -= outcome.early_days
    return short_fills >= 0 and left_out >= 0 and early_days >= 0


def _trip_days(setting: Setting, dated: Dated) -> frozenset[date]:
    """The pickups besides the sync date until the next one; those after it belong to the next plan."""
    until = dated.day + setting.cycle
    return frozenset(
        date.fromordinal(day) for day in set(dated.trips.days) if day != dated.day and day < until
    )
