"""A medicine by hand and another dose, on the Patient page."""

from decimal import Decimal

import pytest
from sqlalchemy import select

from medsync_app.clock import VirtualClock
from medsync_app.domain.states import Role
from medsync_app.store.session import Database
from medsync_app.store.tables import AuditEvent, Cycle, CycleItem, Therapy
from medsync_app.ui.states.patient_drugs import PatientDrugsState
from tests.support.programme import Clinic, enroll_recommended, even_patient
from tests.support.staff import page_state, signed_in
from tests.support.store import make_patient, make_shop

pytestmark = pytest.mark.slow

NEW = {
    "drug-0-name": "Metformin 500 mg tablet", "drug-0-days": "30", "drug-0-last": "2026-11-20", "drug-0-refills": "5",
}  # fmt: skip


@pytest.fixture
def clinic(house: Database, clock: VirtualClock) -> Clinic:
    return Clinic(house, make_shop(house), clock)


def forms(clinic: Clinic, patient_id: str = "x") -> PatientDrugsState:
    return page_state(
        PatientDrugsState,
        signed_in(clinic.database, clinic.clock, clinic.shop, Role.TECHNICIAN),
        f"/patient/{patient_id}",
    )


def batch_drugs(clinic: Clinic) -> set[str]:
    with clinic.reading() as tx:
        names = (
            select(Therapy.drug_name)
            .join(CycleItem, CycleItem.therapy_id == Therapy.id)
            .join(Cycle, Cycle.id == CycleItem.cycle_id)
        )
        return set(tx.session.scalars(names))


async def test_a_medicine_by_hand_joins_the_coming_pickup(clinic: Clinic) -> None:
    patient_id, _ = even_patient(clinic)
    enroll_recommended(clinic, patient_id)
    state = forms(clinic)
    await state.ask_add(patient_id)
    await state.add_drug(dict(NEW))
    assert (state.problem, state.drug_form) == ("", "")
    assert any("etformin" in name for name in batch_drugs(clinic))
    await state.ask_add(patient_id)
    await state.add_drug(dict(NEW))
    assert (state.problem_field, "has this medicine already" in state.problem) == ("drug-0-name", True)
    with clinic.reading() as tx:
        made = tx.session.scalars(select(Therapy).where(Therapy.patient_id == patient_id)).all()
        acts = set(tx.session.scalars(select(AuditEvent.act)))
    assert len(made) == 3
    assert "add_drug_by_hand" in acts


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"drug-0-name": ""}, "drug-0-name"),
        ({"drug-0-days": "0"}, "drug-0-days"),
        ({"drug-0-last": "2027-01-01"}, "drug-0-last"),
    ],
)
async def test_a_mistake_is_told_at_its_field(clinic: Clinic, change: dict[str, str], field: str) -> None:
    patient_id, _ = even_patient(clinic)
    state = forms(clinic)
    await state.ask_add(patient_id)
    await state.add_drug(NEW | change)
    assert (state.problem_field, state.drug_form) == (field, "add"), state.problem


async def test_another_dose_is_kept_and_a_wrong_one_is_told(clinic: Clinic) -> None:
    patient_id, (drug, _) = even_patient(clinic)
    state = forms(clinic, patient_id)
    await state.ask_dose(drug, "Lisinopril 10 mg")
    known = state.terms["units"]
    state.terms = {**state.terms, "units": ""}
    await state.save_dose({"units_per_day": "", "share": "80"})
    assert (state.problem, state.drug_form) == ("", ""), "the payer's rule alone"
    await state.ask_dose(drug, "Lisinopril 10 mg")
    assert (state.terms["units"], state.terms["share"]) == (known, "80")
    await state.save_dose({"units_per_day": "none"})
    assert (state.problem_field, state.drug_form) == ("units_per_day", "dose")
    await state.save_dose({"units_per_day": "2", "on": "2027-01-01"})
    assert state.problem_field == "on"
    await state.save_dose({"units_per_day": "2", "share": "110"})
    assert (state.problem_field, state.drug_form) == ("share", "dose")
    await state.save_dose({"units_per_day": "2", "on": "2026-11-20", "share": "90 %"})
    assert (state.problem, state.drug_form) == ("", "")
    with clinic.reading() as tx:
        kept = tx.get(Therapy, drug)
    assert (kept.units_per_day, kept.threshold) == (Decimal(2), Decimal("0.9"))
    await state.ask_dose(drug, "Lisinopril 10 mg")
    assert (state.terms["units"], state.terms["share"], state.terms["usual_share"]) == ("2", "90", "75%")
    await state.save_dose({"units_per_day": "2", "share": ""})
    with clinic.reading() as tx:
        assert tx.get(Therapy, drug).threshold is None


async def test_nothing_of_another_pharmacys_patient_is_changed(clinic: Clinic) -> None:
    patient_id, (drug, _) = even_patient(clinic)
    other = make_shop(clinic.database, "other")
    secret = signed_in(clinic.database, clinic.clock, other, Role.PHARMACIST)
    state = page_state(PatientDrugsState, secret, "/patient/x")
    await state.ask_add(patient_id)
    await state.add_drug(dict(NEW))
    assert state.problem
    await state.ask_dose(drug, "x")
    assert (bool(state.problem), state.drug_form) == (True, "add")
    state.therapy_id = drug
    await state.save_dose({"units_per_day": "2"})
    assert state.problem
    with clinic.reading() as tx:
        assert len(tx.session.scalars(select(Therapy)).all()) == 2


async def test_a_dose_that_is_refused_keeps_nothing_of_the_form(clinic: Clinic) -> None:
    patient_id, (drug, _) = even_patient(clinic)
    state = forms(clinic, patient_id)
    await state.ask_dose(drug, "Lisinopril 10 mg")
    await state.save_dose({"units_per_day": "2", "share": "80", "on": "2027-01-01"})
    assert (state.problem_field, state.drug_form) == ("on", "dose"), state.problem
    with clinic.reading() as tx:
        assert tx.get(Therapy, drug).threshold is None


async def test_an_address_that_names_another_patients_medicine_opens_no_form(clinic: Clinic) -> None:
    _, (drug, _) = even_patient(clinic)
    other = make_patient(clinic.database, clinic.shop)
    state = forms(clinic, other)
    await state.ask_dose(drug, "")
    assert ("not this patient's" in state.problem, state.drug_form) == (True, "")
