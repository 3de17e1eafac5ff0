"""What staff do with batches and medicines in a random life, each act by the service that its screen calls."""

from datetime import timedelta
from decimal import Decimal

from medsync_app.domain.states import CycleState, EnrollmentState, ItemState
from medsync_app.services.approve_plan import approve
from medsync_app.services.call_answers import DrugAnswer, apply_answers
from medsync_app.services.change_drugs import add_drug, change_dose, discontinue
from medsync_app.services.confirm_pickup import confirm_pickup, undo_pickup
from medsync_app.services.mark_ready import NO_PROBLEMS, ItemProblem, mark_ready, undo_ready
from medsync_app.services.pause import pause, resume
from medsync_app.services.plan_inputs import TherapyChoice
from medsync_app.services.reschedule import reschedule
from medsync_app.services.return_to_stock import return_to_stock
from medsync_app.store.tables import Cycle
from tests.support.life_picks import a_cycle, a_therapy, about, enrollment_of, items_of, some_items
from tests.support.lives import Life, Person

_TAKEN = frozenset({CycleState.PARTLY_PICKED_UP, CycleState.PICKED_UP, CycleState.CLOSED})


def ready(life: Life, person: Person) -> str:
    cycle = a_cycle(life, person)
    items = some_items(life, cycle, ItemState.PLANNED, ItemState.FILLING, ItemState.WAITING)
    problems = NO_PROBLEMS
    if items is not None and life.luck.random() < 0.3:
        problems, items = (
            {items[0]: ItemProblem("out_of_stock", life.today(person) + timedelta(days=2))},
            items[1:],
        )
    with life.writing(person) as tx:
        mark_ready(tx, cycle.id, expected_version=cycle.version, items=items, problems=problems)
    return about(cycle, items) + (" out of stock" if problems else "")


def not_ready(life: Life, person: Person) -> str:
    cycle = a_cycle(life, person)
    items = some_items(life, cycle, ItemState.READY)
    with life.writing(person) as tx:
        undo_ready(tx, cycle.id, expected_version=cycle.version, items=items)
    return about(cycle, items)


def fetch(life: Life, person: Person) -> str:
    cycle = a_cycle(life, person)
    items = some_items(life, cycle, ItemState.READY)
    on = life.today(person) - timedelta(days=life.luck.choice((0, 0, 0, 1)))
    with life.writing(person) as tx:
        confirm_pickup(tx, cycle.id, expected_version=cycle.version, items=items, picked_up_on=on)
    return f"{about(cycle, items)} on {on}"


def not_fetched(life: Life, person: Person) -> str:
    cycle = a_cycle(life, person, _TAKEN)
    items = some_items(life, cycle, ItemState.PICKED_UP)
    with life.writing(person) as tx:
        undo_pickup(tx, cycle.id, expected_version=cycle.version, items=items)
    return about(cycle, items)


def back_to_stock(life: Life, person: Person) -> str:
    cycle = a_cycle(life, person)
    items = some_items(life, cycle, ItemState.READY, ItemState.FILLING)
    with life.writing(person) as tx:
        return_to_stock(tx, cycle.id, expected_version=cycle.version, items=items)
    return about(cycle, items)


def answers_about(life: Life, cycle: Cycle) -> dict[str, DrugAnswer]:
    """What a patient says about each medicine of a batch."""
    said = (
        DrugAnswer("skip", "has some"),
        DrugAnswer("fill"),
        DrugAnswer("changed", "new dose"),
        DrugAnswer(),
    )
    return {key: life.luck.choice(said) for key in items_of(life, cycle)}


def answer_about_drugs(life: Life, person: Person) -> str:
    cycle = a_cycle(life, person)
    answers = answers_about(life, cycle)
    with life.writing(person) as tx:
        apply_answers(tx, cycle.id, answers, how="counter")
    return f"{about(cycle)} {[f'{key[-3:]} {said.answer}' for key, said in answers.items()]}"


def stop_a_drug(life: Life, person: Person) -> str:
    therapy = a_therapy(life, person)
    with life.writing(person) as tx:
        discontinue(tx, therapy.id, reason="The doctor said so.")
    return therapy.drug_name


def take_in_a_drug(life: Life, person: Person) -> str:
    therapy, enrollment = a_therapy(life, person), enrollment_of(life, person)
    choice = TherapyChoice(include=True)
    with life.writing(person) as tx:
        add_drug(tx, enrollment.id, therapy.id, expected_version=enrollment.version, choice=choice)
    return therapy.drug_name


def another_dose(life: Life, person: Person) -> str:
    therapy, units = a_therapy(life, person), Decimal(life.luck.choice(("0.5", "1", "1.5", "2")))
    with life.writing(person) as tx:
        change_dose(tx, therapy.id, units_per_day=units)
    return f"{therapy.drug_name} {units}"


def move(life: Life, person: Person) -> str:
    cycle = a_cycle(life, person)
    day = life.today(person) + timedelta(days=life.luck.randint(-1, 25))
    override = life.luck.choice((None, "The patient travels."))
    with life.writing(person) as tx:
        reschedule(
            tx, cycle.id, day, expected_version=cycle.version, override_reason=override,
            from_now_on=life.luck.random() < 0.3,
        )  # fmt: skip
    return f"{about(cycle)} to {day} override {override is not None}"


def approve_plan(life: Life, person: Person) -> str:
    cycle = a_cycle(life, person)
    with life.writing(person) as tx:
        approve(tx, cycle.id, expected_version=cycle.version)
    return about(cycle)


def pause_or_resume(life: Life, person: Person) -> str:
    enrollment = enrollment_of(life, person)
    if enrollment.state is EnrollmentState.ACTIVE and life.luck.random() < 0.3:
        with life.writing(person) as tx:
            pause(tx, enrollment.id, expected_version=enrollment.version, reason="hospitalised")
        return "paused"
    day = life.today(person) + timedelta(days=life.luck.randint(1, 20))
    with life.writing(person) as tx:
        resume(
            tx, enrollment.id, expected_version=enrollment.version, sync_date=day, override_reason="As agreed.",
        )  # fmt: skip
    return f"resumed for {day}"
