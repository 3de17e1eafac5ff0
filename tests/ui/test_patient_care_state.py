"""The card of what adherence leaves out: recorded, corrected, removed, and refused with the mistake named."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from medsync_app.clock import VirtualClock
from medsync_app.domain.states import Role
from medsync_app.store.session import Database
from medsync_app.store.tables import PatientCare
from medsync_app.ui.states.patient_care import NOTHING, PatientCareState
from tests.support.screens import TODAY
from tests.support.staff import page_state, signed_in
from tests.support.store import SYSTEM, Shop, make_patient, make_shop

pytestmark = pytest.mark.slow


@pytest.fixture
def shop(house: Database) -> Shop:
    return make_shop(house)


@pytest.fixture
def ada(house: Database, shop: Shop) -> str:
    return make_patient(house, shop)


async def opened(
    house: Database, clock: VirtualClock, shop: Shop, patient_id: str, role: Role = Role.TECHNICIAN
) -> PatientCareState:
    secret = signed_in(house, clock, shop, role)
    state = page_state(PatientCareState, secret, f"/patient/{patient_id}")
    await state.load_care()
    return state


async def test_a_stay_is_recorded_corrected_and_removed(
    house: Database, clock: VirtualClock, shop: Shop, ada: str
) -> None:
    state = await opened(house, clock, shop, ada)
    assert (state.care, state.care_open) == ([], False)
    await state.ask_new()
    start, end = TODAY - timedelta(days=9), TODAY - timedelta(days=2)
    await state.save_care({"kind": "inpatient", "start": start.isoformat(), "end": ""})
    assert (state.problem, state.care_open) == ("", False)
    (line,) = state.care
    assert (line["label"], line["end"]) == ("Hospital stay", "")
    assert "until now" in line["days"]
    await state.ask_correction(line["id"])
    await state.save_care({"start": start.isoformat(), "end": end.isoformat()})
    assert [one["end"] for one in state.care] == [end.isoformat()]
    colleague = await opened(house, clock, shop, ada, Role.PHARMACIST)
    await colleague.poll()
    await state.ask_correction(line["id"])
    await state.remove_care()
    await colleague.poll()
    assert colleague.care == [], "an open page shows what a colleague removed"
    assert state.care == []
    with house.reading(SYSTEM) as tx:
        assert tx.session.scalars(select(PatientCare)).all() == []


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"kind": "inpatient", "start": ""}, "start"),
        ({"kind": "inpatient", "start": "soon"}, "start"),
        ({"kind": "", "start": "2026-01-01"}, "kind"),
        ({"kind": "esrd", "start": "2026-01-01", "end": "2026-02-01"}, "end"),
    ],
)
async def test_a_mistake_is_named_and_the_form_stays_open(
    house: Database, clock: VirtualClock, shop: Shop, ada: str, form: dict[str, str], field: str
) -> None:
    state = await opened(house, clock, shop, ada)
    await state.ask_new()
    await state.save_care(form)
    assert (state.problem_field, state.care_open, state.care) == (field, True, [])


async def test_a_record_that_is_gone_and_a_stranger_are_refused(
    house: Database, clock: VirtualClock, shop: Shop, ada: str
) -> None:
    state = await opened(house, clock, shop, ada)
    await state.ask_correction("made-up")
    assert (state.problem != "", state.asked) == (True, NOTHING)
    other = make_shop(house, "other")
    stranger = await opened(house, clock, other, ada)
    assert (stranger.problem != "", stranger.care) == (True, [])
