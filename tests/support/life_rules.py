"""What must hold of the data at every moment of a random life, looked at after each act and tick."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

from sqlalchemy import select

from medsync_app.clock import local_day
from medsync_app.domain.cycle import ENDED, OPEN
from medsync_app.domain.states import (
    ActionState,
    CycleState,
    EnrollmentState,
    ExceptionKind,
    ExceptionState,
    ItemState,
    RenewalState,
)
from medsync_app.outbox.states import PENDING
from medsync_app.store.session import Tx
from medsync_app.store.tables import (
    Cycle,
    CycleItem,
    Enrollment,
    ExceptionCase,
    Patient,
    Pharmacy,
    RenewalRequest,
    ScheduledAction,
)
from tests.support.lives import Life

_item, _case, _action = cast(Any, CycleItem), cast(Any, ExceptionCase), cast(Any, ScheduledAction)
_RETURN_STEPS = frozenset({"return_warning", "return_due"})
#: Tasks that say that somebody deals with what waits.
_RETURN_TASKS = frozenset({ExceptionKind.RETURN_TO_STOCK, ExceptionKind.NOT_PICKED_UP})
#: What is still to do about who has died.
_AFTER_DEATH = frozenset({ExceptionKind.RETURN_TO_STOCK, ExceptionKind.REPLY, ExceptionKind.SEND_IN_DOUBT})
#: What did not go, or goes later: each says why.
_EXPLAINED = frozenset({
    ActionState.HELD, ActionState.SUPPRESSED, ActionState.SKIPPED, ActionState.MERGED, ActionState.SUPERSEDED,
    ActionState.UNDELIVERED,
})  # fmt: skip
_UNANSWERED = frozenset({RenewalState.OPEN, RenewalState.SENT, RenewalState.PENDING})


@dataclass(frozen=True)
class _Sight:
    """One look at the data: open tasks, pending actions, cycles and their items."""

    tx: Tx
    tasks: Sequence[ExceptionCase]
    pending: Sequence[ScheduledAction]
    cycles: Sequence[Cycle]
    ready: frozenset[str]
    at_pharmacy: frozenset[str]


def look(life: Life) -> None:
    """Raise AssertionError with the story when something does not hold."""
    with life.reading() as tx:
        items = tx.session.execute(
            select(_item.cycle_id, _item.state).where(_item.state.in_([ItemState.READY, ItemState.FILLING]))
        ).all()
        sight = _Sight(
            tx,
            tx.session.scalars(select(ExceptionCase).where(_case.state == ExceptionState.OPEN)).all(),
            tx.session.scalars(select(ScheduledAction).where(_action.state.in_(PENDING))).all(),
            tx.session.scalars(select(Cycle)).all(),
            frozenset(cycle_id for cycle_id, state in items if state is ItemState.READY),
            frozenset(cycle_id for cycle_id, _ in items),
        )
        wrong = [
            *life.breaches, *_ends_say_why(sight), *_nobody_falls_out(sight), *_nothing_waits_forever(sight),
            *_tasks_have_a_cause(sight), *_reminders_are_queued(sight), *_the_dead_rest(sight, life.dead),
        ]  # fmt: skip
    assert not wrong, f"seed {life.seed}: " + "; ".join(wrong) + "\n" + "\n".join(life.story)


def _ends_say_why(sight: _Sight) -> list[str]:
    """No message fails for a fault of ours; what did not go says why."""
    ended = sight.tx.session.scalars(
        select(ScheduledAction).where(_action.state.in_(_EXPLAINED | {ActionState.FAILED}))
    ).all()
    return [
        f"{action.step} is {action.state.value}: {action.reason or 'nothing says why'}"
        for action in ended
        if action.state is ActionState.FAILED or not action.reason
    ]


def _the_dead_rest(sight: _Sight, dead: set[str]) -> list[str]:
    """Nothing is queued for who has died, no prescriber is asked, and no task is left that has lost its sense."""
    renewals = sight.tx.session.scalars(
        select(RenewalRequest).where(cast(Any, RenewalRequest).patient_id.in_(dead))
    ).all()
    return [
        *(f"{one.step} is queued after death" for one in sight.pending if one.patient_id in dead),
        *(f"a renewal is {one.state.value} after death" for one in renewals if one.state in _UNANSWERED),
        *(
            f"{task.cause_key} is open after death"
            for task in sight.tasks
            if task.patient_id in dead and task.kind not in _AFTER_DEATH
        ),
    ]


def _nobody_falls_out(sight: _Sight) -> list[str]:
    """Each patient who takes part has a date ahead, a step to come, or somebody who is to see to it."""
    tx, wrong = sight.tx, list[str]()
    for enrollment in tx.session.scalars(
        select(Enrollment).where(Enrollment.state == EnrollmentState.ACTIVE)
    ).all():
        today = local_day(tx.now, tx.get(Pharmacy, enrollment.pharmacy_id).zone)
        mine = {c.id: c for c in sight.cycles if c.enrollment_id == enrollment.id and c.state in OPEN}
        ahead = any(cycle.sync_date >= today for cycle in mine.values())
        followed = any(action.cycle_id in mine for action in sight.pending)
        task = any(task.patient_id == enrollment.patient_id for task in sight.tasks)
        if not (ahead or followed or task):
            patient = tx.get(Patient, enrollment.patient_id)
            wrong.append(f"{patient.external_id} has fallen out")
    return wrong


def _nothing_waits_forever(sight: _Sight) -> list[str]:
    """What is ready has its return clock: a step to come, or a task."""
    clocks = {action.cycle_id for action in sight.pending if action.step in _RETURN_STEPS}
    tasks = {task.cycle_id for task in sight.tasks if task.kind in _RETURN_TASKS}
    reviews = {task.patient_id for task in sight.tasks if task.kind is ExceptionKind.PLAN_REVIEW}
    return [
        f"{cycle.kind} {cycle.number} ({cycle.id[-3:]}, {cycle.state.value}) is ready without a return clock"
        for cycle in sight.cycles
        if cycle.id in sight.ready
        and cycle.id not in clocks | tasks
        and not (cycle.unapproved and cycle.patient_id in reviews)
    ]


def _tasks_have_a_cause(sight: _Sight) -> list[str]:
    """A task ends when what caused it is gone."""
    cycles, wrong = {cycle.id: cycle for cycle in sight.cycles}, list[str]()
    for task in sight.tasks:
        cycle = cycles.get(task.cycle_id or "")
        if cycle is None:
            continue
        over = cycle.state in ENDED
        idle = {
            ExceptionKind.PREPARE: over, ExceptionKind.STOCK_CHECK: over,
            ExceptionKind.NOT_PICKED_UP: cycle.id not in sight.at_pharmacy,
            ExceptionKind.PLAN_REVIEW: over and task.cause_key.startswith("plan_review"),
        }.get(task.kind, False)  # fmt: skip
        if idle:
            wrong.append(f"{task.cause_key} is open while its batch is {cycle.state.value}")
    return wrong


def _reminders_are_queued(sight: _Sight) -> list[str]:
    """Each coming batch has its reminder of the day before, for the day on which it is."""
    tx, wrong = sight.tx, list[str]()
    for cycle in sight.cycles:
        zone = tx.get(Pharmacy, cycle.pharmacy_id).zone
        if cycle.state not in OPEN or cycle.unapproved or cycle.state is CycleState.PARTLY_PICKED_UP:
            continue
        if cycle.sync_date < local_day(tx.now, zone) + timedelta(days=2):
            continue
        if tx.get(Enrollment, cycle.enrollment_id).state is not EnrollmentState.ACTIVE:
            continue
        step = "trip_t1" if cycle.kind == "trip" else "confirm_t1"
        rows = tx.session.scalars(
            select(ScheduledAction).where(_action.cycle_id == cycle.id, _action.step == step)
        )
        day = cycle.sync_date.isoformat()
        if not any(r.payload.get("sync_date") == day and r.state is not ActionState.SUPERSEDED for r in rows):
            wrong.append(f"{cycle.kind} {cycle.number} ({cycle.id[-3:]}) on {day} has no reminder")
    return wrong
