"""What must hold at every moment of a random life: of each text as it goes out, and of the data after each act."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from typing import Any, cast

from sqlalchemy import select

from medsync_app.clock import local_day
from medsync_app.connections.protocol import Outgoing
from medsync_app.domain.cycle import ENDED, OPEN
from medsync_app.domain.local_time import in_window
from medsync_app.domain.states import (
    ActionState,
    CycleState,
    EnrollmentState,
    ExceptionKind,
    ExceptionState,
    ItemState,
)
from medsync_app.outbox.queue import READY, SPEAKS_FOR, STOP_CONFIRMED
from medsync_app.outbox.states import PENDING
from medsync_app.services.contact_decision import template_of
from medsync_app.store.session import Tx
from medsync_app.store.tables import (
    Attempt,
    ContactPoint,
    Cycle,
    CycleItem,
    Enrollment,
    ExceptionCase,
    Patient,
    Pharmacy,
    ScheduledAction,
)
from tests.support.lives import Life

_cycle, _item = cast(Any, Cycle), cast(Any, CycleItem)
_case, _action = cast(Any, ExceptionCase), cast(Any, ScheduledAction)
_WAITS = READY | {"not_picked_up"}
_DATED = frozenset({"reminder_t7", "confirm_t3", "confirm_t1", "trip_t1", "date_changed"})
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DAY = re.compile(rf"((?i:since|until) )?\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) ({'|'.join(_MONTHS)}) (\d\d?)")
_RETURN_DAYS = 10
_RETURN_STEPS = frozenset({"return_warning", "return_due"})
#: Tasks that say that somebody deals with what waits.
_RETURN_TASKS = frozenset({ExceptionKind.RETURN_TO_STOCK, ExceptionKind.NOT_PICKED_UP})


@dataclass
class Ear:
    """Judges every text at the moment it goes out."""

    said: set[tuple[str, date, str]] = field(default_factory=lambda: set[tuple[str, date, str]]())
    count: Counter[tuple[str, str, date]] = field(default_factory=lambda: Counter[tuple[str, str, date]]())

    def hear(self, life: Life, message: Outgoing) -> None:
        with life.reading() as tx:
            action = tx.get(ScheduledAction, tx.get(Attempt, message.attempt_id).action_id)
            pharmacy = tx.get(Pharmacy, action.pharmacy_id)
            life.note(f"TEXT to {message.to[-2:]} ({action.step}): {message.body}")
            for wrong in (
                *self._allowed(life, action, pharmacy, message),
                *_true(tx, action, pharmacy, message),
                *_dates_fit(tx, action, pharmacy, message),
            ):
                life.breaches.append(f"{wrong}: {action.step} {message.body!r}")

    def _allowed(
        self, life: Life, action: ScheduledAction, pharmacy: Pharmacy, message: Outgoing
    ) -> Sequence[str]:
        """What the contact rules forbid, whatever the message says."""
        now, wrong = life.clock.now(), list[str]()
        today, is_reply = local_day(now, pharmacy.zone), action.kind == "reply"
        if (pharmacy.id, message.to) in life.stopped and action.step != STOP_CONFIRMED:
            wrong.append("a text after STOP")
        if is_reply:
            return wrong
        if not in_window(now, pharmacy.zone, time(9), time(20)):
            wrong.append("a text outside the contact window")
        if (message.to, today, message.body) in self.said:
            wrong.append("the same words twice on one day")
        self.said.add((message.to, today, message.body))
        if template_of(action.payload) not in READY:
            self.count[pharmacy.id, message.to, today] += 1
            if self.count[pharmacy.id, message.to, today] > 1:
                wrong.append("two messages on one day")
        return wrong


def _told(tx: Tx, action: ScheduledAction) -> list[ScheduledAction]:
    """The messages that one text speaks for, itself included."""
    return [action, *tx.find_many(ScheduledAction, action.payload.get(SPEAKS_FOR, ())).values()]


def _true(tx: Tx, action: ScheduledAction, pharmacy: Pharmacy, message: Outgoing) -> Sequence[str]:
    """What a text says of the batches it tells of, against the batches."""
    wrong, today = list[str](), local_day(tx.now, pharmacy.zone)
    named = {day for _, day in _days_in(message.body, today)}
    for one in _told(tx, action):
        if one.cycle_id is None or one.kind == "reply":
            continue
        cycle, template = tx.get(Cycle, one.cycle_id), template_of(one.payload)
        if tx.get(Enrollment, cycle.enrollment_id).state is not EnrollmentState.ACTIVE:
            wrong.append("a text to who does not take part now")
        if cycle.unapproved:
            wrong.append("a text about a plan that nobody approved")
        if template in _WAITS and not _ready_items(tx, cycle):
            wrong.append("nothing is ready to fetch")
        if template in _DATED and (cycle.state in ENDED or cycle.sync_date not in named):
            wrong.append(f"the plan is {cycle.state.value} on {cycle.sync_date}")
    return wrong


def _dates_fit(tx: Tx, action: ScheduledAction, pharmacy: Pharmacy, message: Outgoing) -> Sequence[str]:
    """No day that has passed, none that is no pickup of somebody at that number, and no "until" past the return."""
    wrong, today = list[str](), local_day(tx.now, pharmacy.zone)
    mine = select(ContactPoint.patient_id).where(ContactPoint.address == message.to)
    open_cycles = tx.session.scalars(
        select(Cycle).where(_cycle.patient_id.in_(mine), _cycle.state.in_(OPEN))
    ).all()
    planned = {cycle.sync_date for cycle in open_cycles if cycle.pharmacy_id == pharmacy.id}
    told = [tx.get(Cycle, one.cycle_id) for one in _told(tx, action) if one.cycle_id]
    claims = [cycle.claimed_on for cycle in told if cycle.claimed_on]
    for word, day in _days_in(message.body, today):
        if word.lower() == "since ":
            if day > today:
                wrong.append("ready since a day to come")
        elif day < today:
            wrong.append(f"names {day}, which has passed")
        elif word.lower() == "until ":
            if claims and day > min(claims) + timedelta(days=_RETURN_DAYS):
                wrong.append("waits until after its return")
        elif day not in planned:
            wrong.append(f"names {day}, on which there is no pickup")
    return wrong


def _days_in(body: str, today: date) -> list[tuple[str, date]]:
    """The days a text names, each with the word before it, in the year that makes them nearest."""
    found: list[tuple[str, date]] = []
    for word, month, day in _DAY.findall(body):
        years = [date(today.year + more, _MONTHS.index(month) + 1, int(day)) for more in (-1, 0, 1)]
        found.append((word, min(years, key=lambda one: abs(one - today))))
    return found


def _ready_items(tx: Tx, cycle: Cycle) -> bool:
    find = select(_item.id).where(_item.cycle_id == cycle.id, _item.state == ItemState.READY)
    return tx.session.scalars(find.limit(1)).first() is not None


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
        failed = tx.session.scalars(select(ScheduledAction).where(_action.state == ActionState.FAILED)).all()
        wrong = [
            *life.breaches, *(f"failed: {action.step} {action.reason}" for action in failed),
            *_nobody_falls_out(sight), *_nothing_waits_forever(sight), *_tasks_have_a_cause(sight),
            *_reminders_are_queued(sight),
        ]  # fmt: skip
    assert not wrong, f"seed {life.seed}: " + "; ".join(wrong) + "\n" + "\n".join(life.story)


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
