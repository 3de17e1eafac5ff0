"""The panel that merges a duplicate: found, looked at, merged as shown, refused when it changed; old links lead on."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from medsync_app.clock import VirtualClock
from medsync_app.domain.states import Role
from medsync_app.services.merge_patients import merge_patients
from medsync_app.store.session import Database
from medsync_app.store.tables import Patient
from medsync_app.ui.states.patient import PatientState
from medsync_app.ui.states.patient_merge import PatientMergeState
from tests.support.programme import Clinic, enroll_recommended, even_patient
from tests.support.screens import TODAY, make_therapy
from tests.support.staff import page_state, signed_in
from tests.support.store import Shop, make_patient, make_shop

pytestmark = pytest.mark.slow


@pytest.fixture
def shop(house: Database) -> Shop:
    return make_shop(house)


@pytest.fixture
def ada(house: Database, shop: Shop) -> str:
    patient_id = make_patient(house, shop)
    make_therapy(house, shop, patient_id, "Lisinopril 10 mg", fills=(TODAY - timedelta(days=50),))
    return patient_id


@pytest.fixture
def twin(house: Database, shop: Shop) -> str:
    patient_id = make_patient(house, shop, first="Adah")
    make_therapy(house, shop, patient_id, "Lisinopril 10 mg", fills=(TODAY - timedelta(days=20),))
    return patient_id


async def opened(
    house: Database, clock: VirtualClock, shop: Shop, patient_id: str, role: Role = Role.PHARMACIST
) -> PatientMergeState:
    state = page_state(PatientMergeState, signed_in(house, clock, shop, role), f"/patient/{patient_id}")
    await state.ask_merge(patient_id)
    return state


async def test_a_likely_duplicate_is_offered_looked_at_and_merged(
    house: Database, clock: VirtualClock, shop: Shop, ada: str, twin: str
) -> None:
    make_patient(house, shop, first="Bob", last="Stranger")
    state = await opened(house, clock, shop, ada)
    assert [one["id"] for one in state.found] == [twin]
    assert "1 fill" in state.found[0]["facts"]
    await state.look(twin)
    assert (state.problem, state.what["kept"], state.what["dropped"]) == (
        "",
        "this record",
        "the other record",
    )
    assert state.other_one == "Example, Adah, born 05/01/1980"
    assert "1 fill, 1 prescription" in state.what["moves"]
    assert state.what["same"] == "Lisinopril 10 mg"
    assert "The names differ" in state.what["warnings"][0]
    with house.reading(shop.scope) as tx:
        assert len(tx.session.scalars(select(Patient)).all()) == 3, "looking saves nothing"
    await state.merge({"reason": ""})
    assert "Say why" in state.problem
    await state.merge({"reason": "Same phone."})
    assert (state.problem, state.merge_open) == ("", False)
    page = page_state(PatientState, signed_in(house, clock, shop, Role.TECHNICIAN), f"/patient/{ada}")
    await page.load()
    assert "Merged the record Example, Adah, born" in page.history[0]["text"]
    assert "Reason: Same phone." in page.history[0]["text"]


async def test_the_other_record_may_stay_and_an_old_link_leads_to_it(
    house: Database, clock: VirtualClock, shop: Shop, ada: str, twin: str
) -> None:
    colleague = signed_in(house, clock, shop, Role.TECHNICIAN)
    page = page_state(PatientState, colleague, f"/patient/{ada}")
    await page.load()
    state = await opened(house, clock, shop, ada)
    await state.look(twin)
    await state.choose_record("other")
    event = await state.merge({"reason": "The other is the newer."})
    assert f"/patient/{twin}" in str(event)
    assert f"/patient/{twin}" in str(await page.poll()), "an open page of a colleague follows"
    again = page_state(PatientState, colleague, f"/patient/{ada}")
    assert f"/patient/{twin}" in str(await again.load())
    assert again.problem == ""


async def test_both_dates_are_offered_and_the_chosen_one_is_said(
    house: Database, clock: VirtualClock, shop: Shop
) -> None:
    clinic = Clinic(house, shop, clock)
    ada, _ = even_patient(clinic)
    mine = enroll_recommended(clinic, ada)
    twin, _ = even_patient(clinic, first="Adah", days_ago=14)
    theirs = enroll_recommended(clinic, twin)
    state = await opened(house, clock, shop, ada)
    await state.look(twin)
    assert [(one["id"], one["chosen"]) for one in state.what["choices"]] == [(mine, True), (theirs, False)]
    before = state.what["date"]
    assert state.what["withdrawn"]
    await state.choose_date(theirs)
    assert [one["chosen"] for one in state.what["choices"]] == [False, True]
    assert state.what["date"] != before
    await state.choose_date("nonsense")
    assert "which of the two dates" in state.problem
    assert state.what["choices"], "the choice is still there"


async def test_what_changed_since_it_was_looked_at_is_shown_anew_and_not_saved(
    house: Database, clock: VirtualClock, shop: Shop, ada: str, twin: str
) -> None:
    state = await opened(house, clock, shop, ada)
    await state.look(twin)
    make_therapy(house, shop, twin, "Metformin 500 mg", fills=(TODAY - timedelta(days=9),))
    await state.merge({"reason": "Same."})
    assert "has changed since you looked" in state.problem
    assert "2 fills" in state.what["moves"]
    await state.merge({"reason": "Same."})
    assert state.problem == ""


async def test_a_colleague_who_merged_first_is_named(
    house: Database, clock: VirtualClock, shop: Shop, ada: str, twin: str
) -> None:
    state = await opened(house, clock, shop, ada)
    await state.look(twin)
    with house.transaction(shop.scope, clock) as tx:
        merge_patients(tx, ada, twin, reason="First.")
    await state.merge({"reason": "Second."})
    assert state.problem != ""
    assert state.what["kept"] == ""


async def test_another_record_is_searched_for_in_this_pharmacy_only(
    house: Database, clock: VirtualClock, shop: Shop, ada: str
) -> None:
    bob = make_patient(house, shop, first="Bob", last="Elsewhere")
    make_patient(house, make_shop(house, "other"), first="Bob", last="Elsewhere")
    state = await opened(house, clock, shop, ada)
    assert state.found == []
    await state.search_duplicate("elsewh")
    assert [one["id"] for one in state.found] == [bob]
    await state.look(bob)
    await state.another()
    assert (state.looking, state.what["kept"]) == (False, "")
    await state.keep_apart()
    assert not state.merge_open


async def test_a_technician_cannot_merge(
    house: Database, clock: VirtualClock, shop: Shop, ada: str, twin: str
) -> None:
    state = await opened(house, clock, shop, ada, Role.TECHNICIAN)
    assert (state.merge_open, state.found) == (False, [])
    assert state.problem != ""
