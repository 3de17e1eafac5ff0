"""What is ready waits for nobody's memory: where no step of the workflow asks for its return, a task does."""

from datetime import timedelta

import pytest

from medsync_app.domain.states import CycleState, ExceptionKind
from medsync_app.services.approve_plan import approve
from medsync_app.services.check_cycle import check_pharmacy
from medsync_app.services.confirm_pickup import confirm_pickup, undo_pickup
from medsync_app.services.mark_ready import mark_ready
from medsync_app.services.pause import pause
from medsync_app.services.reschedule import reschedule
from medsync_app.store.tables import Cycle, Enrollment
from tests.support.programme import Batch, Clinic, open_kinds

pytestmark = pytest.mark.slow


def version(clinic: Clinic, batch: Batch) -> int:
    with clinic.reading() as tx:
        return tx.get(Cycle, batch.id).version


def pause_now(clinic: Clinic, batch: Batch) -> None:
    with clinic.writing() as tx:
        pause(
            tx,
            batch.enrollment_id,
            expected_version=tx.get(Enrollment, batch.enrollment_id).version,
            reason="Away.",
        )


def ready_and_moved(clinic: Clinic, batch: Batch, days: int = 12) -> None:
    """A batch that is ready is moved so far that a pharmacist is to approve it."""
    with clinic.writing() as tx:
        mark_ready(tx, batch.id, expected_version=batch.version)
    with clinic.writing() as tx:
        reschedule(
            tx, batch.id, batch.sync_date + timedelta(days=days), expected_version=tx.get(Cycle, batch.id).version,
            override_reason="The patient travels.",
        )  # fmt: skip
        assert tx.get(Cycle, batch.id).state is CycleState.PROPOSED


def test_a_pickup_that_is_taken_back_during_a_pause_is_returned(clinic: Clinic, batch: Batch) -> None:
    with clinic.writing() as tx:
        confirm_pickup(tx, batch.id, expected_version=batch.version)
    pause_now(clinic, batch)
    assert ExceptionKind.RETURN_TO_STOCK not in open_kinds(clinic)
    with clinic.writing() as tx:
        undo_pickup(tx, batch.id, expected_version=tx.get(Cycle, batch.id).version)
    assert ExceptionKind.RETURN_TO_STOCK in open_kinds(clinic)


def test_what_was_ready_before_its_batch_was_moved_is_returned_when_the_patient_pauses(
    clinic: Clinic, batch: Batch
) -> None:
    ready_and_moved(clinic, batch)
    pause_now(clinic, batch)
    assert ExceptionKind.RETURN_TO_STOCK in open_kinds(clinic)


def test_a_batch_that_is_ready_is_not_missed_while_its_new_day_waits_for_approval(
    clinic: Clinic, batch: Batch
) -> None:
    ready_and_moved(clinic, batch)
    clinic.go_to(batch.sync_date + timedelta(days=40))
    with clinic.writing() as tx:
        check_pharmacy(tx, clinic.shop.pharmacy_id)
    with clinic.reading() as tx:
        assert tx.get(Cycle, batch.id).state is CycleState.PROPOSED


def test_a_move_that_is_approved_after_the_limit_leads_to_a_return(clinic: Clinic, batch: Batch) -> None:
    ready_and_moved(clinic, batch)
    clinic.go_to(clinic.clock.now().date() + timedelta(days=22))
    with clinic.writing() as tx:
        approve(tx, batch.id, expected_version=version(clinic, batch))
    assert ExceptionKind.RETURN_TO_STOCK in open_kinds(clinic)
