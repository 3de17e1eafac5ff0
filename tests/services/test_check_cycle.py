"""Problems open once per cause, are updated while they last, and close by themselves; quiet patients are asked for."""

from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select

from medsync_app.domain.states import (
    ContactBasis,
    CycleState,
    EnrollmentState,
    ExceptionKind,
    ExceptionState,
    Severity,
)
from medsync_app.errors import NotFound
from medsync_app.services.check_cycle import check_cycle, check_pharmacy
from medsync_app.services.reschedule import reschedule
from medsync_app.store.scope import Scope
from medsync_app.store.session import Database
from medsync_app.store.tables import (
    ContactPoint,
    Cycle,
    Enrollment,
    ExceptionCase,
    Fill,
    Pharmacy,
    Prescription,
    Therapy,
)
from tests.support.programme import (
    PHONE,
    TODAY,
    Batch,
    Clinic,
    add_drug_row,
    batch_of,
    enroll_recommended,
    even_patient,
    make_clinic,
    open_kinds,
    reference_patient,
)
from tests.support.store import make_patient

pytestmark = pytest.mark.slow


def check(clinic: Clinic, batch: Batch) -> int:
    with clinic.writing() as tx:
        return check_cycle(tx, batch.id)


def daily(clinic: Clinic) -> None:
    with clinic.database.transaction(Scope.system("loop"), clinic.clock) as tx:
        check_pharmacy(tx, clinic.shop.pharmacy_id)


def change_drug(clinic: Clinic, therapy_id: str, **values: object) -> None:
    with clinic.writing() as tx:
        therapy = tx.get(Therapy, therapy_id)
        for name, value in values.items():
            setattr(therapy, name, value)


def change_rx(clinic: Clinic, therapy_id: str, **values: object) -> None:
    with clinic.writing() as tx:
        rx = tx.get(Prescription, tx.get(Therapy, therapy_id).current_prescription_id)
        for name, value in values.items():
            setattr(rx, name, value)


def test_a_batch_without_problems_opens_nothing(clinic: Clinic, batch: Batch) -> None:
    assert check(clinic, batch) == 0
    assert open_kinds(clinic) == set()


@pytest.mark.parametrize(
    ("where", "bad", "good", "kind"),
    [
        ("therapy", {"pa_ends_on": TODAY + timedelta(days=30)}, {"pa_ends_on": None}, ExceptionKind.PA_ENDING),
        ("rx", {"refills_left": 0}, {"refills_left": 3}, ExceptionKind.NO_REFILLS),
        (
            "rx", {"expires_on": TODAY + timedelta(days=1)}, {"expires_on": TODAY + timedelta(days=300)},
            ExceptionKind.RX_EXPIRES,
        ),
        ("therapy", {"out_of_stock": True}, {"out_of_stock": False}, ExceptionKind.OUT_OF_STOCK),
    ],
)  # fmt: skip
def test_a_problem_opens_once_and_closes_by_itself(
    clinic: Clinic,
    batch: Batch,
    where: str,
    bad: dict[str, object],
    good: dict[str, object],
    kind: ExceptionKind,
) -> None:
    change = change_drug if where == "therapy" else change_rx
    change(clinic, batch.therapies[0], **bad)
    assert check(clinic, batch) == 1
    assert check(clinic, batch) == 1
    assert open_kinds(clinic) == {kind}
    with clinic.reading() as tx:
        assert tx.session.scalar(select(func.count()).select_from(ExceptionCase)) == 1
    change(clinic, batch.therapies[0], **good)
    assert check(clinic, batch) == 0
    with clinic.reading() as tx:
        row = tx.session.scalars(select(ExceptionCase)).one()
        assert (row.state, row.therapy_id) == (ExceptionState.CLOSED, batch.therapies[0])


def test_a_prior_authorization_far_ahead_is_no_problem(clinic: Clinic, batch: Batch) -> None:
    change_drug(clinic, batch.therapies[0], pa_ends_on=TODAY + timedelta(days=31))
    assert check(clinic, batch) == 0


def test_two_strengths_of_one_ingredient_need_an_answer(clinic: Clinic) -> None:
    patient_id, drugs = even_patient(clinic)
    older = add_drug_row(
        clinic, patient_id, "Lisinopril 5 MG", [((TODAY - timedelta(days=22)).isoformat(), 30)]
    )
    enroll_recommended(clinic, patient_id)
    batch = batch_of(clinic)
    assert older not in batch.therapies, "the older one waits"
    assert set(drugs) == set(batch.therapies)
    assert ExceptionKind.DOSE_CONFLICT in open_kinds(clinic)
    change_drug(clinic, older, include=True)
    check(clinic, batch)
    assert ExceptionKind.DOSE_CONFLICT in open_kinds(clinic), "a tick does not answer the question"
    change_drug(clinic, older, include=False)
    check(clinic, batch)
    assert ExceptionKind.DOSE_CONFLICT not in open_kinds(clinic)


def test_a_patient_nobody_can_reach_is_named(clinic: Clinic, batch: Batch) -> None:
    with clinic.writing() as tx:
        for point in tx.session.scalars(select(ContactPoint)):
            point.basis = ContactBasis.REVOKED
    assert check(clinic, batch) == 1
    assert open_kinds(clinic) == {ExceptionKind.CONTACT}


def test_the_summary_holds_no_patient_data(clinic: Clinic, batch: Batch) -> None:
    change_drug(clinic, batch.therapies[0], out_of_stock=True)
    check(clinic, batch)
    with clinic.reading() as tx:
        text = tx.session.scalars(select(ExceptionCase.summary)).one()
    assert "Lisinopril" not in text
    assert "Example" not in text


def test_a_batch_nobody_fetched_is_missed_after_ten_days_and_planned_anew(
    clinic: Clinic, batch: Batch
) -> None:
    clinic.go_to(batch.sync_date + timedelta(days=10))
    daily(clinic)
    assert batch_of(clinic).state is CycleState.PLANNED
    clinic.go_to(batch.sync_date + timedelta(days=11))
    daily(clinic)
    assert batch_of(clinic).state is CycleState.MISSED
    assert batch_of(clinic, number=2).state is CycleState.PROPOSED
    assert {ExceptionKind.CALL, ExceptionKind.PLAN_REVIEW} <= open_kinds(clinic)


def test_two_missed_batches_ask_whether_to_go_on(clinic: Clinic, batch: Batch) -> None:
    for number in (1, 2):
        clinic.go_to(batch_of(clinic, number=number).sync_date + timedelta(days=11))
        daily(clinic)
    with clinic.reading() as tx:
        causes = set(tx.session.scalars(select(ExceptionCase.cause_key).where(ExceptionCase.state == "open")))
        assert f"inactive:{batch.enrollment_id}" in causes
        assert tx.get(Enrollment, batch.enrollment_id).state is EnrollmentState.ACTIVE
        assert tx.session.scalar(select(func.max(Cycle.number))) == 2


@pytest.mark.parametrize(("days", "asked"), [(90, False), (30, True)])
def test_a_patient_without_a_fill_for_long_is_asked_for_unless_the_supply_lasts(
    clinic: Clinic, batch: Batch, days: int, asked: bool
) -> None:
    with clinic.writing() as tx:
        for fill in tx.session.scalars(select(Fill)):
            fill.filled_on = TODAY - timedelta(days=5)
            fill.days_supply = 95 if days == 90 else 30
        tx.get(Cycle, batch.id).sync_date = TODAY + timedelta(days=85)
    clinic.go_to(TODAY + timedelta(days=86))
    daily(clinic)
    with clinic.reading() as tx:
        causes = set(tx.session.scalars(select(ExceptionCase.cause_key).where(ExceptionCase.state == "open")))
    assert (f"inactive:{batch.enrollment_id}" in causes) is asked


def test_silence_means_nothing_while_the_data_is_stale(clinic: Clinic, batch: Batch) -> None:
    with clinic.writing() as tx:
        tx.get(Pharmacy, clinic.shop.pharmacy_id).data_as_of = clinic.clock.now()
    clinic.go_to(batch.sync_date + timedelta(days=20))
    daily(clinic)
    assert batch_of(clinic).state is CycleState.PLANNED


def test_a_plan_nobody_approved_in_time_becomes_urgent(clinic: Clinic) -> None:
    case = reference_patient(clinic)
    enroll_recommended(clinic, case.patient_id)
    clinic.go_to(TODAY + timedelta(days=2))
    daily(clinic)
    with clinic.reading() as tx:
        row = tx.session.scalars(
            select(ExceptionCase).where(ExceptionCase.kind == ExceptionKind.PLAN_REVIEW)
        ).one()
        assert row.severity is Severity.URGENT


def test_another_pharmacys_cycle_is_not_found(clinic: Clinic, batch: Batch, database: Database) -> None:
    other = make_clinic(database, "other")
    with pytest.raises(NotFound), other.writing() as tx:
        check_cycle(tx, batch.id)


def at_nine(day: date) -> datetime:
    return datetime.combine(day, time(9), ZoneInfo("America/New_York"))


def due_of(clinic: Clinic, kind: ExceptionKind) -> datetime:
    with clinic.reading() as tx:
        return tx.session.scalars(select(ExceptionCase.due_at).where(ExceptionCase.kind == kind)).one()


@pytest.mark.parametrize(
    ("lack", "kind"),
    [
        ({"refills": 0}, ExceptionKind.NO_REFILLS),
        ({"expires": TODAY + timedelta(days=9)}, ExceptionKind.RX_EXPIRES),
    ],
)
def test_what_a_batch_weeks_ahead_lacks_is_due_after_its_renewals_are_asked_for(
    clinic: Clinic, lack: dict[str, Any], kind: ExceptionKind
) -> None:
    patient_id = make_patient(clinic.database, clinic.shop, phone=PHONE)
    filled = (TODAY - timedelta(days=1)).isoformat()
    add_drug_row(clinic, patient_id, "Lisinopril 10 MG", [(filled, 30)], **lack)
    enroll_recommended(clinic, patient_id)
    batch = batch_of(clinic)
    assert (batch.sync_date - TODAY).days > 20
    assert due_of(clinic, kind) == at_nine(batch.sync_date - timedelta(days=10)) + timedelta(hours=48)
    # The batch is moved nearer: what it lacks is due earlier, and never after the fill.
    clinic.go_to(batch.sync_date - timedelta(days=7))
    earlier = batch.sync_date - timedelta(days=3)
    with clinic.writing() as tx:
        reschedule(tx, batch.id, earlier, expected_version=batch.version)
    assert due_of(clinic, kind) == clinic.clock.now() + timedelta(hours=48)
    clinic.go_to(earlier - timedelta(days=2))
    with clinic.writing() as tx:
        soon = batch_of(clinic)
        reschedule(tx, batch.id, earlier - timedelta(days=1), expected_version=soon.version)
    assert due_of(clinic, kind) == at_nine(earlier - timedelta(days=1))
