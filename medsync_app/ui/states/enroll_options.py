"""The cards of the sync-date step: each option with its cost in plain words and its picture."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final, TypedDict

from medsync_app.domain.plan_model import Cost, MedicationPlan, Option
from medsync_app.domain.plan_words import BREAK_LABELS, CASE_LABELS, EXCLUSION_LABELS, STRATEGY_LABELS
from medsync_app.services.propose import Proposal
from medsync_app.ui import format as say
from medsync_app.ui.components.timeline import DrugSupply, Supply, Timeline, timeline

_BEFORE: Final = timedelta(days=10)


class CostView(TypedDict):
    """One part of the cost, as a chip."""

    label: str
    tone: str


class OptionView(TypedDict):
    """One card; `key` is the strategy that is enrolled with."""

    key: str
    label: str
    also: str
    day: str
    iso: str
    relative: str
    title: str
    explanation: str
    costs: list[CostView]
    breaks: str
    review: bool
    without: str
    picture: Timeline


class ImpossibleView(TypedDict):
    """An option that gives no date."""

    label: str
    reason: str


def option_views(proposal: Proposal) -> list[OptionView]:
    """One card per date, the recommended first, the requested second."""
    shown: dict[tuple[date, tuple[str, ...]], Option] = {}
    for option in sorted(proposal.plan.options, key=_rank):
        if option.sync_date is not None:
            shown.setdefault((option.sync_date, option.without), option)
    return [_view(option, proposal) for option in shown.values()]


def impossible_views(proposal: Proposal) -> list[ImpossibleView]:
    """The options without a date, with the reason."""
    return [
        {"label": STRATEGY_LABELS[option.strategy], "reason": option.reason or "Not possible."}
        for option in proposal.plan.options
        if option.sync_date is None
    ]


def _rank(option: Option) -> int:
    return {"recommended": 0, "requested": 1}.get(option.strategy, 2)


def _view(option: Option, proposal: Proposal) -> OptionView:
    today, day = proposal.today, option.sync_date
    assert day is not None and option.cost is not None  # noqa: S101, PT018 - only options with a date are shown
    also = (STRATEGY_LABELS[name] for name in option.same_as if name != option.strategy)
    return {
        "key": option.strategy,
        "label": STRATEGY_LABELS[option.strategy],
        "also": "; ".join(label[:1].lower() + label[1:] for label in also),
        "day": say.day(day, today),
        "iso": day.isoformat(),
        "relative": say.relative_day(day, today),
        "title": say.full_day(day),
        "explanation": option.explanation,
        "costs": cost_views(option.cost, option),
        "breaks": "; ".join(BREAK_LABELS[code] for code in option.breaks),
        "review": option.needs_pharmacist_review,
        "without": ", ".join(proposal.names[key] for key in option.without),
        "picture": picture(option, proposal),
    }


def cost_views(cost: Cost, option: Option) -> list[CostView]:
    """The cost part by part, what is worst first; what costs nothing is said once, as good."""
    found: list[CostView] = []

    def say_so(label: str, tone: str) -> None:
        found.append({"label": label, "tone": tone})

    if cost.gap_days:
        say_so(f"{say.plural(cost.gap_days, 'day')} without supply", "bad")
    if cost.too_soon:
        say_so(f"{say.plural(cost.too_soon, 'fill')} may be too soon for the payer", "bad")
    if cost.trips:
        say_so(say.plural(cost.trips, "extra trip"), "warn")
    if cost.short_fills:
        say_so(say.plural(cost.short_fills, "short fill"), "warn")
    if cost.left_out:
        joins = "joins" if cost.left_out == 1 else "join"
        say_so(f"{say.plural(cost.left_out, 'medicine')} {joins} later", "warn")
    if cost.early_days:
        say_so(f"{say.plural(cost.early_days, 'day')} filled early", "neutral")
    if option.extra_copay:
        say_so(f"{say.money(option.extra_copay)} extra copay", "neutral")
    if not (cost.gap_days or cost.too_soon):
        say_so("No day without supply", "good")
    return found


def left_aside(proposal: Proposal) -> str:
    """Drugs that fit no common date, in words; "" when all fit."""
    names = [proposal.names[one.id] for one in proposal.plan.excluded if one.reason == "cannot_align"]
    if not names:
        return ""
    return f"{say.listed(names, most=5)}: {EXCLUSION_LABELS['cannot_align'].lower()}."


def picture(option: Option, proposal: Proposal) -> Timeline:
    """The supply of each drug from a few days ago to the end of the first common cycle."""
    day = option.sync_date or proposal.today
    return timeline(
        [_drug(plan, proposal.names, proposal) for plan in option.medications],
        start=proposal.today - _BEFORE,
        end=day + timedelta(days=proposal.policy.cycle_days + 5),
        today=proposal.today,
        sync_date=day,
    )


def _drug(plan: MedicationPlan, names: Mapping[str, str], proposal: Proposal) -> DrugSupply:
    supply = proposal.supplies[plan.id]
    stretches: list[Supply] = []
    cursor = plan.next_due
    if supply is not None and supply.run_out > supply.last_fill:
        stretches.append(Supply(supply.last_fill, supply.run_out - timedelta(days=1)))
    for fill in plan.fills:
        end = max(cursor, fill.date) + timedelta(days=fill.days_supply)
        stretches.append(Supply(fill.date, end - timedelta(days=1), planned=True, short=fill.kind == "short"))
        cursor = end
    return DrugSupply(names[plan.id], stretches, CASE_LABELS[plan.case])
