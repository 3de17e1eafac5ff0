"""What the pharmacy system reports runs the mid-cycle rules for enrolled patients, and only for them."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from medsync_app.domain.dispensing import ChangeKind, DispensingChange
from medsync_app.domain.states import (
    CycleState,
    ExceptionKind,
    FillKind,
    FillStatus,
    ItemState,
    RenewalState,
)
from medsync_app.services.approve_plan import approve
from medsync_app.services.confirm_pickup import confirm_pickup
from medsync_app.services.mark_ready import mark_ready
from medsync_app.services.pause import pause
from medsync_app.services.react_to_dispensing import react
from medsync_app.services.renewals import request_renewals
from medsync_app.services.withdraw import withdraw
from medsync_app.store.scope import Scope
from medsync_app.store.tables import (
    AuditEvent,
    Cycle,
    CycleItem,
    Enrollment,
    Fill,
    Prescription,
    RenewalRequest,
    Therapy,
)
from tests.support.programme import (
    TODAY,
    Batch,
    Clinic,
    add_drug_row,
    add_fill,
    batch_of,
    enroll_recommended,
    even_patient,
    open_kinds,
    open_tasks,
    reference_patient,
)

pytestmark = pytest.mark.slow

K = ChangeKind


@pytest.fixture
def patient(clinic: Clinic) -> str:
    """An enrolled patient with two drugs, on the sync date."""
    patient_id, _ = even_patient(clinic)
    enroll_recommended(clinic, patient_id)
    clinic.go_to(batch_of(clinic).sync_date)
    return patient_id


def report(clinic: Clinic, patient_id: str, *changes: DispensingChange) -> None:
    with clinic.database.transaction(Scope.system("import"), clinic.clock) as tx:
        react(tx, patient_id, changes)


def filled(clinic: Clinic, therapy_id: str, on: date, days: int = 30) -> DispensingChange:
    fill_id = add_fill(clinic, therapy_id, on, days, status=FillStatus.WAITING)
    return DispensingChange(K.FILLED, therapy_id, on, fill_id=fill_id)


def sold(clinic: Clinic, change: DispensingChange, on: date) -> DispensingChange:
    set_fill(clinic, change, FillStatus.SOLD, on)
    return replace(change, kind=K.SOLD, on=on)


def set_fill(clinic: Clinic, change: DispensingChange, status: FillStatus, on: date | None = None) -> None:
    with clinic.database.transaction(Scope.system("import"), clinic.clock) as tx:
        fill = tx.get(Fill, change.fill_id)
        fill.status, fill.picked_up_on = status, on


def test_a_fill_puts_its_item_into_filling_and_a_sale_of_all_closes_the_cycle(
    clinic: Clinic, patient: str
) -> None:
    batch = batch_of(clinic)
    claims = [filled(clinic, drug, batch.sync_date - timedelta(days=2)) for drug in batch.therapies]
    report(clinic, patient, *claims)
    now = batch_of(clinic)
    assert (now.state, set(now.items.values())) == (CycleState.PREPARING, {ItemState.FILLING})
    with clinic.reading() as tx:
        assert tx.get(Cycle, batch.id).claimed_on == batch.sync_date - timedelta(days=2)
        linked = set(tx.session.scalars(select(CycleItem.fill_id).where(CycleItem.cycle_id == batch.id)))
        assert linked == {claim.fill_id for claim in claims}
    report(clinic, patient, sold(clinic, claims[0], batch.sync_date))
    assert batch_of(clinic).state is CycleState.PARTLY_PICKED_UP
    report(clinic, patient, sold(clinic, claims[1], batch.sync_date))
    assert batch_of(clinic).state is CycleState.CLOSED
    assert batch_of(clinic, number=2).sync_date == batch.sync_date + timedelta(days=30)
    with clinic.reading() as tx:
        assert tx.get(Cycle, batch.id).picked_up_on == batch.sync_date
        acts = tx.session.scalars(select(AuditEvent.act))
        assert "confirm_pickup" not in set(acts), "the audit log covers acts of people"


def test_repeating_a_report_changes_nothing(clinic: Clinic, patient: str) -> None:
    batch = batch_of(clinic)
    claims = [filled(clinic, drug, batch.sync_date) for drug in batch.therapies]
    sales = [sold(clinic, claim, batch.sync_date) for claim in claims]
    report(clinic, patient, *claims, *sales)
    before = (batch_of(clinic), batch_of(clinic, number=2))
    report(clinic, patient, *claims, *sales)
    assert (batch_of(clinic), batch_of(clinic, number=2)) == before


def test_a_sale_reported_the_day_after_the_button_is_linked_and_changes_no_date(
    clinic: Clinic, patient: str
) -> None:
    batch = batch_of(clinic)
    with clinic.writing() as tx:
        confirm_pickup(tx, batch.id, expected_version=batch.version)
    after = batch_of(clinic, number=2)
    clinic.go_to(batch.sync_date + timedelta(days=1))
    claims = [filled(clinic, drug, batch.sync_date - timedelta(days=1)) for drug in batch.therapies]
    report(clinic, patient, *claims, *[sold(clinic, claim, batch.sync_date) for claim in claims])
    assert batch_of(clinic, number=2) == after
    with clinic.reading() as tx:
        linked = set(tx.session.scalars(select(CycleItem.fill_id).where(CycleItem.cycle_id == batch.id)))
        assert linked == {claim.fill_id for claim in claims}


def test_a_sale_alone_is_linked_to_what_the_button_said(clinic: Clinic, patient: str) -> None:
    batch = batch_of(clinic)
    with clinic.writing() as tx:
        confirm_pickup(tx, batch.id, expected_version=batch.version)
    claim = filled(clinic, batch.therapies[0], batch.sync_date)
    report(clinic, patient, sold(clinic, claim, batch.sync_date))
    with clinic.reading() as tx:
        linked = set(tx.session.scalars(select(CycleItem.fill_id).where(CycleItem.cycle_id == batch.id)))
        assert linked == {claim.fill_id, None}


def test_a_short_fill_goes_to_its_trip_and_the_full_one_to_the_sync_date(clinic: Clinic) -> None:
    case = reference_patient(clinic)
    enroll_recommended(clinic, case.patient_id)
    sync, trip = batch_of(clinic), batch_of(clinic, kind="trip")
    with clinic.writing() as tx:
        approve(tx, sync.id, expected_version=sync.version)
    clinic.go_to(trip.sync_date)
    with clinic.reading() as tx:
        days = tx.session.scalars(select(CycleItem.days_supply).where(CycleItem.cycle_id == trip.id)).one()
    claim = filled(clinic, case.lisinopril, trip.sync_date, days)
    report(clinic, case.patient_id, claim, sold(clinic, claim, trip.sync_date))
    assert batch_of(clinic, kind="trip").state is CycleState.CLOSED
    assert batch_of(clinic).state is CycleState.PLANNED
    assert batch_of(clinic).sync_date == sync.sync_date
    with clinic.reading() as tx:
        assert tx.get(Fill, claim.fill_id).kind is FillKind.SHORT


def test_a_sale_of_a_proposed_batch_is_still_a_sale(clinic: Clinic) -> None:
    case = reference_patient(clinic)
    enroll_recommended(clinic, case.patient_id)
    trip = batch_of(clinic, kind="trip")
    clinic.go_to(trip.sync_date)
    claim = filled(clinic, case.lisinopril, trip.sync_date, 8)
    report(clinic, case.patient_id, claim, sold(clinic, claim, trip.sync_date))
    assert batch_of(clinic, kind="trip").state is CycleState.CLOSED


def test_a_reversal_reopens_the_cycle_and_takes_back_the_next(clinic: Clinic, patient: str) -> None:
    batch = batch_of(clinic)
    claims = [filled(clinic, drug, batch.sync_date) for drug in batch.therapies]
    report(clinic, patient, *claims, *[sold(clinic, claim, batch.sync_date) for claim in claims])
    after = batch_of(clinic, number=2)
    set_fill(clinic, claims[0], FillStatus.REVERSED)
    report(clinic, patient, replace(claims[0], kind=K.REVERSED))
    now = batch_of(clinic)
    assert now.state is CycleState.PARTLY_PICKED_UP
    assert sorted(now.items.values()) == [ItemState.PICKED_UP, ItemState.PLANNED]
    assert ExceptionKind.PREPARE in open_kinds(clinic), "it must be filled again"
    with clinic.reading() as tx:
        assert tx.get(Cycle, after.id).state is CycleState.CANCELLED


def test_a_reversal_after_the_next_batch_was_begun_becomes_a_task(clinic: Clinic, patient: str) -> None:
    batch = batch_of(clinic)
    claims = [filled(clinic, drug, batch.sync_date) for drug in batch.therapies]
    report(clinic, patient, *claims, *[sold(clinic, claim, batch.sync_date) for claim in claims])
    after = batch_of(clinic, number=2)
    with clinic.writing() as tx:
        mark_ready(tx, after.id, expected_version=after.version)
    set_fill(clinic, claims[0], FillStatus.REVERSED)
    report(clinic, patient, replace(claims[0], kind=K.REVERSED))
    assert batch_of(clinic, number=2).state is CycleState.READY
    assert ExceptionKind.PLAN_REVIEW in open_kinds(clinic)


def test_a_reversed_fill_that_was_not_fetched_is_to_be_filled_again(clinic: Clinic, patient: str) -> None:
    batch = batch_of(clinic)
    claim = filled(clinic, batch.therapies[0], batch.sync_date)
    report(clinic, patient, claim)
    set_fill(clinic, claim, FillStatus.REVERSED)
    report(clinic, patient, replace(claim, kind=K.REVERSED))
    assert set(batch_of(clinic).items.values()) == {ItemState.PLANNED}


def test_after_a_reversal_the_return_limit_counts_from_the_new_claim(clinic: Clinic, patient: str) -> None:
    batch = batch_of(clinic)
    first, second = batch.sync_date - timedelta(days=5), batch.sync_date - timedelta(days=1)
    claims = [filled(clinic, drug, first) for drug in batch.therapies]
    report(clinic, patient, *claims)
    set_fill(clinic, claims[0], FillStatus.REVERSED)
    report(clinic, patient, replace(claims[0], kind=K.REVERSED))
    with clinic.reading() as tx:
        assert tx.get(Cycle, batch.id).claimed_on == first  # the other one waits since then
    set_fill(clinic, claims[1], FillStatus.REVERSED)
    report(clinic, patient, replace(claims[1], kind=K.REVERSED))
    clinic.go_to(second)
    report(clinic, patient, *[filled(clinic, drug, second) for drug in batch.therapies])
    with clinic.writing() as tx:
        mark_ready(tx, batch.id, expected_version=tx.get(Cycle, batch.id).version)
        assert tx.get(Cycle, batch.id).claimed_on == second


def test_returns_of_a_whole_batch_end_the_cycle_as_returned(clinic: Clinic, patient: str) -> None:
    batch = batch_of(clinic)
    claims = [filled(clinic, drug, batch.sync_date) for drug in batch.therapies]
    report(clinic, patient, *claims)
    clinic.go_to(batch.sync_date + timedelta(days=10))
    for claim in claims:
        set_fill(clinic, claim, FillStatus.RETURNED)
    report(clinic, patient, *[replace(claim, kind=K.RETURNED) for claim in claims])
    assert batch_of(clinic).state is CycleState.RETURNED
    assert batch_of(clinic, number=2).state is CycleState.PROPOSED
    assert ExceptionKind.CALL in open_kinds(clinic)


def test_a_fill_that_goes_back_before_the_batch_was_ready_or_due_is_to_be_filled_again(
    clinic: Clinic, patient: str
) -> None:
    batch = batch_of(clinic)
    clinic.go_to(batch.sync_date - timedelta(days=5))
    claim = filled(clinic, batch.therapies[0], batch.sync_date - timedelta(days=5))
    report(clinic, patient, claim)
    set_fill(clinic, claim, FillStatus.RETURNED)
    report(clinic, patient, replace(claim, kind=K.RETURNED))
    now = batch_of(clinic)
    assert (now.sync_date, set(now.items.values())) == (batch.sync_date, {ItemState.PLANNED})
    assert ExceptionKind.CALL not in open_kinds(clinic), "the day that the patient knows stands"


def test_a_new_prescription_closes_the_open_renewal_request(clinic: Clinic, patient: str) -> None:
    batch = batch_of(clinic)
    drug = batch.therapies[0]
    with clinic.writing() as tx:
        therapy = tx.get(Therapy, drug)
        tx.get(Prescription, therapy.current_prescription_id).refills_left = 0
        assert request_renewals(tx, batch.id) == 1
    assert ExceptionKind.RENEWAL in open_kinds(clinic)
    with clinic.database.transaction(Scope.system("import"), clinic.clock) as tx:
        therapy = tx.get(Therapy, drug)
        rx = tx.add(
            Prescription(
                pharmacy_id=therapy.pharmacy_id, patient_id=patient, therapy_id=drug, rx_number="new",
                drug_name=therapy.drug_name, refills_left=11, written_on=TODAY, created_at=tx.now,
                updated_at=tx.now,
            )
        )  # fmt: skip
        tx.session.flush()
        therapy.current_prescription_id = rx.id
    report(clinic, patient, DispensingChange(K.NEW_PRESCRIPTION, drug, TODAY))
    with clinic.reading() as tx:
        assert tx.session.scalars(select(RenewalRequest.state)).one() is RenewalState.CLOSED
        problems = tx.session.scalars(select(CycleItem.problem).where(CycleItem.cycle_id == batch.id)).all()
        assert set(problems) == {""}
    assert not {ExceptionKind.RENEWAL, ExceptionKind.NO_REFILLS} & open_kinds(clinic)


def test_refills_that_run_out_are_seen_at_once(clinic: Clinic, patient: str) -> None:
    drug = batch_of(clinic).therapies[0]
    with clinic.writing() as tx:
        tx.get(Prescription, tx.get(Therapy, drug).current_prescription_id).refills_left = 0
    report(clinic, patient, DispensingChange(K.REFILLS_CHANGED, drug, TODAY))
    assert ExceptionKind.NO_REFILLS in open_kinds(clinic)


def test_a_new_drug_that_fits_joins_the_coming_batch_and_is_reviewed(clinic: Clinic) -> None:
    patient_id, _ = even_patient(clinic, days_ago=1)
    enroll_recommended(clinic, patient_id)
    sync = batch_of(clinic)
    drug = add_drug_row(
        clinic, patient_id, "Losartan 50 MG", [((sync.sync_date - timedelta(days=38)).isoformat(), 30)]
    )
    report(clinic, patient_id, DispensingChange(K.NEW_THERAPY, drug, TODAY))
    assert drug in batch_of(clinic).therapies
    assert batch_of(clinic).sync_date == sync.sync_date
    assert drug in batch_of(clinic, kind="trip").therapies
    assert ExceptionKind.PLAN_REVIEW in open_kinds(clinic)
    assert ExceptionKind.NEW_DRUG not in open_kinds(clinic)


def test_a_new_drug_that_needs_a_decision_becomes_a_task_for_the_pharmacist(
    clinic: Clinic, patient: str
) -> None:
    before = batch_of(clinic)
    drug = add_drug_row(
        clinic, patient, "Zolpidem 5 MG", [((TODAY - timedelta(days=20)).isoformat(), 30)], schedule=4
    )
    report(clinic, patient, DispensingChange(K.NEW_THERAPY, drug, TODAY))
    assert ExceptionKind.NEW_DRUG in open_kinds(clinic)
    assert batch_of(clinic) == before


def test_a_drug_taken_as_needed_is_none_of_the_programmes_business(clinic: Clinic, patient: str) -> None:
    drug = add_drug_row(clinic, patient, "Ibuprofen 400 MG", [("2026-11-10", 10)], as_needed=True)
    report(clinic, patient, DispensingChange(K.NEW_THERAPY, drug, TODAY))
    assert open_kinds(clinic) == set()


def test_a_doubled_dose_halves_the_supply_in_hand(clinic: Clinic) -> None:
    patient_id, drugs = even_patient(clinic, days_ago=10)
    enroll_recommended(clinic, patient_id)
    sync = batch_of(clinic)
    change = DispensingChange(K.DOSE_CHANGED, drugs[0], TODAY, detail="1>2")
    report(clinic, patient_id, change)
    with clinic.reading() as tx:
        therapy = tx.get(Therapy, drugs[0])
        assert (therapy.units_before, therapy.units_per_day) == (Decimal(1), Decimal(2))
        assert therapy.dose_changed_on == TODAY
    trip = batch_of(clinic, kind="trip")
    assert trip.therapies == (drugs[0],)
    assert trip.sync_date <= TODAY + timedelta(days=10)
    with clinic.reading() as tx:
        quantity = tx.session.scalars(select(CycleItem).where(CycleItem.cycle_id == trip.id)).one()
        assert quantity.quantity == quantity.days_supply * 2
    assert batch_of(clinic).sync_date == sync.sync_date
    report(clinic, patient_id, change)
    with clinic.reading() as tx:
        assert tx.get(Therapy, drugs[0]).units_before == Decimal(1)


def test_a_stopped_drug_leaves_the_batch_and_says_why(clinic: Clinic, patient: str) -> None:
    first, second = batch_of(clinic).therapies
    report(clinic, patient, DispensingChange(K.STOPPED, first, TODAY, detail="source"))
    assert batch_of(clinic).therapies == (second,)
    with clinic.reading() as tx:
        item = tx.session.scalars(select(CycleItem).where(CycleItem.therapy_id == first)).one()
        assert (item.state, item.problem) == (ItemState.SKIPPED, "discontinued")
        assert tx.get(Therapy, first).status == "discontinued"


def test_a_fill_out_of_turn_plans_the_batch_anew(clinic: Clinic) -> None:
    patient_id, drugs = even_patient(clinic, days_ago=1)
    enroll_recommended(clinic, patient_id)
    batch = batch_of(clinic)
    clinic.go_to(TODAY + timedelta(days=3))
    early = filled(clinic, drugs[0], TODAY + timedelta(days=3), 90)
    report(clinic, patient_id, early, sold(clinic, early, TODAY + timedelta(days=3)))
    assert batch_of(clinic).therapies == (drugs[1],)
    assert batch_of(clinic).sync_date == batch.sync_date


def test_nothing_happens_for_patients_who_are_not_enrolled(clinic: Clinic) -> None:
    patient_id, drugs = even_patient(clinic)
    claim = filled(clinic, drugs[0], TODAY)
    report(clinic, patient_id, claim, DispensingChange(K.STOPPED, drugs[1], TODAY))
    with clinic.reading() as tx:
        assert tx.session.scalar(select(func.count()).select_from(Cycle)) == 0
        assert tx.get(Therapy, drugs[1]).status == "active"


def end(clinic: Clinic) -> None:
    with clinic.writing() as tx:
        enrollment = tx.session.scalars(select(Enrollment)).one()
        withdraw(tx, enrollment.id, expected_version=enrollment.version, reason="Moves away")


def ready(clinic: Clinic) -> Batch:
    batch = batch_of(clinic)
    with clinic.writing() as tx:
        mark_ready(tx, batch.id, expected_version=batch.version)
    return batch_of(clinic)


@pytest.mark.both_databases
def test_a_sale_after_the_end_of_the_enrollment_closes_the_batch_and_its_return_task(
    clinic: Clinic, patient: str
) -> None:
    batch = ready(clinic)
    end(clinic)
    assert ExceptionKind.RETURN_TO_STOCK in open_kinds(clinic)
    for drug in batch.therapies:
        claim = filled(clinic, drug, batch.sync_date)
        report(clinic, patient, sold(clinic, claim, batch.sync_date))
    assert batch_of(clinic).state is CycleState.CLOSED
    assert ExceptionKind.RETURN_TO_STOCK not in open_kinds(clinic)
    with clinic.reading() as tx:
        assert len(tx.session.scalars(select(Cycle)).all()) == 1, "no next batch is planned"


@pytest.mark.parametrize("status", [FillStatus.RETURNED, FillStatus.REVERSED])
def test_a_return_after_the_end_of_the_enrollment_closes_its_task(
    clinic: Clinic, patient: str, status: FillStatus
) -> None:
    batch = batch_of(clinic)
    claims = [filled(clinic, drug, batch.sync_date) for drug in batch.therapies]
    report(clinic, patient, *claims)
    ready(clinic)
    end(clinic)
    for claim in claims:
        set_fill(clinic, claim, status)
        report(clinic, patient, replace(claim, kind=K(status.value)))
    assert batch_of(clinic).state is CycleState.RETURNED
    assert ExceptionKind.RETURN_TO_STOCK not in open_kinds(clinic)


@pytest.mark.parametrize("stop", ["end", "pause"])
def test_what_was_filled_for_a_batch_that_was_called_off_is_settled_by_its_sale(
    clinic: Clinic, patient: str, stop: str
) -> None:
    batch = batch_of(clinic)
    claims = [filled(clinic, drug, batch.sync_date) for drug in batch.therapies]
    report(clinic, patient, *claims)
    if stop == "end":
        end(clinic)
    else:
        with clinic.writing() as tx:
            enrollment = tx.session.scalars(select(Enrollment)).one()
            pause(tx, enrollment.id, expected_version=enrollment.version, reason="Travels")
    report(clinic, patient, sold(clinic, claims[0], batch.sync_date))
    assert ExceptionKind.RETURN_TO_STOCK in open_kinds(clinic), "the other one still waits"
    report(clinic, patient, sold(clinic, claims[1], batch.sync_date))
    assert ExceptionKind.RETURN_TO_STOCK not in open_kinds(clinic)


def test_a_year_runs_on_reports_alone(clinic: Clinic, patient: str) -> None:
    batch: Batch = batch_of(clinic)
    first = batch.sync_date
    for number in range(1, 13):
        assert batch.state is CycleState.PLANNED
        clinic.go_to(batch.sync_date - timedelta(days=2))
        claims = [filled(clinic, drug, batch.sync_date - timedelta(days=2)) for drug in batch.therapies]
        report(clinic, patient, *claims)
        clinic.go_to(batch.sync_date + timedelta(days=number % 3))
        on = clinic.clock.now().date()
        report(clinic, patient, *[sold(clinic, claim, on) for claim in claims])
        batch = batch_of(clinic, number=number + 1)
    assert batch.sync_date == first + timedelta(days=12 * 30)


def test_a_dose_that_changes_after_the_fill_is_a_question_before_it_is_handed_out(
    clinic: Clinic, patient: str
) -> None:
    batch = batch_of(clinic)
    clinic.go_to(batch.sync_date)
    report(clinic, patient, *[filled(clinic, drug, batch.sync_date) for drug in batch.therapies])
    with clinic.writing() as tx:
        mark_ready(tx, batch.id, expected_version=batch_of(clinic).version)
    clinic.go_to(batch.sync_date + timedelta(days=1))
    change = DispensingChange(K.DOSE_CHANGED, batch.therapies[0], clinic.clock.now().date(), detail="1>2")
    report(clinic, patient, change)
    report(clinic, patient, change)
    assert [task.kind for task in open_tasks(clinic)] == [ExceptionKind.DOSE_CONFLICT]
    with clinic.writing() as tx:
        confirm_pickup(tx, batch.id, expected_version=batch_of(clinic).version)
    assert ExceptionKind.DOSE_CONFLICT not in open_kinds(clinic)
