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
    cost_per_fill: Fraction = Fraction(0)


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


#: Words of dosage forms, as a pharmacist would sort the ones the random patients have.
ONE_PIECE = ("inhaler", "insulin pen", "eye drops", "cream")
TICK_IN = {"inhaler": "inhaler", "insulin pen": "insulin", "eye drops": "drops", "oral solution": "liquid"}


def naive_threshold(medication: Medication) -> Fraction:
    if medication.threshold is not None:
        return Fraction(medication.threshold)
    return Fraction(85, 100) if medication.schedule in (3, 4, 5) else Fraction(75, 100)


def naive_supply(policy: Policy, medication: Medication) -> tuple[date, date, int] | None:
    """Run-out, eligible and usual days by walking the fills; None when unknown."""
    counted = [
        fill
        for fill in medication.fills
        if not fill.reversed and not (fill.quantity is not None and fill.quantity <= 0)
    ]
    counted.sort(key=lambda fill: fill.date)
    if not counted or not counted[-1].days_supply:
        return None
    full = [fill.days_supply for fill in counted if fill.kind == "full"]
    usual = medication.usual_days or (full[-1] if full else None)
    if not usual:
        return None
    threshold, last = naive_threshold(medication), counted[-1]
    run_out = claims_end = date.min
    for fill in counted:
        in_hand_from = fill.date
        if fill.waiting:
            in_hand_from = max(fill.date, policy.today)
        elif fill.picked_up_on:
            in_hand_from = fill.picked_up_on
        run_out = plus(max(in_hand_from, run_out), fill.days_supply or 0)
        claims_end = plus(max(fill.date, claims_end), fill.days_supply or 0)
    days = last.days_supply or 0
    eligible = plus(last.date, math.ceil(threshold * days))
    if policy.accumulation or medication.schedule in (3, 4, 5):
        eligible = max(eligible, plus(claims_end, -math.floor((1 - threshold) * days)))
    return run_out, eligible, usual


def naive_exclusion(policy: Policy, medication: Medication) -> str | None:
    """Why a drug takes no part: what nobody can lift first, then what a pharmacist may tick in."""
    known = naive_supply(policy, medication)
    expired = medication.expires_on is not None and medication.expires_on < policy.today
    lasting = [
        ("discontinued", medication.status == "discontinued"),
        ("expired", medication.status == "expired" or (expired and not medication.renewal_possible)),
        ("schedule_ii", medication.schedule == 2),
        ("as_needed", medication.as_needed),
        ("not_maintenance", not medication.maintenance),
        ("unknown_days_supply", known is None),
    ]
    lapsed = known is not None and plus(known[0], policy.lapsed_after_days) < policy.today
    liftable = [
        ("lapsed", lapsed),
        ("schedule_iii_v", medication.schedule in (3, 4, 5)),
        (TICK_IN.get(medication.form, ""), medication.form in TICK_IN),
        ("taken_out", medication.include is False),
    ]
    reasons = lasting if medication.include is True else lasting + liftable
    return next((code for code, applies in reasons if applies), None)


def naive_drug(policy: Policy, medication: Medication) -> NaiveDrug:
    known = naive_supply(policy, medication)
    assert known is not None
    splittable = medication.splittable
    if splittable is None:
        splittable = medication.form not in ONE_PIECE
    cost = medication.cost_per_fill or 0
    return NaiveDrug(medication.id, *known, naive_threshold(medication), splittable, Fraction(cost))


def naive_drugs(policy: Policy, medications: Sequence[Medication]) -> list[NaiveDrug]:
    return [naive_drug(policy, one) for one in medications if naive_exclusion(policy, one) is None]


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

    def is_fillable(self, drug: NaiveDrug, day: date) -> bool:
        """Paid by then; after the first sync date also not before its supply ends before the next date."""
        lasts = self.policy.in_sync and drug.due >= plus(day, self.policy.cycle_days)
        return day >= drug.eligible and not lasts

    def on(self, drug: NaiveDrug, day: date) -> tuple[str, list[NaiveFill], int] | None:
        """Case, fills before and early days of a drug filled on `day`; None when it cannot be filled."""
        if not self.is_fillable(drug, day):
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
                if joining is not None or (cycles == 0 and self.is_fillable(drug, day)):
                    break
            else:
                return None
            if joining is None:
                return None
            case, before, early = joining
            if not self.is_fillable(drug, day):
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

    def named(self, drugs: Sequence[NaiveDrug]) -> dict[str, date | None]:
        """The date of each strategy that names one, None when no candidate lies on or before it."""
        candidates = list(self.candidates(drugs)) if drugs else []
        if not candidates:
            return dict.fromkeys(("anchor", "latest_due", "earliest_due", "most_common_due"))
        end = plus(self.policy.today, self.policy.horizon_days)
        days = {drug.id: self.planned(drug) for drug in drugs}
        within = [drug for drug in drugs if days[drug.id] <= max(end, min(days.values()))]
        common = sorted(days[drug.id] for drug in within)
        anchor = sorted(
            within, key=lambda d: (d.splittable, -d.cost_per_fill, -d.usual, -d.due.toordinal(), d.id)
        )[0]
        wanted = {
            "anchor": days[anchor.id],
            "latest_due": common[-1],
            "earliest_due": common[0],
            "most_common_due": max(common, key=lambda day: (common.count(day), -day.toordinal())),
        }
        return {
            strategy: max((day for day in candidates if day <= named), default=None)
            for strategy, named in wanted.items()
        }

    def without_blocker(self, drugs: Sequence[NaiveDrug]) -> tuple[str, NaivePlan] | None:
        """The unbreakable drug that leaves half or more of the others out, and the best plan without it."""
        best = self.best(drugs)
        if best is None:
            return None
        found: list[tuple[NaiveCost, date, str, NaivePlan]] = []
        for blocker in drugs:
            others = [drug for drug in drugs if drug is not blocker]
            out = sum(best.cases[drug.id] == "left_out" for drug in others)
            if blocker.splittable or out == 0 or out < len(others) / 2:
                continue
            without = self.best(others)
            if without is not None and without.cost[4] < out:
                found.append((without.cost, without.day, blocker.id, without))
        if not found:
            return None
        *_, blocker_id, plan = min(found, key=lambda entry: entry[:3])
        return blocker_id, plan
