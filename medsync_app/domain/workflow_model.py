"""The parts of a workflow: steps with triggers, conditions and actions, and the facts they are judged by."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from types import MappingProxyType
from typing import Any

from medsync_app.domain.days import ALWAYS_OPEN, OpenDays
from medsync_app.domain.states import Channel, ContactBasis, CycleState


@dataclass(frozen=True, slots=True)
class Trigger:
    """What makes a step due; `on` names the kind, the rest is what that kind needs."""

    on: str
    #: Days before or after the sync date, or before the return limit (before_return).
    days: int = 0
    #: Hours after the later of the ready notice and the sync date (hours_after_ready).
    hours: int = 0
    #: Pharmacy-local wall time (days_before, days_after, before_return, daily).
    at: time | None = None
    #: Move a closed day back to the last open one (days_before).
    open_day: bool = False


@dataclass(frozen=True, slots=True)
class Condition:
    """A test of one fact, made when the step fires."""

    fact: str
    #: is, in, at_least, at_most.
    op: str
    value: Any


@dataclass(frozen=True, slots=True)
class Action:
    """What a step does: message, task, renewal, notify, state or check, with its own settings in `options`."""

    do: str
    options: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Usefulness:
    """Until when a late step is still worth doing: hours after its time, or a time near the sync date."""

    hours: int | None = None
    days_after_sync: int | None = None
    at: time | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One rule of the workflow; `number` is the step of the programme (1-8) it belongs to."""

    id: str
    number: int
    name: str
    trigger: Trigger
    conditions: tuple[Condition, ...]
    actions: tuple[Action, ...]
    useful: Usefulness
    #: Kinds of cycles it applies to: sync, trip.
    cycles: frozenset[str] = frozenset({"sync"})
    #: Held while no dispensing data has come in for a while: a pickup may be unknown to us.
    needs_fresh_data: bool = False


@dataclass(frozen=True, slots=True)
class Segment:
    """Patients who meet all of the conditions are tried on these channels in this order."""

    id: str
    name: str
    conditions: tuple[Condition, ...]
    channels: tuple[Channel, ...]


#: Older people are called first, unless they chose otherwise (DOMAIN.md section 5).
DEFAULT_SEGMENTS = (
    Segment(
        "older", "65 and over: phone first", (Condition("age", "at_least", 65),),
        (Channel.VOICE, Channel.SMS, Channel.EMAIL),
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Workflow:
    """An ordered, validated workflow document."""

    steps: tuple[Step, ...]
    #: The first whose conditions hold decides, where the patient has not chosen.
    segments: tuple[Segment, ...] = DEFAULT_SEGMENTS

    def step(self, step_id: str) -> Step | None:
        return next((step for step in self.steps if step.id == step_id), None)


@dataclass(frozen=True, slots=True)
class CycleFacts:
    """What a workflow may ask about one cycle at one moment; None means that it is not known."""

    sync_date: date
    today: date
    state: CycleState = CycleState.PLANNED
    kind: str = "sync"
    number: int = 1
    #: A pharmacist has not yet approved the plan.
    needs_approval: bool = False
    confirmed: bool = False
    picked_up: bool = False
    ready_at: datetime | None = None
    claimed_on: date | None = None
    return_days: int = 10
    open_days: OpenDays = ALWAYS_OPEN
    age: int | None = None
    language: str = "en"
    channel: Channel | None = None
    bases: frozenset[ContactBasis] = frozenset()
    pa_ends_on: date | None = None
    refills_left: int | None = None
    fulfilment: str = "pickup"
    #: The longest of the batch.
    days_supply: int | None = None
    out_of_stock: bool = False
    drug_classes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ScheduledStep:
    """One action of one step with its time; `skip_reason` is set when that time passed too long ago."""

    step: Step
    action: Action
    #: Step id, with the number of the action when the step has several: part of the idempotency key.
    key: str
    due_at: datetime
    stale_at: datetime | None
    local_date: date | None = None
    local_time: time | None = None
    skip_reason: str | None = None
