"""The rules of planning that are no plain number: kept, read back, obeyed by the next plan, and refused by field."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal

import pytest

from medsync_app.errors import Invalid, NotFound
from medsync_app.reads.planning_rules import drug_terms, planning_rules
from medsync_app.services.plan_inputs import drugs_for
from medsync_app.services.planning_rules import (
    set_drug_threshold,
    set_each_expiry,
    set_expiry_months,
    set_preferred_weekdays,
    set_prorating_states,
    set_threshold,
    typed_months,
    typed_share,
)
from medsync_app.services.rules import THRESHOLDS, rules_of
from medsync_app.store.tables import AuditEvent, Pharmacy, Prescription
from tests.support.programme import (
    TODAY,
    Clinic,
    add_drug_row,
    batch_of,
    enroll_recommended,
    even_patient,
    make_clinic,
)
from tests.support.store import make_patient


def shares(clinic: Clinic) -> dict[str, str]:
    with clinic.reading() as tx:
        return {rule.name: str(rule.share) for rule in planning_rules(tx, clinic.shop.pharmacy_id).shares}


def acts(clinic: Clinic) -> list[tuple[str, object]]:
    with clinic.reading() as tx:
        return [(row.act, row.detail.get("rule")) for row in tx.session.query(AuditEvent)]


def test_a_plans_share_is_kept_in_any_case_obeyed_and_taken_back(clinic: Clinic) -> None:
    patient_id = make_patient(clinic.database, clinic.shop)
    add_drug_row(clinic, patient_id, "Lisinopril 10 MG", [("2026-10-20", 30)], plan_name="Blue Plan")
    here = clinic.shop.pharmacy_id
    with clinic.reading() as tx:
        assert planning_rules(tx, here).plan_names == ("Blue Plan",)
    with clinic.writing() as tx:
        assert set_threshold(tx, here, " BLUE  plan ", Decimal("0.9"))
        assert not set_threshold(tx, here, "blue plan", Decimal("0.90"))
        assert drugs_for(tx, patient_id, today=TODAY).medications[0].threshold == Decimal("0.9")
        assert planning_rules(tx, here).plan_names == ()
    assert shares(clinic) == {name: str(share) for name, share in THRESHOLDS.items()} | {"blue plan": "0.9"}
    with clinic.writing() as tx:
        assert set_threshold(tx, here, "Blue Plan", None)
        assert tx.get(Pharmacy, here).rules == {}
    assert acts(clinic) == [("set_planning_rule", "thresholds")] * 2


def test_a_payers_share_goes_back_to_its_default(clinic: Clinic) -> None:
    here = clinic.shop.pharmacy_id
    with clinic.writing() as tx:
        assert set_threshold(tx, here, "cash", Decimal(0))
    assert shares(clinic)["cash"] == "0"
    with clinic.writing() as tx:
        assert set_threshold(tx, here, "Cash", None)
    assert shares(clinic)["cash"] == "0.5"


def test_a_drugs_own_share_goes_before_all_and_plans_the_coming_batch_anew(clinic: Clinic) -> None:
    patient_id, (drug, _) = even_patient(clinic)
    enroll_recommended(clinic, patient_id)
    before = batch_of(clinic)
    with clinic.writing() as tx:
        assert set_drug_threshold(tx, drug, Decimal(1))
        assert not set_drug_threshold(tx, drug, Decimal(1))
        found = drug_terms(tx, drug)
    assert (found.own_share, found.usual_share) == (1, Decimal("0.75"))
    assert batch_of(clinic).version > before.version
    with clinic.writing() as tx:
        assert set_drug_threshold(tx, drug, None)
        assert drug_terms(tx, drug).own_share is None


def test_a_states_rule_moves_the_ends_that_were_counted_and_no_other(clinic: Clinic) -> None:
    patient_id = make_patient(clinic.database, clinic.shop)
    written = date(2026, 6, 1)

    def rx(name: str, expires: date, schedule: int | None) -> None:
        add_drug_row(clinic, patient_id, name, [], written=written, expires=expires, schedule=schedule)

    rx("Lisinopril 10 MG", date(2027, 6, 1), None)
    rx("Metformin 500 MG", date(2026, 9, 30), None)
    rx("Pregabalin 75 MG", date(2026, 12, 1), 5)
    rx("Zolpidem 5 MG", date(2026, 12, 1), 4)
    here = clinic.shop.pharmacy_id
    with clinic.writing() as tx:
        assert set_expiry_months(tx, here, "none", 15) == 1
        assert set_expiry_months(tx, here, "5", 12) == 1
        assert set_expiry_months(tx, here, "5", 12) == 0
    with clinic.reading() as tx:
        ends = {row.drug_name.split()[0]: row.expires_on for row in tx.session.query(Prescription)}
        assert planning_rules(tx, here).expiry_months == {"none": 15, "5": 12}
    assert ends == {
        "Lisinopril": date(2027, 9, 1), "Metformin": date(2026, 9, 30), "Pregabalin": date(2027, 6, 1),
        "Zolpidem": date(2026, 12, 1),
    }  # fmt: skip
    with clinic.writing() as tx:
        assert set_expiry_months(tx, here, "none", None) == 1
        assert rules_of(tx.get(Pharmacy, here)).expiry_months == {"5": 12}


def test_both_lives_of_an_rx_are_set_or_neither(clinic: Clinic) -> None:
    here = clinic.shop.pharmacy_id
    with pytest.raises(Invalid), clinic.writing() as tx:
        set_each_expiry(tx, here, {"none": 15, "5": 99})
    with clinic.writing() as tx:
        assert planning_rules(tx, here).expiry_months == {"none": None, "5": None}
        set_each_expiry(tx, here, {"none": 15, "5": 12})
        assert planning_rules(tx, here).expiry_months == {"none": 15, "5": 12}


def test_states_and_weekdays_are_kept_and_go_back_to_their_defaults(clinic: Clinic) -> None:
    here = clinic.shop.pharmacy_id
    with clinic.writing() as tx:
        assert set_prorating_states(tx, here, ["tx ", "NY", "ny"])
        assert set_preferred_weekdays(tx, here, [2, 0, 2])
        found = planning_rules(tx, here)
    assert (found.prorating_states, found.preferred_weekdays) == (("NY", "TX"), (0, 2))
    with clinic.writing() as tx:
        assert set_prorating_states(tx, here, [])
        assert planning_rules(tx, here).prorating_states == ()
        assert set_prorating_states(tx, here, None)
        assert set_preferred_weekdays(tx, here, [])
        assert not set_preferred_weekdays(tx, here, [])
        found = planning_rules(tx, here)
        assert tx.get(Pharmacy, here).rules == {}
    assert (found.prorating_states, found.preferred_weekdays) == (("ME", "NC", "NY", "OK"), ())


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        (lambda tx, here: set_threshold(tx, here, " ", Decimal("0.8")), "plan"),
        (lambda tx, here: set_threshold(tx, here, "x" * 81, Decimal("0.8")), "plan"),
        (lambda tx, here: set_threshold(tx, here, "cash", Decimal("1.01")), "share"),
        (lambda tx, here: set_threshold(tx, here, "cash", Decimal("NaN")), "share"),
        (lambda tx, here: set_expiry_months(tx, here, "5", 0), "months"),
        (lambda tx, here: set_expiry_months(tx, here, "none", 37), "months"),
        (lambda tx, here: set_prorating_states(tx, here, ["NY", "XX"]), "states"),
        (lambda tx, here: set_preferred_weekdays(tx, here, [7]), "preferred_weekdays"),
    ],
)  # fmt: skip
def test_what_cannot_be_a_rule_is_refused_by_its_field(
    clinic: Clinic, wrong: Callable[..., object], field: str
) -> None:
    with pytest.raises(Invalid) as caught, clinic.writing() as tx:
        wrong(tx, clinic.shop.pharmacy_id)
    assert caught.value.field == field
    with clinic.reading() as tx:
        assert tx.get(Pharmacy, clinic.shop.pharmacy_id).rules == {}


@pytest.mark.parametrize(
    ("typed", "share"), [("85", "0.85"), (" 85 % ", "0.85"), ("62.5", "0.625"), ("0", "0"), ("", None)]
)
def test_a_percentage_is_read_as_a_share(typed: str, share: str | None) -> None:
    assert typed_share(typed) == (None if share is None else Decimal(share))


@pytest.mark.parametrize("typed", ["101", "-1", "nan", "inf", "many", "1e-9", "85,5"])
def test_what_is_no_percentage_is_refused(typed: str) -> None:
    with pytest.raises(Invalid, match="percentage"):
        typed_share(typed)


def test_months_are_read_as_whole_numbers() -> None:
    assert (typed_months(" 18 "), typed_months("")) == (18, None)
    for wrong in ("0", "37", "1.5", "-2", "9" * 5_000):
        with pytest.raises(Invalid, match="whole number"):
            typed_months(wrong)


def test_another_pharmacys_rules_and_drugs_are_not_found(clinic: Clinic) -> None:
    other = make_clinic(clinic.database, "other")
    patient_id = make_patient(clinic.database, other.shop)
    drug = add_drug_row(other, patient_id, "Lisinopril 10 MG", [(str(TODAY - timedelta(days=9)), 30)])
    there = other.shop.pharmacy_id
    for act in (
        lambda tx: set_threshold(tx, there, "cash", None),
        lambda tx: set_expiry_months(tx, there, "none", 12),
        lambda tx: set_prorating_states(tx, there, None),
        lambda tx: set_preferred_weekdays(tx, there, []),
        lambda tx: set_drug_threshold(tx, drug, None),
        lambda tx: planning_rules(tx, there),
        lambda tx: drug_terms(tx, drug),
    ):
        with pytest.raises(NotFound), clinic.writing() as tx:
            act(tx)
