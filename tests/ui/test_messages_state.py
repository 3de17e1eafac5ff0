"""The messages page's handlers: what they show, do and refuse, through the guard."""

from datetime import timedelta

import pytest

from medsync_app.clock import VirtualClock
from medsync_app.domain.states import ActionState, Channel, Role
from medsync_app.store.session import Database
from medsync_app.store.tables import Attempt
from medsync_app.ui.states.messages import MessagesState
from tests.services.test_edit_message import OWN, message, stored
from tests.support.screens import make_message
from tests.support.staff import page_state, signed_in
from tests.support.store import NOW, Shop, make_patient, make_shop


async def opened(house: Database, clock: VirtualClock, shop: Shop, role: Role, path: str) -> MessagesState:
    state = page_state(MessagesState, signed_in(house, clock, shop, role), path)
    await state.load()
    assert state.problem == ""
    return state


@pytest.mark.usefixtures("owner_looks_only")
async def test_the_address_names_the_tab_and_the_open_message(house: Database, clock: VirtualClock) -> None:
    shop = make_shop(house)
    patient = make_patient(house, shop)
    held = make_message(house, shop, patient, due_at=NOW, state=ActionState.HELD, reason="A person decides.")
    state = await opened(house, clock, shop, Role.OWNER, f"/messages?tab=held&open={held}")
    assert [(row["name"], row["state"], row["reason"]) for row in state.rows] == [
        ("Example, Ada", "held", "A person decides.")
    ]
    assert state.rows[0]["href"] == f"/messages?tab=held&open={held}"
    assert state.panel_open
    # Who may only look gets no buttons.
    assert not any(state.detail[key] for key in ("can_cancel", "can_edit", "can_again", "can_settle"))


async def test_an_unknown_tab_or_message_shows_what_there_is(house: Database, clock: VirtualClock) -> None:
    shop = make_shop(house)
    state = page_state(
        MessagesState, signed_in(house, clock, shop, Role.TECHNICIAN), "/messages?tab=other&open=unknown"
    )
    await state.load()
    assert (state.tab, state.loaded, state.panel_open) == ("coming", True, False)
    assert "not there any more" in state.problem


async def test_a_message_is_cancelled_after_a_question(house: Database, clock: VirtualClock) -> None:
    shop = make_shop(house)
    action = message(house, shop)
    state = await opened(house, clock, shop, Role.TECHNICIAN, f"/messages?open={action}")
    await state.confirm()
    assert (state.problem, stored(house, action).state) == (
        "There is nothing to confirm.",
        ActionState.QUEUED,
    )
    await state.ask("burn")
    assert state.question == ""
    await state.ask("cancel")
    assert state.question == "cancel"
    await state.confirm()
    assert stored(house, action).state is ActionState.SUPPRESSED
    assert (state.notice, state.question) == ("Cancelled: the message does not go out.", "")
    assert state.detail["state"] == "suppressed"
    assert state.counts["unsent"] == 1


async def test_a_refused_wording_stays_in_the_field(house: Database, clock: VirtualClock) -> None:
    shop = make_shop(house)
    action = message(house, shop)
    state = await opened(house, clock, shop, Role.TECHNICIAN, f"/messages?open={action}")
    await state.edit()
    assert state.draft == state.detail["body"]
    await state.save_wording({"wording": "Come by."})
    assert (state.draft, state.editing, state.problem_field) == ("Come by.", True, "wording")
    await state.save_wording({"wording": OWN})
    assert (state.problem, state.editing, state.detail["body"], state.detail["own"]) == ("", False, OWN, True)
    await state.usual_wording()
    assert not state.detail["own"]


async def test_a_doubt_is_settled_by_hand(house: Database, clock: VirtualClock) -> None:
    shop = make_shop(house)
    action = message(house, shop, state=ActionState.IN_DOUBT, attempts=1, body="Hello")
    with house.transaction(shop.scope, clock) as tx:
        tx.add(
            Attempt(
                pharmacy_id=shop.pharmacy_id, action_id=action, number=1, channel=Channel.SMS,
                address="+14045550123", started_at=NOW - timedelta(minutes=5), outcome="in_doubt",
            )
        )  # fmt: skip
    state = await opened(house, clock, shop, Role.TECHNICIAN, f"/messages?tab=doubt&open={action}")
    await state.ask("arrived")
    await state.confirm()
    assert (state.problem, stored(house, action).state) == ("", ActionState.SENT)
    # Somebody else was faster: the page says so and shows what it is now.
    await state.ask("lost")
    await state.confirm()
    assert "not in doubt any more" in state.problem
    assert stored(house, action).state is ActionState.SENT


@pytest.mark.usefixtures("owner_looks_only")
async def test_an_owner_cannot_touch_messages(house: Database, clock: VirtualClock) -> None:
    shop = make_shop(house)
    action = message(house, shop)
    state = await opened(house, clock, shop, Role.OWNER, f"/messages?open={action}")
    for act in (state.edit(), state.ask("cancel"), state.confirm(), state.save_wording({"wording": OWN})):
        await act
        assert "Your role does not include this" in state.problem
    assert stored(house, action).payload.get("own_wording") is None


async def test_closing_takes_the_message_out_of_the_address(house: Database, clock: VirtualClock) -> None:
    shop = make_shop(house)
    action = message(house, shop)
    state = await opened(house, clock, shop, Role.TECHNICIAN, f"/messages?page=1&open={action}&at=main")
    event = await state.close()
    assert not state.panel_open
    assert "/messages?at=main" in str(event.args)
