"""The planner in plain words: labels of all codes, and the sentence that explains an option."""

from collections.abc import Mapping, Sequence
from datetime import date

from medsync_app.domain.days import plain_day
from medsync_app.domain.plan_model import (
    Break,
    Case,
    Cost,
    ExclusionReason,
    Medication,
    MedicationId,
    MedicationPlan,
    Strategy,
)

CASE_LABELS: Mapping[Case, str] = {
    "on_time": "Due that day",
    "early": "Filled a little early",
    "absorb": "Filled early instead of a short fill",
    "bridge": "Short fill first",
    "not_due": "Lasts past the next sync date",
    "left_out": "Runs out in between, joins later",
}
EXCLUSION_LABELS: Mapping[ExclusionReason, str] = {
    "discontinued": "Stopped",
    "expired": "The prescription has expired and no renewal is known to be possible",
    "schedule_ii": "Schedule II: never refilled ahead",
    "as_needed": "Taken as needed",
    "not_maintenance": "Short course, not a maintenance medicine",
    "unknown_days_supply": "Days supply unknown",
    "lapsed": "Ran out more than a month ago: ask whether it is still taken",
    "schedule_iii_v": "Controlled (schedule III-V): a pharmacist decides",
    "insulin": "Insulin: a pharmacist decides",
    "liquid": "Liquid: a pharmacist decides",
    "drops": "Drops: a pharmacist decides",
    "inhaler": "Inhaler: a pharmacist decides",
    "specialty": "Specialty or limited distribution: a pharmacist decides",
    "cannot_align": "Comes in one piece and fits no common date",
    "taken_out": "Taken out by the pharmacist",
}
STRATEGY_LABELS: Mapping[Strategy, str] = {
    "recommended": "Recommended",
    "anchor": "Around the anchor medicine",
    "latest_due": "When the last one is due",
    "earliest_due": "When the first one is due",
    "most_common_due": "When most are due",
    "requested": "Requested date",
    "without_blocker": "Without the medicine that blocks the others",
}
BREAK_LABELS: Mapping[Break, str] = {
    "past": "The date is in the past",
    "closed": "The pharmacy is closed that day",
    "lead_time": "The date is sooner than the lead time allows",
    "beyond_horizon": "The date is later than the planning horizon",
    "full": "The day is full",
    "gap": "The patient is without medicine for some days",
    "too_soon": "A fill is too soon for the payer",
    "no_fill": "No medicine can be filled that day",
}


def listed(names: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def counted(number: int, noun: str) -> str:
    """`1 day`, `2 days`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def explain(
    sync_date: date,
    cost: Cost,
    plans: Sequence[MedicationPlan],
    labels: Mapping[MedicationId, str],
    *,
    breaks: Sequence[Break] = (),
    without: Sequence[Medication] = (),
) -> str:
    """One sentence a patient understands; `labels` gives the name of each drug by its id."""
    parts = [_opening(sync_date, plans, labels)]
    parts.extend(part for plan in plans for part in _about(plan, labels[plan.id]))
    if cost.trips:
        parts.append(f"{counted(cost.trips, 'extra trip')} in between")
    if cost.gap_days:
        parts.append(f"{counted(cost.gap_days, 'day')} without supply cannot be avoided")
    if cost.too_soon:
        parts.append(f"{counted(cost.too_soon, 'fill')} may be too soon for the payer")
    parts.extend(_lowered(BREAK_LABELS[code]) for code in breaks if code not in ("gap", "too_soon"))
    if without:
        parts.append(
            f"{listed([medication.label for medication in without])} is left aside and picked up on its own"
        )
    return "; ".join(parts) + "."


def _opening(sync_date: date, plans: Sequence[MedicationPlan], labels: Mapping[MedicationId, str]) -> str:
    together = [labels[plan.id] for plan in plans if plan.case not in ("not_due", "left_out")]
    when = plain_day(sync_date)
    if not together:
        return f"No medicine can be picked up on {when}"
    if len(plans) == 1:
        return f"{together[0]} is picked up on {when}"
    if len(together) == len(plans):
        everything = "Both medicines" if len(plans) == 2 else f"All {len(plans)} medicines"
        return f"{everything} are picked up together on {when}"
    verb = "is" if len(together) == 1 else "are"
    return f"{listed(together)} {verb} picked up on {when}"


def _about(plan: MedicationPlan, name: str) -> list[str]:
    """What is special about one drug; nothing for a drug that is simply due."""
    parts: list[str] = []
    if plan.case == "not_due":
        parts.append(f"{name} lasts past the next date and joins on {plain_day(plan.joins_on)}")
    elif plan.case == "left_out":
        parts.append(f"{name} runs out on {plain_day(plan.next_due)} and joins on {plain_day(plan.joins_on)}")
    for fill in plan.fills[:-1]:
        size = (
            f"a short fill of {counted(fill.days_supply, 'day')}" if fill.kind == "short" else "a full fill"
        )
        parts.append(f"{name} needs {size} on {plain_day(fill.date)}")
    if plan.early_days:
        parts.append(f"{name} is filled {counted(plan.early_days, 'day')} early")
    return parts


def _lowered(sentence: str) -> str:
    return sentence[0].lower() + sentence[1:]
