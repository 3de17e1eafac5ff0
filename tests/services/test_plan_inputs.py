"""Rows become medications and a policy: payers, doses, batches not yet imported, duplicates, load and closed days."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from medsync_app.domain.states import FillStatus, SameDrug
from medsync_app.errors import Invalid
from medsync_app.services.mark_ready import mark_ready
from medsync_app.services.plan_inputs import TherapyChoice, drugs_for, drugs_of, policy_for
from medsync_app.services.propose import propose
from medsync_app.services.rules import Rules, rules_of, rx_expires_on
from medsync_app.store.repositories.charts import of_patients
from medsync_app.store.tables import ClosedDay, Patient, Pharmacy, Therapy
from tests.support.programme import (
    TODAY,
    Clinic,
    add_drug_row,
    add_fill,
    batch_of,
    enroll_recommended,
    even_patient,
)
from tests.support.store import make_patient


def days_ago(days: int) -> str:
    return (TODAY - timedelta(days=days)).isoformat()


def one(clinic: Clinic, **row: object):
    """The medication of a patient with one drug, and the proposal for it."""
    patient_id = make_patient(clinic.database, clinic.shop)
    fills = row.pop("fills", [(days_ago(20), 30)])
    drug = add_drug_row(clinic, patient_id, "Lisinopril 10 MG", fills, **row)  # type: ignore[arg-type]
    with clinic.reading() as tx:
        proposal = propose(tx, patient_id)
    return proposal.medications[0], proposal, drug


@pytest.mark.parametrize(
    ("payer", "schedule", "expected"),
    [
        ("commercial", None, "0.75"), ("part_d", None, "0.75"), ("medicaid", None, "0.85"),
        ("cash", None, "0.5"), ("", None, "0.75"), ("cash", 4, "0.85"), ("commercial", 3, "0.85"),
    ],
)  # fmt: skip
def test_the_threshold_follows_payer_and_schedule(
    clinic: Clinic, payer: str, schedule: int | None, expected: str
) -> None:
    medication, _, _ = one(clinic, payer=payer, schedule=schedule)
    assert medication.threshold == Decimal(expected)


def test_a_threshold_of_the_drug_and_of_the_pharmacy_go_before_the_default(clinic: Clinic) -> None:
    assert one(clinic, threshold=Decimal("0.9"))[0].threshold == Decimal("0.9")
    assert one(clinic, threshold=Decimal(0))[0].threshold == 0
    with clinic.writing() as tx:
        tx.get(Pharmacy, clinic.shop.pharmacy_id).rules = {"thresholds": {"commercial": 0.8, "cash": "none"}}
    assert one(clinic)[0].threshold == Decimal("0.8")
    assert one(clinic, payer="cash")[0].threshold == Decimal("0.5")


def test_reversed_and_returned_fills_do_not_count(clinic: Clinic) -> None:
    for status in (FillStatus.REVERSED, FillStatus.RETURNED):
        fills = [(days_ago(40), 30), (days_ago(10), 30)]
        _, proposal, drug = one(clinic, fills=fills, status=status)
        assert proposal.supplies[drug].run_out == TODAY - timedelta(days=10)


def test_only_part_d_and_some_states_prorate_the_copay(clinic: Clinic) -> None:
    assert one(clinic, payer="part_d")[0].copay_prorated is True
    assert one(clinic, payer="")[0].copay_prorated is False
    medication, proposal, _ = one(clinic, payer="commercial")
    assert medication.copay_prorated is False
    with clinic.writing() as tx:
        tx.get(Patient, proposal.patient_id).state = "NY"
    with clinic.reading() as tx:
        assert drugs_for(tx, proposal.patient_id, today=TODAY).medications[0].copay_prorated is True


@pytest.mark.parametrize(
    ("drug", "prorated"),
    [
        ({"ingredients": ["doxycycline"]}, False),
        # Not solid, or no antibiotic: by the day.
        ({"ingredients": ["doxycycline"], "form": "oral suspension"}, True),
        ({"ingredients": ["lisinopril"]}, True),
        # Original containers.
        ({"form": "inhaler"}, False),
        ({"unbreakable": True}, False),
    ],
)
def test_solid_antibiotics_and_original_containers_cost_the_full_copay(
    clinic: Clinic, drug: dict[str, Any], prorated: bool
) -> None:
    assert one(clinic, payer="part_d", **drug)[0].copay_prorated is prorated


def test_which_states_prorate_commercial_plans_is_a_setting(clinic: Clinic) -> None:
    with clinic.writing() as tx:
        tx.get(Pharmacy, clinic.shop.pharmacy_id).rules = {"prorating_states": ["ga"]}
    _, proposal, _ = one(clinic, payer="commercial")
    for state, prorated in (("GA", True), ("NY", False)):
        with clinic.writing() as tx:
            tx.get(Patient, proposal.patient_id).state = state
        with clinic.reading() as tx:
            assert drugs_for(tx, proposal.patient_id, today=TODAY).medications[0].copay_prorated is prorated


def test_units_a_day_come_from_the_last_full_fill_when_nobody_says(clinic: Clinic) -> None:
    assert one(clinic, units=3, units_per_day=None)[0].units_per_day == 3


def test_what_is_not_said_of_maintenance_is_decided_by_the_rule(clinic: Clinic) -> None:
    assert one(clinic, maintenance=None)[0].maintenance is True
    assert one(clinic, maintenance=None, fills=[(days_ago(5), 10)], refills=0)[0].maintenance is False


def test_a_controlled_drug_has_no_more_refills_than_the_law_allows(clinic: Clinic) -> None:
    assert one(clinic, refills=11)[0].refills_left == 11
    assert one(clinic, refills=11, schedule=4)[0].refills_left == 5
    acute = one(clinic, maintenance=None, ingredients=["amoxicillin"])[0]
    assert acute.maintenance is False


def test_an_expired_rx_with_a_prescriber_can_be_renewed(clinic: Clinic) -> None:
    medication, proposal, _ = one(clinic, expires=TODAY - timedelta(days=1))
    assert medication.renewal_possible is True
    assert proposal.plan.recommended.sync_date is not None
    _, lost, drug = one(clinic, expires=TODAY - timedelta(days=1), prescriber=False)
    assert [(e.id, e.reason) for e in lost.plan.excluded] == [(drug, "expired")]


def test_a_plans_own_threshold_goes_before_its_payers(clinic: Clinic) -> None:
    with clinic.writing() as tx:
        tx.get(Pharmacy, clinic.shop.pharmacy_id).rules = {"thresholds": {"Blue Plan": 0.8}}
    assert one(clinic, plan_name="BLUE PLAN")[0].threshold == Decimal("0.8")
    assert one(clinic, plan_name="Another")[0].threshold == Decimal("0.75")
    assert one(clinic, plan_name="Blue Plan", schedule=4)[0].threshold == Decimal("0.85")


@pytest.mark.parametrize(
    ("schedule", "set_to", "expected"),
    [
        (None, {}, date(2027, 2, 28)),
        (None, {"none": 15}, date(2027, 5, 28)),
        (5, {}, date(2026, 8, 28)),
        (5, {"5": 12}, date(2027, 2, 28)),
        (4, {"4": 12, "none": 15}, date(2026, 8, 28)),
        (5, {"5": "long"}, date(2026, 8, 28)),
    ],
)
def test_the_rule_of_a_state_moves_the_expiry_of_what_federal_law_leaves_to_it(
    schedule: int | None, set_to: dict[str, object], expected: date
) -> None:
    rules = rules_of(Pharmacy(rules={"expiry_months": set_to}))  # pyright: ignore[reportCallIssue]
    assert rx_expires_on(rules, date(2026, 2, 28), schedule) == expected


def test_specialty_drugs_wait_for_a_tick(clinic: Clinic) -> None:
    _, proposal, drug = one(clinic, specialty=True)
    assert [(e.id, e.reason) for e in proposal.plan.excluded] == [(drug, "specialty")]
    with clinic.reading() as tx:
        ticked = propose(tx, proposal.patient_id, choices={drug: TherapyChoice(include=True)})
    assert ticked.plan.excluded == ()


def test_the_older_of_two_strengths_waits_and_is_named(clinic: Clinic) -> None:
    patient_id = make_patient(clinic.database, clinic.shop)
    older = add_drug_row(clinic, patient_id, "Lisinopril 5 MG", [(days_ago(25), 30)])
    newer = add_drug_row(clinic, patient_id, "Lisinopril 10 MG", [(days_ago(5), 30)])
    with clinic.reading() as tx:
        proposal = propose(tx, patient_id)
        assert proposal.waiting == {older: (newer,)}
        assert [(e.id, e.reason) for e in proposal.plan.excluded] == [(older, "taken_out")]
        ticked = propose(tx, patient_id, choices={older: TherapyChoice(include=True)})
        assert ticked.waiting == {older: (newer,)}, "a tick is no answer"
        assert [(e.id, e.reason) for e in ticked.plan.excluded] == [(older, "taken_out")]
        together = propose(tx, patient_id, choices={older: TherapyChoice(same_drug=SameDrug.TOGETHER)})
        assert (together.plan.excluded, together.waiting) == ((), {})
        replaced = propose(tx, patient_id, choices={older: TherapyChoice(same_drug=SameDrug.REPLACED)})
        assert [(e.id, e.reason) for e in replaced.plan.excluded] == [(older, "discontinued")]
        assert replaced.waiting == {}


def test_a_drug_ticked_in_before_a_newer_strength_came_waits(clinic: Clinic) -> None:
    patient_id = make_patient(clinic.database, clinic.shop)
    older = add_drug_row(clinic, patient_id, "Lisinopril 5 MG", [(days_ago(70), 30)])
    newer = add_drug_row(clinic, patient_id, "Lisinopril 10 MG", [(days_ago(5), 30)])
    with clinic.reading() as tx:
        assert propose(tx, patient_id).waiting == {}, "it lapsed, and takes no part by itself"
    with clinic.writing() as tx:
        tx.get(Therapy, older).include = True
    with clinic.reading() as tx:
        proposal = propose(tx, patient_id)
        assert proposal.waiting == {older: (newer,)}
        assert [plan.id for plan in proposal.plan.recommended.medications] == [newer]
        many = {
            m.id: m.include
            for c in of_patients(tx, [patient_id])
            for m in drugs_of(c, Rules(), today=TODAY).medications
        }
        assert many == {older: False, newer: None}


def test_a_flagged_drug_waits_until_somebody_decided(clinic: Clinic) -> None:
    _, proposal, drug = one(clinic, clinical_flag="high_alert")
    assert [(e.id, e.reason) for e in proposal.plan.excluded] == [(drug, "taken_out")]
    with clinic.reading() as tx:
        ticked = propose(tx, proposal.patient_id, choices={drug: TherapyChoice(include=True)})
    assert ticked.plan.excluded == ()


def test_a_strength_that_ran_out_long_ago_is_no_duplicate(clinic: Clinic) -> None:
    patient_id = make_patient(clinic.database, clinic.shop)
    add_drug_row(clinic, patient_id, "Lisinopril 5 MG", [(days_ago(200), 30)])
    add_drug_row(clinic, patient_id, "Lisinopril 10 MG", [(days_ago(5), 30)])
    with clinic.reading() as tx:
        assert propose(tx, patient_id).waiting == {}


def test_the_dose_before_counts_until_the_day_of_the_change(clinic: Clinic) -> None:
    changed = {"dose_changed_on": TODAY - timedelta(days=2), "units_before": Decimal(1)}
    _, proposal, drug = one(clinic, fills=[(days_ago(12), 30)], units_per_day=Decimal(2), **changed)
    # 20 tablets were in hand two days ago; at two a day they last ten days from then.
    assert proposal.supplies[drug].run_out == TODAY + timedelta(days=8)
    assert proposal.supplies[drug].usual_days == 30


def test_ready_items_without_a_fill_count_for_other_plans_but_not_for_their_own(clinic: Clinic) -> None:
    patient_id, drugs = even_patient(clinic)
    enroll_recommended(clinic, patient_id)
    batch = batch_of(clinic)
    clinic.go_to(batch.sync_date)
    today = batch.sync_date
    with clinic.writing() as tx:
        mark_ready(tx, batch.id, expected_version=batch.version)
        counted = drugs_for(tx, patient_id, today=today).medications
        own = drugs_for(tx, patient_id, today=today, replanned=[batch.id]).medications
    assert [len(m.fills) for m in counted] == [2, 2]
    assert [m.fills[-1].waiting for m in counted] == [True, True]
    assert [len(m.fills) for m in own] == [1, 1]
    add_fill(clinic, drugs[0], today, status=FillStatus.WAITING)
    with clinic.reading() as tx:
        after = {m.id: m for m in drugs_for(tx, patient_id, today=today).medications}
        assert len(after[drugs[0]].fills) == 2, "the reported fill replaces the expected one"


def test_the_policy_reads_hours_rules_closures_and_load(clinic: Clinic) -> None:
    patient_id, _ = even_patient(clinic)
    enroll_recommended(clinic, patient_id)
    batch = batch_of(clinic)
    with clinic.writing() as tx:
        pharmacy = tx.get(Pharmacy, clinic.shop.pharmacy_id)
        pharmacy.hours = {"0": ["09:00", "18:00"], "4": ["09:00", "12:00"], "5": []}
        pharmacy.rules = {
            "cycle_days": 28,
            "buffer_days": 0,
            "min_lead_days": "soon",
            "preferred_weekdays": [4],
        }
        pharmacy.daily_capacity = 9
        tx.add(ClosedDay(pharmacy_id=pharmacy.id, day=TODAY + timedelta(days=3), name="Holiday"))
    with clinic.reading() as tx:
        policy = policy_for(tx, clinic.shop.pharmacy_id, today=TODAY)
        assert policy.open_weekdays == {0, 4}
        assert (policy.cycle_days, policy.buffer_days, policy.min_lead_days) == (28, 0, 3)
        assert policy.closed_dates == {TODAY + timedelta(days=3)}
        assert policy.preferred_weekdays == {4}
        assert policy.planned_load == {batch.sync_date: 1}
        alone = policy_for(tx, clinic.shop.pharmacy_id, today=TODAY, exclude_cycle_ids=[batch.id])
        assert alone.planned_load == {}


def test_a_choice_for_an_unknown_drug_is_refused(clinic: Clinic) -> None:
    patient_id, _ = even_patient(clinic)
    with pytest.raises(Invalid) as caught, clinic.reading() as tx:
        propose(tx, patient_id, choices={"nothing": TherapyChoice(include=True)})
    assert caught.value.field == "choices"
