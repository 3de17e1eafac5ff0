"""From the public form to the wizard: prefilled, likely duplicates first, or put aside; the form's own settings."""

from datetime import date
from typing import Any

import pytest
from sqlalchemy import select

from medsync_app.clock import VirtualClock
from medsync_app.connections.payload import read_object
from medsync_app.connections.pharmacy_events import event_of
from medsync_app.connections.typeform import submission_of
from medsync_app.domain.states import JoinOrigin, Role
from medsync_app.services.join import Told, ask_to_join, rotate_link
from medsync_app.services.take_submission import take_enrollment
from medsync_app.store.scope import Scope
from medsync_app.store.session import Database
from medsync_app.store.tables import EnrollmentDraft, JoinRequest, Patient
from medsync_app.ui.states.enroll import EnrollState
from medsync_app.ui.states.settings_join import JoinTabState
from medsync_app.ui.states.today import TodayState
from tests.support.forms import AGREE, event_body, typeform_body
from tests.support.staff import page_state, signed_in, visit
from tests.support.store import SYSTEM, Shop, make_patient, make_shop

pytestmark = pytest.mark.slow


@pytest.fixture
def shop(house: Database) -> Shop:
    return make_shop(house)


@pytest.fixture
def request_id(house: Database, clock: VirtualClock, shop: Shop) -> str:
    """Ada asked by the form."""
    scope = Shop(shop.pharmacy_id, shop.organization_id, Role.OWNER).scope
    with house.transaction(scope, clock) as tx:
        token = rotate_link(tx, shop.pharmacy_id)
    told = Told("Ada", "Example", date(1980, 5, 1), "404 555 0123", "es", True, [("lisinopril 10 mg", "10")])
    with house.transaction(Scope.system("join form"), clock) as tx:
        ask_to_join(tx, token, told, "1.2.3.4")
        return tx.session.scalars(select(JoinRequest)).one().id


async def wizard(house: Database, clock: VirtualClock, shop: Shop, request_id: str) -> EnrollState:
    secret = signed_in(house, clock, shop, Role.TECHNICIAN)
    state = page_state(EnrollState, secret, f"/enroll?join={request_id}")
    await state.load()
    return state


async def test_today_leads_to_the_wizard(
    house: Database, clock: VirtualClock, shop: Shop, request_id: str
) -> None:
    state = page_state(TodayState, signed_in(house, clock, shop, Role.TECHNICIAN))
    await state.load()
    assert state.counts["join"] == 1
    row = state.rows[0]
    assert (row["name"], row["action"], row["join_id"]) == ("Example, Ada", "enroll", request_id)


async def test_the_wizard_begins_with_what_was_told(
    house: Database, clock: VirtualClock, shop: Shop, request_id: str
) -> None:
    state = await wizard(house, clock, shop, request_id)
    assert (state.adding, state.join["first_name"], state.join["birth_date"]) == (True, "Ada", "1980-05-01")
    assert state.join["medicines"][0] == "lisinopril 10 mg"
    assert state.join["told"] == [
        "Speaks Spanish",
        "Agreed to text messages",
        "lisinopril 10 mg: 10 days left",
    ]
    form: dict[str, Any] = {
        "first_name": "Ada", "last_name": "Example", "birth_date": "1980-05-01", "phone": "(404) 555-0123",
        "drug-0-name": "lisinopril 10 mg", "drug-0-last": "2026-11-10", "drug-0-days": "30",
    }  # fmt: skip
    await state.add(form)
    assert state.problem == ""
    with house.reading(SYSTEM) as tx:
        request = tx.get(JoinRequest, request_id)
        patient = tx.session.scalars(select(Patient)).one()
        draft = tx.session.scalars(select(EnrollmentDraft)).one()
        assert (request.patient_id, draft.patient_id) == (patient.id, patient.id)
        assert draft.answers["contacts"][0]["basis"] == "express"
    again = await wizard_of(state, request_id)
    assert "has handled this request already" in again.problem


async def wizard_of(state: EnrollState, request_id: str) -> EnrollState:
    await state.load()
    return state


async def test_the_next_enrollment_in_the_tab_is_not_taken_for_the_request(
    house: Database, clock: VirtualClock, shop: Shop, request_id: str
) -> None:
    other = make_patient(house, shop, first="Ben")
    secret = signed_in(house, clock, shop, Role.TECHNICIAN)
    state = page_state(EnrollState, secret, f"/enroll?join={request_id}")
    await state.load()
    visit(state, secret, f"/enroll?patient={other}")
    await state.load()
    with house.reading(SYSTEM) as tx:
        assert tx.get(JoinRequest, request_id).handled_at is None
        assert tx.session.scalars(select(EnrollmentDraft)).one().patient_id == other


async def test_a_patient_who_is_known_is_shown_first_and_taken(
    house: Database, clock: VirtualClock, shop: Shop, request_id: str
) -> None:
    known = make_patient(house, shop, phone="+14045550123")
    state = await wizard(house, clock, shop, request_id)
    assert [one["id"] for one in state.alike] == [known]
    await state.pick(known)
    assert state.problem == ""
    with house.reading(SYSTEM) as tx:
        assert tx.get(JoinRequest, request_id).patient_id == known
        assert len(tx.session.scalars(select(Patient)).all()) == 1


async def test_nobody_to_enroll_is_put_aside(
    house: Database, clock: VirtualClock, shop: Shop, request_id: str
) -> None:
    state = await wizard(house, clock, shop, request_id)
    await state.put_aside()
    assert (state.problem, state.notice) == ("", "Put aside.")
    with house.reading(SYSTEM) as tx:
        assert tx.get(JoinRequest, request_id).handled_by == "Sam Example"
        assert tx.session.scalars(select(Patient)).all() == []


async def test_a_request_of_another_pharmacy_is_not_shown(
    house: Database, clock: VirtualClock, request_id: str
) -> None:
    state = await wizard(house, clock, make_shop(house, "other"), request_id)
    assert state.join["first_name"] == ""
    assert state.problem != ""
    assert not state.loaded


def deliver(house: Database, clock: VirtualClock, shop: Shop, origin: JoinOrigin, body: bytes) -> str:
    """What Typeform or the pharmacy system sends; gives the request's id."""
    raw = read_object(body)
    told = submission_of(raw) if origin is JoinOrigin.TYPEFORM else event_of(raw).told
    assert told is not None
    with house.transaction(Scope.system("sender").only(shop.pharmacy_id), clock) as tx:
        take_enrollment(tx, shop.pharmacy_id, origin, told, raw)
        return tx.session.scalars(select(JoinRequest)).one().id


async def test_what_a_form_lacks_is_said_in_the_queue_and_in_the_wizard(
    house: Database, clock: VirtualClock, shop: Shop
) -> None:
    body = typeform_body(first_name=None, last_name=None, phone="call my son", birth_date=None)
    request_id = deliver(house, clock, shop, JoinOrigin.TYPEFORM, body)
    today = page_state(TodayState, signed_in(house, clock, shop, Role.PHARMACIST))
    await today.load()
    assert today.rows[0]["name"] == "Name not given"
    state = await wizard(house, clock, shop, request_id)
    assert state.join["title"].startswith("Asked by Typeform")
    assert "first name, last name, date of birth and phone number missing" in state.join["lacks"]
    assert "Your phone number?: call my son" in state.join["told"]
    assert "How did you hear of us?: A neighbour" in state.join["told"]
    assert (state.join["birth_date"], state.join["known"], state.alike) == ("", "", [])
    form = {"first_name": "Ada", "last_name": "Example", "birth_date": "1950-05-01", "phone": "404 555 0123"}
    await state.add(form)
    assert state.problem == ""
    with house.reading(SYSTEM) as tx:
        assert tx.get(JoinRequest, request_id).handled_by == "Sam Example"


async def test_the_pharmacy_systems_patient_is_enrolled_without_typing(
    house: Database, clock: VirtualClock, shop: Shop
) -> None:
    patient = make_patient(house, shop)
    request_id = deliver(house, clock, shop, JoinOrigin.PHARMACY_SYSTEM, event_body())
    today = page_state(TodayState, signed_in(house, clock, shop, Role.PHARMACIST))
    await today.load()
    row = today.rows[0]
    assert (row["name"], row["patient_id"], row["join_id"]) == ("Example, Ada", patient, request_id)
    state = await wizard(house, clock, shop, request_id)
    assert (state.join["known"], state.join["known_name"], state.join["lacks"]) == (
        patient,
        "Example, Ada",
        "",
    )
    assert state.join["title"].startswith("Sent by the pharmacy system")
    assert state.alike == []
    await state.pick(patient)
    with house.reading(SYSTEM) as tx:
        assert tx.get(JoinRequest, request_id).patient_id == patient
        assert tx.session.scalars(select(EnrollmentDraft)).one().patient_id == patient


async def test_a_consent_keeps_the_words_it_was_given_in_through_the_contact_step(
    house: Database, clock: VirtualClock, shop: Shop
) -> None:
    patient = make_patient(house, shop)
    request_id = deliver(house, clock, shop, JoinOrigin.TYPEFORM, typeform_body())
    state = await wizard(house, clock, shop, request_id)
    await state.pick(patient)
    with house.reading(SYSTEM) as tx:
        draft = tx.session.scalars(select(EnrollmentDraft)).one().id
    with house.transaction(SYSTEM) as tx:
        tx.get(EnrollmentDraft, draft).step = 4
    visit(state, signed_in(house, clock, shop, Role.PHARMACIST), f"/enroll?draft={draft}&step=4")
    await state.load()
    assert state.contact["sms"]["basis"] == "express"
    form = {
        "language": "en", "sms_address": state.contact["sms"]["address"], "sms_basis": "express",
        "voice_address": "", "voice_basis": "not_asked", "email_address": "", "email_basis": "not_asked",
    }  # fmt: skip
    await state.save_contact(form)
    assert state.problem == ""
    with house.reading(SYSTEM) as tx:
        contact = tx.get(EnrollmentDraft, draft).answers["contacts"][0]
    assert (contact["how"], contact["wording"]) == ("Typeform", f"{AGREE}: Yes")


async def test_the_owner_opens_renews_and_closes_the_form(
    house: Database, clock: VirtualClock, shop: Shop
) -> None:
    state = page_state(JoinTabState, signed_in(house, clock, shop, Role.OWNER), "/settings?tab=join")
    await state.open_tab()
    assert (state.address, state.ready) == ("", True)
    await state.make()
    first = state.address
    assert "/join/" in first
    assert state.qr_path.startswith("M")
    await state.ask()
    assert state.asking
    await state.make()
    assert (state.address != first, state.asking) == (True, False)
    await state.shut()
    assert state.address == ""
    other = page_state(JoinTabState, signed_in(house, clock, shop, Role.TECHNICIAN), "/settings?tab=join")
    await other.make()
    assert "Your role does not include this" in other.problem
