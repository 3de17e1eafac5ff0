"""Queues, withdraws and re-queues the steps of a cycle's workflow, in the transaction of what causes it."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from medsync_app.domain.cycle import ENDED, readiness
from medsync_app.domain.states import ActionState, EnrollmentState
from medsync_app.domain.workflow import ScheduledStep, Workflow, steps_for, steps_triggered_by
from medsync_app.errors import Invalid
from medsync_app.outbox.queue import NewAction, free_keys, queue, supersede
from medsync_app.services.cycle_facts import times_of
from medsync_app.services.ensure_workflow import workflow_for, workflow_of_version
from medsync_app.services.told_dates import tell_new_date
from medsync_app.store.repositories import cycles
from medsync_app.store.repositories.messaging import steps_told
from medsync_app.store.session import Tx
from medsync_app.store.tables import Cycle, Enrollment, Patient, Pharmacy

#: What may be announced about a cycle.
EVENTS = frozenset(
    {"enrolled", "ready", "partly_ready", "picked_up", "prescriber_answered", "refill_status", "replied"}
)


def schedule_cycle(tx: Tx, cycle_id: str) -> int:
    """Queue every dated step of a cycle, and those of its being ready; returns how many actions are new.

    Calling it again changes nothing. While a pharmacist must still approve the plan, only renewal requests
    are queued: calling it after the approval queues the rest, the welcome message included. A patient who was told
    another date is told the new one at once: the next reminder of it may be days away, or too late to be sent.
    """
    cycle = tx.get(Cycle, cycle_id)
    if cycle.state in ENDED:
        return 0
    count = queue_event(tx, cycle, "scheduled")
    if cycle.number == 1 and cycle.kind == "sync" and not cycle.unapproved:
        count += queue_event(tx, cycle, "enrolled")
    event = readiness_of(tx, cycle)
    if event is not None:
        count += queue_event(tx, cycle, event)
    return count + tell_new_date(tx, cycle)


def reschedule_cycle(tx: Tx, cycle_id: str, reason: str) -> int:
    """Withdraw what is pending for a cycle and queue its steps for its date; returns how many are new.

    What was already sent for the same date has the same key and is not repeated.
    """
    cycle = tx.get(Cycle, cycle_id)
    supersede(tx, pharmacy_id=cycle.pharmacy_id, cycle_id=cycle_id, reason=reason)
    return schedule_cycle(tx, cycle_id)


def readiness_of(tx: Tx, cycle: Cycle) -> str | None:
    """The event by which a batch tells what of it is ready now; None when nothing of it waits to be fetched."""
    return readiness(item.state for item in cycles.items_of(tx, cycle.id))


def withdraw_messages(
    tx: Tx,
    *,
    cycle_id: str | None = None,
    enrollment_id: str | None = None,
    patient_id: str | None = None,
    reason: str,
) -> int:
    """Withdraw everything pending for a cycle, an enrollment or a patient; returns how many actions were."""
    if cycle_id is not None:
        pharmacy_id = tx.get(Cycle, cycle_id).pharmacy_id
    elif enrollment_id is not None:
        pharmacy_id = tx.get(Enrollment, enrollment_id).pharmacy_id
    elif patient_id is not None:
        pharmacy_id = tx.get(Patient, patient_id).pharmacy_id
    else:
        raise Invalid("Name the cycle, the enrollment or the patient whose messages are withdrawn.")
    return supersede(
        tx, pharmacy_id=pharmacy_id, cycle_id=cycle_id, enrollment_id=enrollment_id, patient_id=patient_id,
        reason=reason,
    )  # fmt: skip


def announce(tx: Tx, cycle_id: str, event: str, *, after: timedelta = timedelta()) -> int:
    """Queue the steps that an event of a cycle triggers; returns how many actions are new.

    "picked_up" also withdraws whatever is still pending for the cycle; "ready" moves the follow-ups that a
    partly ready batch had started. What would be said at once is said `after` that time.
    """
    if event not in EVENTS:
        raise Invalid(f"There is no event {event}.", "event")
    cycle = tx.get(Cycle, cycle_id)
    if event == "picked_up":
        supersede(tx, pharmacy_id=cycle.pharmacy_id, cycle_id=cycle_id, reason="The batch was picked up.")
    elif event in ("ready", "partly_ready"):
        _, workflow = _workflow(tx, cycle)
        steps = [step.id for step in steps_triggered_by(workflow, event)]
        if event == "ready":
            steps += [step.id for step in steps_triggered_by(workflow, "partly_ready")]
        supersede(
            tx, pharmacy_id=cycle.pharmacy_id, cycle_id=cycle_id, only_steps=steps,
            reason="The readiness of the batch changed.",
        )  # fmt: skip
    return queue_event(tx, cycle, event, after=after)


def readiness_undone(tx: Tx, cycle: Cycle) -> None:
    """What was announced as ready is not: once it is ready again, the patient is told again."""
    _, workflow = _workflow(tx, cycle)
    notices = [step.id for step in workflow.steps if step.trigger.on in ("ready", "partly_ready")]
    free_keys(tx, pharmacy_id=cycle.pharmacy_id, cycle_id=cycle.id, steps=notices)


def forget_readiness(tx: Tx, cycle: Cycle, reason: str) -> None:
    """Nothing of the batch is there: what counts from its being ready is withdrawn, and begins anew with what comes."""
    _, workflow = _workflow(tx, cycle)
    steps = [step.id for event in ("ready", "partly_ready") for step in steps_triggered_by(workflow, event)]
    supersede(tx, pharmacy_id=cycle.pharmacy_id, cycle_id=cycle.id, only_steps=steps, reason=reason)
    free_keys(tx, pharmacy_id=cycle.pharmacy_id, cycle_id=cycle.id, steps=steps)


def count_days_anew(tx: Tx, cycle: Cycle, event: str) -> None:
    """What is ready waits until another day: it is returned by that one, and what was too late for the other is said.

    What was said is said again only where its time, counted from when the batch became ready, lies ahead.
    """
    _, workflow = _workflow(tx, cycle)
    pharmacy = tx.get(Pharmacy, cycle.pharmacy_id)
    steps = steps_for(workflow, event, times_of(tx, cycle, pharmacy), tx.now, pharmacy.zone)
    anew = [s.step.id for s in steps if s.due_at > tx.now or s.step.trigger.on == "before_return"]
    skipped = [s.step.id for s in steps]
    free_keys(tx, pharmacy_id=pharmacy.id, cycle_id=cycle.id, steps=anew)
    free_keys(tx, pharmacy_id=pharmacy.id, cycle_id=cycle.id, steps=skipped, only=[ActionState.SKIPPED])
    announce(tx, cycle.id, event)


def _workflow(tx: Tx, cycle: Cycle) -> tuple[str, Workflow]:
    """The workflow a cycle runs under: the one it began with."""
    if cycle.workflow_version_id is not None:
        return cycle.workflow_version_id, workflow_of_version(tx, cycle.workflow_version_id)
    version_id, workflow = workflow_for(tx, cycle.pharmacy_id)
    cycle.workflow_version_id = version_id
    return version_id, workflow


def queue_event(
    tx: Tx,
    cycle: Cycle,
    event: str,
    wanted: Callable[[ScheduledStep], bool] = lambda _: True,
    skipped: Collection[str] = (),
    again: str = "",
    after: timedelta = timedelta(),
) -> int:
    """Queue the wanted ones of the steps an event sets off for a cycle; returns how many actions are new.

    A batch that is planned again after it was called off (a pause, a pickup taken back) says for the same date only
    what was not said.
    `skipped` are keys of actions that were skipped and may be tried again under this version; `again` tells apart what
    happens to a batch more than once, such as each day.
    """
    enrollment = tx.get(Enrollment, cycle.enrollment_id)
    if enrollment.state is not EnrollmentState.ACTIVE:
        return 0
    pharmacy = tx.get(Pharmacy, cycle.pharmacy_id)
    version_id, workflow = _workflow(tx, cycle)
    facts = times_of(tx, cycle, pharmacy)
    told = steps_told(tx, cycle) if event == "scheduled" else ()
    steps = [
        replace(scheduled, due_at=tx.now + after) if scheduled.due_at == tx.now else scheduled
        for scheduled in steps_for(workflow, event, facts, tx.now, pharmacy.zone)
        if wanted(scheduled) and not (scheduled.action.do == "message" and scheduled.step.id in told)
    ]
    return queue(tx, _actions(cycle, steps, version_id, skipped, again))


def _actions(
    cycle: Cycle, steps: Iterable[ScheduledStep], version_id: str, skipped: Collection[str], again: str
) -> list[NewAction]:
    return [
        NewAction(
            pharmacy_id=cycle.pharmacy_id,
            step=scheduled.step.id,
            kind=scheduled.action.do,
            idempotency_key=_free_key(_key(cycle, scheduled, again), version_id, skipped),
            due_at=scheduled.due_at,
            stale_at=scheduled.stale_at,
            payload=_payload(cycle, scheduled, version_id),
            patient_id=cycle.patient_id,
            enrollment_id=cycle.enrollment_id,
            cycle_id=cycle.id,
            local_date=scheduled.local_date,
            local_time=scheduled.local_time.strftime("%H:%M") if scheduled.local_time else None,
            state=ActionState.SKIPPED if scheduled.skip_reason else ActionState.QUEUED,
            reason=scheduled.skip_reason or "",
        )
        for scheduled in steps
    ]


def _key(cycle: Cycle, scheduled: ScheduledStep, again: str) -> str:
    """A step happens once per cycle and date; a patient is welcomed once, whatever the date becomes."""
    if scheduled.step.trigger.on == "enrolled":
        return f"{cycle.enrollment_id}:{scheduled.key}"
    key = f"{cycle.id}:{scheduled.key}:{cycle.sync_date.isoformat()}"
    return f"{key}:{again}" if again else key


def _free_key(key: str, version_id: str, skipped: Collection[str]) -> str:
    """A skipped action keeps its key; nothing was said under it, so another version may say it under its own."""
    return f"{key}:{version_id}" if key in skipped else key


def _payload(cycle: Cycle, scheduled: ScheduledStep, version_id: str) -> dict[str, Any]:
    """All that firing needs, so that a later edit of the workflow does not change what was queued."""
    step = scheduled.step
    return {
        "sync_date": cycle.sync_date.isoformat(),
        "workflow": version_id,
        "number": step.number,
        "name": step.name,
        "trigger": step.trigger.on,
        "action": {"do": scheduled.action.do, **scheduled.action.options},
        "conditions": [{"fact": c.fact, "op": c.op, "value": _plain(c.value)} for c in step.conditions],
        "needs_fresh_data": step.needs_fresh_data,
        "cycles": sorted(step.cycles),
    }


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
