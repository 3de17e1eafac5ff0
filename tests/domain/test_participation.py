"""Who takes part in a plan, and why not."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any, get_args

import pytest

from medsync_app.domain.participation import (
    form_group,
    is_splittable,
    looks_like_maintenance,
    waiting_duplicates,
)
from medsync_app.domain.plan_model import Break, Case, ExclusionReason, Strategy
from medsync_app.domain.plan_words import BREAK_LABELS, CASE_LABELS, EXCLUSION_LABELS, STRATEGY_LABELS
from medsync_app.domain.sync_plan import Fill, Medication, MedicationId, Policy, plan
from medsync_app.errors import Invalid

TODAY = date(2026, 10, 3)


def drug(filled: date = date(2026, 9, 20), days: int | None = 30, **more: Any) -> Medication:
    return Medication(id=MedicationId("a"), fills=(Fill(filled, days),), **more)


def reason(medication: Medication, **policy: Any) -> str | None:
    excluded = plan(Policy(TODAY, **policy), [medication]).excluded
    return excluded[0].reason if excluded else None


OUT: list[tuple[dict[str, Any], str]] = [
    ({"status": "discontinued"}, "discontinued"),
    ({"status": "expired"}, "expired"),
    ({"expires_on": TODAY - timedelta(days=1)}, "expired"),
    ({"schedule": 2}, "schedule_ii"),
    ({"as_needed": True}, "as_needed"),
    ({"maintenance": False}, "not_maintenance"),
    ({"days": None}, "unknown_days_supply"),
    ({"days": 0}, "unknown_days_supply"),
]
TICK_IN: list[tuple[dict[str, Any], str]] = [
    ({"filled": TODAY - timedelta(days=61)}, "lapsed"),
    ({"schedule": 3}, "schedule_iii_v"),
    ({"schedule": 5}, "schedule_iii_v"),
    ({"form": "insulin"}, "insulin"),
    ({"form": "PEN", "name": "Insulin Glargine 100 UNIT/ML Pen Injector"}, "insulin"),
    ({"form": "liquid"}, "liquid"),
    ({"form": "Oral Suspension"}, "liquid"),
    ({"form": "DRP"}, "drops"),
    ({"form": "Ophthalmic Solution"}, "drops"),
    ({"form": "INH"}, "inhaler"),
    ({"form": "specialty"}, "specialty"),
]


@pytest.mark.parametrize(("fields", "expected"), OUT)
def test_a_drug_that_never_takes_part_stays_out_even_when_ticked(fields: dict[str, Any], expected: str):
    assert reason(drug(**fields)) == expected
    assert reason(drug(**fields, include=True)) == expected


@pytest.mark.parametrize(("fields", "expected"), TICK_IN)
def test_a_drug_that_a_pharmacist_decides_about_takes_part_once_ticked(fields: dict[str, Any], expected: str):
    assert reason(drug(**fields)) == expected
    assert reason(drug(**fields, include=True)) is None


@pytest.mark.parametrize(
    "fields",
    [{}, {"form": "TAB"}, {"form": "cream"}, {"expires_on": TODAY}, {"filled": TODAY - timedelta(days=60)}],
)
def test_a_plain_maintenance_drug_takes_part(fields: dict[str, Any]):
    assert reason(drug(**fields)) is None


def test_an_expired_prescription_that_can_be_renewed_takes_part_and_says_from_when():
    medication = drug(expires_on=TODAY - timedelta(days=1), renewal_possible=True)
    found = plan(Policy(TODAY), [medication])
    assert found.excluded == ()
    assert found.recommended.medications[0].needs_renewal_by == date(2026, 10, 20)


def test_a_drug_taken_out_by_hand_keeps_its_own_reason():
    assert reason(drug(include=False)) == "taken_out"
    assert reason(drug(include=False, schedule=4)) == "schedule_iii_v"


def test_lapsed_is_a_setting():
    assert reason(drug(TODAY - timedelta(days=61)), lapsed_after_days=31) is None


def test_excluded_drugs_are_listed_in_the_order_given():
    drugs = [
        Medication(id=MedicationId(name), fills=(Fill(date(2026, 9, 20), 30),), schedule=schedule)
        for name, schedule in (("b", 2), ("c", None), ("a", 4))
    ]
    found = plan(Policy(TODAY), drugs)
    assert [(excluded.id, excluded.reason) for excluded in found.excluded] == [
        ("b", "schedule_ii"),
        ("a", "schedule_iii_v"),
    ]
    assert [medication.id for medication in found.recommended.medications] == ["c"]


def test_controlled_drugs_use_the_higher_threshold_unless_told_otherwise():
    assert drug(schedule=4).share_to_use == Decimal("0.85")
    assert drug().share_to_use == Decimal("0.75")
    assert drug(schedule=4, threshold=Decimal("0.9")).share_to_use == Decimal("0.9")


def test_accumulation_holds_for_controlled_drugs_whatever_the_setting():
    fills = tuple(Fill(date(2026, month, day), 30) for month, day in ((7, 1), (7, 24), (8, 16), (9, 8)))
    controlled = Medication(id=MedicationId("a"), fills=fills, schedule=4, include=True)
    other = Medication(id=MedicationId("a"), fills=fills, threshold=Decimal("0.85"))
    eligible = [
        plan(Policy(TODAY, accumulation=False), [medication]).recommended.medications[0].eligible
        for medication in (controlled, other)
    ]
    assert eligible == [date(2026, 10, 25), date(2026, 10, 4)]


def test_unit_of_use_forms_are_not_split_unless_the_source_says_so():
    assert not is_splittable(drug(form="INH"))
    for form in (
        "insulin pen",
        "eye drops",
        "cream",
        "ointment",
        "blister",
        "dose pack",
        "DOSEPACK",
        "patch",
    ):
        assert not is_splittable(drug(form=form)), form
    assert is_splittable(drug(form="TAB"))
    assert is_splittable(drug(form="INH", splittable=True))
    assert not is_splittable(drug(form="TAB", splittable=False))


def test_tablets_belong_to_no_tick_in_group():
    assert form_group("tablet") is None
    assert form_group("") is None


def test_maintenance_is_a_month_or_more_with_refills_or_a_second_fill():
    assert looks_like_maintenance(days_supply=28, refills_authorised=1, fills=1, acute_drug=False)
    assert looks_like_maintenance(days_supply=30, refills_authorised=0, fills=2, acute_drug=False)
    assert not looks_like_maintenance(days_supply=27, refills_authorised=3, fills=3, acute_drug=False)
    assert not looks_like_maintenance(days_supply=30, refills_authorised=0, fills=1, acute_drug=False)
    assert not looks_like_maintenance(days_supply=30, refills_authorised=1, fills=2, acute_drug=True)


def _drug(name: str, ingredients: str, month: int) -> tuple[str, frozenset[str], date]:
    return name, frozenset(ingredients.split()), date(2026, month, 1)


def test_of_two_drugs_with_one_ingredient_the_older_waits():
    drugs = [
        _drug("old", "lisinopril", 1),
        _drug("new", "lisinopril", 9),
        _drug("other", "metformin", 9),
        _drug("unknown", "", 9),
        _drug("unknown too", "", 9),
    ]
    assert waiting_duplicates(drugs) == {"old": ("new",)}


def test_a_combination_meets_each_of_its_parts():
    pair = _drug("pair", "lisinopril hydrochlorothiazide", 9)
    assert waiting_duplicates([_drug("single", "lisinopril", 3), pair]) == {"single": ("pair",)}
    both = [_drug("water", "hydrochlorothiazide", 2), _drug("single", "lisinopril", 3), pair]
    assert waiting_duplicates(both) == {"water": ("pair",), "single": ("pair",)}


def test_a_drug_that_waits_makes_no_other_wait():
    chain = [_drug("old", "a", 1), _drug("middle", "a b", 2), _drug("new", "b", 3)]
    assert waiting_duplicates(chain) == {"middle": ("new",)}


def test_an_answer_counts_for_its_pair_only():
    drugs = [_drug("old", "a", 1), _drug("middle", "a", 2), _drug("new", "a", 3)]
    together = [frozenset(("middle", "new"))]
    assert waiting_duplicates(drugs, together) == {"old": ("new", "middle")}
    assert waiting_duplicates(drugs, [*together, frozenset(("old", "new"))]) == {"old": ("middle",)}
    assert waiting_duplicates(drugs, [*together, *map(frozenset, (("old", "new"), ("old", "middle")))]) == {}


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"units_per_day": Decimal(0)}, "units_per_day"),
        ({"usual_days": 0}, "usual_days"),
        ({"schedule": 1}, "schedule"),
        ({"threshold": Decimal("1.01")}, "threshold"),
        ({"refills_left": -1}, "refills_left"),
        ({"copay": Decimal(-1)}, "copay"),
    ],
)
def test_a_medication_refuses_values_that_cannot_be(fields: dict[str, Any], field: str):
    with pytest.raises(Invalid) as refused:
        drug(**fields)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"cycle_days": 0}, "cycle_days"),
        ({"horizon_days": 731}, "horizon_days"),
        ({"min_lead_days": -1}, "min_lead_days"),
        ({"buffer_days": -1}, "buffer_days"),
        ({"daily_capacity": -1}, "daily_capacity"),
        ({"open_weekdays": frozenset()}, "open_weekdays"),
        ({"open_weekdays": frozenset({7})}, "open_weekdays"),
        ({"preferred_weekdays": frozenset({-1})}, "preferred_weekdays"),
    ],
)
def test_a_policy_refuses_values_that_cannot_be(fields: dict[str, Any], field: str):
    with pytest.raises(Invalid) as refused:
        Policy(TODAY, **fields)
    assert refused.value.field == field


def test_every_code_has_its_words():
    for codes, labels in (
        (Case, CASE_LABELS),
        (ExclusionReason, EXCLUSION_LABELS),
        (Strategy, STRATEGY_LABELS),
        (Break, BREAK_LABELS),
    ):
        assert set(get_args(codes)) == set(labels)
