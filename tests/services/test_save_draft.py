"""Drafts of the wizard: started once, saved against a version, thrown away, ended by enrolling."""

from datetime import UTC, date, datetime

import pytest

from medsync_app.domain.states import Channel, ContactBasis
from medsync_app.errors import Conflict, Invalid, NotFound
from medsync_app.services.draft_answers import Answers, answers_of, command_of, document_of
from medsync_app.services.enroll import enroll
from medsync_app.services.enroll_contacts import ContactChoice
from medsync_app.services.plan_inputs import TherapyChoice
from medsync_app.services.propose import propose
from medsync_app.services.save_draft import discard_draft, save_draft, start_draft
from medsync_app.store.tables import EnrollmentDraft, Patient
from tests.support.programme import Clinic, enroll_recommended, even_patient, make_clinic

CAREGIVER = ContactChoice(
    Channel.SMS, "+14045550111", ContactBasis.EXPRESS, "I agree", caregiver_name="Bo", caregiver_allowed=True,
    agreed_at=datetime(2026, 11, 22, 15, tzinfo=UTC),
)  # fmt: skip
FULL = Answers(
    choices={"t1": TherapyChoice(True, 30, 2, date(2027, 1, 1)), "t2": TherapyChoice(include=False)},
    strategy="requested", sync_date=date(2026, 12, 4), requested=date(2026, 12, 4), override_reason="Trip",
    cadence="monthly", cycle_days=28,
    contacts=(CAREGIVER,),
    preferred_channel=Channel.SMS, language="es", drug_names_wanted=True,
)  # fmt: skip


def test_answers_survive_being_kept() -> None:
    assert answers_of(document_of(FULL)) == FULL
    assert answers_of(document_of(Answers())) == Answers()


@pytest.mark.parametrize(
    "document",
    [
        {}, {"choices": [], "contacts": "x", "sync_date": "soon", "strategy": "best", "cycle_days": "30"},
        {"choices": {"t": 3}, "contacts": [3, {"channel": "fax", "basis": "express"}, {"channel": "sms"}]},
    ],
)  # fmt: skip
def test_a_damaged_document_reads_as_unanswered(document: dict[str, object]) -> None:
    found = answers_of(document)
    assert (found.choices, found.sync_date, found.strategy, found.contacts or ()) == (
        {},
        None,
        "recommended",
        (),
    )


def test_starting_again_goes_on_with_the_same_draft(clinic: Clinic) -> None:
    patient_id, _ = even_patient(clinic)
    with clinic.writing() as tx:
        first = start_draft(tx, patient_id)
        again = start_draft(tx, patient_id)
    assert (again.draft_id, again.resumed, first.resumed) == (first.draft_id, True, False)


def test_saving_keeps_the_furthest_step_and_counts_versions(clinic: Clinic) -> None:
    patient_id, _ = even_patient(clinic)
    with clinic.writing() as tx:
        draft = start_draft(tx, patient_id)
        saved = save_draft(tx, draft.draft_id, expected_version=1, step=4, answers=Answers())
        saved = save_draft(tx, draft.draft_id, expected_version=saved.version, step=3, answers=FULL)
    assert (saved.version, saved.step) == (3, 4)
    with clinic.reading() as tx:
        assert answers_of(tx.get(EnrollmentDraft, draft.draft_id).answers) == FULL


def test_a_stale_save_is_refused_and_changes_nothing(clinic: Clinic) -> None:
    patient_id, _ = even_patient(clinic)
    with clinic.writing() as tx:
        draft = start_draft(tx, patient_id)
        save_draft(tx, draft.draft_id, expected_version=1, step=3, answers=FULL)
    with clinic.writing() as tx, pytest.raises(Conflict):
        save_draft(tx, draft.draft_id, expected_version=1, step=4, answers=Answers())
    with clinic.writing() as tx, pytest.raises(Conflict):
        discard_draft(tx, draft.draft_id, expected_version=1)
    with clinic.reading() as tx:
        assert answers_of(tx.get(EnrollmentDraft, draft.draft_id).answers) == FULL


def test_a_draft_thrown_away_is_gone(clinic: Clinic) -> None:
    patient_id, _ = even_patient(clinic)
    with clinic.writing() as tx:
        draft = start_draft(tx, patient_id)
        discard_draft(tx, draft.draft_id, expected_version=1)
    with clinic.reading() as tx, pytest.raises(NotFound):
        tx.get(EnrollmentDraft, draft.draft_id)


def test_a_patient_who_takes_part_or_has_died_is_not_started(clinic: Clinic) -> None:
    enrolled, _ = even_patient(clinic)
    enroll_recommended(clinic, enrolled)
    dead, _ = even_patient(clinic, first="Gone")
    with clinic.writing() as tx:
        tx.get(Patient, dead).deceased_on = date(2026, 1, 1)
    for patient_id in (enrolled, dead):
        with clinic.writing() as tx, pytest.raises(Conflict):
            start_draft(tx, patient_id)


def test_enrolling_ends_the_draft(clinic: Clinic) -> None:
    patient_id, _ = even_patient(clinic)
    with clinic.writing() as tx:
        draft = start_draft(tx, patient_id)
        day = propose(tx, patient_id).plan.recommended.sync_date
        enroll(tx, command_of(draft.draft_id, patient_id, Answers(sync_date=day)))
    with clinic.writing() as tx, pytest.raises(Conflict):
        save_draft(tx, draft.draft_id, expected_version=1, step=3, answers=Answers())


def test_without_a_date_there_is_nothing_to_carry_out() -> None:
    with pytest.raises(Invalid) as refused:
        command_of("draft", "patient", Answers())
    assert refused.value.field == "sync_date"


def test_another_pharmacy_neither_starts_nor_saves(clinic: Clinic) -> None:
    other = make_clinic(clinic.database, "other")
    patient_id, _ = even_patient(clinic)
    with clinic.writing() as tx:
        draft = start_draft(tx, patient_id)
    with other.writing() as tx, pytest.raises(NotFound):
        start_draft(tx, patient_id)
    with other.writing() as tx, pytest.raises(NotFound):
        save_draft(tx, draft.draft_id, expected_version=1, step=3, answers=Answers())
