"""Measures planning a whole pharmacy together beside taking its patients one by one, in one run."""

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from medsync_app.cli.bench_planner import invented_drugs
from medsync_app.domain.level import Choice, allowed_days, level
from medsync_app.domain.plan_days import Allowance, patient_days
from medsync_app.domain.plan_model import Cost, Medication, Policy
from medsync_app.domain.sync_plan import plan

_TODAY = date(2026, 10, 3)
#: Room on a day: one patient in ten, not much more than the mean of the open days needs with the trips.
_SHARE = 10
_LEAD_DAYS = 3
_Drugs = Sequence[Sequence[Medication]]


def measure(patients: int) -> dict[str, Any]:
    """Date so many new patients of six drugs over 45 days, six days a week, under a capacity.

    One by one, each takes the recommended date among the days that still have room. Gives for both ways the sum of
    the squares of the daily load (sync dates and trips, on the days that may be chosen), its peak, cost in a mean
    patient, those without a date, and the time; `us_of_choosing` is the time of the flow alone, `ratio` that of the
    sums of squares.
    """
    drugs = invented_drugs(patients)
    policy = Policy(
        today=_TODAY, open_weekdays=frozenset(range(6)), min_lead_days=_LEAD_DAYS, buffer_days=3,
        daily_capacity=max(1, patients // _SHARE),
    )  # fmt: skip
    began = time.process_time()
    choices, load = _choices(policy, drugs)
    ready = time.process_time()
    found = level(choices, load, policy.daily_capacity)
    took = time.process_time()
    together = {choice.id: option.cost for choice in choices for option in choice.options
                if option.day == found.days[choice.id]}  # fmt: skip
    alone, alone_load = _one_by_one(policy, drugs)
    alone_took = time.process_time() - took
    counts, alone_counts = _chosen(found.load), _chosen(alone_load)
    squares, alone_squares = (sum(n * n for n in days) for days in (counts, alone_counts))
    return {
        "patients": patients,
        "capacity": policy.daily_capacity,
        "us_per_patient": round((took - began) / patients * 1e6),
        "us_of_choosing": round((took - ready) / patients * 1e6),
        "peak": max(counts),
        "squares": squares,
        "cost": _mean(together.values()),
        "without_date": f"{patients - len(together)} patients",
        "one_by_one_us_per_patient": round(alone_took / patients * 1e6),
        "one_by_one_peak": max(alone_counts),
        "one_by_one_squares": alone_squares,
        "one_by_one_cost": _mean(alone),
        "one_by_one_without_date": f"{patients - len(alone)} patients",
        "ratio": round(squares / alone_squares, 3),
    }


def _chosen(load: Mapping[date, int]) -> list[int]:
    """The load of the days from the lead time on: the days before hold only trips, the same in both ways."""
    return [count for day, count in load.items() if (day - _TODAY).days >= _LEAD_DAYS]


def _choices(policy: Policy, drugs: _Drugs) -> tuple[list[Choice], Counter[date]]:
    """The allowed days of every patient, and the load of the trips that they keep."""
    load: Counter[date] = Counter()
    choices: list[Choice] = []
    for number, chosen in enumerate(drugs):
        known = patient_days(policy, chosen, within=Allowance())
        if known.best is not None:
            choices.append(Choice(f"{number:08}", allowed_days(known, Allowance()), known.best.day))
            load.update(known.best.trips)
    return choices, load


def _one_by_one(policy: Policy, drugs: _Drugs) -> tuple[list[Cost], Counter[date]]:
    load: Counter[date] = Counter()
    costs: list[Cost] = []
    for chosen in drugs:
        best = plan(replace(policy, planned_load=load), chosen).recommended
        if best.sync_date is None or best.cost is None:
            continue
        costs.append(best.cost)
        fills = {fill.date for drug in best.medications for fill in drug.fills}
        load.update(
            day
            for day in fills
            if day < best.sync_date or 0 < (day - best.sync_date).days < policy.cycle_days
        )
        load[best.sync_date] += 1
    return costs, load


def _mean(costs: Iterable[Cost]) -> str:
    """A mean patient's cost in words."""
    every = list(costs)
    parts = (
        ("gap days", sum(cost.gap_days for cost in every)),
        ("too soon", sum(cost.too_soon for cost in every)),
        ("trips", sum(cost.trips for cost in every)),
        ("short fills", sum(cost.short_fills for cost in every)),
        ("left out", sum(cost.left_out for cost in every)),
        ("early days", sum(cost.early_days for cost in every)),
    )
    return " ".join(f"{total / len(every):.2f} {name}" for name, total in parts if total)
