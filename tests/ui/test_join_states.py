"""From the public form to the wizard: prefilled, likely duplicates first, or put aside; the form's own settings."""

from datetime import date
from typing import Any

import pytest
from sqlalchemy import select

from medsync_app.clock import VirtualClock
from medsync_app.domain.states import Role
from medsync_app.services.join import Told, ask_to_join, rotate_link
from medsync_app.store.scope import Scope
from medsync_app.store.session import Database
from medsync_app.store.tables import EnrollmentDraft, JoinRequest, Patient
from medsync_app.ui.states.enroll import EnrollState
from medsync_app.ui.states.settings_join import JoinTabState
from medsync_app.ui.states.today import TodayState
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
