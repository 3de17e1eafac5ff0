"""Moving a batch: the preview and the move agree, and plan, trips, items and messages change together."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from medsync_app.domain.states import ActionState, CycleState, ExceptionKind, ItemState
from medsync_app.errors import Conflict, Invalid, NotFound
from medsync_app.services.approve_plan import approve
from medsync_app.services.confirm_pickup import confirm_pickup
from medsync_app.services.mark_ready import mark_ready
from medsync_app.services.reschedule import preview_move, reschedule
from medsync_app.store.session import Database
from medsync_app.store.tables import (
    AuditEvent,
    ClosedDay,
    Cycle,
    CycleItem,
    Enrollment,
    ExceptionCase,
    Pharmacy,
    ScheduledAction,
)
from tests.support.programme import (
    TODAY,
    Batch,
    Clinic,
    batch_of,
    enroll_recommended,
    even_patient,
    make_clinic,
    reference_patient,
)

pytestmark = pytest.mark.slow


def actions(clinic: Clinic, cycle_id: str, state: ActionState) -> dict[str, object]:
    with clinic.reading() as tx:
        rows = tx.session.scalars(
            select(ScheduledAction).where(
                ScheduledAction.cycle_id == cycle_id, ScheduledAction.state == state
            )
        )
        return {row.step: row.due_at for row in rows}


def test_a_move_changes_date_and_messages_together(clinic: Clinic, batch: Batch) -> None:
    before = actions(clinic, batch.id, ActionState.QUEUED)
    to = batch.sync_date - timedelta(days=1)
    with clinic.reading() as tx:
        preview = preview_move(tx, batch.id, to)
    assert (preview.possible, preview.needs_override, preview.breaks) == (True, False, ())
    assert preview.version == batch.version
    assert {m.step for m in preview.withdrawn} == set(before)
    assert batch_of(clinic) == batch, "a preview writes nothing"
    with clinic.writing() as tx:
        reschedule(tx, batch.id, to, expected_version=batch.version)
    moved = batch_of(clinic)
    assert (moved.sync_date, moved.state) == (to, CycleState.PLANNED)
    after = actions(clinic, batch.id, ActionState.QUEUED)
    promised = {m.step: m.at for m in preview.queued if not m.skipped}
    assert {step: at for step, at in after.items() if step != "welcome"} == promised
    assert after["reminder_t7"] < before["reminder_t7"] or after["prepare_t2"] < before["prepare_t2"]
    with clinic.reading() as tx:
        assert tx.get(Enrollment, batch.enrollment_id).anchor == to
        assert "reschedule" in set(tx.session.scalars(select(AuditEvent.act)))


def test_moving_there_and_back_leaves_one_set_of_messages(clinic: Clinic, batch: Batch) -> None:
    before = actions(clinic, batch.id, ActionState.QUEUED)
    for day in (batch.sync_date - timedelta(days=1), batch.sync_date):
        with clinic.writing() as tx:
            reschedule(tx, batch.id, day, expected_version=tx.get(Cycle, batch.id).version)
    assert actions(clinic, batch.id, ActionState.QUEUED) == before


def test_what_was_sent_for_a_date_is_not_sent_again_for_it(clinic: Clinic, batch: Batch) -> None:
    with clinic.writing() as tx:
        for row in tx.session.scalars(select(ScheduledAction).where(ScheduledAction.step == "reminder_t7")):
            row.state = ActionState.SENT
    for day in (batch.sync_date - timedelta(days=1), batch.sync_date):
        with clinic.writing() as tx:
            reschedule(tx, batch.id, day, expected_version=tx.get(Cycle, batch.id).version)
    assert "reminder_t7" not in actions(clinic, batch.id, ActionState.QUEUED)


def test_a_move_does_not_welcome_the_patient_again(clinic: Clinic, batch: Batch) -> None:
    with clinic.writing() as tx:
        for row in tx.session.scalars(select(ScheduledAction).where(ScheduledAction.step == "welcome")):
            row.state = ActionState.SENT
        reschedule(tx, batch.id, batch.sync_date - timedelta(days=1), expected_version=batch.version)
    assert "welcome" not in actions(clinic, batch.id, ActionState.QUEUED)


def test_a_second_person_is_told_who_moved_it(clinic: Clinic, batch: Batch) -> None:
    with clinic.writing() as tx:
        reschedule(tx, batch.id, batch.sync_date - timedelta(days=1), expected_version=batch.version)
    with pytest.raises(Conflict, match="Pat Tester"), clinic.writing() as tx:
        reschedule(tx, batch.id, batch.sync_date + timedelta(days=1), expected_version=batch.version)
    assert batch_of(clinic).sync_date == batch.sync_date - timedelta(days=1)


@pytest.mark.parametrize("offset", [-1, -30])
def test_a_past_day_is_impossible_whatever_the_reason(clinic: Clinic, batch: Batch, offset: int) -> None:
    to = TODAY + timedelta(days=offset)
    with clinic.reading() as tx:
        assert preview_move(tx, batch.id, to).possible is False
    with pytest.raises(Invalid) as caught, clinic.writing() as tx:
        reschedule(tx, batch.id, to, expected_version=batch.version, override_reason="Because")
    assert caught.value.field == "new_date"


def test_a_closed_day_needs_a_reason_and_then_a_pharmacist(clinic: Clinic, batch: Batch) -> None:
    to = batch.sync_date + timedelta(days=1)
    with clinic.writing() as tx:
        tx.add(ClosedDay(pharmacy_id=clinic.shop.pharmacy_id, day=to, name="Holiday"))
    with clinic.reading() as tx:
        preview = preview_move(tx, batch.id, to)
        assert (preview.needs_override, preview.breaks) == (True, ("closed",))
    with pytest.raises(Invalid) as caught, clinic.writing() as tx:
        reschedule(tx, batch.id, to, expected_version=batch.version)
    assert caught.value.field == "override_reason"
    with clinic.writing() as tx:
        reschedule(tx, batch.id, to, expected_version=batch.version, override_reason="Opens for this family.")
    moved = batch_of(clinic)
    assert (moved.sync_date, moved.state) == (to, CycleState.PROPOSED)
    with clinic.reading() as tx:
        review = tx.get(Cycle, batch.id).review
        assert review["override_reason"] == "Opens for this family."
        assert review["reasons"] == ["closed", "override"]


def test_a_full_day_says_its_load(clinic: Clinic, batch: Batch) -> None:
    other, _ = even_patient(clinic, first="Bo")
    enroll_recommended(clinic, other)
    with clinic.writing() as tx:
        tx.get(Pharmacy, clinic.shop.pharmacy_id).daily_capacity = 1
    with clinic.reading() as tx:
        two = tx.session.scalars(select(Cycle).order_by(Cycle.id)).all()
        assert [row.sync_date for row in two] == [batch.sync_date] * 2
        preview = preview_move(tx, two[0].id, batch.sync_date + timedelta(days=1))
        assert (preview.load, preview.capacity, preview.breaks) == (0, 1, ())
        back = preview_move(tx, two[0].id, batch.sync_date)
        assert (back.load, back.breaks) == (1, ("full",))


@pytest.mark.both_databases
def test_a_later_day_shows_the_short_fills_and_plans_their_trip(clinic: Clinic, batch: Batch) -> None:
    to = batch.sync_date + timedelta(days=12)
    with clinic.reading() as tx:
        preview = preview_move(tx, batch.id, to)
    assert {fill.therapy_id for fill in preview.short_fills} == set(batch.therapies)
    assert preview.needs_review
    assert all(m.kind == "renewal" for m in preview.queued)
    with clinic.writing() as tx:
        reschedule(tx, batch.id, to, expected_version=batch.version)
    trip = batch_of(clinic, kind="trip")
    assert trip.sync_date <= batch.sync_date + timedelta(days=3)
    assert batch_of(clinic).state is trip.state is CycleState.PROPOSED
    with clinic.writing() as tx:
        approve(tx, batch.id, expected_version=batch_of(clinic).version)
    assert batch_of(clinic).state is batch_of(clinic, kind="trip").state is CycleState.PLANNED
    with clinic.writing() as tx:
        reschedule(tx, batch.id, batch.sync_date, expected_version=batch_of(clinic).version)
    with clinic.reading() as tx:
        assert tx.get(Cycle, trip.id).state is CycleState.CANCELLED
        assert not actions(clinic, trip.id, ActionState.QUEUED)
        open_reviews = tx.session.scalars(
            select(ExceptionCase).where(
                ExceptionCase.kind == ExceptionKind.PLAN_REVIEW, ExceptionCase.state == "open"
            )
        ).all()
        assert open_reviews == []


def test_moving_a_later_cycle_leaves_the_chain_unless_asked(clinic: Clinic, batch: Batch) -> None:
    clinic.go_to(batch.sync_date)
    with clinic.writing() as tx:
        confirm_pickup(tx, batch.id, expected_version=batch.version)
    second = batch_of(clinic, number=2)
    to = second.sync_date - timedelta(days=2)
    with clinic.writing() as tx:
        reschedule(tx, second.id, to, expected_version=second.version)
        assert tx.get(Enrollment, batch.enrollment_id).anchor == batch.sync_date
        assert tx.get(Cycle, second.id).nominal_date == second.sync_date
        reschedule(
            tx, second.id, to - timedelta(days=1), expected_version=tx.get(Cycle, second.id).version,
            from_now_on=True,
        )  # fmt: skip
        assert tx.get(Enrollment, batch.enrollment_id).anchor == to - timedelta(days=1)


def test_a_filled_batch_keeps_its_items_when_it_moves(clinic: Clinic, batch: Batch) -> None:
    clinic.go_to(batch.sync_date - timedelta(days=1))
    with clinic.writing() as tx:
        mark_ready(tx, batch.id, expected_version=batch.version)
    ready = batch_of(clinic)
    with clinic.writing() as tx:
        reschedule(tx, batch.id, batch.sync_date + timedelta(days=2), expected_version=ready.version)
    moved = batch_of(clinic)
    assert moved.items == ready.items
    assert (moved.state, moved.sync_date) == (CycleState.READY, batch.sync_date + timedelta(days=2))
    assert "not_picked_up_24h" in actions(clinic, batch.id, ActionState.QUEUED)


def test_a_trip_moves_within_its_supply(clinic: Clinic) -> None:
    case = reference_patient(clinic)
    enroll_recommended(clinic, case.patient_id)
    with clinic.writing() as tx:
        approve(tx, batch_of(clinic).id, expected_version=batch_of(clinic).version)
    trip, sync = batch_of(clinic, kind="trip"), batch_of(clinic)
    with clinic.reading() as tx:
        assert preview_move(tx, trip.id, sync.sync_date).possible is False
        assert "gap" in preview_move(tx, trip.id, sync.sync_date - timedelta(days=1)).breaks
    with clinic.writing() as tx:
        reschedule(tx, trip.id, trip.sync_date - timedelta(days=1), expected_version=trip.version)
    moved = batch_of(clinic, kind="trip")
    assert (moved.sync_date, moved.state) == (trip.sync_date - timedelta(days=1), CycleState.PLANNED)
    assert batch_of(clinic) == sync


def test_a_confirmation_does_not_hold_for_another_day(clinic: Clinic, batch: Batch) -> None:
    with clinic.writing() as tx:
        tx.get(Cycle, batch.id).confirmed_at = clinic.clock.now()
        reschedule(tx, batch.id, batch.sync_date - timedelta(days=1), expected_version=batch.version)
        assert tx.get(Cycle, batch.id).confirmed_at is None


def test_a_closed_cycle_is_not_moved(clinic: Clinic, batch: Batch) -> None:
    clinic.go_to(batch.sync_date)
    with clinic.writing() as tx:
        confirm_pickup(tx, batch.id, expected_version=batch.version)
    version = batch_of(clinic).version
    with pytest.raises(Conflict, match="over"), clinic.writing() as tx:
        reschedule(tx, batch.id, batch.sync_date + timedelta(days=1), expected_version=version)
    with clinic.reading() as tx:
        states = set(tx.session.scalars(select(CycleItem.state).where(CycleItem.cycle_id == batch.id)))
        assert states == {ItemState.PICKED_UP}


def test_another_pharmacys_cycle_is_not_found(clinic: Clinic, batch: Batch, database: Database) -> None:
    other = make_clinic(database, "other")
    with pytest.raises(NotFound), other.reading() as tx:
        preview_move(tx, batch.id, batch.sync_date)
    with pytest.raises(NotFound), other.writing() as tx:
        reschedule(tx, batch.id, batch.sync_date, expected_version=batch.version)
