"""A pharmacist's approval sets a proposed plan going: its trips, its messages and its task."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from medsync_app.domain.states import (
    ActionState,
    CycleState,
    ExceptionKind,
    ExceptionState,
    Role,
)
from medsync_app.errors import Conflict, Forbidden, NotFound
from medsync_app.services.approve_plan import approve
from medsync_app.services.schedule_cycle import reschedule_cycle
from medsync_app.store.session import Database
from medsync_app.store.tables import AuditEvent, Cycle, ExceptionCase, ScheduledAction
from tests.support.programme import (
    Batch,
    Clinic,
    batch_of,
    enroll_recommended,
    even_patient,
    make_clinic,
    reference_patient,
)


@pytest.fixture
def proposed(clinic: Clinic) -> Batch:
    enroll_recommended(clinic, reference_patient(clinic).patient_id)
    return batch_of(clinic)


def queued(clinic: Clinic, cycle_id: str) -> set[str]:
    with clinic.reading() as tx:
        rows = tx.session.scalars(
            select(ScheduledAction.step).where(
                ScheduledAction.cycle_id == cycle_id, ScheduledAction.state == ActionState.QUEUED
            )
        )
        return set(rows)


def test_an_approval_plans_the_batch_and_its_trips_with_their_messages(
    clinic: Clinic, proposed: Batch
) -> None:
    trip = batch_of(clinic, kind="trip")
    assert "welcome" not in queued(clinic, proposed.id)
    with clinic.writing() as tx:
        assert approve(tx, proposed.id, expected_version=proposed.version) is True
    assert batch_of(clinic).state is batch_of(clinic, kind="trip").state is CycleState.PLANNED
    assert {"welcome", "reminder_t7", "prepare_t2"} <= queued(clinic, proposed.id)
    assert {"trip_t1", "prepare_t2"} <= queued(clinic, trip.id)
    with clinic.reading() as tx:
        cycle = tx.get(Cycle, proposed.id)
        assert (cycle.reviewed_by, cycle.reviewed_at) == ("Pat Tester", clinic.clock.now())
        review = tx.session.scalars(
            select(ExceptionCase).where(ExceptionCase.kind == ExceptionKind.PLAN_REVIEW)
        ).one()
        assert (review.state, review.outcome) == (ExceptionState.CLOSED, "Approved by Pat Tester.")
        assert "approve_plan" in set(tx.session.scalars(select(AuditEvent.act)))


def test_who_was_told_another_date_hears_of_the_approved_one(clinic: Clinic, proposed: Batch) -> None:
    with clinic.writing() as tx:
        approve(tx, proposed.id, expected_version=proposed.version)
        reminder = ScheduledAction.cycle_id == proposed.id, ScheduledAction.step == "reminder_t7"
        tx.session.scalars(select(ScheduledAction).where(*reminder)).one().state = ActionState.DELIVERED
        cycle = tx.get(Cycle, proposed.id)
        cycle.sync_date += timedelta(days=9)
        cycle.reviewed_at = None
        reschedule_cycle(tx, cycle.id, "The date was moved against a rule.")
    assert "date_changed" not in queued(clinic, proposed.id)
    with clinic.writing() as tx:
        approve(tx, proposed.id, expected_version=tx.get(Cycle, proposed.id).version)
    assert "date_changed" in queued(clinic, proposed.id)


def test_a_second_approval_changes_nothing(clinic: Clinic, proposed: Batch) -> None:
    with clinic.writing() as tx:
        approve(tx, proposed.id, expected_version=proposed.version)
    after = batch_of(clinic)
    with clinic.writing() as tx:
        assert approve(tx, proposed.id, expected_version=proposed.version) is False
    assert batch_of(clinic) == after


@pytest.mark.parametrize("role", [Role.TECHNICIAN, Role.OWNER])
def test_only_a_pharmacist_approves(clinic: Clinic, proposed: Batch, role: Role) -> None:
    clinic.shop = replace(clinic.shop, role=role)
    with pytest.raises(Forbidden), clinic.writing() as tx:
        approve(tx, proposed.id, expected_version=proposed.version)
    assert batch_of(clinic) == proposed


def test_a_plan_that_changed_since_it_was_read_is_not_approved(clinic: Clinic, proposed: Batch) -> None:
    with pytest.raises(Conflict, match="changed by"), clinic.writing() as tx:
        approve(tx, proposed.id, expected_version=proposed.version - 1)


def test_a_plan_that_needs_no_approval_says_so(clinic: Clinic) -> None:
    patient_id, _ = even_patient(clinic)
    enroll_recommended(clinic, patient_id)
    batch = batch_of(clinic)
    with pytest.raises(Conflict, match="needs an approval"), clinic.writing() as tx:
        approve(tx, batch.id, expected_version=batch.version)


def test_another_pharmacys_plan_is_not_found(clinic: Clinic, proposed: Batch, database: Database) -> None:
    other = make_clinic(database, "other")
    with pytest.raises(NotFound), other.writing() as tx:
        approve(tx, proposed.id, expected_version=proposed.version)
