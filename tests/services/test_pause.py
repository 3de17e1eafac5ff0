"""Pausing, resuming and ending an enrollment: nothing queued survives, and a new date is chosen after a pause."""

from collections.abc import Callable
from datetime import time, timedelta

import pytest
from sqlalchemy import select

from medsync_app.domain.cycle import OPEN
from medsync_app.domain.dispensing import ChangeKind, DispensingChange
from medsync_app.domain.local_time import to_instant
from medsync_app.domain.states import (
    ActionState,
    CycleState,
    EnrollmentState,
    ExceptionKind,
    ExceptionState,
    FillStatus,
    ItemState,
    Role,
)
from medsync_app.errors import Conflict, Invalid, NotFound
from medsync_app.services.check_cycle import check_pharmacy
from medsync_app.services.confirm_pickup import confirm_pickup, undo_pickup
from medsync_app.services.contact_settings import opt_out
from medsync_app.services.mark_ready import ItemProblem, mark_ready, undo_ready
from medsync_app.services.pause import HOSPITALISED, pause, resume
from medsync_app.services.react_to_dispensing import react
from medsync_app.services.return_to_stock import return_to_stock
from medsync_app.services.withdraw import withdraw
from medsync_app.store.session import Database
from medsync_app.store.tables import (
    AuditEvent,
    Cycle,
    CycleItem,
    Enrollment,
    ExceptionCase,
    Patient,
    ScheduledAction,
    Therapy,
)
from tests.support.programme import (
    PHONE,
    TODAY,
    Batch,
    Clinic,
    add_fill,
    batch_of,
    enroll_recommended,
    make_clinic,
    open_kinds,
)
from tests.support.store import SYSTEM

pytestmark = pytest.mark.slow


def queued(clinic: Clinic) -> int:
    with clinic.reading() as tx:
        rows = tx.session.scalars(
            select(ScheduledAction.id).where(
                ScheduledAction.state.in_([ActionState.QUEUED, ActionState.HELD])
            )
        )
        return len(rows.all())


def test_a_pause_cancels_what_was_planned_and_asks_again_later(clinic: Clinic, batch: Batch) -> None:
    assert queued(clinic)
    with clinic.writing() as tx:
        pause(tx, batch.enrollment_id, expected_version=1, reason=HOSPITALISED)
    assert queued(clinic) == 0
    with clinic.reading() as tx:
        assert tx.get(Cycle, batch.id).state is CycleState.CANCELLED
        assert tx.get(Enrollment, batch.enrollment_id).state is EnrollmentState.PAUSED
        task = tx.session.scalars(
            select(ExceptionCase).where(ExceptionCase.cause_key == f"paused:{batch.enrollment_id}")
        ).one()
        assert task.owner_role is Role.PHARMACIST
        assert "pause" in set(tx.session.scalars(select(AuditEvent.act)))


@pytest.fixture
def fetched_in_a_pause(clinic: Clinic, batch: Batch) -> Batch:
    """A batch that was ready when the enrollment was paused, and was fetched then."""
    clinic.go_to(batch.sync_date)
    with clinic.writing() as tx:
        mark_ready(tx, batch.id, expected_version=batch.version)
        pause(tx, batch.enrollment_id, expected_version=1, reason="On a journey")
    assert queued(clinic) == 0
    with clinic.writing() as tx:
        result = confirm_pickup(tx, batch.id, expected_version=tx.get(Cycle, batch.id).version)
    assert (result.complete, result.next_cycle_id) == (True, None)
    return batch


def test_a_batch_fetched_in_a_pause_stays_picked_up_until_the_next_one_is_planned(
    clinic: Clinic, fetched_in_a_pause: Batch
) -> None:
    batch = batch_of(clinic, number=1)
    assert batch.state is CycleState.PICKED_UP
    with clinic.writing() as tx:
        assert not confirm_pickup(tx, batch.id, expected_version=batch.version).changed
    with clinic.writing() as tx:
        following = resume(
            tx, batch.enrollment_id, expected_version=2, sync_date=batch.sync_date + timedelta(days=30)
        )
    with clinic.reading() as tx:
        assert tx.get(Cycle, batch.id).state is CycleState.CLOSED
        assert tx.get(Cycle, following).state is not CycleState.CLOSED


def test_a_batch_fetched_in_a_pause_is_closed_when_the_enrollment_ends(
    clinic: Clinic, fetched_in_a_pause: Batch
) -> None:
    with clinic.writing() as tx:
        withdraw(tx, fetched_in_a_pause.enrollment_id, expected_version=2, reason="Moved away")
    assert batch_of(clinic, number=1).state is CycleState.CLOSED


def test_a_pickup_in_a_pause_can_be_taken_back(clinic: Clinic, fetched_in_a_pause: Batch) -> None:
    with clinic.writing() as tx:
        assert undo_pickup(tx, fetched_in_a_pause.id, expected_version=batch_of(clinic, number=1).version)
    assert batch_of(clinic, number=1).state is CycleState.READY


def test_resuming_opens_a_cycle_on_the_chosen_date_without_a_second_welcome(
    clinic: Clinic, batch: Batch
) -> None:
    with clinic.writing() as tx:
        pause(tx, batch.enrollment_id, expected_version=1, reason="On a journey")
    to = batch.sync_date + timedelta(days=1)
    with clinic.writing() as tx:
        cycle_id = resume(tx, batch.enrollment_id, expected_version=2, sync_date=to)
    with clinic.reading() as tx:
        cycle = tx.get(Cycle, cycle_id)
        assert (cycle.sync_date, cycle.nominal_date) == (to, to)
        enrollment = tx.get(Enrollment, batch.enrollment_id)
        assert (enrollment.state, enrollment.anchor) == (EnrollmentState.ACTIVE, to)
        task = tx.session.scalars(
            select(ExceptionCase.state).where(ExceptionCase.cause_key == f"paused:{enrollment.id}")
        ).one()
        assert task is ExceptionState.CLOSED
    assert queued(clinic)


def test_what_was_said_of_a_date_before_a_pause_is_not_said_again_after_it(
    clinic: Clinic, batch: Batch
) -> None:
    reminder = select(ScheduledAction).where(
        ScheduledAction.cycle_id == batch.id, ScheduledAction.step == "reminder_t7"
    )
    with clinic.writing() as tx:
        tx.session.scalars(reminder).one().state = ActionState.DELIVERED
    with clinic.writing() as tx:
        pause(tx, batch.enrollment_id, expected_version=1, reason="On a journey")
    with clinic.writing() as tx:
        cycle_id = resume(tx, batch.enrollment_id, expected_version=2, sync_date=batch.sync_date)
    with clinic.reading() as tx:
        steps = select(ScheduledAction.step).where(
            ScheduledAction.cycle_id == cycle_id, ScheduledAction.state == ActionState.QUEUED
        )
        assert {"reminder_t7", "confirm_t3"} & set(tx.session.scalars(steps)) == {"confirm_t3"}


def test_resuming_refuses_an_impossible_date_and_a_second_batch(clinic: Clinic, batch: Batch) -> None:
    with pytest.raises(Conflict, match="still open"), clinic.writing() as tx:
        resume(tx, batch.enrollment_id, expected_version=1, sync_date=batch.sync_date)
    with clinic.writing() as tx:
        pause(tx, batch.enrollment_id, expected_version=1, reason="On a journey")
    with pytest.raises(Invalid) as caught, clinic.writing() as tx:
        resume(tx, batch.enrollment_id, expected_version=2, sync_date=TODAY - timedelta(days=1))
    assert caught.value.field == "sync_date"
    with pytest.raises(Conflict, match="changed by"), clinic.writing() as tx:
        resume(tx, batch.enrollment_id, expected_version=1, sync_date=batch.sync_date)


def test_a_pause_needs_a_reason_and_an_active_enrollment(clinic: Clinic, batch: Batch) -> None:
    with pytest.raises(Invalid) as caught, clinic.writing() as tx:
        pause(tx, batch.enrollment_id, expected_version=1, reason=" ")
    assert caught.value.field == "reason"
    with clinic.writing() as tx:
        pause(tx, batch.enrollment_id, expected_version=1, reason="On a journey")
    with pytest.raises(Conflict, match="paused"), clinic.writing() as tx:
        pause(tx, batch.enrollment_id, expected_version=2, reason="Again")


@pytest.mark.parametrize(
    "state", [EnrollmentState.WITHDRAWN, EnrollmentState.TRANSFERRED, EnrollmentState.INACTIVE]
)
def test_an_end_cancels_everything_queued(clinic: Clinic, batch: Batch, state: EnrollmentState) -> None:
    with clinic.writing() as tx:
        withdraw(tx, batch.enrollment_id, expected_version=1, reason="Asked for it", state=state)
    assert queued(clinic) == 0
    with clinic.reading() as tx:
        enrollment = tx.get(Enrollment, batch.enrollment_id)
        assert (enrollment.state, enrollment.ended_at) == (state, clinic.clock.now())
        assert tx.get(Cycle, batch.id).state is CycleState.CANCELLED
    with pytest.raises(Conflict, match="ended already"), clinic.writing() as tx:
        withdraw(tx, batch.enrollment_id, expected_version=2, reason="Again")
    again = enroll_recommended(clinic, enrollment.patient_id)
    assert again != batch.enrollment_id


def test_a_death_stops_everything_at_once_and_returns_the_ready_batch(clinic: Clinic, batch: Batch) -> None:
    clinic.go_to(batch.sync_date)
    with clinic.writing() as tx:
        mark_ready(tx, batch.id, expected_version=batch.version)
        withdraw(
            tx, batch.enrollment_id, expected_version=1, reason="Told by the family",
            state=EnrollmentState.DECEASED, on=batch.sync_date - timedelta(days=1),
        )  # fmt: skip
    assert queued(clinic) == 0
    with clinic.reading() as tx:
        patient = tx.get(Patient, tx.get(Enrollment, batch.enrollment_id).patient_id)
        assert patient.deceased_on == batch.sync_date - timedelta(days=1)
    assert open_kinds(clinic) == {ExceptionKind.RETURN_TO_STOCK}
    with pytest.raises(Conflict, match="has died"), clinic.writing() as tx:
        undo_ready(tx, batch.id, expected_version=batch_of(clinic).version)
    with clinic.database.transaction(SYSTEM, clinic.clock) as tx:
        opt_out(tx, clinic.shop.pharmacy_id, PHONE, "reply")
    assert open_kinds(clinic) == {ExceptionKind.RETURN_TO_STOCK}, "nobody agrees on another way any more"
    with clinic.writing() as tx:
        return_to_stock(tx, batch.id, expected_version=batch_of(clinic).version)
    assert open_kinds(clinic) == set()


@pytest.mark.parametrize("end", [pause, withdraw])
def test_a_ready_batch_that_is_left_behind_still_goes_back_to_stock(
    clinic: Clinic, batch: Batch, end: Callable[..., None]
) -> None:
    clinic.go_to(batch.sync_date)
    with clinic.writing() as tx:
        mark_ready(tx, batch.id, expected_version=batch.version)
        end(tx, batch.enrollment_id, expected_version=1, reason="On a journey")
    with clinic.reading() as tx:
        task = tx.session.scalars(
            select(ExceptionCase).where(ExceptionCase.kind == ExceptionKind.RETURN_TO_STOCK)
        ).one()
    assert task.due_at == to_instant(batch.sync_date + timedelta(days=10), time(9), "America/New_York")
    with clinic.writing() as tx:
        confirm_pickup(tx, batch.id, expected_version=batch_of(clinic).version)
    assert ExceptionKind.RETURN_TO_STOCK not in open_kinds(clinic)


@pytest.fixture
def filled(clinic: Clinic, batch: Batch) -> Batch:
    """A batch one of whose drugs the pharmacy system has filled; nobody has marked it ready."""
    clinic.go_to(batch.sync_date - timedelta(days=2))
    therapy_id = batch.therapies[0]
    fill_id = add_fill(clinic, therapy_id, batch.sync_date - timedelta(days=2), status=FillStatus.WAITING)
    with clinic.writing() as tx:
        patient_id = tx.get(Therapy, therapy_id).patient_id
        react(tx, patient_id, [DispensingChange(ChangeKind.FILLED, therapy_id, TODAY, "", fill_id)])
    return batch_of(clinic)


def holders(clinic: Clinic, therapy_id: str) -> list[tuple[CycleState, ItemState]]:
    """Cycle and item of every item that holds a fill of the drug."""
    with clinic.reading() as tx:
        rows = tx.session.execute(
            select(Cycle.state, CycleItem.state)
            .join(CycleItem, CycleItem.cycle_id == Cycle.id)
            .where(CycleItem.therapy_id == therapy_id, CycleItem.fill_id.is_not(None))
        )
        return [(cycle, item) for cycle, item in rows]


def test_what_was_filled_before_a_pause_is_fetched_after_it_or_goes_back(
    clinic: Clinic, filled: Batch
) -> None:
    with clinic.writing() as tx:
        pause(tx, filled.enrollment_id, expected_version=1, reason=HOSPITALISED)
    assert ExceptionKind.RETURN_TO_STOCK in open_kinds(clinic)
    with clinic.writing() as tx:
        resume(tx, filled.enrollment_id, expected_version=2, sync_date=filled.sync_date)
    assert ExceptionKind.RETURN_TO_STOCK not in open_kinds(clinic)
    assert holders(clinic, filled.therapies[0]) == [(CycleState.PREPARING, ItemState.FILLING)]


def test_what_was_filled_for_a_missed_batch_is_in_the_next_one(clinic: Clinic, filled: Batch) -> None:
    clinic.go_to(filled.sync_date + timedelta(days=11))
    with clinic.writing() as tx:
        check_pharmacy(tx, clinic.shop.pharmacy_id)
    assert batch_of(clinic).state is CycleState.MISSED
    ((state, item),) = holders(clinic, filled.therapies[0])
    assert (state in OPEN, item) == (True, ItemState.FILLING)


def test_an_end_must_be_an_end(clinic: Clinic, batch: Batch) -> None:
    with pytest.raises(Invalid) as caught, clinic.writing() as tx:
        withdraw(tx, batch.enrollment_id, expected_version=1, reason="x", state=EnrollmentState.PAUSED)
    assert caught.value.field == "state"


def test_another_pharmacys_enrollment_is_not_found(clinic: Clinic, batch: Batch, database: Database) -> None:
    other = make_clinic(database, "other")
    with pytest.raises(NotFound), other.writing() as tx:
        pause(tx, batch.enrollment_id, expected_version=1, reason="x")
    with pytest.raises(NotFound), other.writing() as tx:
        resume(tx, batch.enrollment_id, expected_version=1, sync_date=TODAY)
    with pytest.raises(NotFound), other.writing() as tx:
        withdraw(tx, batch.enrollment_id, expected_version=1, reason="x")


def test_a_patient_whose_rest_never_came_can_go_on_after_a_pause(clinic: Clinic, batch: Batch) -> None:
    clinic.go_to(batch.sync_date)
    first, second = batch.items
    with clinic.writing() as tx:
        mark_ready(
            tx,
            batch.id,
            expected_version=batch.version,
            items=[first],
            problems={second: ItemProblem("owed")},
        )
        confirm_pickup(tx, batch.id, expected_version=tx.get(Cycle, batch.id).version)
        enrollment = tx.get(Enrollment, batch.enrollment_id)
        pause(tx, enrollment.id, expected_version=enrollment.version, reason="hospitalised")
        assert tx.get(Cycle, batch.id).state is CycleState.CLOSED
    assert ExceptionKind.RETURN_TO_STOCK not in open_kinds(clinic)
    with clinic.writing() as tx:
        version = tx.get(Enrollment, batch.enrollment_id).version
        resume(
            tx, batch.enrollment_id, expected_version=version, sync_date=batch.sync_date + timedelta(days=9),
            override_reason="She has enough of one.",
        )  # fmt: skip
    assert batch_of(clinic, number=2).sync_date == batch.sync_date + timedelta(days=9)
