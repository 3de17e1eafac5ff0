"""Drugs added, stopped and changed by a person: the coming batch follows in the same transaction."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from medsync_app.domain.states import ActionState, CycleState, ItemState
from medsync_app.errors import Conflict, Invalid, NotFound
from medsync_app.services.approve_plan import approve
from medsync_app.services.change_drugs import add_drug, change_dose, discontinue
from medsync_app.services.confirm_pickup import confirm_pickup
from medsync_app.services.mark_ready import ItemProblem, mark_ready
from medsync_app.services.pause import resume
from medsync_app.services.plan_inputs import TherapyChoice
from medsync_app.services.withdraw import withdraw
from medsync_app.store.repositories import cycles
from medsync_app.store.session import Database
from medsync_app.store.tables import (
    AuditEvent,
    Cycle,
    CycleItem,
    Enrollment,
    ScheduledAction,
    Therapy,
)
from tests.support.programme import (
    TODAY,
    Batch,
    Clinic,
    add_drug_row,
    batch_of,
    enroll_recommended,
    even_patient,
    make_clinic,
    open_causes,
    reference_patient,
)
from tests.support.store import make_patient

pytestmark = pytest.mark.slow


def patient_of(clinic: Clinic, batch: Batch) -> str:
    with clinic.reading() as tx:
        return tx.get(Cycle, batch.id).patient_id


def test_a_drug_ticked_in_joins_at_the_existing_date(clinic: Clinic, batch: Batch) -> None:
    drug = add_drug_row(
        clinic, patient_of(clinic, batch), "Zolpidem 5 MG", [((TODAY - timedelta(days=21)).isoformat(), 30)],
        schedule=4,
    )  # fmt: skip
    with clinic.writing() as tx:
        add_drug(tx, batch.enrollment_id, drug, expected_version=1, choice=TherapyChoice(refills_left=2))
    now = batch_of(clinic)
    assert (now.sync_date, drug in now.therapies) == (batch.sync_date, True)
    with clinic.reading() as tx:
        assert tx.get(Therapy, drug).include is True
        assert tx.get(Enrollment, batch.enrollment_id).version == 2
        assert "add_drug" in set(tx.session.scalars(select(AuditEvent.act)))


def test_a_drug_that_runs_out_in_between_becomes_a_task(clinic: Clinic, batch: Batch) -> None:
    drug = add_drug_row(
        clinic, patient_of(clinic, batch), "Losartan 50 MG", [(TODAY.isoformat(), 30)], unbreakable=True
    )
    with clinic.writing() as tx:
        add_drug(tx, batch.enrollment_id, drug, expected_version=1)
    assert f"new_drug:{drug}" in open_causes(clinic)


def test_adding_refuses_strangers_drugs_and_stale_versions(clinic: Clinic, batch: Batch) -> None:
    stranger = make_patient(clinic.database, clinic.shop, first="Bo")
    drug = add_drug_row(clinic, stranger, "Losartan 50 MG", [("2026-11-01", 30)])
    with pytest.raises(Invalid), clinic.writing() as tx:
        add_drug(tx, batch.enrollment_id, drug, expected_version=1)
    with pytest.raises(Conflict), clinic.writing() as tx:
        add_drug(tx, batch.enrollment_id, batch.therapies[0], expected_version=7)


def test_a_stopped_drug_leaves_and_the_messages_stay(clinic: Clinic, batch: Batch) -> None:
    first, second = batch.therapies
    with clinic.writing() as tx:
        assert discontinue(tx, first, reason="Side effects") is True
        assert discontinue(tx, first, reason="Side effects") is False
    now = batch_of(clinic)
    assert (now.therapies, now.state) == ((second,), CycleState.PLANNED)
    with clinic.reading() as tx:
        therapy = tx.get(Therapy, first)
        assert (therapy.stopped_on, therapy.stop_reason) == (TODAY, "Side effects")


def test_a_plan_needs_no_approval_once_its_short_fill_is_gone(clinic: Clinic) -> None:
    case = reference_patient(clinic)
    enroll_recommended(clinic, case.patient_id)
    assert batch_of(clinic).state is CycleState.PROPOSED
    trip = batch_of(clinic, kind="trip")
    with clinic.writing() as tx:
        discontinue(tx, case.lisinopril, reason="Side effects")
    assert batch_of(clinic).state is CycleState.PLANNED
    assert not any(cause.startswith("plan_review") for cause in open_causes(clinic))
    with clinic.reading() as tx:
        assert tx.get(Cycle, trip.id).state is CycleState.CANCELLED
        steps = set(
            tx.session.scalars(
                select(ScheduledAction.step).where(ScheduledAction.state == ActionState.QUEUED)
            )
        )
        assert {"welcome", "prepare_t2"} <= steps


def test_stopping_the_last_drug_cancels_the_batch_and_asks_what_next(clinic: Clinic, batch: Batch) -> None:
    with clinic.writing() as tx:
        for drug in batch.therapies:
            discontinue(tx, drug, reason="Moved to another therapy")
    with clinic.reading() as tx:
        assert tx.get(Cycle, batch.id).state is CycleState.CANCELLED
    assert f"replan:{batch.id}" in open_causes(clinic)


@pytest.mark.parametrize("answer", [resume, withdraw])
def test_a_question_for_another_date_is_closed_by_its_answer(
    clinic: Clinic, batch: Batch, answer: Callable[..., object]
) -> None:
    with clinic.writing() as tx:
        for drug in batch.therapies:
            discontinue(tx, drug, reason="Moved to another therapy")
        tx.get(Therapy, batch.therapies[0]).status = "active"
    more = {"sync_date": batch.sync_date} if answer is resume else {"reason": "Moved away"}
    with clinic.writing() as tx:
        version = tx.get(Enrollment, batch.enrollment_id).version
        answer(tx, batch.enrollment_id, expected_version=version, **more)
    assert f"replan:{batch.id}" not in open_causes(clinic)


def test_stopping_the_drug_that_was_still_to_come_closes_the_batch(clinic: Clinic, batch: Batch) -> None:
    clinic.go_to(batch.sync_date)
    fetched, owed = batch.items
    with clinic.writing() as tx:
        mark_ready(tx, batch.id, expected_version=batch.version, problems={owed: ItemProblem("owed")})
        confirm_pickup(tx, batch.id, expected_version=tx.get(Cycle, batch.id).version)
        assert tx.get(Cycle, batch.id).state is CycleState.PARTLY_PICKED_UP
        discontinue(tx, tx.get(CycleItem, owed).therapy_id, reason="Side effects")
    assert batch_of(clinic).state is CycleState.CLOSED
    with clinic.reading() as tx:
        kept = tx.get(CycleItem, fetched).therapy_id
    assert batch_of(clinic, number=2).therapies == (kept,)


def test_a_stopped_drug_in_a_ready_batch_is_to_be_taken_out(clinic: Clinic, batch: Batch) -> None:
    clinic.go_to(batch.sync_date)
    with clinic.writing() as tx:
        mark_ready(tx, batch.id, expected_version=batch.version)
        discontinue(tx, batch.therapies[0], reason="Side effects")
    now = batch_of(clinic)
    assert (now.therapies, now.state) == ((batch.therapies[1],), CycleState.READY)
    (taken_out,) = (cause for cause in open_causes(clinic) if cause.startswith("stopped:"))
    with clinic.writing() as tx:
        confirm_pickup(tx, batch.id, expected_version=now.version)
    assert taken_out in open_causes(clinic)


def test_stopping_every_drug_of_a_ready_batch_leaves_each_to_be_taken_out(
    clinic: Clinic, batch: Batch
) -> None:
    clinic.go_to(batch.sync_date)
    with clinic.writing() as tx:
        mark_ready(tx, batch.id, expected_version=batch.version)
        for drug in batch.therapies:
            discontinue(tx, drug, reason="Side effects")
    with clinic.reading() as tx:
        assert tx.get(Cycle, batch.id).state is CycleState.CANCELLED
    assert sum(cause.startswith("stopped:") for cause in open_causes(clinic)) == 2


def test_a_stop_ahead_or_without_reason_is_refused(clinic: Clinic, batch: Batch) -> None:
    with pytest.raises(Invalid) as caught, clinic.writing() as tx:
        discontinue(tx, batch.therapies[0], reason="")
    assert caught.value.field == "reason"
    with pytest.raises(Invalid) as caught, clinic.writing() as tx:
        discontinue(tx, batch.therapies[0], reason="x", on=TODAY + timedelta(days=1))
    assert caught.value.field == "on"


def test_half_the_dose_doubles_the_supply_and_needs_no_fill_yet(clinic: Clinic, batch: Batch) -> None:
    drug = batch.therapies[0]
    with clinic.writing() as tx:
        assert change_dose(tx, drug, units_per_day=Decimal("0.5")) is True
        assert change_dose(tx, drug, units_per_day=Decimal("0.5")) is False
    with clinic.reading() as tx:
        item = tx.session.scalars(
            select(CycleItem).where(CycleItem.therapy_id == drug, CycleItem.cycle_id == batch.id)
        ).one()
        # 10 days in hand become 20: the drug is not eligible on the sync date any more.
        assert item.state is ItemState.SKIPPED
        assert item.problem == "left_out"


def test_other_days_of_supply_alone_are_planned_too(clinic: Clinic, batch: Batch) -> None:
    drug = batch.therapies[0]
    with clinic.writing() as tx:
        assert change_dose(tx, drug, units_per_day=Decimal(1), usual_days=90)
        assert not change_dose(tx, drug, units_per_day=Decimal(1), usual_days=90)
    with clinic.reading() as tx:
        days = {item.therapy_id: item.days_supply for item in cycles.items_of(tx, batch.id)}
    assert days[drug] == 90
    with pytest.raises(Invalid), clinic.writing() as tx:
        change_dose(tx, drug, units_per_day=Decimal(1), usual_days=0)


def test_an_approved_plan_stays_approved_when_nothing_of_it_changes(clinic: Clinic) -> None:
    patient_id, drugs = even_patient(clinic)
    late = (TODAY - timedelta(days=28)).isoformat()
    bridged = add_drug_row(clinic, patient_id, "Losartan 50 MG", [(late, 30)])
    waiting = add_drug_row(clinic, patient_id, "Ibuprofen 400 MG", [(late, 10)], as_needed=True)
    enroll_recommended(clinic, patient_id)
    batch = batch_of(clinic)
    if batch.state is CycleState.PROPOSED:
        with clinic.writing() as tx:
            approve(tx, batch.id, expected_version=batch.version)
    before = batch_of(clinic)
    with clinic.writing() as tx:
        discontinue(tx, waiting, reason="Pain is over")
    assert batch_of(clinic) == before
    assert bridged in before.therapies
    assert set(drugs) <= set(before.therapies)


def test_another_pharmacys_drug_is_not_found(clinic: Clinic, batch: Batch, database: Database) -> None:
    other = make_clinic(database, "other")
    drug = batch.therapies[0]
    with pytest.raises(NotFound), other.writing() as tx:
        discontinue(tx, drug, reason="x")
    with pytest.raises(NotFound), other.writing() as tx:
        change_dose(tx, drug, units_per_day=Decimal(2))
    with pytest.raises(NotFound), other.writing() as tx:
        add_drug(tx, batch.enrollment_id, drug, expected_version=1)
