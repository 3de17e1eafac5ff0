"""Renewal requests: one open per drug, followed up by stage, closed by an answer or a new prescription."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from medsync_app.domain.states import CycleState, ExceptionKind, ItemState, RenewalState, Role
from medsync_app.errors import Conflict, Invalid, NotFound
from medsync_app.services.change_drugs import discontinue
from medsync_app.services.mark_ready import mark_ready
from medsync_app.services.patient_problems import check_patient
from medsync_app.services.renewals import (
    close_renewal,
    follow_up,
    record_renewal_answer,
    request_renewals,
)
from medsync_app.store.session import Database
from medsync_app.store.tables import (
    Cycle,
    ExceptionCase,
    ExceptionComment,
    Prescription,
    RenewalRequest,
    Therapy,
)
from tests.support.programme import (
    TODAY,
    Batch,
    Clinic,
    batch_of,
    enroll_recommended,
    even_patient,
    make_clinic,
    open_tasks,
    reference_patient,
)

pytestmark = pytest.mark.slow


@pytest.fixture
def batch(clinic: Clinic) -> Batch:
    """A batch of two drugs, the first of which has no refill left."""
    patient_id, drugs = even_patient(clinic)
    with clinic.writing() as tx:
        tx.get(Prescription, tx.get(Therapy, drugs[0]).current_prescription_id).refills_left = 0
    enroll_recommended(clinic, patient_id)
    return batch_of(clinic)


def ask(clinic: Clinic, batch: Batch) -> str:
    with clinic.writing() as tx:
        assert request_renewals(tx, batch.id) == 1
        return tx.session.scalars(select(RenewalRequest.id)).one()


def tasks(clinic: Clinic) -> dict[ExceptionKind, ExceptionCase]:
    return {task.kind: task for task in open_tasks(clinic)}


def test_one_request_per_drug_however_often_it_is_asked_for(clinic: Clinic, batch: Batch) -> None:
    ask(clinic, batch)
    with clinic.writing() as tx:
        assert request_renewals(tx, batch.id) == 0
        row = tx.session.scalars(select(RenewalRequest)).one()
        assert (row.reason, row.path, row.needed_by) == ("no_refills", "task", batch.sync_date)
    assert batch_of(clinic).state is CycleState.REQUESTING
    assert tasks(clinic)[ExceptionKind.RENEWAL].owner_role is Role.TECHNICIAN


def test_an_rx_that_expires_before_the_date_is_asked_for(clinic: Clinic) -> None:
    patient_id, drugs = even_patient(clinic)
    with clinic.writing() as tx:
        rx = tx.get(Prescription, tx.get(Therapy, drugs[1]).current_prescription_id)
        rx.expires_on = TODAY + timedelta(days=2)
    enroll_recommended(clinic, patient_id)
    with clinic.writing() as tx:
        assert request_renewals(tx, batch_of(clinic).id) == 1
        assert tx.session.scalars(select(RenewalRequest.reason)).one() == "rx_expires"


def test_silence_is_followed_up_and_escalated(clinic: Clinic, batch: Batch) -> None:
    ask(clinic, batch)
    clinic.go_to(batch.sync_date - timedelta(days=5))
    with clinic.writing() as tx:
        assert follow_up(tx, batch.id, "resend") == 1
        assert follow_up(tx, batch.id, "phone") == 1
    assert "phone" in tasks(clinic)[ExceptionKind.RENEWAL].summary
    with clinic.writing() as tx:
        assert follow_up(tx, batch.id, "escalate") == 1
    silent = tasks(clinic)[ExceptionKind.PRESCRIBER_SILENT]
    assert silent.owner_role is Role.PHARMACIST
    with pytest.raises(Invalid), clinic.writing() as tx:
        follow_up(tx, batch.id, "shout")


def test_a_follow_up_asks_first_what_was_never_asked(clinic: Clinic, batch: Batch) -> None:
    with clinic.writing() as tx:
        assert follow_up(tx, batch.id, "resend") == 0
        assert tx.session.scalars(select(RenewalRequest.state)).one() is RenewalState.SENT


def test_an_approval_closes_the_tasks_and_is_not_asked_again(clinic: Clinic, batch: Batch) -> None:
    renewal = ask(clinic, batch)
    with clinic.writing() as tx:
        assert record_renewal_answer(tx, renewal, "approved", note="By phone") is True
        assert record_renewal_answer(tx, renewal, "approved") is False
        assert request_renewals(tx, batch.id) == 0
    assert ExceptionKind.RENEWAL not in tasks(clinic)
    assert batch_of(clinic).state is CycleState.PLANNED
    with pytest.raises(Conflict, match="answered already"), clinic.writing() as tx:
        record_renewal_answer(tx, renewal, "denied")


@pytest.mark.parametrize("answer", ["denied", "replaced"])
def test_a_refusal_goes_to_the_pharmacist(clinic: Clinic, batch: Batch, answer: str) -> None:
    renewal = ask(clinic, batch)
    with clinic.writing() as tx:
        record_renewal_answer(tx, renewal, answer)
        assert request_renewals(tx, batch.id) == 0
    assert tasks(clinic)[ExceptionKind.PRESCRIBER_DENIED].owner_role is Role.PHARMACIST


@pytest.mark.parametrize("way", ["new Rx", "by name", "stopped"])
def test_an_approval_with_changes_is_looked_at_by_a_pharmacist_before_the_medicine_is_prepared(
    clinic: Clinic, batch: Batch, way: str
) -> None:
    renewal, drug = ask(clinic, batch), batch.therapies[0]
    with clinic.writing() as tx:
        assert record_renewal_answer(tx, renewal, "approved_with_changes", note="Half the dose.")
    task = tasks(clinic)[ExceptionKind.DOSE_CONFLICT]
    assert (task.owner_role, task.cycle_id, task.therapy_id) == (Role.PHARMACIST, batch.id, drug)
    assert task.due_at <= clinic.clock.now() + timedelta(hours=24)
    with clinic.reading() as tx:
        assert tx.session.scalars(select(ExceptionComment.text)).all() == ["Half the dose."]
    with clinic.writing() as tx:
        mark_ready(tx, batch.id, expected_version=tx.get(Cycle, batch.id).version)
    item = next(key for key, state in batch_of(clinic).items.items() if state is ItemState.WAITING)
    with clinic.writing() as tx:
        if way == "new Rx":
            close_renewal(tx, drug, outcome="A new prescription has arrived.")
        elif way == "stopped":
            discontinue(tx, drug, reason="Stopped.")
        version = tx.get(Cycle, batch.id).version
        if way != "stopped":
            mark_ready(tx, batch.id, expected_version=version, items=[item] if way == "by name" else None)
    assert batch_of(clinic).state is CycleState.READY
    assert (ExceptionKind.DOSE_CONFLICT in tasks(clinic)) is (way == "by name")


def test_a_pending_answer_keeps_the_request_open(clinic: Clinic, batch: Batch) -> None:
    renewal = ask(clinic, batch)
    with clinic.writing() as tx:
        record_renewal_answer(tx, renewal, "pending")
        assert tx.get(RenewalRequest, renewal).state is RenewalState.PENDING
        assert record_renewal_answer(tx, renewal, "approved") is True


def test_a_pending_answer_does_not_end_the_follow_up(clinic: Clinic, batch: Batch) -> None:
    renewal = ask(clinic, batch)
    clinic.go_to(batch.sync_date - timedelta(days=6))
    with clinic.writing() as tx:
        record_renewal_answer(tx, renewal, "pending")
        assert tx.get(Cycle, batch.id).state is CycleState.REQUESTING
        sent_at = tx.get(RenewalRequest, renewal).sent_at
        assert follow_up(tx, batch.id, "resend") == 1
        assert tx.get(RenewalRequest, renewal).sent_at == sent_at, "who has just answered is not asked again"
    clinic.go_to(batch.sync_date - timedelta(days=5))
    with clinic.writing() as tx:
        assert follow_up(tx, batch.id, "phone") == 1
    assert "phone the prescriber" in tasks(clinic)[ExceptionKind.RENEWAL].summary
    clinic.go_to(batch.sync_date - timedelta(days=2))
    with clinic.writing() as tx:
        check_patient(tx, tx.get(Cycle, batch.id).patient_id)
    assert "has not decided yet" in tasks(clinic)[ExceptionKind.PRESCRIBER_SILENT].summary


def test_a_new_prescription_closes_an_approved_request_too(clinic: Clinic, batch: Batch) -> None:
    renewal = ask(clinic, batch)
    with clinic.writing() as tx:
        record_renewal_answer(tx, renewal, "approved")
        therapy_id = tx.get(RenewalRequest, renewal).therapy_id
        assert close_renewal(tx, therapy_id, outcome="A new prescription has arrived.") is True
        assert close_renewal(tx, therapy_id, outcome="A new prescription has arrived.") is False
        assert tx.get(RenewalRequest, renewal).state is RenewalState.CLOSED


def test_an_unknown_answer_and_another_pharmacys_request_are_refused(
    clinic: Clinic, batch: Batch, database: Database
) -> None:
    renewal = ask(clinic, batch)
    with pytest.raises(Invalid), clinic.writing() as tx:
        record_renewal_answer(tx, renewal, "perhaps")
    other = make_clinic(database, "other")
    with pytest.raises(NotFound), other.writing() as tx:
        record_renewal_answer(tx, renewal, "approved")
    with pytest.raises(NotFound), other.writing() as tx:
        request_renewals(tx, batch.id)


def test_nothing_is_asked_for_a_cycle_that_is_over(clinic: Clinic, batch: Batch) -> None:
    with clinic.writing() as tx:
        tx.get(Cycle, batch.id).state = CycleState.CANCELLED
        assert request_renewals(tx, batch.id) == 0
        assert follow_up(tx, batch.id, "resend") == 0


def test_a_request_made_late_is_not_sent_twice_on_one_day(clinic: Clinic) -> None:
    patient_id, drugs = even_patient(clinic, days_ago=21)
    with clinic.writing() as tx:
        tx.get(Prescription, tx.get(Therapy, drugs[0]).current_prescription_id).refills_left = 0
    enroll_recommended(clinic, patient_id)  # six days ahead: the first two steps are due at once
    batch = batch_of(clinic)
    assert (batch.sync_date - TODAY).days == 6
    ask(clinic, batch)
    clinic.clock.advance(timedelta(seconds=1))
    with clinic.writing() as tx:
        assert follow_up(tx, batch.id, "resend") == 0
    assert "again" not in tasks(clinic)[ExceptionKind.RENEWAL].summary
    clinic.go_to(batch.sync_date - timedelta(days=5))
    with clinic.writing() as tx:
        assert follow_up(tx, batch.id, "phone") == 1


def test_a_trip_whose_fill_is_covered_does_not_hurry_the_request_of_the_batch_after_it(
    clinic: Clinic,
) -> None:
    case = reference_patient(clinic)
    with clinic.writing() as tx:
        tx.get(Prescription, tx.get(Therapy, case.lisinopril).current_prescription_id).refills_left = 0
    enroll_recommended(clinic, case.patient_id)
    sync, trip = batch_of(clinic), batch_of(clinic, kind="trip")
    assert case.lisinopril in set(trip.therapies) & set(sync.therapies)
    with clinic.writing() as tx:
        assert request_renewals(tx, trip.id) == 0
        assert request_renewals(tx, sync.id) == 1
    clinic.go_to(TODAY + timedelta(days=1))
    with clinic.writing() as tx:
        assert follow_up(tx, trip.id, "escalate") == 0
        assert follow_up(tx, sync.id, "resend") == 1
    assert ExceptionKind.PRESCRIBER_SILENT not in tasks(clinic)
