"""Planning an enrolled patient anew: what is claimed is not filled again, and what a person moved stays moved."""

from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from medsync_app.domain.dispensing import ChangeKind, DispensingChange
from medsync_app.domain.states import CycleState, FillKind, FillStatus, ItemState
from medsync_app.services.approve_plan import approve
from medsync_app.services.change_drugs import add_drug, discontinue, replan_current
from medsync_app.services.confirm_pickup import confirm_pickup
from medsync_app.services.enroll import EnrollCommand, enroll
from medsync_app.services.mark_ready import mark_ready
from medsync_app.services.react_to_dispensing import react
from medsync_app.services.reschedule import reschedule
from medsync_app.services.return_to_stock import return_to_stock
from medsync_app.store.session import Database
from medsync_app.store.tables import Cycle, CycleItem, Enrollment, ExceptionCase, Fill, Therapy
from tests.support.programme import (
    PHONE,
    TODAY,
    Case,
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
def clinic(database: Database) -> Clinic:
    return make_clinic(database)


@pytest.fixture
def case(clinic: Clinic) -> Case:
    """The reference patient, enrolled with one trip before the sync date, and approved."""
    case = reference_patient(clinic)
    enroll_recommended(clinic, case.patient_id)
    sync = batch_of(clinic)
    with clinic.writing() as tx:
        approve(tx, sync.id, expected_version=sync.version)
    return case


def recompute(clinic: Clinic) -> None:
    """What every mid-cycle change does."""
    with clinic.writing() as tx:
        enrollment = tx.session.scalars(select(Enrollment)).one()
        replan_current(tx, enrollment, "Something changed.")


def items_of_drug(clinic: Clinic, therapy_id: str) -> list[CycleItem]:
    """Items of a drug that are not skipped, in batches that have not been cancelled, by date."""
    with clinic.reading() as tx:
        rows = tx.session.scalars(
            select(CycleItem)
            .join(Cycle)
            .where(
                CycleItem.therapy_id == therapy_id,
                CycleItem.state != ItemState.SKIPPED,
                Cycle.state != CycleState.CANCELLED,
            )
            .order_by(Cycle.sync_date)
        ).all()
        tx.session.expunge_all()
        return list(rows)


@pytest.mark.parametrize("ready", [True, False])
def test_a_trip_that_waits_past_its_day_is_not_filled_a_second_time(
    clinic: Clinic, case: Case, ready: bool
) -> None:
    trip = batch_of(clinic, kind="trip")
    clinic.go_to(trip.sync_date)
    with clinic.writing() as tx:
        if ready:
            mark_ready(tx, trip.id, expected_version=trip.version)
        else:
            tx.get(CycleItem, next(iter(trip.items))).state = ItemState.FILLING
    clinic.go_to(trip.sync_date + timedelta(days=3))
    recompute(clinic)
    short = [item for item in items_of_drug(clinic, case.lisinopril) if item.fill_kind is FillKind.SHORT]
    assert [item.cycle_id for item in short] == [trip.id]


def test_the_full_fill_keeps_its_claim_code_once_the_short_one_is_fetched(clinic: Clinic, case: Case) -> None:
    trip = batch_of(clinic, kind="trip")
    clinic.go_to(trip.sync_date)
    with clinic.writing() as tx:
        mark_ready(tx, trip.id, expected_version=trip.version)
    with clinic.writing() as tx:
        confirm_pickup(tx, trip.id, expected_version=batch_of(clinic, kind="trip").version)
    recompute(clinic)
    assert [item.claim_code for item in items_of_drug(clinic, case.lisinopril)] == [47, 48]


def test_a_trip_moved_by_hand_stays_while_its_window_holds(clinic: Clinic, case: Case) -> None:
    planned = batch_of(clinic, kind="trip")
    with clinic.writing() as tx:
        reschedule(tx, planned.id, planned.sync_date - timedelta(days=2), expected_version=planned.version)
    moved = batch_of(clinic, kind="trip")
    recompute(clinic)
    after = batch_of(clinic, kind="trip")
    assert (after.id, after.sync_date, after.items) == (moved.id, moved.sync_date, moved.items)
    assert after.state is CycleState.PLANNED, "what was approved stays approved"


def test_a_trip_moved_by_hand_goes_back_when_its_day_does_not_serve_any_more(
    clinic: Clinic, case: Case
) -> None:
    planned = batch_of(clinic, kind="trip")
    with clinic.writing() as tx:
        reschedule(tx, planned.id, planned.sync_date - timedelta(days=2), expected_version=planned.version)
        # Payable from the day before the planned one on.
        tx.get(Therapy, case.lisinopril).threshold = Decimal("0.86")
    recompute(clinic)
    after = batch_of(clinic, kind="trip")
    assert (after.id == planned.id, after.sync_date) == (False, planned.sync_date)


def test_a_new_drug_in_one_piece_that_does_not_fit_leaves_the_others_planned(clinic: Clinic) -> None:
    patient_id, (first, second) = even_patient(clinic)
    enroll_recommended(clinic, patient_id)
    batch = batch_of(clinic)
    filled = (batch.sync_date - timedelta(days=45)).isoformat()
    inhaler = add_drug_row(clinic, patient_id, "Fluticasone 110 MCG", [(filled, 30)], unbreakable=True)
    with clinic.writing() as tx:
        add_drug(tx, batch.enrollment_id, inhaler, expected_version=1)
    with clinic.writing() as tx:
        discontinue(tx, first, reason="Stopped by the prescriber")
    assert set(batch_of(clinic).therapies) == {second}
    with clinic.reading() as tx:
        causes = set(tx.session.scalars(select(ExceptionCase.cause_key).where(ExceptionCase.state == "open")))
    assert f"new_drug:{inhaler}" in causes
    assert not any(cause.startswith("replan:") for cause in causes)


def one_waits(clinic: Clinic, *, in_hand: int, filled: int = 1) -> tuple[str, str]:
    """A patient with one drug for `in_hand` more days and its next fill in will-call since `filled` days."""
    patient_id = make_patient(clinic.database, clinic.shop, phone=PHONE)
    before, last = TODAY - timedelta(days=30 - in_hand), TODAY - timedelta(days=filled)
    fills = [(before.isoformat(), 30), (last.isoformat(), 30)]
    waiting = add_drug_row(clinic, patient_id, "Lisinopril 10 MG", fills, status=FillStatus.WAITING)
    return patient_id, waiting


def test_a_fill_that_waits_at_enrollment_is_a_pickup_and_is_not_filled_again(clinic: Clinic) -> None:
    patient_id, waiting = one_waits(clinic, in_hand=5)
    enroll_recommended(clinic, patient_id)
    recompute(clinic)
    trip, sync = batch_of(clinic, kind="trip"), batch_of(clinic)
    assert TODAY <= trip.sync_date <= TODAY + timedelta(days=5)
    assert (trip.state, list(trip.items.values())) == (CycleState.PREPARING, [ItemState.FILLING])
    pickup, full = items_of_drug(clinic, waiting)
    assert (pickup.case, pickup.cycle_id, pickup.days_supply) == ("pickup", trip.id, 30)
    assert (full.cycle_id, full.due_on >= TODAY + timedelta(days=30)) == (sync.id, True)
    with clinic.reading() as tx:
        assert tx.get(Fill, pickup.fill_id).status is FillStatus.WAITING
        assert tx.get(Cycle, trip.id).claimed_on == TODAY - timedelta(days=1), "the return clock runs"
    clinic.go_to(trip.sync_date)
    with clinic.writing() as tx:
        mark_ready(tx, trip.id, expected_version=trip.version)
    with clinic.writing() as tx:
        trip = batch_of(clinic, kind="trip")
        confirm_pickup(tx, trip.id, expected_version=trip.version)
    recompute(clinic)
    assert len(items_of_drug(clinic, waiting)) == 2
    assert batch_of(clinic) == sync


def test_a_waiting_fill_is_fetched_with_the_last_batch_before_it_is_needed_or_goes_back(
    clinic: Clinic,
) -> None:
    patient_id, waiting = one_waits(clinic, in_hand=9)
    # A drug that is due in 6 days: both are fetched together then.
    filled = (TODAY - timedelta(days=24)).isoformat()
    add_drug_row(clinic, patient_id, "Atorvastatin 20 MG", [(filled, 30)])
    with clinic.writing() as tx:
        enroll(
            tx,
            EnrollCommand(patient_id=patient_id, sync_date=TODAY + timedelta(days=4), strategy="requested"),
        )
    sync = batch_of(clinic)
    assert [item.cycle_id for item in items_of_drug(clinic, waiting) if item.case == "pickup"] == [sync.id]
    recompute(clinic)
    assert len([item for item in items_of_drug(clinic, waiting) if item.case == "pickup"]) == 1


def test_a_waiting_fill_that_is_reversed_is_planned_as_a_fill_again(clinic: Clinic) -> None:
    patient_id, waiting = one_waits(clinic, in_hand=5)
    enroll_recommended(clinic, patient_id)
    pickup = items_of_drug(clinic, waiting)[0]
    with clinic.writing() as tx:
        fill = tx.get(Fill, pickup.fill_id)
        fill.status = FillStatus.REVERSED
        react(
            tx, patient_id,
            [DispensingChange(ChangeKind.REVERSED, waiting, fill_id=fill.id, on=TODAY)],
        )  # fmt: skip
    assert all(item.case != "pickup" for item in items_of_drug(clinic, waiting))
    first = items_of_drug(clinic, waiting)[0]
    assert first.due_on <= TODAY + timedelta(days=5)


@pytest.mark.parametrize("known_to_source", [True, False])
def test_after_a_returned_trip_the_patient_is_called_and_the_drug_planned_anew(
    clinic: Clinic, case: Case, known_to_source: bool
) -> None:
    trip = batch_of(clinic, kind="trip")
    clinic.go_to(trip.sync_date)
    if known_to_source:
        add_fill(clinic, case.lisinopril, trip.sync_date, 8, status=FillStatus.WAITING)
    with clinic.writing() as tx:
        mark_ready(tx, trip.id, expected_version=trip.version)
    clinic.go_to(trip.sync_date + timedelta(days=6))
    with clinic.writing() as tx:
        return_to_stock(tx, trip.id, expected_version=batch_of(clinic, kind="trip").version)
        causes = set(tx.session.scalars(select(ExceptionCase.cause_key).where(ExceptionCase.state == "open")))
        assert f"failed_cycle:{trip.id}" in causes
        assert tx.get(Cycle, trip.id).state is CycleState.RETURNED
    coming = [item for item in items_of_drug(clinic, case.lisinopril) if item.state is ItemState.PLANNED]
    assert coming[0].due_on == trip.sync_date + timedelta(days=6), "planned from today"
    assert batch_of(clinic, kind="trip").state is CycleState.PROPOSED, "for review"
