"""The forecast: what is planned as it stands, later dates by cadence, units to stock, and renewals."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import update

from medsync_app.clock import VirtualClock
from medsync_app.domain.states import CycleState, EnrollmentState, FillKind, ItemState, RenewalState
from medsync_app.errors import Invalid
from medsync_app.reads.forecast import Forecast, forecast
from medsync_app.store.session import Database
from medsync_app.store.tables import (
    ClosedDay,
    CycleItem,
    Enrollment,
    Prescriber,
    Prescription,
    RenewalRequest,
    Therapy,
)
from tests.support.screens import TODAY, Batch, make_batch, make_therapy
from tests.support.store import NOW, SYSTEM, Shop, make_patient, make_shop

CLOCK = VirtualClock(NOW)
FIRST = TODAY + timedelta(days=10)


def ahead(days: int) -> date:
    return TODAY + timedelta(days=days)


def planned(database: Database, shop: Shop, *drugs: str, on: date = FIRST, refills: int = 9, **more: object):
    """A patient with these drugs in a batch of that day; gives the ids of the drugs and the batch."""
    patient = make_patient(database, shop)
    ids = tuple(make_therapy(database, shop, patient, drug, refills=refills) for drug in drugs)
    return ids, make_batch(database, shop, patient, ids, on=on, **more)  # type: ignore[arg-type]


def read(database: Database, shop: Shop, days: int = 90) -> Forecast:
    with database.reading(shop.scope, CLOCK) as tx:
        return forecast(tx, days)


def change(database: Database, kind: type, key: str, key_value: str, **values: object) -> None:
    with database.transaction(SYSTEM, CLOCK) as tx:
        tx.session.execute(update(kind).where(getattr(kind, key) == key_value).values(**values))


def busy(found: Forecast) -> dict[int, tuple[int, int, int]]:
    """Days from today -> batches, drugs, projected; days without any left out."""
    return {
        (one.day - TODAY).days: (one.batches, one.drugs, one.projected) for one in found.days if one.batches
    }


@pytest.mark.both_databases
def test_the_present_cycle_is_counted_and_later_ones_follow_the_cadence(
    database: Database, shop: Shop
) -> None:
    planned(database, shop, "Lisinopril 10 mg", "Metformin 500 mg")
    planned(database, shop, "Lisinopril 10 mg")
    found = read(database, shop)
    assert (found.first, len(found.days)) == (TODAY, 90)
    assert busy(found) == {10: (2, 3, 0), 40: (2, 3, 2), 70: (2, 3, 2)}
    units = {(one.drug, one.ndc): one.units for one in found.drugs}
    assert units == {
        ("Lisinopril 10 mg", ""): {ahead(10): 60, ahead(40): 60, ahead(70): 60},
        ("Metformin 500 mg", ""): {ahead(10): 30, ahead(40): 30, ahead(70): 30},
    }
    assert [one.total for one in found.drugs] == [180, 90]


def test_a_quarterly_drug_is_needed_every_third_time(database: Database, shop: Shop) -> None:
    ids, batch = planned(database, shop, "Lisinopril 10 mg", "Rosuvastatin 5 mg", on=ahead(2))
    change(database, CycleItem, "therapy_id", ids[1], days_supply=90, quantity=Decimal(90))
    found = read(database, shop, 120)
    assert busy(found) == {2: (1, 2, 0), 32: (1, 1, 1), 62: (1, 1, 1), 92: (1, 2, 1)}
    assert batch.cycle_id


def test_a_drug_left_out_of_this_batch_joins_the_next(database: Database, shop: Shop) -> None:
    ids, _ = planned(database, shop, "Lisinopril 10 mg", "Metformin 500 mg")
    change(
        database, CycleItem, "therapy_id", ids[1], state=ItemState.SKIPPED, case="left_out", due_on=ahead(15)
    )
    assert busy(read(database, shop, 60)) == {10: (1, 1, 0), 40: (1, 2, 1)}


def test_a_closed_day_pulls_the_date_forward(database: Database, shop: Shop) -> None:
    planned(database, shop, "Lisinopril 10 mg")
    with database.transaction(SYSTEM, CLOCK) as tx:
        tx.add(ClosedDay(pharmacy_id=shop.pharmacy_id, day=ahead(40), name="Stocktaking"))
    assert busy(read(database, shop, 60)) == {10: (1, 1, 0), 39: (1, 1, 1)}


def test_whole_units_are_needed_and_what_is_filled_needs_none(database: Database, shop: Shop) -> None:
    ids, _ = planned(database, shop, "Lisinopril 10 mg", "Metformin 500 mg")
    change(database, CycleItem, "therapy_id", ids[0], quantity=Decimal("7.5"))
    change(database, CycleItem, "therapy_id", ids[1], state=ItemState.READY)
    found = read(database, shop, 20)
    assert {one.drug: one.units for one in found.drugs} == {"Lisinopril 10 mg": {FIRST: 8}}
    assert busy(found) == {10: (1, 2, 0)}


def test_a_late_batch_that_is_not_filled_counts_today(database: Database, shop: Shop) -> None:
    planned(database, shop, "Lisinopril 10 mg", on=ahead(-3))
    assert busy(read(database, shop, 10)) == {0: (1, 1, 0)}


def test_paused_patients_and_cancelled_batches_are_not_counted(database: Database, shop: Shop) -> None:
    planned(database, shop, "Lisinopril 10 mg", enrollment=EnrollmentState.PAUSED)
    planned(database, shop, "Metformin 500 mg", state=CycleState.CANCELLED)
    found = read(database, shop)
    assert (busy(found), found.drugs, found.renewals) == ({}, (), ())


@pytest.mark.both_databases
def test_a_renewal_is_due_by_the_first_fill_that_refills_or_expiry_do_not_cover(
    database: Database, shop: Shop
) -> None:
    ids, batch = planned(database, shop, "Lisinopril 10 mg", "Metformin 500 mg", "Warfarin 5 mg", refills=1)
    change(database, Prescription, "therapy_id", ids[1], refills_left=9, expires_on=ahead(69))
    change(database, Prescription, "therapy_id", ids[2], refills_left=9)
    with database.transaction(SYSTEM, CLOCK) as tx:
        enrollment = tx.get(Enrollment, batch.enrollment_id)
        doctor = tx.add(Prescriber(pharmacy_id=shop.pharmacy_id, external_key="1", name="Dr Example"))
        tx.session.flush()
        tx.session.execute(
            update(Prescription).where(Prescription.therapy_id == ids[0]).values(prescriber_id=doctor.id)
        )
        tx.add(
            RenewalRequest(
                pharmacy_id=shop.pharmacy_id, therapy_id=ids[1], patient_id=enrollment.patient_id,
                state=RenewalState.SENT, path="task", reason="expires", needed_by=ahead(70), created_at=NOW,
            )
        )  # fmt: skip
    found = read(database, shop)
    assert [(one.by, one.drug, one.prescriber, one.requested) for one in found.renewals] == [
        (ahead(40), "Lisinopril 10 mg", "Dr Example", False),
        (ahead(70), "Metformin 500 mg", "", True),
    ]
    assert {one.patient_id for one in found.renewals} == {enrollment.patient_id}


def test_a_controlled_drug_has_no_more_refills_than_the_law_allows(database: Database, shop: Shop) -> None:
    (drug,), _ = planned(database, shop, "Zolpidem 5 mg", refills=9)
    change(database, Prescription, "therapy_id", drug, expires_on=None)
    assert read(database, shop, 200).renewals == ()
    change(database, Therapy, "id", drug, schedule=4)
    assert [one.by for one in read(database, shop, 200).renewals] == [ahead(160)], "the sixth fill"


def test_without_a_quantity_left_the_refills_hold_so_many_usual_fills(database: Database, shop: Shop) -> None:
    (drug,), batch = planned(database, shop, "Lisinopril 10 mg", refills=2)
    assert [one.by for one in read(database, shop).renewals] == [ahead(70)]
    with database.reading(SYSTEM, CLOCK) as tx:
        patient_id = tx.get(Enrollment, batch.enrollment_id).patient_id
    trip = make_batch(
        database, shop, patient_id, (drug,), on=ahead(2), enrollment_id=batch.enrollment_id, kind="trip"
    )
    short = {"fill_kind": FillKind.SHORT, "days_supply": 10, "quantity": Decimal(10)}
    change(database, CycleItem, "cycle_id", trip.cycle_id, **short)
    found = [one.by for one in read(database, shop).renewals]
    assert found == [ahead(40)], "ten tablets and twice thirty are more than sixty"


def test_another_pharmacy_is_not_in_it(database: Database, shop: Shop) -> None:
    other = make_shop(database, "other")
    _, batch = planned(database, other, "Lisinopril 10 mg", refills=0)
    assert isinstance(batch, Batch)
    found = read(database, shop)
    assert (busy(found), found.drugs, found.renewals) == ({}, (), ())
    assert len(read(database, other).renewals) == 1


@pytest.mark.parametrize("days", [0, 367])
def test_an_impossible_number_of_days_is_refused(database: Database, shop: Shop, days: int) -> None:
    with pytest.raises(Invalid, match="1 to 366"):
        read(database, shop, days)
