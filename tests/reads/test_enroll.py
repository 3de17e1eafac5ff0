"""What the wizard reads: medicines with reasons, the household, likely duplicates, drafts."""

from datetime import date

import pytest

from medsync_app.domain.states import Channel, ContactBasis
from medsync_app.errors import NotFound
from medsync_app.reads.enroll import (
    Draft,
    contacts_of,
    draft_of,
    enrolled,
    enrolled_ids,
    household_of,
    likely_duplicates,
    medicines_of,
    open_drafts,
    proposal_of,
)
from medsync_app.services.draft_answers import Answers
from medsync_app.services.plan_inputs import TherapyChoice
from medsync_app.services.save_draft import save_draft, start_draft
from medsync_app.store.session import Database
from medsync_app.store.tables import ContactPoint, Patient
from tests.support.programme import PHONE, Clinic, add_drug_row, enroll_recommended, even_patient, make_clinic
from tests.support.programme import reference_patient as three_drugs
from tests.support.store import SYSTEM, make_patient


@pytest.fixture
def clinic(database: Database) -> Clinic:
    return make_clinic(database)


def drafted(clinic: Clinic, patient_id: str, answers: Answers | None = None) -> Draft:
    with clinic.writing() as tx:
        saved = start_draft(tx, patient_id)
        if answers is not None:
            save_draft(tx, saved.draft_id, expected_version=saved.version, step=3, answers=answers)
        return draft_of(tx, saved.draft_id)


def test_medicines_that_take_part_come_first_and_the_others_say_why(clinic: Clinic) -> None:
    patient_id, _ = even_patient(clinic)
    inhaler = add_drug_row(clinic, patient_id, "Albuterol HFA", [("2026-11-01", 30)], form="inhaler")
    needed = add_drug_row(clinic, patient_id, "Ibuprofen 800 MG", [("2026-11-01", 30)], as_needed=True)
    draft = drafted(clinic, patient_id)
    with clinic.reading() as tx:
        found = medicines_of(tx, draft)
    assert [(drug.included, drug.can_tick) for drug in found] == [
        (True, True), (True, True), (False, True), (False, False),
    ]  # fmt: skip
    assert {drug.therapy_id: drug.reason for drug in found if drug.reason} == {
        inhaler: "inhaler",
        needed: "as_needed",
    }


def test_a_tick_lifts_the_reason_and_is_told_from_what_is_so_by_itself(clinic: Clinic) -> None:
    patient_id, (first, _) = even_patient(clinic)
    inhaler = add_drug_row(clinic, patient_id, "Albuterol HFA", [("2026-11-01", 30)], form="inhaler")
    choices = {inhaler: TherapyChoice(include=True), first: TherapyChoice(include=False)}
    draft = drafted(clinic, patient_id, Answers(choices=choices))
    with clinic.reading() as tx:
        found = {drug.therapy_id: drug for drug in medicines_of(tx, draft)}
        taking_part = {plan.id for plan in proposal_of(tx, draft).plan.recommended.medications}
    assert (found[inhaler].included, found[inhaler].alone) == (True, False)
    assert (found[first].included, found[first].alone, found[first].reason) == (False, True, "taken_out")
    assert inhaler in taking_part
    assert first not in taking_part


def test_the_older_of_two_drugs_of_one_ingredient_waits_and_names_the_newer(clinic: Clinic) -> None:
    patient_id = make_patient(clinic.database, clinic.shop)
    old = add_drug_row(clinic, patient_id, "Lisinopril 10 MG", [("2026-11-01", 30)])
    new = add_drug_row(clinic, patient_id, "Lisinopril 20 MG", [("2026-11-10", 30)])
    draft = drafted(clinic, patient_id)
    with clinic.reading() as tx:
        found = {drug.therapy_id: drug for drug in medicines_of(tx, draft)}
    assert (found[old].included, found[old].same_as, found[old].can_tick) == (False, "Lisinopril 20 MG", True)
    assert (found[new].included, found[new].same_as) == (True, "")


@pytest.mark.both_databases
def test_those_with_the_same_phone_are_the_household_with_their_date(clinic: Clinic) -> None:
    ben, _ = even_patient(clinic, first="Ben")
    enroll_recommended(clinic, ben)
    ada = make_patient(clinic.database, clinic.shop, phone=PHONE)
    make_patient(clinic.database, clinic.shop, first="Cleo", phone="+14045550199")
    with clinic.reading() as tx:
        mates = household_of(tx, ada)
    assert [(mate.person.first_name, mate.why) for mate in mates] == [("Ben", "phone")]
    assert mates[0].sync_date is not None


@pytest.mark.both_databases
def test_the_same_address_makes_a_household_whatever_its_letters(clinic: Clinic) -> None:
    ids = [make_patient(clinic.database, clinic.shop, first=name) for name in ("Ada", "Ben", "Cleo")]
    with clinic.writing() as tx:
        for patient_id, address in zip(ids, ("1 Elm St", "1 ELM ST", "2 Elm St"), strict=True):
            patient = tx.get(Patient, patient_id)
            patient.address, patient.postal_code = address, "30303"
    with clinic.reading() as tx:
        assert [(m.person.patient_id, m.why) for m in household_of(tx, ids[0])] == [(ids[1], "address")]


@pytest.mark.parametrize(
    ("first", "last", "born", "phone", "found"),
    [
        ("ada", "EXAMPLE", None, "", True),
        ("Adeline", "Example", date(1980, 5, 1), "", True),
        ("Ada", "Married", date(1980, 5, 1), "", True),
        ("Adeline", "Example", date(1981, 5, 1), "", False),
        ("Adeline", "Example", None, PHONE, True),
        ("Ben", "Other", date(1980, 5, 1), PHONE, False),
    ],
)
def test_likely_duplicates(
    clinic: Clinic, first: str, last: str, born: date | None, phone: str, found: bool
) -> None:
    make_patient(clinic.database, clinic.shop, phone=PHONE)
    with clinic.reading() as tx:
        alike = likely_duplicates(tx, first_name=first, last_name=last, birth_date=born, phone=phone)
    assert bool(alike) is found


def test_nothing_of_another_pharmacy_is_read(clinic: Clinic) -> None:
    other = make_clinic(clinic.database, "other")
    theirs, _ = even_patient(other, first="Theirs")
    enrollment_id = enroll_recommended(other, theirs)
    draft = drafted(other, make_patient(other.database, other.shop, first="Drafted"))
    mine = make_patient(clinic.database, clinic.shop, phone=PHONE)
    with clinic.reading() as tx:
        assert open_drafts(tx) == []
        assert household_of(tx, mine) == []
        assert enrolled_ids(tx, [theirs]) == frozenset()
        assert (
            likely_duplicates(tx, first_name="Theirs", last_name="Example", birth_date=None, phone="") == []
        )
        for read in (
            lambda: draft_of(tx, draft.draft_id),
            lambda: enrolled(tx, enrollment_id),
            lambda: contacts_of(tx, theirs),
        ):
            with pytest.raises(NotFound):
                read()


def test_a_finished_enrollment_leads_to_its_first_date(clinic: Clinic) -> None:
    case = three_drugs(clinic)
    found_id = enroll_recommended(clinic, case.patient_id)
    with clinic.reading() as tx:
        found = enrolled(tx, found_id)
        assert found.needs_review
        assert found.person.patient_id == case.patient_id
        assert enrolled_ids(tx, [case.patient_id]) == {case.patient_id}


def test_contacts_come_in_the_order_in_which_they_are_tried(clinic: Clinic) -> None:
    patient_id = make_patient(clinic.database, clinic.shop, phone=PHONE)
    with clinic.writing() as tx:
        tx.add(
            ContactPoint(
                pharmacy_id=clinic.shop.pharmacy_id, patient_id=patient_id, channel=Channel.EMAIL,
                address="a@example.org", rank=-1, created_at=tx.now,
            )
        )  # fmt: skip
    with clinic.reading() as tx:
        found = contacts_of(tx, patient_id)
    assert [(one.channel, one.basis) for one in found] == [
        (Channel.EMAIL, ContactBasis.NOT_ASKED), (Channel.SMS, ContactBasis.EXPRESS),
    ]  # fmt: skip


def test_the_same_phone_at_another_location_is_no_household_even_for_who_sees_both(clinic: Clinic) -> None:
    other = make_clinic(clinic.database, "other")
    make_patient(other.database, other.shop, first="Ben", phone=PHONE)
    ada = make_patient(clinic.database, clinic.shop, phone=PHONE)
    with clinic.database.reading(SYSTEM, clinic.clock) as tx:
        assert household_of(tx, ada) == []
