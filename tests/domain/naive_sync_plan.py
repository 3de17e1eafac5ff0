"""The rules of DOMAIN.md section 2 written down once more, slowly and with dates, to judge the planner by."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from itertools import combinations

from medsync_app.domain.sync_plan import Medication, Policy

NaiveCost = tuple[int, int, int, int, int, int]


@dataclass
class NaiveFill:
    """A fill before the drug has joined, with the first and last day of its window."""

    opens: date
    due: date
    days: int
    short: bool
    picked_up: date | None = None
    too_soon: bool = False


@dataclass
class NaiveDrug:
    id: str
    due: date
    eligible: date
    usual: int
    threshold: Fraction
    splittable: bool


@dataclass
class NaivePlan:
    cost: NaiveCost
    day: date
    cases: dict[str, str]
    joins: dict[str, date]
    fills: dict[str, list[NaiveFill]]


def plus(day: date, days: int) -> date:
    return day + timedelta(days=days)


def is_open(policy: Policy, day: date) -> bool:
    return day.weekday() in policy.open_weekdays and day not in policy.closed_dates


def open_on_or_before(policy: Policy, day: date) -> date:
    while not is_open(policy, day):
        day = plus(day, -1)
    return day


def first_open(policy: Policy) -> date:
    day = policy.today
    while not is_open(policy, day):
        day = plus(day, 1)
    return day


def naive_drug(medication: Medication) -> NaiveDrug:
    """Run-out and eligible by walking the fills; for fills without picked-up dates."""
    threshold = Fraction(medication.threshold or 0)
    run_out = date.min
    fills = sorted(medication.fills, key=lambda fill: fill.date)
    for fill in fills:
        run_out = plus(max(fill.date, run_out), fill.days_supply or 0)
    last = fills[-1]
    days = last.days_supply or 0
    eligible = max(
        plus(last.date, math.ceil(threshold * days)), plus(run_out, -math.floor((1 - threshold) * days))
    )
    usual = medication.usual_days or [fill.days_supply for fill in fills if fill.kind == "full"][-1] or 0
    return NaiveDrug(medication.id, run_out, eligible, usual, threshold, medication.splittable is not False)


class Naive:
    """One policy, asked about any set of drugs and any date."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.first_open = first_open(policy)

    def planned(self, drug: NaiveDrug) -> date:
        return max(plus(drug.due, -self.policy.buffer_days), drug.eligible, self.first_open)

    def in_hand(self, drug: NaiveDrug) -> int:
        return max(0, (drug.due - self.planned(drug)).days)

    def leeway(self, drug: NaiveDrug) -> int:
        return max(0, math.floor((1 - drug.threshold) * drug.usual) - self.in_hand(drug))

    def on(self, drug: NaiveDrug, day: date) -> tuple[str, list[NaiveFill], int] | None:
        """Case, fills before and early days of a drug filled on `day`; None when it cannot be filled."""
        if day < drug.eligible:
            return None
        planned, usual = self.planned(drug), drug.usual
        if day < planned:
            return "early", [], (planned - day).days
        full = 0
        while plus(planned, (full + 1) * usual) <= day:
            full += 1
        start = plus(planned, full * usual)
        rest = (day - start).days
        dues = [(plus(planned, index * usual), usual, False) for index in range(full)]
        if rest <= self.in_hand(drug):
            return "on_time", self.windows(drug, dues), 0
        if day >= plus(start, usual - min(self.leeway(drug), usual // 4, 14)):
            return "absorb", self.windows(drug, [*dues, (start, usual, False)]), usual - rest
        if not drug.splittable:
            return None
        while rest > 30:
            dues.append((start, 30, True))
            start, rest = plus(start, 30), rest - 30
        return "bridge", self.windows(drug, [*dues, (start, rest, True)]), 0

    def windows(self, drug: NaiveDrug, dues: Sequence[tuple[date, int, bool]]) -> list[NaiveFill]:
        fills: list[NaiveFill] = []
        for index, (due, days, short) in enumerate(dues):
            opens = drug.eligible if index == 0 else plus(due, -self.leeway(drug))
            fills.append(NaiveFill(max(opens, self.policy.today), due, days, short))
        return fills

    def plan(self, drugs: Sequence[NaiveDrug], day: date) -> NaivePlan | None:
        cases: dict[str, str] = {}
        joins: dict[str, date] = {}
        fills: dict[str, list[NaiveFill]] = {}
        early_days = 0
        for drug in drugs:
            for cycles in range(13):
                joining_day = plus(day, cycles * self.policy.cycle_days)
                joining = self.on(drug, joining_day)
                if joining is not None or (cycles == 0 and day >= drug.eligible):
                    break
            else:
                return None
            if joining is None:
                return None
            case, before, early = joining
            if day < drug.eligible:
                lasts = drug.due >= plus(day, self.policy.cycle_days)
                case = "not_due" if lasts else "left_out"
            cases[drug.id], joins[drug.id], fills[drug.id] = case, joining_day, before
            early_days += early
        everything = [fill for own in fills.values() for fill in own]
        trips = self.trips(everything, day)
        cost = (
            sum(max(0, (self.planned(d) - max(d.due, self.policy.today)).days) for d in drugs),
            sum(fill.too_soon for fill in everything),
            trips,
            sum(fill.short for fill in everything),
            sum(case == "left_out" for case in cases.values()),
            early_days,
        )
        return NaivePlan(cost, day, cases, joins, fills)

    def trips(self, fills: list[NaiveFill], day: date) -> int:
        """Dates the fills, counts the trips: serve the window that ends first, on its last open day."""
        sync_days = {
            open_on_or_before(self.policy, plus(day, cycles * self.policy.cycle_days)) for cycles in range(13)
        }
        windows: list[tuple[date, date, NaiveFill]] = []
        for fill in fills:
            last = open_on_or_before(self.policy, fill.due)
            if last < fill.opens:
                fill.too_soon = True
                windows.append((last, last, fill))
            else:
                windows.append((fill.opens, last, fill))
        served = list(windows)
        chosen: set[date] = set()
        while windows:
            stab = min(last for _, last, _ in windows)
            chosen.add(stab)
            windows = [window for window in windows if not window[0] <= stab <= window[1]]
        for opens, last, fill in served:
            fill.picked_up = max(stab for stab in chosen if opens <= stab <= last)
        return len(chosen - sync_days)

    def candidates(self, drugs: Sequence[NaiveDrug]) -> Iterator[date]:
        policy = self.policy
        end = plus(policy.today, policy.horizon_days)
        if all(self.planned(drug) > end for drug in drugs):
            end = min(self.planned(drug) for drug in drugs)
        day = plus(policy.today, policy.min_lead_days)
        while day <= end:
            room = policy.daily_capacity is None or policy.planned_load.get(day, 0) < policy.daily_capacity
            if is_open(policy, day) and room:
                yield day
            day = plus(day, 1)

    def feasible(self, drugs: Sequence[NaiveDrug]) -> list[NaivePlan]:
        if not drugs:
            return []
        found: list[NaivePlan] = []
        for day in self.candidates(drugs):
            plan = self.plan(drugs, day)
            if plan is not None and set(plan.cases.values()) - {"left_out", "not_due"}:
                found.append(plan)
        preferred = [plan for plan in found if plan.day.weekday() in self.policy.preferred_weekdays]
        return preferred or found

    def best(self, drugs: Sequence[NaiveDrug]) -> NaivePlan | None:
        return min(self.feasible(drugs), key=lambda plan: (plan.cost, plan.day), default=None)

    def recommended(self, drugs: Sequence[NaiveDrug]) -> tuple[NaivePlan | None, tuple[str, ...]]:
        """The optimum, and the ids of the fewest unbreakable drugs that had to be taken out for it."""
        unbreakable = sorted(drug.id for drug in drugs if not drug.splittable)
        for size in range(len(unbreakable) + 1):
            found: list[tuple[NaiveCost, date, tuple[str, ...], NaivePlan]] = []
            for removed in combinations(unbreakable, size):
                plan = self.best([drug for drug in drugs if drug.id not in removed])
                if plan is not None:
                    found.append((plan.cost, plan.day, removed, plan))
            if found:
                *_, removed, plan = min(found, key=lambda entry: entry[:3])
                return plan, removed
        return None, ()
