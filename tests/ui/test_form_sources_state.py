"""Settings: the addresses of forms of others, what came and what was refused, and the mapping of their questions."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from medsync_app.clock import VirtualClock
from medsync_app.domain.states import JoinOrigin, Role
from medsync_app.services.take_submission import note_refusal
from medsync_app.settings import get_settings
from medsync_app.store.session import Database
from medsync_app.store.tables import AuditEvent, FormSource
from medsync_app.ui.states.settings_form_sources import FormSourcesState
from tests.support.forms import SECRETS
from tests.support.staff import page_state, signed_in
from tests.support.store import SYSTEM, Shop, make_shop

pytestmark = pytest.mark.slow


async def tab(house: Database, clock: VirtualClock, shop: Shop, role: Role = Role.OWNER) -> FormSourcesState:
    state = page_state(FormSourcesState, signed_in(house, clock, shop, role), "/settings?tab=join")
    await state.load_sources()
    return state


def kept(house: Database) -> list[FormSource]:
    with house.reading(SYSTEM) as tx:
        return list(tx.session.scalars(select(FormSource)))


async def test_each_sender_has_its_address_and_says_what_is_missing(
    house: Database, clock: VirtualClock, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = await tab(house, clock, shop)
    assert [one["address"].removeprefix(get_settings().medsync_public_url) for one in state.sources] == [
        "/api/v1/forms/typeform/main", "/api/v1/forms/google/main", "/api/v1/events/main",
        "/api/v1/events/main/pioneerrx",
    ]  # fmt: skip
    assert {one["state"] for one in state.sources} == {"Not set up"}
    assert "TYPEFORM_WEBHOOK_SECRET" in state.sources[0]["detail"]
    monkeypatch.setenv("TYPEFORM_WEBHOOK_SECRET", SECRETS["TYPEFORM_WEBHOOK_SECRET"])
    get_settings.cache_clear()
    await state.load_sources()
    assert (state.sources[0]["state"], state.sources[1]["state"]) == ("Ready", "Not set up")
    assert "Nobody else reaches" in state.sources[0]["detail"]
    assert all(secret not in str(state.sources) for secret in SECRETS.values())
    monkeypatch.undo()
    get_settings.cache_clear()


async def test_what_was_refused_appears_with_the_reason(
    house: Database, clock: VirtualClock, shop: Shop
) -> None:
    state = await tab(house, clock, shop)
    assert (state.sources[0]["received"], state.sources[0]["refused"]) == ("nothing yet", "")
    await state.poll_sources()
    with house.transaction(SYSTEM, clock) as tx:
        note_refusal(tx, shop.pharmacy_id, JoinOrigin.TYPEFORM, "The body is not JSON.")
    clock.advance(timedelta(minutes=5))
    await state.poll_sources()
    assert state.sources[0]["refused"].endswith(": The body is not JSON.")
    assert state.sources[1]["refused"] == ""


async def test_a_mapping_is_changed_for_one_pharmacy_and_taken_back(
    house: Database, clock: VirtualClock, shop: Shop
) -> None:
    make_shop(house, "other")
    state = await tab(house, clock, shop)
    await state.edit("typeform")
    values = {one["name"]: one["value"] for one in state.fields}
    assert values["map_first_name"].startswith("First name; ")
    assert "map_source_id" not in values, "people do not know it"
    await state.save_mapping(
        values | {"map_first_name": "Wie heißen Sie? ; Ruf name", "map_yes": "Sure", "map_spoken": "es"}
    )
    assert (state.problem, state.editing, state.notice[:6]) == ("", "", "Saved.")
    own = kept(house)
    assert [(one.pharmacy_id, one.origin) for one in own] == [(shop.pharmacy_id, JoinOrigin.TYPEFORM)]
    assert own[0].mapping["fields"]["first_name"] == ["Wie heißen Sie?", "Ruf name"]
    assert (own[0].mapping["yes"], own[0].mapping["language"]) == (["Sure"], "es")
    assert own[0].mapping["fields"]["language"] == ["Language", "Preferred language", "Idioma"]
    assert state.sources[0]["is_own"]
    await state.edit("typeform")
    assert state.yes == "Sure"
    await state.use_preset()
    assert kept(house)[0].mapping == {}
    with house.reading(SYSTEM) as tx:
        acts = [row.act for row in tx.session.scalars(select(AuditEvent)) if "mapping" in row.act]
    assert acts == ["change_form_mapping"] * 2


async def test_how_pioneerrx_is_read_is_changed_like_a_form(
    house: Database, clock: VirtualClock, shop: Shop
) -> None:
    state = await tab(house, clock, shop)
    await state.edit("pioneerrx")
    values = {one["name"]: one["value"] for one in state.fields}
    assert (state.is_form, values["map_rx_number"], values["map_cell"]) == (False, "Body.Rx.RxNumber", "")
    assert values["map_rx.ready"] == "ReadyForPickup; ReadyForDelivery; WillCall"
    await state.save_mapping(values | {"map_rx.ready": "Shelved", "map_cell": "Body.Patient.Cell"})
    assert (state.problem, state.editing) == ("", "")
    (own,) = kept(house)
    assert (own.origin, own.mapping["events"]["rx.ready"]) == (JoinOrigin.PIONEERRX, ["Shelved"])
    assert own.mapping["fields"]["cell"] == ["Body.Patient.Cell"]
    for change, field in (
        ({"map_event": ""}, "map_event"), ({"map_rx.sold": "Shelved"}, "map_rx.sold"),
        ({"map_ignored": "shelved"}, "map_ignored"), ({"map_cell": "x" * 301}, "map_cell"),
    ):  # fmt: skip
        await state.edit("typeform")
        await state.edit("pioneerrx")
        values = {one["name"]: one["value"] for one in state.fields}
        await state.save_mapping(values | change)
        assert (state.problem_field, state.editing) == (field, "pioneerrx")
    assert kept(house)[0].mapping == own.mapping
    await state.use_preset()
    assert kept(house)[0].mapping == {}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"map_phone": "First name"}, "map_phone"), ({"map_spoken": "fr"}, "map_spoken"),
        ({"map_yes": "x" * 301}, "map_yes"), ({"map_email": "; ".join(map(str, range(21)))}, "map_email"),
    ],
)  # fmt: skip
async def test_a_mistake_is_said_at_its_field(
    house: Database, clock: VirtualClock, shop: Shop, change: dict[str, str], field: str
) -> None:
    state = await tab(house, clock, shop)
    await state.edit("google_form")
    values = {one["name"]: one["value"] for one in state.fields} | {"map_yes": "Yes", "map_spoken": "en"}
    await state.save_mapping(values | change)
    assert (state.problem_field, state.editing) == (field, "google_form")
    assert kept(house) == []


async def test_only_an_owner_may_and_only_of_forms_there_are(
    house: Database, clock: VirtualClock, shop: Shop
) -> None:
    other = await tab(house, clock, shop, Role.PHARMACIST)
    assert "Your role does not include this" in other.problem
    assert other.sources == []
    state = await tab(house, clock, shop)
    for origin in ("form", "nothing", ""):
        await state.edit(origin)
        assert "no such form" in state.problem
    await state.use_preset()
    assert "no such form" in state.problem
