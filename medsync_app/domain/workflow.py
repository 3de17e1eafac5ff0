"""When the steps of a workflow are due for a cycle, and whether their conditions hold when they fire."""

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta

from medsync_app.domain.local_time import local, to_instant
from medsync_app.domain.states import Channel, ContactBasis
from medsync_app.domain.wordings import written_day, written_time
from medsync_app.domain.workflow_default import default_document
from medsync_app.domain.workflow_fields import FACTS, TRIGGERS
from medsync_app.domain.workflow_model import (
    DEFAULT_SEGMENTS,
    Action,
    Condition,
    CycleFacts,
    ScheduledStep,
    Segment,
    Step,
    Trigger,
    Usefulness,
    Workflow,
)
from medsync_app.domain.workflow_parse import parse, parse_condition

__all__ = [
    "DEFAULT_SEGMENTS", "FACTS", "TRIGGERS", "Action", "Condition", "CycleFacts", "ScheduledStep",
    "Segment", "Step", "Trigger", "Usefulness", "Workflow", "action_key", "after_ready", "channels_for",
    "condition_holds", "default_document", "first_unmet", "parse", "parse_condition", "steps_for", "steps_triggered_by",
]  # fmt: skip

#: Event -> the triggers it sets off. "scheduled" is the cycle's getting, or changing, its date.
EVENTS: dict[str, frozenset[str]] = {
    "scheduled": frozenset({"days_before", "days_after"}),
    "enrolled": frozenset({"enrolled"}),
    "ready": frozenset({"ready", "hours_after_ready", "before_return"}),
    "partly_ready": frozenset({"partly_ready", "hours_after_ready", "before_return"}),
    "picked_up": frozenset({"picked_up"}),
    "prescriber_answered": frozenset({"prescriber_answered"}),
    "refill_status": frozenset({"refill_status"}),
    "replied": frozenset({"replied"}),
    "daily": frozenset({"daily"}),
}
#: Actions that may run before a pharmacist has approved the plan: no date to the patient, nothing prepared.
_BEFORE_APPROVAL = frozenset({"renewal"})
#: Wall time on the sync date from which "hours after ready" counts when the batch was ready before it.
_SYNC_MORNING = time(10, 0)


def steps_triggered_by(workflow: Workflow, event: str) -> tuple[Step, ...]:
    """The steps an event may set off, in the order of the workflow."""
    return tuple(step for step in workflow.steps if step.trigger.on in EVENTS[event])


def steps_for(
    workflow: Workflow, event: str, facts: CycleFacts, now: datetime, zone: str
) -> list[ScheduledStep]:
    """What an event makes due for a cycle, with times.

    A step whose time has passed is due at once while it is younger than its usefulness, else it comes with a
    `skip_reason` (DOMAIN.md section 4, late starts). `zone` is the pharmacy's.
    """
    result: list[ScheduledStep] = []
    for step in steps_triggered_by(workflow, event):
        if facts.kind not in step.cycles:
            continue
        timed = _time_of(step, event, facts, now, zone)
        for index, action in enumerate(step.actions):
            if facts.needs_approval and action.do not in _BEFORE_APPROVAL:
                continue
            result.append(_scheduled(step, action, action_key(step, index), timed, facts, now, zone))
    return result


def action_key(step: Step, index: int) -> str:
    """What tells an action of a step from the others of the cycle: part of the idempotency key."""
    return step.id if index == 0 else f"{step.id}.{index + 1}"


def _time_of(
    step: Step, event: str, facts: CycleFacts, now: datetime, zone: str
) -> tuple[datetime, date | None, time | None]:
    """The instant a step is due, with the wall time it stands for (None when it counts from an instant)."""
    trigger = step.trigger
    if trigger.on in ("days_before", "days_after", "before_return") and trigger.at is not None:
        day = _day_of(trigger, facts, now, zone)
        return to_instant(day, trigger.at, zone), day, trigger.at
    if trigger.on == "hours_after_ready":
        return after_ready(trigger.hours, facts.ready_at or now, facts.sync_date, zone)
    return now, None, None


def after_ready(
    hours: int, ready_at: datetime, sync_date: date, zone: str
) -> tuple[datetime, date | None, time | None]:
    """When a follow-up is due so many hours after the later of readiness and the sync date, with its wall time."""
    start = max(ready_at, to_instant(sync_date, _SYNC_MORNING, zone))
    if hours % 24:
        return start + timedelta(hours=hours), None, None
    # Whole days keep their wall time over a change of clocks.
    wall = local(start, zone)
    day = wall.date() + timedelta(days=hours // 24)
    at = wall.time().replace(second=0, microsecond=0)
    return to_instant(day, at, zone), day, at


def _day_of(trigger: Trigger, facts: CycleFacts, now: datetime, zone: str) -> date:
    if trigger.on == "days_after":
        return facts.sync_date + timedelta(days=trigger.days)
    if trigger.on == "before_return":
        return _return_day(facts, now, zone) - timedelta(days=trigger.days)
    day = facts.sync_date - timedelta(days=trigger.days)
    return facts.open_days.last_open(day) if trigger.open_day else day


def _return_day(facts: CycleFacts, now: datetime, zone: str) -> date:
    """The last day on which a batch that is not fetched may wait."""
    claimed = facts.claimed_on or local(now, zone).date()
    return claimed + timedelta(days=facts.return_days)


def _goes_back(facts: CycleFacts, now: datetime, zone: str) -> datetime:
    """From when on nobody is asked to fetch a batch: the day it was kept until has passed."""
    return to_instant(_return_day(facts, now, zone) + timedelta(days=1), time(0), zone)


def _scheduled(
    step: Step,
    action: Action,
    key: str,
    timed: tuple[datetime, date | None, time | None],
    facts: CycleFacts,
    now: datetime,
    zone: str,
) -> ScheduledStep:
    due, day, at = timed
    stale = _stale_at(step.useful, due, facts, zone)
    notice = step.trigger.on in ("ready", "partly_ready") and action.do == "message"
    if notice or step.trigger.on == "hours_after_ready":
        gone = _goes_back(facts, now, zone)
        if max(due, now) >= gone:
            reason = "The batch goes back to stock before."
            return ScheduledStep(step, action, key, due, gone, day, at, reason)
        stale = min(stale or gone, gone)
    if due > now:
        return ScheduledStep(step, action, key, due, stale, day, at)
    if stale is not None and now >= stale:
        reason = f"Its time, {_written(due, zone)}, had passed before this was planned."
        return ScheduledStep(step, action, key, due, stale, day, at, reason)
    return ScheduledStep(step, action, key, now, stale)


def _stale_at(useful: Usefulness, due: datetime, facts: CycleFacts, zone: str) -> datetime | None:
    if useful.hours is not None:
        return due + timedelta(hours=useful.hours)
    if useful.days_after_sync is None or useful.at is None:
        return None
    return to_instant(facts.sync_date + timedelta(days=useful.days_after_sync), useful.at, zone)


def _written(instant: datetime, zone: str) -> str:
    at = local(instant, zone)
    return f"{written_day(at.date(), 'en')} at {written_time(at.time(), 'en')}"


def first_unmet(conditions: Iterable[Condition], facts: CycleFacts) -> Condition | None:
    """The first condition that does not hold, or None when all do."""
    return next((c for c in conditions if not condition_holds(c, facts)), None)


def condition_holds(condition: Condition, facts: CycleFacts) -> bool:
    """True when the fact is known and meets the condition."""
    if condition.fact == "drug_class":
        wanted = condition.value if condition.op == "in" else (condition.value,)
        return any(name in facts.drug_classes for name in wanted)
    if condition.fact == "consent":
        wanted = condition.value if condition.op == "in" else (condition.value,)
        return any(basis.value in wanted for basis in facts.bases)
    value = _fact(condition.fact, facts)
    if value is None:
        return False
    if condition.op == "is":
        return value == condition.value
    if condition.op == "in":
        return value in condition.value
    if condition.op == "at_least":
        return value >= condition.value
    return value <= condition.value


def channels_for(
    segments: Iterable[Segment],
    *,
    today: date,
    age: int | None,
    language: str,
    bases: frozenset[ContactBasis],
    fulfilment: str,
) -> tuple[Channel, ...]:
    """The channels of the first segment a patient belongs to, in their order; none when there is no such segment."""
    facts = CycleFacts(today, today, age=age, language=language, bases=bases, fulfilment=fulfilment)
    fits = (segment for segment in segments if first_unmet(segment.conditions, facts) is None)
    return next((segment.channels for segment in fits), ())


def _fact(name: str, facts: CycleFacts) -> bool | int | str | None:
    if name == "days_to_sync":
        return (facts.sync_date - facts.today).days
    if name == "pa_ends_within":
        return None if facts.pa_ends_on is None else (facts.pa_ends_on - facts.today).days
    if name == "channel":
        return facts.channel.value if facts.channel else None
    if name == "ready":
        return facts.ready_at is not None
    if name == "cycle_number":
        return facts.number
    values: dict[str, bool | int | str | None] = {
        "age": facts.age, "language": facts.language, "refills_left": facts.refills_left,
        "out_of_stock": facts.out_of_stock, "confirmed": facts.confirmed, "picked_up": facts.picked_up,
        "fulfilment": facts.fulfilment, "days_supply": facts.days_supply,
    }  # fmt: skip
    return values[name]
