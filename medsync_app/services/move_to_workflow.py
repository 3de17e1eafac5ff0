"""Lets one running cycle go on under another version of the workflow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from medsync_app.domain.states import ActionState, EnrollmentState
from medsync_app.domain.workflow import Action, ScheduledStep, Step, Workflow, action_key
from medsync_app.outbox.queue import supersede
from medsync_app.outbox.states import PENDING
from medsync_app.services.ensure_workflow import workflow_of_version
from medsync_app.services.schedule_cycle import queue_event, readiness_of
from medsync_app.store.repositories import workflows
from medsync_app.store.session import Tx
from medsync_app.store.tables import Cycle, Enrollment, ScheduledAction

#: States in which nothing was said or done.
_UNSAID = frozenset({*PENDING, ActionState.SUPERSEDED, ActionState.SKIPPED})
#: Steps that count from something that lasts: a date, or the batch's being ready.
_DATED = frozenset({"days_before", "days_after", "hours_after_ready", "before_return"})
#: What tells apart two actions that say or ask the same.
_SAID_BY = ("do", "template", "kind", "summary", "stage", "what")


@dataclass(frozen=True, slots=True)
class Requeued:
    """What moving one cycle withdrew and queued."""

    withdrawn: int
    queued: int


def move_to_workflow(tx: Tx, cycle: Cycle, version_id: str, number: int) -> Requeued:
    """Change the version of a cycle with everything that waits for it.

    Steps that are the same in both versions keep their actions, with what people did to them. A step that an
    event has set off (enrolled, ready) is not set off again by a version that adds it afterwards. Nothing that
    was sent or done for the date is repeated, also not under a new step's name.
    """
    before = workflow_of_version(tx, cycle.workflow_version_id) if cycle.workflow_version_id else None
    after = workflow_of_version(tx, version_id)
    actions = workflows.actions_of(tx, cycle.id)
    # Only what steps have queued: the news of a moved date and second tries, by a person or after a failure, stay.
    keys = (cycle.id, cycle.enrollment_id)
    ours = [a for a in actions if a.payload.get("workflow") and a.idempotency_key.startswith(keys)]
    waiting = [a for a in ours if a.state in PENDING]
    same = _same_steps(before, after)
    gone = [a for a in waiting if a.step not in same]
    for action in waiting:
        if action.step in same:
            action.payload = {**action.payload, "workflow": version_id}
    cycle.workflow_version_id = version_id
    if tx.get(Enrollment, cycle.enrollment_id).state is not EnrollmentState.ACTIVE:
        return Requeued(0, 0)
    withdrawn = 0
    if gone:
        withdrawn = supersede(
            tx, pharmacy_id=cycle.pharmacy_id, cycle_id=cycle.id, only_actions=[a.id for a in gone],
            reason=f"The workflow's version {number} applies now.",
        )  # fmt: skip
    said = _said(ours, cycle, {step.id for step in after.steps})
    again = {action.step for action in gone}
    changed = [step for step in after.steps if step.id not in same]

    def wanted(scheduled: ScheduledStep) -> bool:
        if scheduled.step.trigger.on not in _DATED and scheduled.step.id not in again:
            return False
        signature = _signature_of(scheduled.action)
        return said.isdisjoint({("", signature), (scheduled.step.id, signature)})

    events = [event for event in ("scheduled", "enrolled", readiness_of(tx, cycle)) if event is not None]
    # What was skipped for its time may have a time again.
    free = {a.idempotency_key for a in ours if a.state is ActionState.SKIPPED and a.step not in same}
    free |= _keys_of_others(ours, before, changed)
    queued = sum(queue_event(tx, cycle, event, wanted, free) for event in events)
    return Requeued(withdrawn, queued)


def _same_steps(before: Workflow | None, after: Workflow) -> frozenset[str]:
    old: dict[str, Step] = {step.id: step for step in before.steps} if before else {}
    return frozenset(step.id for step in after.steps if old.get(step.id) == step)


def _said(
    actions: Sequence[ScheduledAction], cycle: Cycle, known: set[str]
) -> set[tuple[str, tuple[str, ...]]]:
    """What was said or done for this date, with its step: "" for steps that the new version does not know."""
    date = cycle.sync_date.isoformat()
    return {
        (a.step if a.step in known else "", _signature(a.payload.get("action", {})))
        for a in actions
        if a.state not in _UNSAID and a.payload.get("sync_date") == date
    }


def _keys_of_others(
    actions: Sequence[ScheduledAction], before: Workflow | None, changed: Sequence[Step]
) -> set[str]:
    """Keys of what a step has done as its first, second ... action, where another of its actions stands now."""
    found: set[str] = set()
    for step in changed:
        old = before.step(step.id) if before else None
        known = {_signature_of(action) for action in old.actions} if old else set[tuple[str, ...]]()
        for index, action in enumerate(step.actions):
            key, signature = action_key(step, index), _signature_of(action)
            found |= {
                done.idempotency_key
                for done in actions
                if done.idempotency_key.split(":")[1] == key
                and _signature(done.payload.get("action", {})) != signature
                and (done.kind != action.do or signature in known)
            }
    return found


def _signature_of(action: Action) -> tuple[str, ...]:
    return _signature({"do": action.do, **action.options})


def _signature(action: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(action.get(name, "")) for name in _SAID_BY)
