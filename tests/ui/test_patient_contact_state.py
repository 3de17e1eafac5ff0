"""The panel that changes how a patient may be reached: it starts with what is known, errors stay at their field."""

from datetime import timedelta

import pytest

from medsync_app.clock import VirtualClock
from medsync_app.domain.states import Channel, ContactBasis, Role
from medsync_app.reads.patient import patient_facts
from medsync_app.services.contact_settings import hold_address
from medsync_app.services.wrong_number import mark_wrong
from medsync_app.store.repositories.contact import contact_points
from medsync_app.store.session import Database
from medsync_app.store.tables import Patient
from medsync_app.ui.states.patient_contact import PatientContactState
from medsync_app.ui.states.patient_views import contact_view
from tests.support.staff import page_state, signed_in
from tests.support.store import SYSTEM, Shop, make_patient, make_shop

OLD = "+14045550123"
FORM = {
    "sms_address": "(404) 555-0111", "sms_basis": "express", "voice_basis": "not_asked", "email_basis": "not_asked",
    "language": "es", "preferred": "sms", "drug_names": "on",
}  # fmt: skip


@pytest.fixture
def shop(house: Database) -> Shop:
    return make_shop(house)


@pytest.fixture
def ada(house: Database, shop: Shop) -> str:
    return make_patient(house, shop, phone=OLD)


def panel(
    house: Database, clock: VirtualClock, shop: Shop, role: Role = Role.TECHNICIAN
) -> PatientContactState:
    secret = signed_in(house, clock, shop, role)
    return page_state(PatientContactState, secret, "/patient/x")


def numbers(house: Database, ada: str) -> list[tuple[str, ContactBasis]]:
    with house.reading(SYSTEM) as tx:
        return [(point.address, point.basis) for point in contact_points(tx, ada)]


async def test_it_starts_with_what_is_known_and_keeps_what_was_agreed(
    house: Database, clock: VirtualClock, shop: Shop, ada: str
) -> None:
    state = panel(house, clock, shop)
    await state.open_contact(ada)
    assert (state.contact_open, state.contact["sms"]["address"]) == (True, "(404) 555-0123")
    await state.speak("es")
    assert state.contact["wordings"]["sms"].startswith("Acepto")
    await state.save_contact(FORM)
    assert (state.problem, state.contact_open) == ("", False)
    assert numbers(house, ada) == [("+14045550111", ContactBasis.EXPRESS)]
    with house.reading(SYSTEM) as tx:
        row = tx.get(Patient, ada)
        assert (row.language, row.preferred_channel, row.drug_names_wanted) == ("es", Channel.SMS, True)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"sms_address": "555"}, "sms_address"),
        ({"sms_address": ""}, "sms_address"),
        ({"email_address": "nobody"}, "email_address"),
        ({"language": "de"}, "language"),
        ({"preferred": "email"}, "preferred"),
        ({"sms_basis": "perhaps"}, "sms_basis"),
        ({"caregiver_name": "Bea"}, "caregiver_phone"),
    ],
)
async def test_a_mistake_stays_at_its_field_and_changes_nothing(
    house: Database, clock: VirtualClock, shop: Shop, ada: str, wrong: dict[str, str], field: str
) -> None:
    before = numbers(house, ada)
    state = panel(house, clock, shop)
    await state.open_contact(ada)
    await state.save_contact(FORM | wrong)
    assert (state.problem_field, state.contact_open) == (field, True)
    assert numbers(house, ada) == before


async def test_who_opened_it_before_a_colleague_saved_is_told(
    house: Database, clock: VirtualClock, shop: Shop, ada: str
) -> None:
    state = panel(house, clock, shop)
    await state.open_contact(ada)
    with house.transaction(SYSTEM, clock) as tx:
        tx.get(Patient, ada).updated_at = tx.now.replace(microsecond=7)
    await state.save_contact(FORM)
    assert "Somebody else" in state.problem
    assert [address for address, _ in numbers(house, ada)] == [OLD]


async def test_another_pharmacys_patient_is_not_opened(
    house: Database, clock: VirtualClock, shop: Shop, ada: str
) -> None:
    state = panel(house, clock, make_shop(house, "other"))
    await state.open_contact(ada)
    assert state.problem
    assert not state.contact_open


async def test_who_asks_at_the_counter_for_no_more_messages_gets_none(
    house: Database, clock: VirtualClock, shop: Shop, ada: str
) -> None:
    with house.reading(SYSTEM) as tx:
        (point,) = contact_points(tx, ada)
    state = panel(house, clock, shop)
    await state.ask_stop(point.id, "(404) 555-0123")
    assert state.stopping == "(404) 555-0123"
    await state.keep_messages()
    assert (state.stopping, numbers(house, ada)) == ("", [(OLD, ContactBasis.EXPRESS)])
    await state.ask_stop(point.id, "(404) 555-0123")
    await state.end_messages()
    assert (state.problem, state.stopping, numbers(house, ada)) == ("", "", [(OLD, ContactBasis.REVOKED)])
    await state.ask_stop(point.id, "(404) 555-0123")
    await state.end_messages()
    assert "already" in state.problem
    stranger = panel(house, clock, make_shop(house, "other"))
    await stranger.ask_stop(point.id, "(404) 555-0123")
    await stranger.end_messages()
    assert "not yours" in stranger.problem


@pytest.mark.slow
async def test_a_wrong_number_is_shown_until_somebody_confirms_that_it_is_theirs(
    house: Database, clock: VirtualClock, shop: Shop, ada: str
) -> None:
    def shown() -> tuple[bool, str]:
        with house.reading(shop.scope, clock) as tx:
            facts = patient_facts(tx, ada)
            view = contact_view(facts.contacts[0], facts)
            return view["wrong"], view["warning"]

    clock.advance(timedelta(minutes=1))
    with house.transaction(shop.scope, clock) as tx:
        mark_wrong(tx, shop.pharmacy_id, OLD)
        point = contact_points(tx, ada)[0].id
    assert shown() == (True, "Wrong number: nothing automated goes there")
    clock.advance(timedelta(minutes=1))
    state = panel(house, clock, shop)
    await state.confirm_number(point)
    assert (state.problem, shown()) == ("", (False, ""))
    await state.confirm_number(point)
    assert "already" in state.problem
    stranger = panel(house, clock, make_shop(house, "other"))
    for act in (stranger.confirm_number, stranger.call_it_wrong):
        await act(point)
        assert "not yours" in stranger.problem


@pytest.mark.parametrize("stop", [False, True])
async def test_a_held_number_is_decided_about(
    house: Database, clock: VirtualClock, shop: Shop, ada: str, stop: bool
) -> None:
    with house.transaction(SYSTEM, clock) as tx:
        hold_address(tx, shop.pharmacy_id, Channel.SMS, OLD, "A free-text refusal")
        (point,) = contact_points(tx, ada)
        point.basis = ContactBasis.EXPRESS
        point_id = point.id
    state = panel(house, clock, shop)
    await (state.stop_messages(point_id) if stop else state.let_go_on(point_id))
    assert state.problem == ""
    expected = ContactBasis.REVOKED if stop else ContactBasis.EXPRESS
    assert numbers(house, ada) == [(OLD, expected)]
    await state.let_go_on(point_id)
    assert "decided this already" in state.problem
