"""The sync dates after the first one, which drugs are filled on each, and when an enrollment is up for review.

Choices where the rules leave room: a date is pulled back to the run-out of a drug in either cadence; a month
may be up to a week longer than the supply of a drug before the drug is filled on the date before.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from dateutil.relativedelta import relativedelta

from medsync_app.domain.days import OpenDays
from medsync_app.domain.plan_model import Policy

CadenceKind = Literal["cycle", "monthly"]
MONTH_SLACK_DAYS = 7
MISSED_CYCLES = 2
SILENT_DAYS = 90


@dataclass(frozen=True, slots=True)
class SyncedDrug:
    """A drug in sync: `run_out` is its first day without supply before the first of the dates asked for."""

    id: str
    usual_days: int
    run_out: date


@dataclass(frozen=True, slots=True)
class SyncVisit:
    """One sync date: the nominal day of the chain, the open day it is held on, and the drugs filled then."""

    nominal: date
    day: date
    fills: tuple[str, ...]


def nominal_date(anchor: date, number: int, policy: Policy, kind: CadenceKind = "cycle") -> date:
    """The number-th date of the chain (0 is the anchor); moved dates do not make it drift."""
    if kind == "monthly":
        return anchor + relativedelta(months=number)
    return anchor + timedelta(days=number * policy.cycle_days)


def last_open_day(day: date, policy: Policy) -> date:
    """The last open day on or before `day`."""
    return OpenDays.of(policy.open_weekdays, policy.closed_dates).last_open(day)


def visits(
    anchor: date, drugs: Sequence[SyncedDrug], count: int, policy: Policy, kind: CadenceKind = "cycle"
) -> tuple[SyncVisit, ...]:
    """The first `count` sync dates from the anchor on, with the drugs filled on each.

    A drug is filled when its supply would end before the next date: a 90-day drug on a 30-day cycle is
    filled every third time and a 30-day drug on a 28-day cycle is skipped once its surplus reaches a cycle.
    A date later than the run-out of a drug is pulled back to it.
    """
    run_outs = {drug.id: drug.run_out for drug in drugs}
    slack = timedelta(days=MONTH_SLACK_DAYS if kind == "monthly" else 0)
    found: list[SyncVisit] = []
    for number in range(count):
        nominal = nominal_date(anchor, number, policy, kind)
        day = last_open_day(nominal, policy)
        if number:
            day = max(found[-1].day, last_open_day(min([day, *run_outs.values()]), policy))
        following = nominal_date(anchor, number + 1, policy, kind)
        filled = [drug for drug in drugs if run_outs[drug.id] < following - slack]
        for drug in filled:
            run_outs[drug.id] = max(day, run_outs[drug.id]) + timedelta(days=drug.usual_days)
        found.append(SyncVisit(nominal, day, tuple(drug.id for drug in filled)))
    return tuple(found)


def needs_activity_review(
    missed_cycles: int, last_fill: date, today: date, silent_days: int = SILENT_DAYS
) -> bool:
    """Whether the enrollment is up for review: two missed cycles, or `silent_days` without a fill."""
    return missed_cycles >= MISSED_CYCLES or (today - last_fill).days >= silent_days
