"""The planner in plain words: labels of all codes, and the sentence that explains an option."""

from collections.abc import Iterable, Mapping, Sequence
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

#: Longer lists of medicines or days are counted instead: a patient would not read them.
MOST_NAMES = 3

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
    parts = [
        _opening(sync_date, plans, labels),
        *_waiting(plans, labels),
        *_fetched_between(plans, labels),
        *_joining_later(plans, labels),
        *_early(plans, labels),
    ]
    if cost.trips:
        parts.append(f"{counted(cost.trips, 'extra trip')} in all")
    if cost.gap_days:
        parts.append(f"{counted(cost.gap_days, 'day')} without supply cannot be avoided")
    too_soon = sum(fill.too_soon for plan in plans for fill in plan.fills)
    if too_soon:
        parts.append(f"{counted(too_soon, 'fill')} may be too soon for the payer")
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
    if len(together) > MOST_NAMES:
        return f"{len(together)} of {len(plans)} medicines are picked up together on {when}"
    return f"{listed(together)} {_are(together)} picked up on {when}"


def _some(names: Sequence[str]) -> str:
    """The names, or their number when a list of them would be read by nobody."""
    return listed(names) if len(names) <= MOST_NAMES else counted(len(names), "medicine")


def _waiting(plans: Sequence[MedicationPlan], labels: Mapping[MedicationId, str]) -> list[str]:
    by_day = _by_day((plan.pickup_by, labels[plan.id]) for plan in plans if plan.pickup_by is not None)
    return [
        f"{_some(names)} {_are(names)} filled already, to be fetched by {plain_day(day)}"
        for day, names in by_day.items()
    ]


def _fetched_between(plans: Sequence[MedicationPlan], labels: Mapping[MedicationId, str]) -> list[str]:
    """What is fetched before each drug has joined, day by day; only the days when there are many."""
    fills = [(fill, labels[plan.id]) for plan in plans if len(plan.fills) > 1 for fill in plan.fills[:-1]]
    days = sorted({fill.date for fill, _ in fills})
    if len(days) > MOST_NAMES:
        return [f"supplies in between are fetched on {_some_days(days)}"]
    parts: list[str] = []
    for day in days:
        for kind, size in (("short", "a short supply"), ("full", "a full supply")):
            of = [(fill, name) for fill, name in fills if fill.date == day and fill.kind == kind]
            if of:
                names = [f"{name} ({counted(fill.days_supply, 'day')})" for fill, name in of]
                parts.append(f"{size} of {_some(names)} is fetched on {plain_day(day)}")
    return parts


def _some_days(days: Sequence[date]) -> str:
    return f"{len(days)} days from {plain_day(days[0])} to {plain_day(days[-1])}"


def _joining_later(plans: Sequence[MedicationPlan], labels: Mapping[MedicationId, str]) -> list[str]:
    parts: list[str] = []
    for case, why in (("left_out", "run"), ("not_due", "last")):
        by_day = _by_day((plan.joins_on, labels[plan.id]) for plan in plans if plan.case == case)
        for day, names in by_day.items():
            end = "" if len(names) > 1 else "s"
            what = f"{why}{end} out in between" if why == "run" else f"{why}{end} past the next date"
            parts.append(f"{_some(names)} {what} and join{end} on {plain_day(day)}")
    return parts


def _early(plans: Sequence[MedicationPlan], labels: Mapping[MedicationId, str]) -> list[str]:
    early = [(plan.early_days, labels[plan.id]) for plan in plans if plan.early_days]
    if len(early) <= 2:
        return [f"{name} is filled {counted(days, 'day')} early" for days, name in early]
    fewest, most = min(early)[0], max(early)[0]
    span = counted(most, "day") if fewest == most else f"{fewest} to {most} days"
    return [f"{counted(len(early), 'medicine')} are filled {span} early"]


def _by_day(pairs: Iterable[tuple[date, str]]) -> dict[date, list[str]]:
    days: dict[date, list[str]] = {}
    for day, name in sorted(pairs, key=lambda pair: pair[0]):
        days.setdefault(day, []).append(name)
    return days


def _are(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"


def _lowered(sentence: str) -> str:
    return sentence[0].lower() + sentence[1:]
