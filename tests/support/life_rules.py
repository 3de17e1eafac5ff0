"""What must hold of the data at every moment of a random life, looked at after each act and tick."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
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
_renewal = cast(Any, RenewalRequest)
#: The reminder of the day before, by the kind of a batch.
_DAY_BEFORE = {"sync": "confirm_t1", "trip": "trip_t1"}
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
    """One look at the data; what is many is read as bare columns, since it is looked at after each tick."""

    tx: Tx
    today: Mapping[str, date]
    enrollments: Mapping[str, Enrollment]
    cycles: Sequence[Cycle]
    tasks: Sequence[ExceptionCase]
    #: (step, cycle, patient) of what waits; an answer to a text is decided about when it fires.
    pending: Sequence[tuple[str, str | None, str | None]]
    ready: frozenset[str]
    at_pharmacy: frozenset[str]

    def takes_part(self, cycle: Cycle) -> bool:
        return self.enrollments[cycle.enrollment_id].state is EnrollmentState.ACTIVE


def look(life: Life) -> None:
    """Raise AssertionError with the story when something does not hold."""
    with life.reading() as tx:
        sight = _sight(tx)
        wrong = [
            *life.breaches, *_ends_say_why(tx), *_nobody_falls_out(sight), *_nothing_waits_forever(sight),
            *_tasks_have_a_cause(sight), *_reminders_are_queued(sight), *_the_dead_rest(sight, life.dead),
        ]  # fmt: skip
    assert not wrong, f"seed {life.seed}: " + "; ".join(wrong) + "\n" + "\n".join(life.story)


def _sight(tx: Tx) -> _Sight:
    at_pharmacy = _item.state.in_([ItemState.READY, ItemState.FILLING])
    items = tx.session.execute(select(_item.cycle_id, _item.state).where(at_pharmacy)).all()
    waits = select(_action.step, _action.cycle_id, _action.patient_id).where(
        _action.state.in_(PENDING), _action.kind != "reply"
    )
    return _Sight(
        tx,
        {place.id: local_day(tx.now, place.zone) for place in tx.session.scalars(select(Pharmacy))},
        {one.id: one for one in tx.session.scalars(select(Enrollment))},
        tx.session.scalars(select(Cycle)).all(),
        tx.session.scalars(select(ExceptionCase).where(_case.state == ExceptionState.OPEN)).all(),
        cast(Any, tx.session.execute(waits).all()),
        frozenset(cycle_id for cycle_id, state in items if state is ItemState.READY),
        frozenset(cycle_id for cycle_id, _ in items),
    )


def _ends_say_why(tx: Tx) -> list[str]:
    """No message fails for a fault of ours; what did not go says why."""
    silent = _action.state.in_(_EXPLAINED) & (_action.reason == "")
    ended = tx.session.execute(
        select(_action.step, _action.state, _action.reason).where(
            silent | (_action.state == ActionState.FAILED)
        )
    )
    return [f"{step} is {state.value}: {reason or 'nothing says why'}" for step, state, reason in ended]


def _the_dead_rest(sight: _Sight, dead: set[str]) -> list[str]:
    """Nothing is queued for who has died, no prescriber is asked, and no task is left that has lost its sense."""
    if not dead:
        return []
    asked = select(_renewal.state).where(_renewal.patient_id.in_(dead), _renewal.state.in_(_UNANSWERED))
    return [
        *(f"{step} is queued after death" for step, _, patient_id in sight.pending if patient_id in dead),
        *(f"a renewal is {state.value} after death" for state in sight.tx.session.scalars(asked)),
        *(
            f"{task.cause_key} is open after death"
            for task in sight.tasks
            if task.patient_id in dead and task.kind not in _AFTER_DEATH
        ),
    ]


def _nobody_falls_out(sight: _Sight) -> list[str]:
    """Each patient who takes part has a date ahead, a step to come, or somebody who is to see to it."""
    safe = {task.patient_id for task in sight.tasks}
    followed = {cycle_id for _, cycle_id, _ in sight.pending}
    for cycle in sight.cycles:
        if cycle.state in OPEN and (
            cycle.sync_date >= sight.today[cycle.pharmacy_id] or cycle.id in followed
        ):
            safe.add(cycle.patient_id)
    return [
        f"{sight.tx.get(Patient, one.patient_id).external_id} has fallen out"
        for one in sight.enrollments.values()
        if one.state is EnrollmentState.ACTIVE and one.patient_id not in safe
    ]


def _nothing_waits_forever(sight: _Sight) -> list[str]:
    """What is ready has its return clock: a step to come, or a task."""
    clocks = {cycle_id for step, cycle_id, _ in sight.pending if step in _RETURN_STEPS}
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
    find = select(_action.cycle_id, _action.step, _action.payload["sync_date"].as_string()).where(
        _action.step.in_(_DAY_BEFORE.values()), _action.state != ActionState.SUPERSEDED
    )
    queued = {tuple(row) for row in sight.tx.session.execute(find)}
    wrong = list[str]()
    for cycle in sight.cycles:
        if cycle.state not in OPEN or cycle.unapproved or cycle.state is CycleState.PARTLY_PICKED_UP:
            continue
        soon = cycle.sync_date < sight.today[cycle.pharmacy_id] + timedelta(days=2)
        day = cycle.sync_date.isoformat()
        if not soon and sight.takes_part(cycle) and (cycle.id, _DAY_BEFORE[cycle.kind], day) not in queued:
            wrong.append(f"{cycle.kind} {cycle.number} ({cycle.id[-3:]}) on {day} has no reminder")
    return wrong
