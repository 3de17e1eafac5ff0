"""A pickup closes the cycle and opens the next by the cadence; a late one is planned anew; a mistake is undone."""

from calendar import monthrange
from datetime import timedelta

import pytest
from sqlalchemy import select

from medsync_app.domain.states import (
    ActionState,
    CycleState,
    EnrollmentState,
    ExceptionKind,
    FillKind,
    FillStatus,
    ItemState,
)
from medsync_app.errors import Conflict, Invalid, NotFound
from medsync_app.services.approve_plan import approve
from medsync_app.services.confirm_pickup import confirm_pickup, undo_pickup
from medsync_app.services.mark_ready import ItemProblem, mark_ready
from medsync_app.services.open_next_cycle import open_next_cycle
from medsync_app.services.plan_inputs import drugs_for
from medsync_app.services.propose import propose
from medsync_app.services.return_to_stock import return_to_stock
from medsync_app.store.session import Database
from medsync_app.store.tables import (
    AuditEvent,
    ClosedDay,
    Cycle,
    CycleItem,
    Enrollment,
    ExceptionCase,
    Fill,
    Pharmacy,
    ScheduledAction,
    Therapy,
)
from tests.support.programme import (
    PHONE,
    TODAY,
    Batch,
    Clinic,
    add_drug_row,
    add_fill,
    batch_of,
    enroll_recommended,
    even_patient,
    make_clinic,
    reference_patient,
)
from tests.support.store import make_patient

pytestmark = pytest.mark.slow


@pytest.fixture
def batch(clinic: Clinic, batch: Batch) -> Batch:
    """A ready batch of two drugs on its sync date."""
    return ready(clinic, batch)


def ready(clinic: Clinic, batch: Batch) -> Batch:
    clinic.go_to(batch.sync_date)
    with clinic.writing() as tx:
        mark_ready(tx, batch.id, expected_version=batch.version)
    return batch_of(clinic, number=batch.number)


def pick_up(clinic: Clinic, batch: Batch) -> Batch:
    """Ready and picked up on its date; gives the next batch."""
    batch = ready(clinic, batch)
    with clinic.writing() as tx:
        confirm_pickup(tx, batch.id, expected_version=batch.version)
    return batch_of(clinic, number=batch.number + 1)


def test_a_pickup_closes_the_cycle_and_opens_the_next_thirty_days_later(clinic: Clinic, batch: Batch) -> None:
    with clinic.writing() as tx:
        result = confirm_pickup(tx, batch.id, expected_version=batch.version)
    assert (result.changed, result.complete) == (True, True)
    after = batch_of(clinic, number=2)
    assert after.id == result.next_cycle_id
    assert after.sync_date == batch.sync_date + timedelta(days=30)
    assert after.state is CycleState.PLANNED
    assert sorted(after.therapies) == sorted(batch.therapies)
    assert set(after.items.values()) == {ItemState.PLANNED}
    with clinic.reading() as tx:
        closed = tx.get(Cycle, batch.id)
        assert (closed.state, closed.picked_up_on) == (CycleState.CLOSED, batch.sync_date)
        pending = tx.session.scalars(
            select(ScheduledAction.step).where(
                ScheduledAction.cycle_id == batch.id, ScheduledAction.state == ActionState.QUEUED
            )
        ).all()
        assert pending == []
        coming = set(
            tx.session.scalars(select(ScheduledAction.step).where(ScheduledAction.cycle_id == after.id))
        )
        assert {"reminder_t7", "prepare_t2", "renewals_t10"} <= coming
        assert "welcome" not in coming
        assert "confirm_pickup" in set(tx.session.scalars(select(AuditEvent.act)))


def test_a_second_confirmation_changes_nothing(clinic: Clinic, batch: Batch) -> None:
    with clinic.writing() as tx:
        confirm_pickup(tx, batch.id, expected_version=batch.version)
    with clinic.writing() as tx:
        result = confirm_pickup(tx, batch.id, expected_version=batch.version)
        assert (result.changed, result.complete) == (False, True)
        assert tx.session.scalars(select(Cycle.number).order_by(Cycle.number)).all() == [1, 2]


def test_a_part_picked_up_leaves_the_rest_to_come(clinic: Clinic, batch: Batch) -> None:
    first, second = batch.items
    with clinic.writing() as tx:
        confirm_pickup(tx, batch.id, expected_version=batch.version, items=[first])
    part = batch_of(clinic)
    assert part.state is CycleState.PARTLY_PICKED_UP
    assert part.items == {first: ItemState.PICKED_UP, second: ItemState.READY}
    with clinic.writing() as tx:
        assert confirm_pickup(tx, batch.id, expected_version=part.version).complete
    assert batch_of(clinic, number=2).sync_date == batch.sync_date + timedelta(days=30)


def fetched_in_two_trips(clinic: Clinic) -> tuple[str, Batch]:
    """A patient and the batch as planned: one of its two drugs is fetched on its day, the other 12 days later."""
    patient_id, _ = even_patient(clinic)
    enroll_recommended(clinic, patient_id)
    batch = batch_of(clinic)
    for days, item in zip((0, 12), batch.items, strict=True):
        clinic.go_to(batch.sync_date + timedelta(days=days))
        with clinic.writing() as tx:
            confirm_pickup(tx, batch.id, expected_version=batch_of(clinic).version, items=[item])
    return patient_id, batch


def test_what_was_fetched_first_runs_out_first(clinic: Clinic) -> None:
    patient_id, batch = fetched_in_two_trips(clinic)
    today = batch.sync_date + timedelta(days=12)
    with clinic.reading() as tx:
        found = [m.fills[-1].picked_up_on for m in drugs_for(tx, patient_id, today=today).medications]
    assert sorted(day for day in found if day) == [batch.sync_date, today]


def test_an_owed_item_keeps_the_cycle_open(clinic: Clinic) -> None:
    patient_id, _ = even_patient(clinic)
    enroll_recommended(clinic, patient_id)
    batch = batch_of(clinic)
    clinic.go_to(batch.sync_date)
    owed = list(batch.items)[1]
    with clinic.writing() as tx:
        mark_ready(tx, batch.id, expected_version=batch.version, problems={owed: ItemProblem("owed")})
        result = confirm_pickup(tx, batch.id, expected_version=tx.get(Cycle, batch.id).version)
    assert not result.complete
    assert batch_of(clinic).items[owed] is ItemState.WAITING


@pytest.mark.parametrize("days", [1, -120])
def test_an_impossible_day_is_refused(clinic: Clinic, batch: Batch, days: int) -> None:
    with pytest.raises(Invalid) as caught, clinic.writing() as tx:
        confirm_pickup(
            tx, batch.id, expected_version=batch.version, picked_up_on=batch.sync_date + timedelta(days=days)
        )
    assert caught.value.field == "picked_up_on"


def test_a_proposed_batch_is_not_handed_out(clinic: Clinic) -> None:
    case = reference_patient(clinic)
    enroll_recommended(clinic, case.patient_id)
    batch = batch_of(clinic)
    with pytest.raises(Conflict, match="approve"), clinic.writing() as tx:
        confirm_pickup(tx, batch.id, expected_version=batch.version)


def test_another_pharmacys_batch_is_not_found(clinic: Clinic, batch: Batch, database: Database) -> None:
    other = make_clinic(database, "other")
    with pytest.raises(NotFound), other.writing() as tx:
        confirm_pickup(tx, batch.id, expected_version=batch.version)
    with pytest.raises(NotFound), other.writing() as tx:
        undo_pickup(tx, batch.id, expected_version=batch.version)
    with pytest.raises(NotFound), other.writing() as tx:
        return_to_stock(tx, batch.id, expected_version=batch.version)


def test_supply_picked_up_counts_before_the_import_reports_it_and_only_once_after(
    clinic: Clinic, batch: Batch
) -> None:
    with clinic.writing() as tx:
        confirm_pickup(tx, batch.id, expected_version=batch.version)
        patient_id = tx.get(Cycle, batch.id).patient_id
        before = propose(tx, patient_id).supplies
    add_fill(clinic, batch.therapies[0], batch.sync_date, 30, picked_up_on=batch.sync_date)
    with clinic.reading() as tx:
        after = propose(tx, patient_id).supplies
    assert before[batch.therapies[0]] is not None
    assert before[batch.therapies[0]].run_out > batch.sync_date + timedelta(days=29)
    assert after[batch.therapies[0]].run_out == before[batch.therapies[0]].run_out


def test_a_known_fill_is_linked_and_a_short_one_marked(clinic: Clinic) -> None:
    case = reference_patient(clinic)
    enroll_recommended(clinic, case.patient_id)
    with clinic.writing() as tx:
        approve(tx, batch_of(clinic).id, expected_version=batch_of(clinic).version)
    trip = batch_of(clinic, kind="trip")
    fill_id = add_fill(clinic, case.lisinopril, trip.sync_date, 8, status=FillStatus.WAITING)
    clinic.go_to(trip.sync_date)
    with clinic.writing() as tx:
        result = confirm_pickup(tx, trip.id, expected_version=trip.version)
        assert (result.complete, result.next_cycle_id) == (True, None)
        assert (
            tx.session.scalars(select(CycleItem.fill_id).where(CycleItem.cycle_id == trip.id)).one()
            == fill_id
        )
        assert tx.get(Fill, fill_id).kind is FillKind.SHORT
        assert tx.session.scalars(select(Cycle.number).where(Cycle.kind == "sync")).all() == [1]


def test_the_nominal_chain_does_not_drift_over_closed_days(clinic: Clinic, batch: Batch) -> None:
    second, third = (batch.sync_date + timedelta(days=days) for days in (30, 60))
    with clinic.writing() as tx:
        tx.add(ClosedDay(pharmacy_id=clinic.shop.pharmacy_id, day=second, name="Holiday"))
    with clinic.writing() as tx:
        confirm_pickup(tx, batch.id, expected_version=batch.version)
    after = batch_of(clinic, number=2)
    assert after.sync_date == second - timedelta(days=1)
    assert pick_up(clinic, after).sync_date == third


def test_a_ninety_day_drug_joins_every_third_time(clinic: Clinic) -> None:
    patient_id, _ = even_patient(clinic)
    lasting = add_drug_row(
        clinic, patient_id, "Rosuvastatin 10 MG", [((TODAY - timedelta(days=80)).isoformat(), 90)]
    )
    enroll_recommended(clinic, patient_id)
    batch = batch_of(clinic)
    seen = []
    for _ in range(7):
        seen.append(lasting in batch.therapies)
        assert batch.state is CycleState.PLANNED, "no review in the ordinary course"
        batch = pick_up(clinic, batch)
    assert seen == [True, False, False, True, False, False, True]


def test_dates_on_which_nothing_is_due_are_passed_over(clinic: Clinic) -> None:
    patient_id = make_patient(clinic.database, clinic.shop, phone=PHONE)
    add_drug_row(clinic, patient_id, "Rosuvastatin 10 MG", [((TODAY - timedelta(days=80)).isoformat(), 90)])
    enroll_recommended(clinic, patient_id)
    batch = batch_of(clinic)
    after = pick_up(clinic, batch)
    assert after.sync_date == batch.sync_date + timedelta(days=90)
    assert (after.number, after.state) == (2, CycleState.PLANNED)
    assert pick_up(clinic, after).sync_date == batch.sync_date + timedelta(days=180)


def test_a_monthly_cadence_keeps_the_day_of_the_month_but_never_beyond_the_supply(clinic: Clinic) -> None:
    patient_id, _ = even_patient(clinic)
    enroll_recommended(clinic, patient_id, cadence="monthly")
    batch = batch_of(clinic)
    for _ in range(4):
        after = pick_up(clinic, batch)
        assert 28 <= (after.sync_date - batch.sync_date).days <= 31
        assert after.state is CycleState.PLANNED
        batch = after
    with clinic.reading() as tx:
        nominal = tx.session.scalars(select(Cycle.nominal_date).order_by(Cycle.number)).all()
    first = nominal[0].day
    assert [day.day for day in nominal] == [min(first, monthrange(day.year, day.month)[1]) for day in nominal]


def test_a_supply_shorter_than_the_cycle_pulls_the_date_back(clinic: Clinic) -> None:
    with clinic.writing() as tx:
        tx.get(Pharmacy, clinic.shop.pharmacy_id).rules = {"buffer_days": 0}
    patient_id = make_patient(clinic.database, clinic.shop, phone=PHONE)
    add_drug_row(clinic, patient_id, "Lisinopril 10 MG", [((TODAY - timedelta(days=20)).isoformat(), 28)])
    enroll_recommended(clinic, patient_id)
    batch = batch_of(clinic)
    after = pick_up(clinic, batch)
    assert after.sync_date == batch.sync_date + timedelta(days=28)
    assert after.state is CycleState.PLANNED
    with clinic.reading() as tx:
        assert tx.get(Cycle, after.id).nominal_date == batch.sync_date + timedelta(days=30)


def test_a_pickup_some_days_late_keeps_the_date(clinic: Clinic, batch: Batch) -> None:
    clinic.go_to(batch.sync_date + timedelta(days=4))
    with clinic.writing() as tx:
        confirm_pickup(tx, batch.id, expected_version=batch.version)
    assert batch_of(clinic, number=2).sync_date == batch.sync_date + timedelta(days=30)


def test_a_batch_filled_and_fetched_very_late_is_planned_anew_for_review(clinic: Clinic) -> None:
    patient_id, _ = even_patient(clinic)
    enroll_recommended(clinic, patient_id)
    batch = batch_of(clinic)
    clinic.go_to(batch.sync_date + timedelta(days=20))
    with clinic.writing() as tx:
        confirm_pickup(tx, batch.id, expected_version=batch.version)
    after = batch_of(clinic, number=2)
    assert after.state is CycleState.PROPOSED
    assert after.sync_date > batch.sync_date + timedelta(days=40)
    with clinic.reading() as tx:
        assert tx.get(Cycle, after.id).review["reasons"] == ["late_pickup"]
        enrollment = tx.get(Enrollment, after.enrollment_id)
        assert (enrollment.anchor, enrollment.plan["anchor_number"]) == (after.sync_date, 2)
    with clinic.writing() as tx:
        approve(tx, after.id, expected_version=after.version)
    assert pick_up(clinic, batch_of(clinic, number=2)).sync_date == after.sync_date + timedelta(days=30)


def test_a_drug_fetched_so_late_that_the_date_would_leave_it_out_is_planned_anew(clinic: Clinic) -> None:
    _, batch = fetched_in_two_trips(clinic)
    after = batch_of(clinic, number=2)
    assert after.sync_date != batch.sync_date + timedelta(days=30)
    with clinic.reading() as tx:
        assert "late_pickup" in tx.get(Cycle, after.id).review["reasons"]


def test_no_cycle_follows_when_the_enrollment_has_ended(clinic: Clinic, batch: Batch) -> None:
    with clinic.writing() as tx:
        tx.get(Enrollment, batch.enrollment_id).state = EnrollmentState.WITHDRAWN
        result = confirm_pickup(tx, batch.id, expected_version=batch.version)
    assert (result.complete, result.next_cycle_id) == (True, None)


def test_a_patient_with_nothing_left_to_plan_is_shown_to_a_pharmacist(clinic: Clinic, batch: Batch) -> None:
    with clinic.writing() as tx:
        for therapy_id in batch.therapies:
            tx.get(Therapy, therapy_id).include = False
        assert confirm_pickup(tx, batch.id, expected_version=batch.version).next_cycle_id is None
        causes = tx.session.scalars(select(ExceptionCase.cause_key).where(ExceptionCase.state == "open"))
        assert f"replan:{batch.id}" in set(causes)


def test_opening_the_next_cycle_twice_gives_the_same_one(clinic: Clinic, batch: Batch) -> None:
    with clinic.writing() as tx:
        first = confirm_pickup(tx, batch.id, expected_version=batch.version).next_cycle_id
        assert open_next_cycle(tx, batch.enrollment_id, tx.get(Cycle, batch.id)) == first


def test_not_picked_up_after_all_takes_back_the_next_cycle_and_its_messages(
    clinic: Clinic, batch: Batch
) -> None:
    with clinic.writing() as tx:
        following = confirm_pickup(tx, batch.id, expected_version=batch.version).next_cycle_id
    version = batch_of(clinic).version
    with clinic.writing() as tx:
        assert undo_pickup(tx, batch.id, expected_version=version) is True
    again = batch_of(clinic)
    assert (again.state, set(again.items.values())) == (CycleState.READY, {ItemState.READY})
    with clinic.reading() as tx:
        assert tx.get(Cycle, following).state is CycleState.CANCELLED
        assert tx.get(Cycle, batch.id).picked_up_on is None
        states = tx.session.scalars(
            select(ScheduledAction.state).where(ScheduledAction.cycle_id == following)
        )
        assert ActionState.QUEUED not in set(states)
        again_steps = tx.session.scalars(
            select(ScheduledAction.step).where(
                ScheduledAction.cycle_id == batch.id, ScheduledAction.state == ActionState.QUEUED
            )
        )
        assert "not_picked_up_24h" in set(again_steps)
    with clinic.writing() as tx:
        assert undo_pickup(tx, batch.id, expected_version=0) is False
        assert confirm_pickup(tx, batch.id, expected_version=again.version).next_cycle_id != following


def test_a_begun_next_batch_keeps_the_pickup(clinic: Clinic, batch: Batch) -> None:
    with clinic.writing() as tx:
        confirm_pickup(tx, batch.id, expected_version=batch.version)
    ready(clinic, batch_of(clinic, number=2))
    with pytest.raises(Conflict, match="begun"), clinic.writing() as tx:
        undo_pickup(tx, batch.id, expected_version=batch_of(clinic).version)
    assert batch_of(clinic).state is CycleState.CLOSED


def test_what_the_pharmacy_system_sold_stays_picked_up(clinic: Clinic, batch: Batch) -> None:
    add_fill(clinic, batch.therapies[0], batch.sync_date, 30, picked_up_on=batch.sync_date)
    with clinic.writing() as tx:
        confirm_pickup(tx, batch.id, expected_version=batch.version)
    with pytest.raises(Conflict, match="pharmacy system"), clinic.writing() as tx:
        undo_pickup(tx, batch.id, expected_version=batch_of(clinic).version)


def test_a_return_to_stock_plans_from_today_for_review_with_a_call(clinic: Clinic, batch: Batch) -> None:
    clinic.go_to(batch.sync_date + timedelta(days=11))
    with clinic.writing() as tx:
        following = return_to_stock(tx, batch.id, expected_version=batch.version)
    assert batch_of(clinic).state is CycleState.RETURNED
    after = batch_of(clinic, number=2)
    assert (after.id, after.state) == (following, CycleState.PROPOSED)
    assert after.sync_date < batch.sync_date + timedelta(days=30)
    with clinic.reading() as tx:
        kinds = set(tx.session.scalars(select(ExceptionCase.kind).where(ExceptionCase.state == "open")))
        assert {ExceptionKind.CALL, ExceptionKind.PLAN_REVIEW} <= kinds


def test_a_second_return_in_a_row_asks_whether_to_go_on(clinic: Clinic, batch: Batch) -> None:
    clinic.go_to(batch.sync_date + timedelta(days=11))
    with clinic.writing() as tx:
        return_to_stock(tx, batch.id, expected_version=batch.version)
    after = batch_of(clinic, number=2)
    with clinic.writing() as tx:
        approve(tx, after.id, expected_version=after.version)
    after = ready(clinic, batch_of(clinic, number=2))
    with clinic.writing() as tx:
        assert return_to_stock(tx, after.id, expected_version=after.version) is None
    with clinic.reading() as tx:
        causes = set(tx.session.scalars(select(ExceptionCase.cause_key)))
        assert f"inactive:{batch.enrollment_id}" in causes


def test_nothing_at_the_pharmacy_cannot_be_returned(clinic: Clinic) -> None:
    patient_id, _ = even_patient(clinic)
    enroll_recommended(clinic, patient_id)
    batch = batch_of(clinic)
    with pytest.raises(Conflict), clinic.writing() as tx:
        return_to_stock(tx, batch.id, expected_version=batch.version)
