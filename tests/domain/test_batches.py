"""An option becomes one batch for its sync date and small ones for its trips; later joinings are left for later."""

from datetime import date
from decimal import Decimal

import pytest

from medsync_app.domain.batches import batches_of
from medsync_app.domain.plan_model import Medication, MedicationId, Policy
from medsync_app.domain.states import FillKind
from medsync_app.domain.supply import Fill
from medsync_app.domain.sync_plan import option_for, plan
from medsync_app.errors import Invalid

TODAY = date(2026, 10, 3)


def drug(name: str, filled: date, days: int = 30, units: int = 1) -> Medication:
    return Medication(MedicationId(name), (Fill(filled, days),), units_per_day=Decimal(units))


REFERENCE = (
    drug("lisinopril", date(2026, 9, 20)),
    drug("atorvastatin", date(2026, 9, 28)),
    drug("metformin", date(2026, 10, 2), units=2),
)


def test_the_reference_patient_gets_one_trip_with_the_short_fill() -> None:
    batches = batches_of(plan(Policy(TODAY), REFERENCE).recommended, 30)
    assert batches.sync.day == date(2026, 10, 28)
    assert {item.therapy_id for item in batches.sync.items} == {"lisinopril", "atorvastatin", "metformin"}
    (trip,) = batches.trips
    (item,) = trip.items
    assert (trip.day, trip.ahead) == (date(2026, 10, 20), 0)
    assert (item.therapy_id, item.fill_kind, item.days_supply, item.quantity, item.claim_code) == (
        "lisinopril", FillKind.SHORT, 8, Decimal(8), 47,
    )  # fmt: skip
    after = next(item for item in batches.sync.items if item.therapy_id == "lisinopril")
    assert (after.fill_kind, after.claim_code, after.due_on) == (FillKind.FULL, 48, date(2026, 10, 28))


def test_left_out_drugs_are_skipped_and_their_trip_leads_to_the_next_date() -> None:
    option = option_for(Policy(TODAY), REFERENCE, date(2026, 10, 15))
    batches = batches_of(option, 30)
    skipped = {item.therapy_id: item.case for item in batches.sync.items if item.skipped}
    assert skipped == {"atorvastatin": "left_out", "metformin": "left_out"}
    (trip,) = batches.trips
    assert (trip.day, trip.ahead) == (date(2026, 10, 28), 1)
    assert [item.days_supply for item in trip.items] == [17, 13]


def test_a_drug_that_lasts_longer_brings_no_trip() -> None:
    lasting = drug("rosuvastatin", date(2026, 9, 25), 90)
    batches = batches_of(plan(Policy(TODAY), [*REFERENCE, lasting]).recommended, 30)
    item = next(item for item in batches.sync.items if item.therapy_id == "rosuvastatin")
    assert (item.skipped, item.case) == (True, "not_due")
    assert all(item.therapy_id != "rosuvastatin" for trip in batches.trips for item in trip.items)


def test_a_missing_refill_is_marked_from_the_fill_it_is_missing_for() -> None:
    short = Medication(MedicationId("lisinopril"), (Fill(date(2026, 9, 20), 30),), refills_left=0)
    batches = batches_of(plan(Policy(TODAY), [short]).recommended, 30)
    assert batches.sync.items[0].needs_renewal_by == batches.sync.day


def test_an_option_without_a_date_is_refused_with_its_reason() -> None:
    with pytest.raises(Invalid, match="No medicine takes part"):
        batches_of(plan(Policy(TODAY), []).recommended, 30)
