"""The guard as a stranger with a raw socket meets it."""

import json
from typing import Any

import pytest
from sqlalchemy import select

import medsync_app.ui.pages.registry  # noqa: F401  every state of the app is known
from medsync_app.auth.caller import Caller
from medsync_app.auth.guard import handler
from medsync_app.auth.permissions import Permission
from medsync_app.clock import VirtualClock
from medsync_app.domain.states import Role
from medsync_app.store.session import Database, Tx
from medsync_app.store.tables import Patient, StaffSession
from medsync_app.ui.states.base import AppState
from tests.support.staff import signed_in
from tests.support.store import SYSTEM, Shop, make_patient, make_shop

pytestmark = pytest.mark.slow


def _name_of(tx: Tx, patient_id: str) -> str:
    return tx.get(Patient, patient_id).last_name


def _rename(tx: Tx, patient_id: str, name: str) -> None:
    tx.get(Patient, patient_id).last_name = name


class SocketState(AppState):
    """A page state to knock at."""

    shown: str = ""
    progress: int = 0

    @handler(Permission.VIEW_PATIENTS)
    async def look(self, caller: Caller, patient_id: str) -> None:
        self.shown = await self._read(caller, _name_of, patient_id)

    @handler(Permission.APPROVE_PLAN)
    async def rename(self, caller: Caller, patient_id: str, name: str) -> None:
        await self._command(caller, _rename, patient_id, name)
        self._say("Renamed.")

    @handler(Permission.VIEW_PATIENTS, background=True)
    async def work(self, caller: Caller, patient_id: str) -> None:
        name = await self._read(caller, _name_of, patient_id)
        for step in (1, 2):
            async with self:
                self.progress = step
                self.shown = name

    async def helper_somebody_forgot_to_hide(self) -> None:
        self.shown = "unguarded"


NAME = SocketState.get_full_name()
SHELL = AppState.get_full_name()


@pytest.fixture
def shop(house: Database) -> Shop:
    return make_shop(house)


def _last_name(database: Database, patient_id: str) -> str:
    with database.reading(SYSTEM) as tx:
        return tx.get(Patient, patient_id).last_name


async def test_a_stranger_is_sent_to_sign_in_and_changes_nothing(
    tab: Any, house: Database, shop: Shop
) -> None:
    patient = make_patient(house, shop)
    client = await tab()
    for payload in ({"patient_id": patient, "name": "Changed"}, {}, {"caller": {"staff_id": "x"}}):
        answer = json.dumps(await client.send(f"{NAME}.rename", payload))
        assert "/sign-in?problem=idle" in answer
    assert "Example" not in json.dumps(await client.send(f"{NAME}.look", {"patient_id": patient}))
    assert _last_name(house, patient) == "Example"


async def test_somebody_signed_in_works_and_never_gets_the_secret_sent(
    tab: Any, house: Database, clock: VirtualClock, shop: Shop
) -> None:
    patient = make_patient(house, shop)
    secret = signed_in(house, clock, shop)
    client = await tab(secret)
    assert "Example" in json.dumps(await client.send(f"{NAME}.look", {"patient_id": patient}))
    await client.send(f"{NAME}.rename", {"patient_id": patient, "name": "Changed"})
    await client.send("reflex___state____state.hydrate")
    await client.send("reflex___state____state.hydrate_and_load", {"vars": {}, "hashes": []})
    assert _last_name(house, patient) == "Changed"
    assert secret not in json.dumps(client.updates)
    assert "session_hash" not in json.dumps(client.updates)


async def test_a_technician_cannot_approve(
    tab: Any, house: Database, clock: VirtualClock, shop: Shop
) -> None:
    patient = make_patient(house, shop)
    client = await tab(signed_in(house, clock, shop, Role.TECHNICIAN))
    answer = await client.send(f"{NAME}.rename", {"patient_id": patient, "name": "Changed"})
    assert "role does not include this" in json.dumps(answer)
    assert _last_name(house, patient) == "Example"


async def test_ids_of_another_pharmacy_are_not_found(
    tab: Any, house: Database, clock: VirtualClock, shop: Shop
) -> None:
    other = make_patient(house, make_shop(house, "other"))
    client = await tab(signed_in(house, clock, shop))
    answer = await client.send(f"{NAME}.rename", {"patient_id": other, "name": "Changed"}, "/?at=other")
    assert "not there any more" in json.dumps(answer)
    assert _last_name(house, other) == "Example"


MALFORMED_ARGUMENTS: list[dict[str, Any]] = [
    {"patient_id": 5, "name": "x"}, {"patient_id": ["a"], "name": "x"}, {"patient_id": {"a": 1}, "name": "x"},
    {"patient_id": None, "name": "x"}, {"name": "x"}, {"patient_id": "p", "name": "x", "caller": {}},
    {"patient_id": "p", "name": "x", "self": 1}, {"patient_id": "p", "name": True}, {"": ""},
]  # fmt: skip


async def test_malformed_arguments_are_refused(
    tab: Any, house: Database, clock: VirtualClock, shop: Shop
) -> None:
    client = await tab(signed_in(house, clock, shop))
    for payload in MALFORMED_ARGUMENTS:
        await client.send(f"{SHELL}.dismiss_problem")
        answer = json.dumps(await client.send(f"{NAME}.rename", payload))
        assert "Renamed" not in answer, payload
        assert "Reload the page" in answer or "did not work" in answer, payload


MALFORMED_EVENTS: list[Any] = [
    "not json", 5, None, [], {}, {"name": 5}, {"name": None, "payload": []}, {"name": f"{NAME}.rename"},
    {"name": f"{NAME}.rename", "payload": "x"}, {"name": f"{NAME}.rename", "payload": [], "router_data": []},
    {"name": f"{NAME}.rename", "payload": {}, "router_data": {"headers": {"cookie": "medsync=x"}}},
    {"name": "no.such.handler", "payload": {}}, {"name": f"{NAME}.__class__", "payload": {}},
]  # fmt: skip


async def test_malformed_events_change_nothing_and_leave_the_server_working(
    tab: Any, house: Database, clock: VirtualClock, shop: Shop
) -> None:
    patient = make_patient(house, shop)
    client = await tab(signed_in(house, clock, shop))
    for data in MALFORMED_EVENTS:
        assert "Renamed" not in json.dumps(await client.send_raw(data)), data
    after = await tab(signed_in(house, clock, shop, Role.TECHNICIAN))
    assert "Example" in json.dumps(await after.send(f"{NAME}.look", {"patient_id": patient}))


async def test_headers_in_an_event_are_no_session(
    tab: Any, house: Database, clock: VirtualClock, shop: Shop
) -> None:
    patient = make_patient(house, shop)
    cookie = f"medsync={signed_in(house, clock, shop)}"
    client = await tab()
    answer = await client.send(
        f"{NAME}.look", {"patient_id": patient}, router_data={"headers": {"cookie": cookie}, "pathname": "/"}
    )
    assert "Example" not in json.dumps(answer)


async def test_a_revoked_session_is_refused_at_the_next_event_and_what_was_shown_goes(
    tab: Any, house: Database, clock: VirtualClock, shop: Shop
) -> None:
    patient = make_patient(house, shop)
    client = await tab(signed_in(house, clock, shop))
    await client.send(f"{NAME}.look", {"patient_id": patient})
    with house.transaction(SYSTEM, clock) as tx:
        tx.session.scalars(select(StaffSession)).one().ended_at = tx.now
    answer = json.dumps(await client.send(f"{NAME}.look", {"patient_id": patient}))
    assert "/sign-in" in answer
    assert "Example" not in answer
    assert "Example" not in json.dumps(await client.send("reflex___state____state.hydrate"))


async def test_a_tab_opened_again_without_its_session_is_shown_nothing_of_it(
    tab: Any, house: Database, clock: VirtualClock, shop: Shop
) -> None:
    patient = make_patient(house, shop)
    first = await tab(signed_in(house, clock, shop))
    await first.send(f"{NAME}.look", {"patient_id": patient})
    assert "Example" in json.dumps(await first.send("reflex___state____state.hydrate"))
    await first.close()
    for secret in (None, "x" * 43, signed_in(house, clock, shop, Role.TECHNICIAN)):
        again = await tab(secret, token=first.token)
        assert "Example" not in json.dumps(await again.send("reflex___state____state.hydrate"))
        await again.close()


NO_HANDLERS: list[tuple[str, dict[str, Any]]] = [
    ("setvar", {"var_name": "shown", "value": "set"}),
    ("set_shown", {"value": "set"}),
    ("helper_somebody_forgot_to_hide", {}),
    ("_say", {"text": "set"}),
    ("_forget", {}),
    ("reset", {}),
]


async def test_what_is_no_guarded_handler_cannot_be_called(
    tab: Any, house: Database, clock: VirtualClock, shop: Shop
) -> None:
    patient = make_patient(house, shop)
    client = await tab(signed_in(house, clock, shop))
    assert "Example" in json.dumps(await client.send(f"{NAME}.look", {"patient_id": patient}))
    for name, payload in NO_HANDLERS:
        await client.send(f"{NAME}.{name}", payload)
    assert '"shown_rx_state_": "Example"' in json.dumps(await client.send("reflex___state____state.hydrate"))
    after = json.dumps(client.updates)
    assert '"set"' not in after
    assert "unguarded" not in after


async def test_variables_cannot_be_set_as_browser_storage(
    tab: Any, house: Database, clock: VirtualClock, shop: Shop
) -> None:
    client = await tab(signed_in(house, clock, shop))
    variables = {f"{NAME}.shown": "set", f"{NAME}.shown_rx_state_": "set", f"{NAME}._session_hash": "set"}
    update = "reflex___state____state.reflex___state____update_vars_internal_state.update_vars_internal"
    await client.send(update, {"vars": variables})
    await client.send("reflex___state____state.hydrate_and_load", {"vars": variables, "hashes": []})
    assert '"shown_rx_state_": ""' in json.dumps(client.updates)
    assert '"set"' not in json.dumps(client.updates)


async def test_a_background_handler_is_guarded_and_shows_progress(
    tab: Any, house: Database, clock: VirtualClock, shop: Shop
) -> None:
    patient = make_patient(house, shop)
    stranger = await tab()
    refused = json.dumps(await stranger.send(f"{NAME}.work", {"patient_id": patient}))
    assert "/sign-in" in refused
    assert "Example" not in refused
    client = await tab(signed_in(house, clock, shop))
    done = json.dumps(await client.send(f"{NAME}.work", {"patient_id": patient}))
    assert '"progress_rx_state_": 2' in done
    other = make_patient(house, make_shop(house, "other"))
    assert "not there any more" in json.dumps(await client.send(f"{NAME}.work", {"patient_id": other}))
