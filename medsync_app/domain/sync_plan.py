"""The shared sync calculation: on which days the medicines can be picked up together, at what cost.

Rules: DOMAIN.md section 2. Choices where they leave room: `without_blocker` is judged on the recommended
date and needs that fewer of the others are left out without the blocker; an anchor tie goes to the smaller
id; a requested date without any fill is null unless it is past; lead time, horizon and a full day are named
among what it breaks.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

from medsync_app.domain.days import plain_day
from medsync_app.domain.participation import exclusion
from medsync_app.domain.plan_cases import Drug, Setting
from medsync_app.domain.plan_model import (
    Break,
    Excluded,
    Fill,
    Medication,
    MedicationId,
    MedicationPlan,
    Option,
    PlannedFill,
    Policy,
    Strategy,
    SyncPlan,
)
from medsync_app.domain.plan_options import Body, body_of, option_of, option_without_date
from medsync_app.domain.plan_search import (
    Best,
    align,
    best_day,
    blockers,
    candidate_days,
    fills_any,
    work_out,
)
from medsync_app.domain.plan_words import listed
from medsync_app.domain.supply import Supply, summarise
from medsync_app.errors import Invalid

__all__ = [
    "Excluded",
    "Fill",
    "Medication",
    "MedicationId",
    "MedicationPlan",
    "Option",
    "PlannedFill",
    "Policy",
    "SyncPlan",
    "option_for",
    "participants",
    "plan",
    "supply_of",
]


def plan(policy: Policy, medications: Sequence[Medication]) -> SyncPlan:
    """Every strategy's sync date with its cost, for one patient; the order of `medications` changes no date.

    Raises Invalid when two medications share an id.
    """
    _refuse_duplicates(medications)
    setting = Setting.of(policy)
    drugs, excluded = participants(setting, medications)
    aligned = align(setting, drugs)
    for drug in aligned.taken_out:
        excluded[drug.medication.id] = Excluded(drug.medication.id, "cannot_align")
    options = _Options(setting, aligned.kept, aligned.best).all()
    in_order = tuple(excluded[medication.id] for medication in medications if medication.id in excluded)
    return SyncPlan(_with_same_as(options), in_order)


def participants(
    setting: Setting, medications: Sequence[Medication]
) -> tuple[list[Drug], dict[MedicationId, Excluded]]:
    """The drugs that take part, and those that do not with the reason."""
    drugs: list[Drug] = []
    excluded: dict[MedicationId, Excluded] = {}
    for medication in medications:
        supply = supply_of(setting.policy, medication)
        reason = exclusion(setting.policy, medication, supply)
        if reason is not None or supply is None:
            excluded[medication.id] = Excluded(medication.id, reason or "unknown_days_supply")
        else:
            drugs.append(Drug.of(setting, medication, supply))
    return drugs, excluded


def option_for(policy: Policy, medications: Sequence[Medication], day: date) -> Option:
    """What moving the patient to `day` means: its cost, fills and what it breaks (the `requested` option)."""
    option = plan(replace(policy, requested_date=day), medications).option("requested")
    assert option is not None  # noqa: S101 - a policy with a requested date always gives that option
    return option


def supply_of(policy: Policy, medication: Medication) -> Supply | None:
    """Run-out, next due and eligible date of one drug under the policy; None when unknown."""
    return summarise(
        medication.fills,
        today=policy.today,
        threshold=medication.share_to_use,
        usual_days=medication.usual_days,
        accumulate=policy.accumulation or medication.schedule in (3, 4, 5),
    )


class _Options:
    """The strategies of one patient; a date that several strategies name is worked out once."""

    def __init__(self, setting: Setting, drugs: list[Drug], best: Best | None) -> None:
        self.setting = setting
        self.drugs = drugs
        self.best = best
        self.candidates = candidate_days(setting, drugs)
        self.bodies: dict[int, Body | None] = {}
        self.filled: dict[int, bool] = {}

    def all(self) -> list[Option]:
        options = [self.recommended()]
        options += [self.named(strategy, naming) for strategy, naming in _NAMINGS]
        if self.setting.policy.requested_date is not None:
            options.append(self.requested(self.setting.policy.requested_date))
        without_blocker = self.without_blocker()
        return options if without_blocker is None else [*options, without_blocker]

    def body(self, day: int) -> Body | None:
        """The worked-out date, None when a drug makes it infeasible."""
        if day not in self.bodies:
            dated = work_out(self.setting, self.drugs, day)
            self.filled[day] = dated is not None and fills_any(dated.outcomes)
            self.bodies[day] = None if dated is None else body_of(self.setting, self.drugs, dated)
        return self.bodies[day]

    def recommended(self) -> Option:
        body = None if self.best is None else self.body(self.best.day)
        if body is None:
            return option_without_date("recommended", self.why_nothing())
        return option_of("recommended", body, self.drugs)

    def why_nothing(self) -> str:
        if not self.drugs:
            return "No medicine takes part in the plan."
        if not self.candidates:
            return "No open day with room lies between the lead time and the horizon."
        return "On no day can every medicine be filled whole or in part without a gap in its supply."

    def named(self, strategy: Strategy, naming: "_Naming") -> Option:
        """The last open day with room on or before the day the strategy names."""
        if not self.drugs or not self.candidates:
            return option_without_date(strategy, self.why_nothing())
        policy = self.setting.policy
        end = max(self.setting.today + policy.horizon_days, min(drug.planned for drug in self.drugs))
        wanted = naming([drug for drug in self.drugs if drug.planned <= end])
        day = next((day for day in reversed(self.candidates) if day <= wanted), None)
        if day is None:
            when = plain_day(date.fromordinal(wanted))
            return option_without_date(
                strategy, f"No open day with room lies on or before {when} within the lead time."
            )
        return self.on(strategy, day)

    def on(self, strategy: Strategy, day: int, breaks: tuple[Break, ...] = ()) -> Option:
        body = self.body(day)
        when = plain_day(date.fromordinal(day))
        if body is None:
            blocking = blockers(self.drugs, day, self.setting.cycle)
            names = listed([drug.medication.label for drug in blocking])
            reason = f"{names} cannot be filled in part and would not fit a sync date on {when}."
            ids = tuple(drug.medication.id for drug in blocking)
            return option_without_date(strategy, reason, breaks=breaks, blocked_by=ids)
        if not self.filled[day] and "past" not in breaks:
            return option_without_date(strategy, f"No medicine can be filled on {when}.", breaks=breaks)
        if strategy == "requested":
            breaks = (*breaks, *_cost_breaks(body), *(() if self.filled[day] else ("no_fill",)))
        return option_of(strategy, body, self.drugs, breaks=breaks)

    def requested(self, wanted: date) -> Option:
        if not self.drugs:
            return option_without_date("requested", self.why_nothing())
        return self.on("requested", wanted.toordinal(), self.date_breaks(wanted))

    def date_breaks(self, wanted: date) -> tuple[Break, ...]:
        policy, day = self.setting.policy, wanted.toordinal()
        horizon = max(self.setting.today + policy.horizon_days, min(drug.planned for drug in self.drugs))
        checks: list[tuple[Break, bool]] = [
            ("past", day < self.setting.today),
            ("closed", not self.setting.days.is_open(day)),
            ("lead_time", self.setting.today <= day < self.setting.today + policy.min_lead_days),
            ("beyond_horizon", day > horizon),
            (
                "full",
                policy.daily_capacity is not None
                and policy.planned_load.get(wanted, 0) >= policy.daily_capacity,
            ),
        ]
        return tuple(code for code, broken in checks if broken)

    def without_blocker(self) -> Option | None:
        """The best plan without the unbreakable drug that leaves half or more of the others out."""
        body = None if self.best is None else self.body(self.best.day)
        if body is None:
            return None
        left_out = {plan.id for plan in body.medications if plan.case == "left_out"}
        found: list[tuple[Best, str, Drug, list[Drug]]] = []
        for blocker in self.drugs:
            others = [drug for drug in self.drugs if drug is not blocker]
            out = len(left_out - {blocker.medication.id})
            if blocker.splittable or not out or 2 * out < len(others):
                continue
            best = best_day(self.setting, others)
            if best is not None and best.left_out < out:
                found.append((best, blocker.medication.id, blocker, others))
        if not found:
            return None
        best, _, blocker, others = min(found, key=lambda entry: entry[:2])
        dated = work_out(self.setting, others, best.day)
        if dated is None:
            return None
        body = body_of(self.setting, others, dated)
        return option_of("without_blocker", body, others, without=[blocker.medication])


_Naming = Callable[[Sequence[Drug]], int]


def _anchor_due(drugs: Sequence[Drug]) -> int:
    """Unbreakable first, then highest cost per fill, longest days supply, latest next due."""
    anchor = min(
        drugs,
        key=lambda drug: (
            drug.splittable,
            -(drug.medication.cost_per_fill or Decimal(0)),
            -drug.usual_days,
            -drug.next_due,
            drug.medication.id,
        ),
    )
    return anchor.planned


def _latest_due(drugs: Sequence[Drug]) -> int:
    return max(drug.planned for drug in drugs)


def _earliest_due(drugs: Sequence[Drug]) -> int:
    return min(drug.planned for drug in drugs)


def _most_common_due(drugs: Sequence[Drug]) -> int:
    counts = Counter(drug.planned for drug in drugs)
    return min(counts, key=lambda day: (-counts[day], day))


_NAMINGS: tuple[tuple[Strategy, _Naming], ...] = (
    ("anchor", _anchor_due),
    ("latest_due", _latest_due),
    ("earliest_due", _earliest_due),
    ("most_common_due", _most_common_due),
)


def _cost_breaks(body: Body) -> tuple[Break, ...]:
    gap: tuple[Break, ...] = ("gap",) if body.cost.gap_days else ()
    return (*gap, "too_soon") if body.cost.too_soon else gap


def _with_same_as(options: Sequence[Option]) -> tuple[Option, ...]:
    """Names, on each option, the others that give the same date for the same drugs."""
    groups: dict[tuple[date, tuple[MedicationId, ...]], list[Strategy]] = {}
    for option in options:
        if option.sync_date is not None:
            groups.setdefault((option.sync_date, option.without), []).append(option.strategy)
    named: list[Option] = []
    for option in options:
        same = groups.get((option.sync_date, option.without), []) if option.sync_date is not None else []
        others = tuple(strategy for strategy in same if strategy != option.strategy)
        named.append(replace(option, same_as=others) if others else option)
    return tuple(named)


def _refuse_duplicates(medications: Sequence[Medication]) -> None:
    seen: set[MedicationId] = set()
    for index, medication in enumerate(medications):
        if medication.id in seen:
            where = f"medications[{index}].id"
            raise Invalid(f"{where} is the id of another medication too: give each its own.", where)
        seen.add(medication.id)
