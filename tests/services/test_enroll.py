"""Enrollment plans afresh, writes cycles with items and messages, and refuses what is wrong before writing."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from medsync_app.domain.states import (
    Channel,
    ContactBasis,
    CycleState,
    EnrollmentState,
    ExceptionKind,
    FillKind,
    ItemState,
)
from medsync_app.errors import Conflict, Invalid, NotFound
from medsync_app.services.enroll import EnrollCommand, TherapyChoice, enroll
from medsync_app.services.enroll_contacts import ContactChoice
from medsync_app.services.propose import propose
from medsync_app.store.session import Database
from medsync_app.store.tables import (
    AuditEvent,
    ConsentEvent,
    ContactPoint,
    Cycle,
    CycleItem,
    Enrollment,
    EnrollmentDraft,
    ExceptionCase,
    Patient,
    ScheduledAction,
    Therapy,
)
from tests.support.programme import (
    CONSENT,
    TODAY,
    Clinic,
    add_drug_row,
    add_fill,
    enroll_recommended,
    even_patient,
    make_clinic,
    reference_patient,
)
from tests.support.store import make_patient

pytestmark = pytest.mark.slow


def command(clinic: Clinic, patient_id: str, **changes: object) -> EnrollCommand:
    with clinic.reading() as tx:
        option = propose(tx, patient_id).plan.recommended
    assert option.sync_date is not None
    return replace(
        EnrollCommand(patient_id=patient_id, sync_date=option.sync_date, contacts=(CONSENT,)), **changes
    )


def test_an_even_patient_gets_one_planned_cycle_with_messages(clinic: Clinic) -> None:
    patient_id, drugs = even_patient(clinic)
    enrollment_id = enroll_recommended(clinic, patient_id)
    with clinic.reading() as tx:
        cycle = tx.session.scalars(select(Cycle)).one()
        assert (cycle.kind, cycle.number, cycle.state) == ("sync", 1, CycleState.PLANNED)
        assert cycle.enrollment_id == enrollment_id
        assert cycle.nominal_date == cycle.sync_date == tx.get(Enrollment, enrollment_id).anchor
        items = tx.session.scalars(select(CycleItem)).all()
        assert {item.therapy_id for item in items} == set(drugs)
        assert {item.state for item in items} == {ItemState.PLANNED}
        steps = set(tx.session.scalars(select(ScheduledAction.step)))
        assert {"welcome", "reminder_t7", "prepare_t2"} <= steps


def test_short_fills_become_trips_and_wait_for_a_pharmacist(clinic: Clinic) -> None:
    case = reference_patient(clinic)
    enroll_recommended(clinic, case.patient_id)
    with clinic.reading() as tx:
        cycles = tx.session.scalars(select(Cycle).order_by(Cycle.sync_date)).all()
        assert [cycle.kind for cycle in cycles] == ["trip", "sync"]
        assert {cycle.state for cycle in cycles} == {CycleState.PROPOSED}
        trip, sync = cycles
        short = tx.session.scalars(select(CycleItem).where(CycleItem.cycle_id == trip.id)).one()
        assert (short.therapy_id, short.fill_kind, short.claim_code) == (case.lisinopril, FillKind.SHORT, 47)
        full = tx.session.scalars(
            select(CycleItem).where(CycleItem.cycle_id == sync.id, CycleItem.therapy_id == case.lisinopril)
        ).one()
        assert full.claim_code == 48
        review = tx.session.scalars(
            select(ExceptionCase).where(ExceptionCase.kind == ExceptionKind.PLAN_REVIEW)
        ).one()
        assert review.cycle_id == sync.id
        assert review.due_at == clinic.clock.now() + timedelta(hours=24)
        kinds = set(tx.session.scalars(select(ScheduledAction.kind)))
        assert kinds <= {"renewal"}, "no patient message and no preparation before the approval"


def test_a_drug_that_lasts_longer_is_recorded_as_skipped_with_the_reason(clinic: Clinic) -> None:
    patient_id, _ = even_patient(clinic)
    filled = (TODAY - timedelta(days=5)).isoformat()
    lasting = add_drug_row(clinic, patient_id, "Rosuvastatin 10 MG", [(filled, 90)])
    enroll_recommended(clinic, patient_id)
    with clinic.reading() as tx:
        item = tx.session.scalars(select(CycleItem).where(CycleItem.therapy_id == lasting)).one()
        assert (item.state, item.problem) == (ItemState.SKIPPED, "not_due")
        assert "Lasts past" in item.problem_note


def test_consents_and_wishes_are_recorded_with_their_wording(clinic: Clinic) -> None:
    patient_id, _ = even_patient(clinic)
    caregiver = ContactChoice(
        Channel.VOICE,
        "+14045550122",
        ContactBasis.NUMBER_GIVEN,
        caregiver_name="Kim",
        caregiver_relation="son",
        caregiver_allowed=True,
    )
    enroll_recommended(
        clinic, patient_id, contacts=(CONSENT, caregiver), language="es", drug_names_wanted=True,
        preferred_channel=Channel.VOICE,
    )  # fmt: skip
    with clinic.reading() as tx:
        events = tx.session.scalars(select(ConsentEvent).order_by(ConsentEvent.id)).all()
        assert [(e.channel, e.basis) for e in events][-2:] == [
            (Channel.SMS, ContactBasis.EXPRESS), (Channel.VOICE, ContactBasis.NUMBER_GIVEN),
        ]  # fmt: skip
        assert "I agree to texts." in [event.wording for event in events]
        patient = tx.get(Patient, patient_id)
        assert (patient.language, patient.drug_names_wanted) == ("es", True)
        assert patient.preferred_channel is Channel.VOICE


def test_a_caregiver_without_the_patients_yes_is_refused(clinic: Clinic) -> None:
    patient_id, _ = even_patient(clinic)
    caregiver = ContactChoice(Channel.SMS, "+14045550122", ContactBasis.NUMBER_GIVEN, caregiver_name="Kim")
    with pytest.raises(Invalid, match="Ask the patient"):
        enroll_recommended(clinic, patient_id, contacts=(CONSENT, caregiver))
    enroll_recommended(clinic, patient_id, contacts=(CONSENT, replace(caregiver, caregiver_allowed=True)))
    with clinic.reading() as tx:
        point = tx.session.scalars(select(ContactPoint).where(ContactPoint.caregiver_name == "Kim")).one()
        assert (point.caregiver_allowed_at, point.caregiver_allowed_by) == (
            clinic.clock.now(),
            "staff-of-test",
        )


def test_choices_are_kept_and_change_the_plan(clinic: Clinic) -> None:
    patient_id, drugs = even_patient(clinic)
    choices = {drugs[0]: TherapyChoice(include=False), drugs[1]: TherapyChoice(refills_left=0)}
    with clinic.writing() as tx:
        option = propose(tx, patient_id, choices=choices).plan.recommended
        assert option.sync_date is not None
        enroll(tx, EnrollCommand(patient_id, option.sync_date, choices=choices, contacts=(CONSENT,)))
    with clinic.reading() as tx:
        assert tx.get(Therapy, drugs[0]).include is False
        item = tx.session.scalars(select(CycleItem)).one()
        assert (item.therapy_id, item.problem) == (drugs[1], "no_refills")
        kinds = set(tx.session.scalars(select(ExceptionCase.kind)))
        assert ExceptionKind.NO_REFILLS in kinds


def test_a_date_that_is_no_longer_offered_is_refused_with_what_changed(clinic: Clinic) -> None:
    patient_id, drugs = even_patient(clinic)
    stale = command(clinic, patient_id)
    for drug in drugs:
        add_fill(clinic, drug, TODAY, 30, picked_up_on=TODAY)
    with pytest.raises(Conflict, match="has moved from"), clinic.writing() as tx:
        enroll(tx, stale)
    with clinic.reading() as tx:
        assert tx.session.scalar(select(func.count()).select_from(Enrollment)) == 0
        assert tx.session.scalar(select(func.count()).select_from(ConsentEvent)) == 0


def test_an_override_needs_a_reason_and_keeps_it(clinic: Clinic) -> None:
    patient_id, _ = even_patient(clinic, days_ago=25)
    tomorrow = TODAY + timedelta(days=1)  # inside the lead time of three days
    asked = EnrollCommand(patient_id, tomorrow, "requested", contacts=(CONSENT,))
    with pytest.raises(Invalid) as caught, clinic.writing() as tx:
        enroll(tx, asked)
    assert caught.value.field == "override_reason"
    with clinic.writing() as tx:
        enrollment_id = enroll(tx, replace(asked, override_reason="Leaves for a journey."))
    with clinic.reading() as tx:
        plan = tx.get(Enrollment, enrollment_id).plan
        assert plan["override_reason"] == "Leaves for a journey."
        assert "lead_time" in plan["breaks"]
        assert tx.session.scalars(select(Cycle.state)).one() is CycleState.PROPOSED


def test_a_day_on_which_nothing_can_be_filled_names_the_field(clinic: Clinic) -> None:
    patient_id, _ = even_patient(clinic, days_ago=2)
    asked = EnrollCommand(patient_id, TODAY + timedelta(days=4), "requested", override_reason="Because")
    with pytest.raises(Invalid) as caught, clinic.writing() as tx:
        enroll(tx, asked)
    assert caught.value.field == "sync_date"


def test_a_past_date_is_refused_whatever_the_reason(clinic: Clinic) -> None:
    patient_id, _ = even_patient(clinic)
    asked = EnrollCommand(patient_id, TODAY - timedelta(days=1), "requested", override_reason="Because")
    with pytest.raises(Invalid) as caught, clinic.writing() as tx:
        enroll(tx, asked)
    assert caught.value.field == "sync_date"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"cadence": "weekly"}, "cadence"),
        ({"cycle_days": 3}, "cycle_days"),
        ({"language": "xx"}, "language"),
        ({"strategy": "best"}, "strategy"),
        (
            {"contacts": (ContactChoice(Channel.SMS, "555", ContactBasis.NUMBER_GIVEN),)},
            "contacts[0].address",
        ),
        (
            {"contacts": (ContactChoice(Channel.SMS, "+14045550111", ContactBasis.EXPRESS),)},
            "contacts[0].wording",
        ),
        (
            {
                "contacts": tuple(
                    ContactChoice(Channel.EMAIL, address, ContactBasis.NUMBER_GIVEN)
                    for address in ("ada@example.org", "Ada@Example.org")
                )
            },
            "contacts[1].address",
        ),
        (
            {"contacts": (ContactChoice(Channel.EMAIL, "nobody", ContactBasis.NUMBER_GIVEN),)},
            "contacts[0].address",
        ),
    ],
)
def test_bad_input_names_its_field_and_writes_nothing(
    clinic: Clinic, changes: dict[str, object], field: str
) -> None:
    patient_id, _ = even_patient(clinic)
    wrong = command(clinic, patient_id, **changes)
    with pytest.raises(Invalid) as caught, clinic.writing() as tx:
        enroll(tx, wrong)
    assert caught.value.field == field
    with clinic.reading() as tx:
        assert tx.session.scalar(select(func.count()).select_from(Cycle)) == 0


def test_days_supply_out_of_range_names_the_drug(clinic: Clinic) -> None:
    patient_id, drugs = even_patient(clinic)
    wrong = command(clinic, patient_id, choices={drugs[0]: TherapyChoice(usual_days=0)})
    with pytest.raises(Invalid) as caught, clinic.writing() as tx:
        enroll(tx, wrong)
    assert caught.value.field == f"choices[{drugs[0]}].usual_days"


def test_a_second_enrollment_is_refused(clinic: Clinic) -> None:
    patient_id, _ = even_patient(clinic)
    again = command(clinic, patient_id)
    enroll_recommended(clinic, patient_id)
    with pytest.raises(Conflict, match="enrolled already"), clinic.writing() as tx:
        enroll(tx, again)


def test_a_deceased_patient_is_refused(clinic: Clinic) -> None:
    patient_id, _ = even_patient(clinic)
    wanted = command(clinic, patient_id)
    with clinic.writing() as tx:
        tx.get(Patient, patient_id).deceased_on = TODAY
    with pytest.raises(Conflict, match="deceased"), clinic.writing() as tx:
        enroll(tx, wanted)


def test_another_pharmacys_patient_is_not_found(clinic: Clinic, database: Database) -> None:
    other = make_clinic(database, "other")
    patient_id, _ = even_patient(other)
    wanted = command(other, patient_id)
    with pytest.raises(NotFound), clinic.writing() as tx:
        enroll(tx, wanted)
    with pytest.raises(NotFound), clinic.reading() as tx:
        propose(tx, patient_id)


def test_another_patients_drug_is_refused(clinic: Clinic) -> None:
    patient_id, _ = even_patient(clinic)
    stranger = make_patient(clinic.database, clinic.shop, first="Bo")
    drug = add_drug_row(clinic, stranger, "Losartan 50 MG", [("2026-11-01", 30)])
    wrong = command(clinic, patient_id, choices={drug: TherapyChoice(include=True)})
    with pytest.raises(Invalid), clinic.writing() as tx:
        enroll(tx, wrong)


def test_enrolling_is_audited_and_finishes_the_draft(clinic: Clinic) -> None:
    patient_id, _ = even_patient(clinic)
    with clinic.writing() as tx:
        draft = tx.add(
            EnrollmentDraft(
                pharmacy_id=clinic.shop.pharmacy_id,
                patient_id=patient_id,
                created_at=tx.now,
                updated_at=tx.now,
            )
        ).id
    enroll_recommended(clinic, patient_id, draft_id=draft)
    with clinic.reading() as tx:
        assert tx.get(EnrollmentDraft, draft).finished_at is not None
        assert "enroll" in set(tx.session.scalars(select(AuditEvent.act)))
        assert tx.session.scalars(select(Enrollment.state)).one() is EnrollmentState.ACTIVE
