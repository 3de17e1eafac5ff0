"""A consent that is older than the last stop of its number lifts nothing, whether it waited in a form or a draft."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from medsync_app.connections import typeform
from medsync_app.connections.payload import read_object
from medsync_app.domain.states import Channel, ContactBasis, JoinOrigin
from medsync_app.errors import Conflict
from medsync_app.reads.enroll import draft_of
from medsync_app.services.change_contact import ContactChange, change_contacts
from medsync_app.services.draft_answers import command_of
from medsync_app.services.enroll import ContactChoice, EnrollCommand, enroll
from medsync_app.services.enroll_contacts import Wishes
from medsync_app.services.handle_inbound import InboundText, handle_inbound_message
from medsync_app.services.join_requests import accept_request
from medsync_app.services.propose import propose
from medsync_app.services.save_draft import Saved, save_draft, start_draft
from medsync_app.services.take_submission import take_enrollment
from medsync_app.store.scope import Scope
from medsync_app.store.session import Database
from medsync_app.store.tables import AddressStatus, ContactPoint, JoinRequest, Patient
from tests.support.forms import typeform_body
from tests.support.programme import Clinic, even_patient
from tests.support.store import NUMBER, SYSTEM, make_shop

pytestmark = pytest.mark.slow
MAIL = "ada@example.org"


def texted(clinic: Clinic, body: str, sid: str) -> None:
    clinic.clock.advance(timedelta(minutes=5))
    with clinic.database.transaction(SYSTEM, clinic.clock) as tx:
        handle_inbound_message(tx, InboundText("twilio", sid, NUMBER, body, tx.now))
    clinic.clock.advance(timedelta(minutes=5))


def keep(clinic: Clinic, saved: Saved, *contacts: ContactChoice) -> Saved:
    """The wizard's step about contact is saved."""
    with clinic.writing() as tx:
        answers = draft_of(tx, saved.draft_id).answers
        answers = replace(answers, contacts=contacts or answers.contacts)
        option = propose(tx, draft_of(tx, saved.draft_id).person.patient_id).plan.recommended
        answers = replace(answers, sync_date=option.sync_date)
        return save_draft(tx, saved.draft_id, expected_version=saved.version, step=5, answers=answers)


def agreed(channel: Channel = Channel.SMS, address: str = NUMBER) -> ContactChoice:
    return ContactChoice(channel, address, ContactBasis.EXPRESS, "I agree.")


def begun(clinic: Clinic, *contacts: ContactChoice) -> tuple[str, Saved]:
    patient, _ = even_patient(clinic)
    with clinic.writing() as tx:
        saved = start_draft(tx, patient)
    return patient, keep(clinic, saved, *contacts or (agreed(),))


def command(clinic: Clinic, patient: str, saved: Saved) -> EnrollCommand:
    """What the last page of the wizard carries out."""
    with clinic.reading() as tx:
        return command_of(saved.draft_id, patient, draft_of(tx, saved.draft_id).answers)


def finish(clinic: Clinic, what: EnrollCommand) -> dict[str, ContactBasis]:
    with clinic.writing() as tx:
        enroll(tx, what)
    with clinic.reading() as tx:
        rows = tx.session.scalars(select(ContactPoint).where(ContactPoint.patient_id == what.patient_id))
        return {row.address: row.basis for row in rows}


def is_stopped(clinic: Clinic) -> bool:
    with clinic.reading() as tx:
        rows = tx.session.scalars(select(AddressStatus).where(AddressStatus.channel == Channel.SMS)).all()
        return any(row.opted_out_at is not None for row in rows)


def test_a_stop_between_the_consent_and_the_end_of_the_wizard_stands(clinic: Clinic) -> None:
    patient, saved = begun(clinic)
    texted(clinic, "STOP", "SM1")
    assert finish(clinic, command(clinic, patient, saved))[NUMBER] is ContactBasis.REVOKED
    assert is_stopped(clinic)


def test_a_stop_that_is_said_again_after_the_consent_stands(clinic: Clinic) -> None:
    texted(clinic, "STOP", "SM1")
    patient, saved = begun(clinic)
    texted(clinic, "STOP", "SM2")
    assert finish(clinic, command(clinic, patient, saved))[NUMBER] is ContactBasis.REVOKED
    assert is_stopped(clinic)


def test_who_had_the_last_page_open_when_the_stop_came_is_told(clinic: Clinic) -> None:
    patient, saved = begun(clinic)
    shown = command(clinic, patient, saved)
    texted(clinic, "STOP", "SM1")
    with pytest.raises(Conflict, match="stopped after this consent"):
        finish(clinic, shown)
    assert is_stopped(clinic)


def test_a_form_that_was_accepted_before_the_stop_lifts_it_not(clinic: Clinic) -> None:
    patient, _ = even_patient(clinic)
    raw = read_object(typeform_body())
    told = typeform.submission_of(raw)
    assert told is not None
    scope = Scope.system("Typeform").only(clinic.shop.pharmacy_id)
    with clinic.database.transaction(scope, clinic.clock) as tx:
        take_enrollment(tx, clinic.shop.pharmacy_id, JoinOrigin.TYPEFORM, told, raw)
    with clinic.writing() as tx:
        request = tx.session.scalars(select(JoinRequest)).one()
        saved = accept_request(tx, request.id, patient)
    texted(clinic, "STOP", "SM1")
    saved = keep(clinic, saved)
    assert finish(clinic, command(clinic, patient, saved))[NUMBER] is ContactBasis.REVOKED
    assert is_stopped(clinic)


def test_a_stop_from_a_number_that_nobody_has_yet_holds_where_its_form_waits(
    clinic: Clinic, database: Database
) -> None:
    make_shop(
        database, "oldest", now=clinic.clock.now() - timedelta(days=900)
    )  # it would get the reply alone
    test_a_stop_between_the_consent_and_the_end_of_the_wizard_stands(clinic)


def test_a_consent_that_was_given_after_the_stop_lifts_it(clinic: Clinic) -> None:
    patient, saved = begun(clinic)
    texted(clinic, "STOP", "SM1")
    saved = keep(clinic, saved, agreed())
    assert finish(clinic, command(clinic, patient, saved))[NUMBER] is ContactBasis.EXPRESS
    assert not is_stopped(clinic)


def test_a_start_after_the_stop_is_not_undone_by_the_draft(clinic: Clinic) -> None:
    patient, saved = begun(clinic)
    with clinic.database.transaction(SYSTEM, clinic.clock) as tx:
        tx.add(
            ContactPoint(
                pharmacy_id=clinic.shop.pharmacy_id, patient_id=patient, channel=Channel.SMS, address=NUMBER,
                basis=ContactBasis.NUMBER_GIVEN, created_at=tx.now,
            )
        )  # fmt: skip
    texted(clinic, "STOP", "SM1")
    saved = keep(clinic, saved)  # another step of the wizard is saved meanwhile
    texted(clinic, "START", "SM2")
    assert finish(clinic, command(clinic, patient, saved))[NUMBER] is ContactBasis.NUMBER_GIVEN


def test_an_e_mail_consent_of_before_the_stop_is_no_fall_back_from_it(clinic: Clinic) -> None:
    patient, saved = begun(clinic, agreed(Channel.EMAIL, MAIL))
    clinic.clock.advance(timedelta(days=2))
    finish(clinic, command(clinic, patient, saved))
    with clinic.reading() as tx:
        point = tx.session.scalars(select(ContactPoint).where(ContactPoint.address == MAIL)).one()
    assert point.basis_at == clinic.clock.now() - timedelta(days=2)


def test_a_form_of_the_patients_page_that_was_open_when_the_stop_came_lifts_it_not(clinic: Clinic) -> None:
    patient, _ = even_patient(clinic)
    with clinic.writing() as tx:
        row = tx.get(Patient, patient)
        change_contacts(tx, patient, ContactChange([agreed()], Wishes(), None), seen_at=row.updated_at)
    with clinic.reading() as tx:
        opened = tx.get(Patient, patient).updated_at
    texted(clinic, "STOP", "SM1")
    with pytest.raises(Conflict, match="Somebody else changed"), clinic.writing() as tx:
        change_contacts(tx, patient, ContactChange([agreed()], Wishes(language="es"), None), seen_at=opened)
    assert is_stopped(clinic)
