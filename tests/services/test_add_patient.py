"""A patient added by hand can be planned and enrolled; wrong input is refused at its field."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from medsync_app.domain.states import ContactBasis
from medsync_app.errors import Invalid, MedSyncError
from medsync_app.services.add_patient import NewDrug, NewPatient, add_patient
from medsync_app.services.propose import propose
from medsync_app.store.repositories.contact import contact_points
from medsync_app.store.tables import Patient, Therapy
from tests.support.programme import TODAY, Clinic, make_clinic

DRUG = NewDrug("Lisinopril 10 MG Tablet", 30, TODAY - timedelta(days=20), Decimal(30), 3)


def new(clinic: Clinic, *drugs: NewDrug, **more: object) -> NewPatient:
    base = NewPatient(clinic.shop.pharmacy_id, " José ", "O’Hara", date(1950, 2, 3), "404 555 0123", drugs)
    return replace(base, **more)  # type: ignore[arg-type]


def test_the_patient_is_found_by_name_and_has_a_number_without_a_basis(clinic: Clinic) -> None:
    with clinic.writing() as tx:
        patient_id = add_patient(tx, new(clinic))
    with clinic.reading() as tx:
        patient = tx.get(Patient, patient_id)
        assert (patient.first_name, patient.search_name) == ("José", "ohara jose")
        points = contact_points(tx, patient_id)
        assert [(point.address, point.basis) for point in points] == [
            ("+14045550123", ContactBasis.NOT_ASKED)
        ]


def test_the_drugs_take_part_in_the_plan(clinic: Clinic) -> None:
    other = NewDrug("Metformin 500 MG Tablet", 90, TODAY - timedelta(days=70), Decimal(180))
    with clinic.writing() as tx:
        patient_id = add_patient(tx, new(clinic, DRUG, other))
    with clinic.reading() as tx:
        plan = propose(tx, patient_id).plan
        assert plan.excluded == ()
        assert len(plan.recommended.medications) == 2
        units = {row.drug_name.split()[0]: row.units_per_day for row in tx.session.query(Therapy)}
    assert units == {"Lisinopril": Decimal(1), "Metformin": Decimal(2)}


def test_a_controlled_drug_typed_at_the_counter_takes_no_part_by_itself(clinic: Clinic) -> None:
    drug = NewDrug("Vyvanse 30 mg", 30, TODAY - timedelta(days=10), Decimal(30), 0)
    with clinic.writing() as tx:
        patient_id = add_patient(tx, new(clinic, drug))
    with clinic.reading() as tx:
        (excluded,) = propose(tx, patient_id).plan.excluded
    assert excluded.reason == "schedule_ii"


def test_an_acute_drug_stays_a_short_course(clinic: Clinic) -> None:
    course = NewDrug("Amoxicillin 500 MG Capsule", 10, TODAY - timedelta(days=3), Decimal(30))
    with clinic.writing() as tx:
        patient_id = add_patient(tx, new(clinic, DRUG, course))
    with clinic.reading() as tx:
        assert [one.reason for one in propose(tx, patient_id).plan.excluded] == ["not_maintenance"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"first_name": " "}, "first_name"), ({"last_name": "x" * 81}, "last_name"),
        ({"last_name": "123"}, "last_name"),
        ({"birth_date": date(1850, 1, 1)}, "birth_date"), ({"birth_date": TODAY + timedelta(days=1)}, "birth_date"),
        ({"phone": "12"}, "phone"),
        ({"drugs": (replace(DRUG, name=" "),)}, "drugs[0].name"),
        ({"drugs": (DRUG, replace(DRUG, days_supply=0))}, "drugs[1].days_supply"),
        ({"drugs": (replace(DRUG, last_filled_on=TODAY + timedelta(days=1)),)}, "drugs[0].last_filled_on"),
        ({"drugs": (replace(DRUG, quantity=Decimal(0)),)}, "drugs[0].quantity"),
        ({"drugs": (replace(DRUG, refills_left=100),)}, "drugs[0].refills_left"),
        ({"drugs": (DRUG, replace(DRUG, name="lisinopril 10 mg tablet"))}, "drugs[1].name"),
        ({"drugs": (DRUG,) * 41}, "drugs"),
    ],
)  # fmt: skip
def test_wrong_input_is_refused_at_its_field(clinic: Clinic, change: dict[str, object], field: str) -> None:
    with pytest.raises(Invalid) as refused, clinic.writing() as tx:
        add_patient(tx, new(clinic, **change))
    assert refused.value.field == field
    with clinic.reading() as tx:
        assert tx.session.query(Patient).count() == 0


def test_nobody_is_added_to_another_pharmacy(clinic: Clinic) -> None:
    other = make_clinic(clinic.database, "other")
    with pytest.raises(MedSyncError), clinic.writing() as tx:
        add_patient(tx, new(other))
