"""A form about one patient never stands over the page of another."""

from typing import Any

import pytest

from medsync_app.clock import VirtualClock
from medsync_app.domain.states import Role
from medsync_app.store.session import Database
from medsync_app.ui.states.patient_care import PatientCareState
from medsync_app.ui.states.patient_contact import PatientContactState
from medsync_app.ui.states.patient_drugs import PatientDrugsState
from tests.support.screens import TODAY, make_therapy
from tests.support.staff import page_state, signed_in, visit
from tests.support.store import make_patient, make_shop

pytestmark = pytest.mark.slow


async def open_page(state: Any, secret: str, address: str) -> None:
    """Run what runs when the patient's page opens."""
    from medsync_app.ui.pages.registry import PAGES

    visit(state, secret, address)
    page = next(page for page in PAGES if page.route == "/patient/[patient_key]")
    for event in page.on_load:
        owner = state._get_root_state().get_substate(event.state_full_name.split("."))
        await event.fn(owner)


async def test_the_page_of_another_patient_closes_what_was_open(house: Database, clock: VirtualClock) -> None:
    shop = make_shop(house)
    ada, ben = make_patient(house, shop, phone="+14045550123"), make_patient(house, shop, first="Ben")
    drug = make_therapy(house, shop, ada, "Lisinopril 10 mg", fills=(TODAY,))
    secret = signed_in(house, clock, shop, Role.TECHNICIAN)
    contact = page_state(PatientContactState, secret, f"/patient/{ada}")
    root: Any = contact._get_root_state()
    drugs, care = (
        root.get_substate(kind.get_full_name().split(".")) for kind in (PatientDrugsState, PatientCareState)
    )
    await open_page(contact, secret, f"/patient/{ada}")
    for ask in (lambda: drugs.ask_add(ada), lambda: drugs.ask_dose(drug, "Lisinopril 10 mg")):
        await contact.open_contact(ada)
        await care.ask_new()
        await ask()
        assert (contact.contact_open, care.care_open, bool(drugs.drug_form)) == (True, True, True)
        await open_page(contact, secret, f"/patient/{ben}")
        assert (contact.contact_open, care.care_open, drugs.drug_form) == (False, False, "")
        visit(contact, secret, f"/patient/{ada}")


async def test_the_same_patients_page_drawn_anew_keeps_the_form(house: Database, clock: VirtualClock) -> None:
    shop = make_shop(house)
    ada = make_patient(house, shop, phone="+14045550123")
    secret = signed_in(house, clock, shop, Role.TECHNICIAN)
    contact = page_state(PatientContactState, secret, f"/patient/{ada}")
    await contact.open_contact(ada)
    await open_page(contact, secret, f"/patient/{ada}")
    assert contact.contact_open
