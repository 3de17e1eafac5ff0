"""The demo staff work off their tasks: most by the day they are due, a few are left lying for some days."""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta

from medsync_app.clock import local_day
from medsync_app.demo.counter import waits_for_a_call
from medsync_app.demo.phones import mobile_of
from medsync_app.demo.places import ZONE
from medsync_app.demo.prescribers import answer_renewal, extend_approval, send_prescription
from medsync_app.demo.world import Location, World, days_left
from medsync_app.domain.causes import Cause, cause_of
from medsync_app.domain.consent import consent_wording
from medsync_app.domain.local_time import to_instant
from medsync_app.domain.states import Channel, ContactBasis, ExceptionKind
from medsync_app.errors import Conflict
from medsync_app.services.approve_plan import approve
from medsync_app.services.contact_settings import record_basis
from medsync_app.services.exceptions import comment, postpone, resolve_exception
from medsync_app.services.fill_request import record_request
from medsync_app.services.look_up_doubt import settle_by_person
from medsync_app.services.number_stops import release_address
from medsync_app.services.record_call import CallOutcome, record_call
from medsync_app.services.renewals import request_renewals
from medsync_app.services.return_to_stock import return_to_stock
from medsync_app.store.repositories import day_work
from medsync_app.store.repositories.day_work import Task
from medsync_app.store.tables import Cycle, Pharmacy

#: Of a hundred tasks, so many are left lying, and for how many days at most.
_LEFT_LYING, _AT_MOST_DAYS = 7, 6
#: So many days before today the staff have less time, and so many of a hundred tasks wait.
_BUSY_DAYS, _LEFT_WHEN_BUSY = 4, 12
_SUNDAY = 6
#: These are settled by preparing the batch.
_NOT_HERE = frozenset({ExceptionKind.PREPARE, ExceptionKind.STOCK_CHECK})
_CALLS = (
    "Will come on the day.", "Comes a day later, after work.", "A daughter fetches it.", "Wants no change.",
)  # fmt: skip

Handler = Callable[[World, Location, Task, date], None]


def work_tasks(world: World, location: Location, day: date) -> None:
    """Do every open task whose turn it is on this open day, and those that follow from them."""
    for _ in range(2):
        _work(world, location, day)


def _work(world: World, location: Location, day: date) -> None:
    with world.database.reading(location.crew.technician, world.clock) as tx:
        tasks = day_work.open_tasks(tx, location.id)
    for task in tasks:
        if task.kind in _NOT_HERE:
            continue
        turn = (task.id, task.due_at)
        if turn not in location.work_on:
            location.work_on[turn] = _decide(world, location, task, day)
        if location.work_on[turn] <= day:
            try:
                _HANDLERS.get(task.kind, _settle)(world, location, task, day)
            except Conflict:
                continue  # what was done for another task has settled it
            location.worked.add(task.id)


def _decide(world: World, location: Location, task: Task, day: date) -> date:
    """Between today and the day it is due (or the last open day before), or some days after that.

    What was put off, or has just been written to the patient, waits for the day it is due.
    """
    due = max(local_day(task.due_at, ZONE), day)
    if due.weekday() == _SUNDAY and due > day:
        due -= timedelta(days=1)
    if world.chance(_LEFT_WHEN_BUSY if days_left(world, day) <= _BUSY_DAYS else _LEFT_LYING):
        return due + timedelta(days=world.random.randint(2, _AT_MOST_DAYS))
    soon = day + timedelta(days=world.random.randint(0, (due - day).days))
    return due if task.id in location.worked or task.kind is ExceptionKind.NOT_PICKED_UP else soon


def _later(world: World, location: Location, task: Task, day: date, days: int, said: str) -> None:
    """Say what was done, and put the task off until it can be settled."""
    until = day + timedelta(days=days + (1 if (day + timedelta(days=days)).weekday() == _SUNDAY else 0))
    with world.database.transaction(location.crew.technician, world.clock) as tx:
        comment(tx, task.id, said)
        postpone(tx, task.id, _afternoon(until))


def _afternoon(day: date) -> datetime:
    return to_instant(day, time(16), ZONE)


def _resolve(world: World, location: Location, task: Task, outcome: str) -> None:
    with world.database.transaction(location.crew.pharmacist, world.clock) as tx:
        resolve_exception(tx, task.id, outcome=outcome)


def _settle(world: World, location: Location, task: Task, _day: date) -> None:
    _resolve(world, location, task, "Looked at and settled with the patient.")


def _call(world: World, location: Location, task: Task, day: date) -> None:
    cause = cause_of(task.cause_key)
    if cause is Cause.PAUSED:
        _later(world, location, task, day, 7, "Still in hospital: call again next week.")
        return
    if task.id not in location.worked and world.chance(25):
        with world.database.transaction(location.crew.technician, world.clock) as tx:
            how = CallOutcome.VOICEMAIL if world.chance(60) else CallOutcome.NO_ANSWER
            record_call(tx, task.id, outcome=how)
        return
    location.heard[task.patient] = day
    with world.database.transaction(location.crew.technician, world.clock) as tx:
        if cause is Cause.REQUEST and task.cycle_id:
            record_request(tx, task.cycle_id, how="call")
        else:
            record_call(tx, task.id, outcome=CallOutcome.SPOKE, note=world.random.choice(_CALLS))


def _reply(world: World, location: Location, task: Task, _day: date) -> None:
    """Answered by phone; who refused in their own words gets no more messages."""
    mobile = mobile_of(location, task.patient)
    with world.database.transaction(location.crew.technician, world.clock) as tx:
        if mobile and day_work.is_held(tx, location.id, mobile):
            release_address(tx, location.id, Channel.SMS, mobile, opted_out=True)
        resolve_exception(tx, task.id, outcome="Called back and answered.")


def _needs_renewal(world: World, location: Location, task: Task, day: date) -> None:
    """Ask the prescriber, and look again in some days; then phone, which settles it."""
    if task.id in location.worked:
        if location.has_new_prescription(task.rx_number, day):
            return  # it has come: the evening's file closes this
        send_prescription(world, location, task.patient, task.rx_number, day)
        _later(world, location, task, day, 1, "Phoned the prescriber: a new prescription comes today.")
        return
    if task.cycle_id:
        with world.database.transaction(location.crew.technician, world.clock) as tx:
            request_renewals(tx, task.cycle_id)
    _later(world, location, task, day, 4, "The prescriber was asked.")


def _renewal(world: World, location: Location, task: Task, day: date) -> None:
    if task.id in location.worked or task.kind is ExceptionKind.PRESCRIBER_SILENT:
        renewal_id = str(task.detail.get("renewal", ""))
        answer_renewal(world, location, renewal_id, task.patient, task.rx_number, day)
    else:
        _later(world, location, task, day, 3, "Sent from the pharmacy system.")


def _denied(world: World, location: Location, task: Task, day: date) -> None:
    if task.id not in location.worked:
        send_prescription(world, location, task.patient, task.rx_number, day)
    _later(world, location, task, day, 1, "Asked again with the history: a new prescription comes.")


def _approval(world: World, location: Location, task: Task, day: date) -> None:
    if task.id in location.worked:
        _resolve(world, location, task, "The plan has extended it by a year.")
        return
    extend_approval(location, task.patient, task.rx_number, day)
    _later(world, location, task, day, 2, "Asked the plan, which extends it: look at the new date then.")


def _contact(world: World, location: Location, task: Task, _day: date) -> None:
    """The patient gives an e-mail address and agrees to messages there."""
    person = location.charts[task.patient].person
    address = (
        person.email or f"{person.first_name}.{person.last_name}.{person.external_id}@example.com".lower()
    )
    language = "es" if person.speaks_spanish else "en"
    with world.database.transaction(location.crew.technician, world.clock) as tx:
        wording = consent_wording(language, Channel.EMAIL, tx.get(Pharmacy, location.id).name)
        patient_id = location.patients[task.patient]
        record_basis(
            tx,
            patient_id,
            Channel.EMAIL,
            address,
            ContactBasis.EXPRESS,
            "phone",
            wording=wording,
            kind="email",
        )
        if day_work.is_open(tx, task.id):
            resolve_exception(tx, task.id, outcome="Asked by phone: wants e-mail.")


def _review(world: World, location: Location, task: Task, day: date) -> None:
    cycle_id = Cause.PLAN_REVIEW.subject(task.cause_key)
    if cycle_id is not None:
        if task.due_at > world.clock.now():
            return  # there is a time for it in the morning
        with world.database.transaction(location.crew.pharmacist, world.clock) as tx:
            cycle = tx.get(Cycle, cycle_id)
            if not waits_for_a_call(location, cycle):
                approve(tx, cycle_id, expected_version=cycle.version)
    else:
        _settle(world, location, task, day)


def _not_picked_up(world: World, location: Location, task: Task, day: date) -> None:
    _later(world, location, task, day, 3, "Left a voicemail: the batch is kept some days more.")


def _out_of_stock(world: World, location: Location, task: Task, day: date) -> None:
    _later(world, location, task, day, 2, "Ordered from the second wholesaler.")


def _back_to_stock(world: World, location: Location, task: Task, _day: date) -> None:
    if task.cycle_id:
        try:
            with world.database.transaction(location.crew.technician, world.clock) as tx:
                return_to_stock(tx, task.cycle_id, expected_version=tx.get(Cycle, task.cycle_id).version)
        except Conflict:
            pass  # nothing of it waits any more: what is left is to say so
    with world.database.transaction(location.crew.technician, world.clock) as tx:
        if day_work.is_open(tx, task.id):
            resolve_exception(tx, task.id, outcome="Put back on the shelf.")


def _in_doubt(world: World, location: Location, task: Task, _day: date) -> None:
    with world.database.transaction(location.crew.technician, world.clock) as tx:
        if cause_of(task.cause_key) is Cause.DOUBT and task.action_id:
            settle_by_person(tx, task.action_id, was_sent=True)
        else:
            resolve_exception(tx, task.id, outcome="The patient has the message.")


_HANDLERS: dict[ExceptionKind, Handler] = {
    ExceptionKind.CALL: _call,
    ExceptionKind.CALL_BACK: _call,
    ExceptionKind.REPLY: _reply,
    ExceptionKind.NO_REFILLS: _needs_renewal,
    ExceptionKind.RX_EXPIRES: _needs_renewal,
    ExceptionKind.RENEWAL: _renewal,
    ExceptionKind.PRESCRIBER_SILENT: _renewal,
    ExceptionKind.PRESCRIBER_DENIED: _denied,
    ExceptionKind.PA_ENDING: _approval,
    ExceptionKind.CONTACT: _contact,
    ExceptionKind.PLAN_REVIEW: _review,
    ExceptionKind.NOT_PICKED_UP: _not_picked_up,
    ExceptionKind.OUT_OF_STOCK: _out_of_stock,
    ExceptionKind.RETURN_TO_STOCK: _back_to_stock,
    ExceptionKind.SEND_IN_DOUBT: _in_doubt,
}
