"""What people do in a random life, each act by the service that its screen, route or file calls."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, TypeVar, cast

from sqlalchemy import select

from medsync_app.domain.cycle import OPEN
from medsync_app.domain.states import (
    Channel,
    ContactBasis,
    CycleState,
    ExceptionKind,
    ExceptionState,
    ItemState,
)
from medsync_app.errors import MedSyncError
from medsync_app.services.approve_plan import approve
from medsync_app.services.call_answers import DrugAnswer, apply_answers
from medsync_app.services.change_drugs import add_drug, change_dose, discontinue
from medsync_app.services.closed_days import close_on, open_on
from medsync_app.services.confirm_pickup import confirm_pickup, undo_pickup
from medsync_app.services.contact_settings import record_basis
from medsync_app.services.handle_inbound import InboundText, handle_inbound_message
from medsync_app.services.mark_ready import NO_PROBLEMS, ItemProblem, mark_ready, undo_ready
from medsync_app.services.pause import pause, resume
from medsync_app.services.plan_inputs import TherapyChoice
from medsync_app.services.record_call import CallOutcome, record_call
from medsync_app.services.reschedule import reschedule
from medsync_app.services.return_to_stock import return_to_stock
from medsync_app.services.workflow_versions import move_cycles, newest_version, publish_workflow
from medsync_app.store.tables import ClosedDay, Cycle, CycleItem, Enrollment, ExceptionCase, Therapy
from tests.support.lives import Life, Person, rx_row, us
from tests.support.store import SYSTEM

_cycle, _item, _case = cast(Any, Cycle), cast(Any, CycleItem), cast(Any, ExceptionCase)
_TAKEN = frozenset({CycleState.PARTLY_PICKED_UP, CycleState.PICKED_UP, CycleState.CLOSED})
_MORE_DRUGS = (
    "Simvastatin 20 MG Oral Tablet",
    "Hydrochlorothiazide 25 MG Oral Tablet",
    "Famotidine 20 MG Oral Tablet",
)


T = TypeVar("T")


class Nothing(Exception):
    """There is nothing to do this act to."""


def act(life: Life) -> None:
    """One random act; what a service refuses in plain words is part of life."""
    person, chosen = life.luck.choice(life.people), life.luck.choices(_ACTS, _WEIGHTS)[0]
    name = f"{person.name} {chosen.__name__}"
    try:
        done = chosen(life, person)
    except Nothing:
        return
    except MedSyncError as refused:
        done = f"refused: {refused.message}"
    except Exception:
        life.note(f"{name} broke")
        raise
    life.note(f"{name} {done}")


def _a_cycle(life: Life, person: Person, states: frozenset[CycleState] = OPEN) -> Cycle:
    with life.reading() as tx:
        find = select(Cycle).where(_cycle.patient_id == person.patient_id, _cycle.state.in_(states))
        rows = tx.session.scalars(find.order_by(_cycle.id)).all()
    return _one(life, rows)


def _one(life: Life, rows: Sequence[T]) -> T:
    if not rows:
        raise Nothing
    return life.luck.choice(rows)


def _some_items(life: Life, cycle: Cycle, *states: ItemState) -> list[str] | None:
    """All (None), or a part of the items that stand so."""
    if life.luck.random() < 0.55:
        return None
    with life.reading() as tx:
        find = (
            select(CycleItem.id).where(_item.cycle_id == cycle.id, _item.state.in_(states)).order_by(_item.id)
        )
        ids = list(tx.session.scalars(find))
    return life.luck.sample(ids, life.luck.randint(1, len(ids))) if ids else None


def _about(cycle: Cycle, items: Sequence[str] | None = None) -> str:
    part = "" if items is None else f" only {', '.join(item[-3:] for item in items)}"
    return f"{cycle.kind} {cycle.number} ({cycle.id[-3:]}, {cycle.sync_date}, {cycle.state.value}){part}"


def ready(life: Life, person: Person) -> str:
    cycle = _a_cycle(life, person)
    items = _some_items(life, cycle, ItemState.PLANNED, ItemState.FILLING, ItemState.WAITING)
    problems = NO_PROBLEMS
    if items is not None and life.luck.random() < 0.3:
        problems, items = (
            {items[0]: ItemProblem("out_of_stock", life.today(person) + timedelta(days=2))},
            items[1:],
        )
    with life.writing(person) as tx:
        mark_ready(tx, cycle.id, expected_version=cycle.version, items=items, problems=problems)
    return _about(cycle, items) + (" out of stock" if problems else "")


def not_ready(life: Life, person: Person) -> str:
    cycle = _a_cycle(life, person)
    items = _some_items(life, cycle, ItemState.READY)
    with life.writing(person) as tx:
        undo_ready(tx, cycle.id, expected_version=cycle.version, items=items)
    return _about(cycle, items)


def fetch(life: Life, person: Person) -> str:
    cycle = _a_cycle(life, person)
    items = _some_items(life, cycle, ItemState.READY)
    on = life.today(person) - timedelta(days=life.luck.choice((0, 0, 0, 1)))
    with life.writing(person) as tx:
        confirm_pickup(tx, cycle.id, expected_version=cycle.version, items=items, picked_up_on=on)
    return f"{_about(cycle, items)} on {on}"


def not_fetched(life: Life, person: Person) -> str:
    cycle = _a_cycle(life, person, _TAKEN)
    items = _some_items(life, cycle, ItemState.PICKED_UP)
    with life.writing(person) as tx:
        undo_pickup(tx, cycle.id, expected_version=cycle.version, items=items)
    return _about(cycle, items)


def back_to_stock(life: Life, person: Person) -> str:
    cycle = _a_cycle(life, person)
    items = _some_items(life, cycle, ItemState.READY, ItemState.FILLING)
    with life.writing(person) as tx:
        return_to_stock(tx, cycle.id, expected_version=cycle.version, items=items)
    return _about(cycle, items)


def _answers(life: Life, cycle: Cycle) -> dict[str, DrugAnswer]:
    with life.reading() as tx:
        ids = tx.session.scalars(
            select(CycleItem.id).where(_item.cycle_id == cycle.id).order_by(_item.id)
        ).all()
    said = (
        DrugAnswer("skip", "has some"),
        DrugAnswer("fill"),
        DrugAnswer("changed", "new dose"),
        DrugAnswer(),
    )
    return {key: life.luck.choice(said) for key in ids}


def answer_about_drugs(life: Life, person: Person) -> str:
    cycle = _a_cycle(life, person)
    answers = _answers(life, cycle)
    with life.writing(person) as tx:
        apply_answers(tx, cycle.id, answers, how="counter")
    return f"{_about(cycle)} {[f'{key[-3:]} {said.answer}' for key, said in answers.items()]}"


def called(life: Life, person: Person) -> str:
    with life.reading() as tx:
        find = select(ExceptionCase).where(
            _case.patient_id == person.patient_id, _case.state == ExceptionState.OPEN,
            _case.kind.in_([ExceptionKind.CALL, ExceptionKind.CALL_BACK, ExceptionKind.NOT_PICKED_UP]),
        )  # fmt: skip
        case = _one(life, tx.session.scalars(find.order_by(_case.id)).all())
        cycle = tx.find(Cycle, case.cycle_id) if case.cycle_id else None
    outcome = life.luck.choices(list(CallOutcome), (6, 2, 2, 1))[0]
    spoke = outcome is CallOutcome.SPOKE and cycle is not None and life.luck.random() < 0.5
    with life.writing(person) as tx:
        answers = _answers(life, cycle) if spoke and cycle is not None else {}
        record_call(tx, case.id, outcome=outcome, answers=answers)
    return f"{case.cause_key}: {outcome.value} {'with answers' if spoke else ''}"


def _a_therapy(life: Life, person: Person, status: str = "active") -> Therapy:
    with life.reading() as tx:
        find = select(Therapy).where(Therapy.patient_id == person.patient_id, Therapy.status == status)
        return _one(life, tx.session.scalars(find.order_by(cast(Any, Therapy).id)).all())


def _enrollment(life: Life, person: Person) -> Enrollment:
    with life.reading() as tx:
        find = select(Enrollment).where(Enrollment.patient_id == person.patient_id)
        return tx.session.scalars(find.order_by(cast(Any, Enrollment).id.desc())).first() or _one(life, [])


def stop_a_drug(life: Life, person: Person) -> str:
    therapy = _a_therapy(life, person)
    with life.writing(person) as tx:
        discontinue(tx, therapy.id, reason="The doctor said so.")
    return therapy.drug_name


def take_in_a_drug(life: Life, person: Person) -> str:
    therapy, enrollment = _a_therapy(life, person), _enrollment(life, person)
    with life.writing(person) as tx:
        add_drug(
            tx,
            enrollment.id,
            therapy.id,
            expected_version=enrollment.version,
            choice=TherapyChoice(include=True),
        )
    return therapy.drug_name


def another_dose(life: Life, person: Person) -> str:
    therapy, units = _a_therapy(life, person), Decimal(life.luck.choice(("0.5", "1", "1.5", "2")))
    with life.writing(person) as tx:
        change_dose(tx, therapy.id, units_per_day=units)
    return f"{therapy.drug_name} {units}"


def move(life: Life, person: Person) -> str:
    cycle = _a_cycle(life, person)
    day = life.today(person) + timedelta(days=life.luck.randint(-1, 25))
    override = life.luck.choice((None, "The patient travels."))
    with life.writing(person) as tx:
        reschedule(
            tx, cycle.id, day, expected_version=cycle.version, override_reason=override,
            from_now_on=life.luck.random() < 0.3,
        )  # fmt: skip
    return f"{_about(cycle)} to {day} override {override is not None}"


def approve_plan(life: Life, person: Person) -> str:
    cycle = _a_cycle(life, person)
    with life.writing(person) as tx:
        approve(tx, cycle.id, expected_version=cycle.version)
    return _about(cycle)


def pause_or_resume(life: Life, person: Person) -> str:
    enrollment = _enrollment(life, person)
    if enrollment.state.value == "active" and life.luck.random() < 0.3:
        with life.writing(person) as tx:
            pause(tx, enrollment.id, expected_version=enrollment.version, reason="hospitalised")
        return "paused"
    day = life.today(person) + timedelta(days=life.luck.randint(1, 20))
    with life.writing(person) as tx:
        resume(
            tx,
            enrollment.id,
            expected_version=enrollment.version,
            sync_date=day,
            override_reason="As agreed.",
        )
    return f"resumed for {day}"


def text_us(life: Life, person: Person) -> str:
    body = life.luck.choices(("1", "2", "3", "STOP", "START", "I moved"), (6, 1, 1, 1, 3, 1))[0]
    with life.database.transaction(SYSTEM, life.clock) as tx:
        said = InboundText("test", f"in-{len(life.story)}", person.phone, body, received_at=life.clock.now())
        outcome = handle_inbound_message(tx, said)
    places = {(one.shop.pharmacy_id, person.phone) for one in life.people}
    if body == "STOP":
        life.stopped |= places
    elif body == "START":
        life.stopped -= places
    return f"{body}: {outcome}"


def agree_anew(life: Life, person: Person) -> str:
    with life.writing(person) as tx:
        record_basis(
            tx,
            person.patient_id,
            Channel.SMS,
            person.phone,
            ContactBasis.EXPRESS,
            "counter",
            wording="I agree.",
        )
    life.stopped.discard((person.shop.pharmacy_id, person.phone))
    return ""


def _an_rx(life: Life, person: Person) -> tuple[int, dict[str, str]]:
    number = life.luck.randrange(len(person.rows))
    return number, person.rows[number]


def filled_elsewhere(life: Life, person: Person) -> str:
    """The pharmacy system reports a fill: sold at once, or waiting."""
    number, before = _an_rx(life, person)
    sold = life.luck.choice(("", us(life.today(person))))
    row = {
        **before, "Fill Number": str(int(before["Fill Number"]) + 1), "Date Filled": us(life.today(person)),
        "Date Sold": sold, "Status": "Completed" if sold else "Filled",
        "Refills Left": str(max(0, int(before["Refills Left"]) - 1)),
    }  # fmt: skip
    life.export(person, [row])
    person.rows[number] = row
    return f"{row['Drug Name']} {'sold' if sold else 'waits'}"


def sold(life: Life, person: Person) -> str:
    number, before = _an_rx(life, person)
    if before["Date Sold"] or before["Status"] == "Reversed":
        raise Nothing
    person.rows[number] = {**before, "Date Sold": us(life.today(person)), "Status": "Completed"}
    life.export(person, [person.rows[number]])
    return before["Drug Name"]


def reversed_or_returned(life: Life, person: Person) -> str:
    number, before = _an_rx(life, person)
    status = life.luck.choice(("Reversed", "Returned"))
    person.rows[number] = {**before, "Status": status}
    life.export(person, [person.rows[number]])
    return f"{before['Drug Name']} of {before['Date Filled']} {status}"


def new_rx(life: Life, person: Person) -> str:
    """A new drug, or a new Rx of one the patient takes, with its first fill."""
    known = [row["Drug Name"] for row in person.rows]
    drug = life.luck.choice([*known, *_MORE_DRUGS])
    row = rx_row(life, person, drug, 30, life.today(person))
    life.export(person, [row])
    person.rows = [one for one in person.rows if one["Drug Name"] != drug] + [row]
    return drug


def publish(life: Life, person: Person) -> str:
    hour, days = life.luck.choice(("09:30", "11:00", "16:00")), life.luck.choice((2, 3, 4))
    moved: object = "none"
    with life.writing(person) as tx:
        newest = newest_version(tx, person.shop.pharmacy_id)
        document = cast(
            dict[str, Any], {**newest.document, "steps": [dict(s) for s in newest.document["steps"]]}
        )
        step = next(step for step in document["steps"] if step["id"] == "confirm_t3")
        step["trigger"] = {"on": "days_before", "days": days, "at": hour}
        publish_workflow(tx, person.shop.pharmacy_id, document)
        if life.luck.random() < 0.7:
            moved = move_cycles(tx, person.shop.pharmacy_id)
    return f"confirm_t3 {days} days before at {hour}, {moved}"


def close_or_open_a_day(life: Life, person: Person) -> str:
    day: date = life.today(person) + timedelta(days=life.luck.randint(1, 20))
    with life.writing(person) as tx:
        rows = tx.session.scalars(
            select(ClosedDay).where(ClosedDay.pharmacy_id == person.shop.pharmacy_id)
        ).all()
        if rows and life.luck.random() < 0.5:
            row = life.luck.choice(rows)
            open_on(tx, row.id)
            return f"open on {row.day}"
        close_on(tx, person.shop.pharmacy_id, {day: "Inventory"})
    return f"closed on {day}"


Act = Callable[[Life, Person], str]
_WEIGHED: dict[Act, int] = {
    ready: 12, not_ready: 5, fetch: 9, not_fetched: 3, back_to_stock: 2, answer_about_drugs: 3, called: 4,
    stop_a_drug: 1, take_in_a_drug: 2, another_dose: 2, move: 5, approve_plan: 10, pause_or_resume: 4, text_us: 5,
    agree_anew: 2, filled_elsewhere: 3, sold: 3, reversed_or_returned: 2, new_rx: 2, publish: 1, close_or_open_a_day: 1,
}  # fmt: skip
_ACTS, _WEIGHTS = list(_WEIGHED), list(_WEIGHED.values())
