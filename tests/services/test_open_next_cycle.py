"""The dates of an enrollment one after another, as a patient lives them."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from sqlalchemy import select

from medsync_app.domain.states import CycleState, ItemState
from medsync_app.services.confirm_pickup import confirm_pickup
from medsync_app.services.mark_ready import mark_ready
from medsync_app.store.session import Database
from medsync_app.store.tables import Cycle, CycleItem, Pharmacy
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
)
from tests.support.store import make_patient

pytestmark = pytest.mark.slow


@pytest.fixture
def clinic(database: Database) -> Clinic:
    return make_clinic(database)


def pick_up(clinic: Clinic, batch: Batch) -> Batch:
    """Ready and picked up on its date; gives the next batch."""
    clinic.go_to(batch.sync_date)
    with clinic.writing() as tx:
        mark_ready(tx, batch.id, expected_version=batch.version)
    with clinic.writing() as tx:
        ready = batch_of(clinic, number=batch.number)
        confirm_pickup(tx, batch.id, expected_version=ready.version)
    return batch_of(clinic, number=batch.number + 1)


def live(clinic: Clinic, cycles: int) -> list[tuple[date, date, bool]]:
    """Day, nominal day and whether a person has to look, of so many cycles fetched on their days."""
    batch, lived = batch_of(clinic), []
    for _ in range(cycles):
        with clinic.reading() as tx:
            row = tx.get(Cycle, batch.id)
            lived.append((row.sync_date, row.nominal_date, row.needs_review))
        batch = pick_up(clinic, batch)
    return lived


def test_thirty_days_on_a_28_day_cycle_need_no_review_and_skip_a_date_in_the_end(clinic: Clinic) -> None:
    with clinic.writing() as tx:
        tx.get(Pharmacy, clinic.shop.pharmacy_id).rules = {"cycle_days": 28, "buffer_days": 0}
    even_patient_id, _ = even_patient(clinic)
    enroll_recommended(clinic, even_patient_id)
    lived = live(clinic, 17)
    assert not any(review for _, _, review in lived)
    run_out = lived[0][0]
    for day, _, _ in lived:
        # Never without, never claimed more than the spare days before the supply ends.
        assert timedelta() <= run_out - day <= timedelta(days=7)
        run_out += timedelta(days=30)
    steps = [(after[1] - before[1]).days for before, after in pairwise(lived)]
    assert sorted(steps) == [28] * 15 + [56], "one nominal date is passed over: its fill was the surplus"


def test_a_drug_with_a_surplus_of_a_cycle_is_skipped_although_a_payer_would_pay(clinic: Clinic) -> None:
    patient_id = make_patient(clinic.database, clinic.shop, phone=PHONE)
    filled = (TODAY - timedelta(days=20)).isoformat()
    add_drug_row(clinic, patient_id, "Lisinopril 10 MG", [(filled, 30)])
    # Cash: a payer's limit of half the supply would allow every second date.
    lasting = add_drug_row(
        clinic,
        patient_id,
        "Rosuvastatin 10 MG",
        [((TODAY - timedelta(days=80)).isoformat(), 90)],
        payer="cash",
    )
    enroll_recommended(clinic, patient_id)
    batch, filled_on = batch_of(clinic), []
    for _ in range(7):
        filled_on.append(lasting in batch.therapies)
        batch = pick_up(clinic, batch)
    assert filled_on == [True, False, False, True, False, False, True]
    with clinic.reading() as tx:
        skipped = tx.session.scalars(
            select(CycleItem).where(CycleItem.therapy_id == lasting, CycleItem.state == ItemState.SKIPPED)
        ).all()
        assert {item.case for item in skipped} == {"not_due"}
        assert not any(cycle.state is CycleState.PROPOSED for cycle in tx.session.scalars(select(Cycle)))
