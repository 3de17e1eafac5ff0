"""Fill on request: nothing of a payer that forbids automatic refills is prepared before somebody has asked for it."""

from datetime import timedelta

import pytest

from medsync_app.domain.causes import Cause
from medsync_app.domain.dispensing import ChangeKind, DispensingChange
from medsync_app.domain.states import Channel, CycleState, FillStatus, ItemState, Role
from medsync_app.errors import Conflict
from medsync_app.services.approve_plan import approve
from medsync_app.services.call_answers import DrugAnswer, apply_answers
from medsync_app.services.change_drugs import add_drug, discontinue
from medsync_app.services.confirm_pickup import confirm_pickup
from medsync_app.services.fill_request import record_request
from medsync_app.services.mark_ready import ItemProblem, mark_all_ready, mark_ready
from medsync_app.services.prepare import begin_preparation
from medsync_app.services.react_to_dispensing import react
from medsync_app.store.tables import Cycle, CycleItem, Enrollment, ExceptionCase, Patient, Therapy
from tests.support.loop import FakeConnection, run_tick
from tests.support.programme import (
    TODAY,
    Batch,
    Clinic,
    add_drug_row,
    add_fill,
    batch_of,
    enroll_recommended,
    open_causes,
    open_tasks,
    reference_patient,
)

pytestmark = pytest.mark.slow


@pytest.fixture
def batch(clinic: Clinic, batch: Batch) -> Batch:
    """Two drugs, the first of them Medicaid's, days before their preparation begins."""
    with clinic.writing() as tx:
        tx.get(Therapy, batch.therapies[0]).payer = "medicaid"
    return batch


def problem_of(clinic: Clinic, item_id: str) -> str:
    with clinic.reading() as tx:
        return tx.get(CycleItem, item_id).problem


def request_task(clinic: Clinic, batch: Batch) -> ExceptionCase | None:
    key = Cause.REQUEST.of(batch.id)
    return next((task for task in open_tasks(clinic) if task.cause_key == key), None)


def press_ready(clinic: Clinic, batch: Batch) -> str:
    with clinic.writing() as tx:
        return mark_all_ready(tx, batch.id, expected_version=tx.get(Cycle, batch.id).version)


def filled(clinic: Clinic, batch: Batch, kind: ChangeKind = ChangeKind.FILLED, fill: int = 0) -> int:
    """The pharmacy system reports a fill of the Medicaid drug today; gives its id."""
    today, drug = clinic.clock.now().date(), batch.therapies[0]
    fill_id = fill or add_fill(clinic, drug, today, status=FillStatus.WAITING)
    with clinic.writing() as tx:
        patient_id = tx.get(Cycle, batch.id).patient_id
        react(tx, patient_id, [DispensingChange(kind, drug, today, fill_id=fill_id)])
    return fill_id


def test_the_button_leaves_out_what_nobody_asked_for_and_says_so_also_before_the_preparation(
    clinic: Clinic, batch: Batch
) -> None:
    medicaid, other = batch.items
    assert "1 medicine" in press_ready(clinic, batch)
    now = batch_of(clinic)
    assert (now.state, now.items) == (
        CycleState.PARTLY_READY, {medicaid: ItemState.WAITING, other: ItemState.READY},
    )  # fmt: skip
    assert problem_of(clinic, medicaid) == "not_requested"
    assert request_task(clinic, batch) is not None
    with clinic.writing() as tx:
        assert record_request(tx, batch.id, how="counter")
    assert request_task(clinic, batch) is None
    assert press_ready(clinic, batch) == "Marked ready."
    assert batch_of(clinic).state is CycleState.READY


def test_where_nobody_asked_for_anything_the_button_is_refused(clinic: Clinic, batch: Batch) -> None:
    with clinic.writing() as tx:
        tx.get(Therapy, batch.therapies[1]).payer = "medicaid"
    with pytest.raises(Conflict, match="record the request"):
        press_ready(clinic, batch)
    assert set(batch_of(clinic).items.values()) == {ItemState.PLANNED}


@pytest.mark.parametrize("problem", ["", "out_of_stock"])
def test_what_is_named_is_refused_whatever_else_it_waits_for(
    clinic: Clinic, batch: Batch, problem: str
) -> None:
    medicaid = next(iter(batch.items))
    if problem:
        with clinic.writing() as tx:
            lacking = {medicaid: ItemProblem(problem)}
            mark_ready(tx, batch.id, expected_version=batch.version, items=[], problems=lacking)
    with pytest.raises(Conflict, match="record the request"), clinic.writing() as tx:
        mark_ready(tx, batch.id, expected_version=tx.get(Cycle, batch.id).version, items=[medicaid])


def test_a_drug_that_joins_after_the_patient_has_confirmed_is_asked_about_by_itself(
    clinic: Clinic, batch: Batch
) -> None:
    with clinic.writing() as tx:
        record_request(tx, batch.id, how="reply")
        patient_id = tx.get(Cycle, batch.id).patient_id
    filled_on = (TODAY - timedelta(days=20)).isoformat()
    new = add_drug_row(clinic, patient_id, "Amlodipine 5 MG", [(filled_on, 30)], payer="medicaid")
    with clinic.writing() as tx:
        enrollment = tx.get(Enrollment, batch.enrollment_id)
        add_drug(tx, enrollment.id, new, expected_version=enrollment.version)
    with clinic.writing() as tx:
        begin_preparation(tx, batch.id)
    now = batch_of(clinic)
    assert dict(zip(now.therapies, now.items.values(), strict=True)) == {
        batch.therapies[0]: ItemState.PLANNED, batch.therapies[1]: ItemState.PLANNED, new: ItemState.WAITING,
    }  # fmt: skip
    assert request_task(clinic, batch) is not None


def test_what_lacks_something_else_too_is_asked_about_and_waits_for_the_answer(
    clinic: Clinic, batch: Batch
) -> None:
    medicaid = next(iter(batch.items))
    with clinic.writing() as tx:
        tx.get(CycleItem, medicaid).problem = "no_refills"
        begin_preparation(tx, batch.id)
    assert request_task(clinic, batch) is not None
    with clinic.writing() as tx:
        apply_answers(tx, batch.id, {medicaid: DrugAnswer("fill")})
    assert request_task(clinic, batch) is None


@pytest.mark.parametrize("ready", [True, False])
def test_a_fill_that_the_pharmacy_system_reports_is_kept_and_a_pharmacist_looks_at_it(
    clinic: Clinic, batch: Batch, ready: bool
) -> None:
    medicaid = next(iter(batch.items))
    clinic.go_to(batch.sync_date - timedelta(days=2))
    fill = filled(clinic, batch)
    assert batch_of(clinic).items[medicaid] is ItemState.FILLING
    task = request_task(clinic, batch)
    assert task is not None
    assert (task.owner_role, "reverse" in task.summary) == (Role.PHARMACIST, True)
    if ready:
        assert press_ready(clinic, batch) == "Marked ready.", "what is filled is a fact"
        assert request_task(clinic, batch) is not None
    filled(clinic, batch, ChangeKind.REVERSED, fill)
    assert problem_of(clinic, medicaid) == "not_requested", "it is not prepared again by itself"
    task = request_task(clinic, batch)
    assert task is not None
    assert task.owner_role is Role.TECHNICIAN


@pytest.mark.parametrize("how", ["asked", "answered", "fetched", "stopped"])
def test_the_question_closes_when_nothing_is_left_to_ask(clinic: Clinic, batch: Batch, how: str) -> None:
    medicaid, other = batch.items
    clinic.go_to(batch.sync_date - timedelta(days=2))
    filled(clinic, batch)
    with clinic.writing() as tx:
        if how == "asked":
            record_request(tx, batch.id, how="counter")
        elif how == "answered":
            apply_answers(tx, batch.id, {medicaid: DrugAnswer("fill")})
        elif how == "fetched":
            version = tx.get(Cycle, batch.id).version
            confirm_pickup(tx, batch.id, expected_version=version, items=[medicaid])
        else:
            discontinue(tx, batch.therapies[0], reason="Stopped.")
    assert Cause.REQUEST.of(batch.id) not in open_causes(clinic)
    assert batch_of(clinic).items[other] is ItemState.PLANNED


@pytest.mark.parametrize("asked", [True, False])
def test_nobody_is_told_to_come_for_what_was_not_asked_for(clinic: Clinic, batch: Batch, asked: bool) -> None:
    sms = FakeConnection()
    for days in (3, 2, 1):
        clinic.go_to(batch.sync_date - timedelta(days=days))
        run_tick(clinic.database, clinic.clock, {Channel.SMS: sms})
        if asked and days == 2:
            with clinic.writing() as tx:
                record_request(tx, batch.id, how="call")
    assert ("2 medicines" if asked else "1 medicine ") in sms.sent[-1].body
    assert "Open" in sms.sent[-1].body


@pytest.mark.parametrize(("way", "word"), [("pickup", "pickup"), ("delivery", "delivery")])
def test_a_short_supply_that_nobody_asked_for_is_a_call_and_no_text(
    clinic: Clinic, way: str, word: str
) -> None:
    case, sms = reference_patient(clinic), FakeConnection()
    with clinic.writing() as tx:
        tx.get(Patient, case.patient_id).fulfilment = way
    enroll_recommended(clinic, case.patient_id)
    with clinic.writing() as tx:
        sync = batch_of(clinic)
        approve(tx, sync.id, expected_version=sync.version)
    trip = batch_of(clinic, kind="trip")
    with clinic.writing() as tx:
        tx.get(Therapy, trip.therapies[0]).payer = "medicaid"
    for days in (2, 1):
        clinic.go_to(trip.sync_date - timedelta(days=days))
        run_tick(clinic.database, clinic.clock, {Channel.SMS: sms})
    assert not any("short supply" in message.body for message in sms.sent)
    assert request_task(clinic, trip) is not None
    with clinic.writing() as tx:
        record_request(tx, trip.id, how="call")
        assert mark_all_ready(tx, trip.id, expected_version=tx.get(Cycle, trip.id).version) == "Marked ready."
    run_tick(clinic.database, clinic.clock, {Channel.SMS: sms})
    assert f"ready for {word}" in sms.sent[-1].body
