"""Who has heard of a day on which nothing is to be fetched after all hears of that, or is called."""

from datetime import timedelta

import pytest

from medsync_app.domain.causes import Cause
from medsync_app.domain.states import Channel, EnrollmentState
from medsync_app.services.approve_plan import approve
from medsync_app.services.change_drugs import discontinue
from medsync_app.services.closed_days import close_on
from medsync_app.services.confirm_pickup import confirm_pickup, undo_pickup
from medsync_app.services.withdraw import withdraw
from medsync_app.store.tables import Cycle, Enrollment
from tests.support.loop import FakeConnection, run_tick
from tests.support.programme import (
    Batch,
    Clinic,
    batch_of,
    enroll_recommended,
    open_causes,
    open_tasks,
    reference_patient,
)

pytestmark = pytest.mark.slow


@pytest.fixture
def sms() -> FakeConnection:
    return FakeConnection()


def said(clinic: Clinic, sms: FakeConnection) -> list[str]:
    before = len(sms.sent)
    run_tick(clinic.database, clinic.clock, {Channel.SMS: sms})
    return [message.body for message in sms.sent[before:]]


def fetch(clinic: Clinic, batch: Batch) -> None:
    with clinic.writing() as tx:
        confirm_pickup(tx, batch.id, expected_version=tx.get(Cycle, batch.id).version)


@pytest.fixture
def announced(clinic: Clinic, batch: Batch, sms: FakeConnection) -> Batch:
    """The first batch was fetched, and the second's date has been told a week before it."""
    clinic.go_to(batch.sync_date)
    fetch(clinic, batch)
    after = batch_of(clinic, number=2)
    clinic.go_to(after.sync_date - timedelta(days=7))
    assert any("pickup" in text for text in said(clinic, sms))
    return after


def take_back(clinic: Clinic, batch: Batch) -> None:
    with clinic.writing() as tx:
        undo_pickup(tx, batch.id, expected_version=tx.get(Cycle, batch.id).version)


def test_a_pickup_taken_back_calls_off_a_date_that_was_told_and_the_next_one_is_told_anew(
    clinic: Clinic, batch: Batch, announced: Batch, sms: FakeConnection
) -> None:
    clinic.go_to(announced.sync_date - timedelta(days=6))
    take_back(clinic, batch)
    task = next(task for task in open_tasks(clinic) if task.cause_key == Cause.CALLED_OFF.of(announced.id))
    assert task.due_at == clinic.clock.now() + timedelta(hours=24)
    with clinic.writing() as tx:
        close_on(tx, clinic.shop.pharmacy_id, {announced.sync_date: "Stocktaking"})
    fetch(clinic, batch)
    now = batch_of(clinic, number=2)
    assert now.sync_date != announced.sync_date
    if now.state == "proposed":
        assert Cause.CALLED_OFF.of(announced.id) in open_causes(clinic), "nobody may name the new date yet"
        with clinic.writing() as tx:
            approve(tx, now.id, expected_version=now.version)
    assert Cause.CALLED_OFF.of(announced.id) not in open_causes(clinic)
    day = f"is now {now.sync_date:%a %b} {now.sync_date.day}"
    assert [day in text for text in said(clinic, sms)].count(True) == 1
    assert said(clinic, sms) == []


def test_a_date_that_stands_again_is_not_told_again(
    clinic: Clinic, batch: Batch, announced: Batch, sms: FakeConnection
) -> None:
    take_back(clinic, batch)
    fetch(clinic, batch)
    assert batch_of(clinic, number=2).sync_date == announced.sync_date
    assert Cause.CALLED_OFF.of(announced.id) not in open_causes(clinic)
    assert said(clinic, sms) == []


def test_nobody_is_called_about_a_date_that_has_passed(
    clinic: Clinic, batch: Batch, announced: Batch
) -> None:
    clinic.go_to(announced.sync_date + timedelta(days=1))
    take_back(clinic, batch)
    assert Cause.CALLED_OFF.of(announced.id) not in open_causes(clinic)


def test_nobody_is_called_about_a_date_that_was_not_told_or_when_the_patient_has_left(
    clinic: Clinic, batch: Batch, sms: FakeConnection
) -> None:
    clinic.go_to(batch.sync_date)
    fetch(clinic, batch)
    after = batch_of(clinic, number=2)
    take_back(clinic, batch)
    assert Cause.CALLED_OFF.of(after.id) not in open_causes(clinic)
    fetch(clinic, batch)
    again = batch_of(clinic, number=2)
    clinic.go_to(again.sync_date - timedelta(days=7))
    assert said(clinic, sms)
    with clinic.writing() as tx:
        version = tx.get(Enrollment, batch.enrollment_id).version
        withdraw(
            tx, batch.enrollment_id, expected_version=version, reason="Moved away.",
            state=EnrollmentState.WITHDRAWN,
        )  # fmt: skip
    assert Cause.CALLED_OFF.of(again.id) not in open_causes(clinic)


def test_a_trip_that_was_told_and_is_not_needed_any_more_is_a_call(
    clinic: Clinic, sms: FakeConnection
) -> None:
    case = reference_patient(clinic)
    enroll_recommended(clinic, case.patient_id)
    with clinic.writing() as tx:
        sync = batch_of(clinic)
        approve(tx, sync.id, expected_version=sync.version)
    trip = batch_of(clinic, kind="trip")
    clinic.go_to(trip.sync_date - timedelta(days=1))
    assert any("short supply" in text for text in said(clinic, sms))
    with clinic.writing() as tx:
        discontinue(tx, trip.therapies[0], reason="Stopped by the doctor.")
    task = next(task for task in open_tasks(clinic) if task.cause_key == Cause.CALLED_OFF.of(trip.id))
    assert task.due_at < clinic.clock.now() + timedelta(hours=24), "before the patient sets out"
