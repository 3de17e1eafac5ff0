"""What pages share: where a list ends, and what an address keeps at another location."""

from datetime import timedelta
from typing import Any

import pytest

from medsync_app.clock import VirtualClock
from medsync_app.domain.states import ActionState, ExceptionKind, Role
from medsync_app.reads import exceptions
from medsync_app.store.ids import new_id
from medsync_app.store.session import Database
from medsync_app.ui.states import exceptions as board
from medsync_app.ui.states.base import AppState
from medsync_app.ui.states.candidates import CandidatesState
from medsync_app.ui.states.messages import MessagesState
from medsync_app.ui.states.patients import PatientsState
from medsync_app.ui.states.settings_audit import AuditTabState
from medsync_app.ui.states.today import TodayState
from medsync_app.ui.states.viewing import view_elsewhere
from tests.support.screens import make_message, make_task
from tests.support.staff import page_state, signed_in
from tests.support.store import NOW, Shop, make_patient, make_shop
from tests.ui.test_candidates_state import finish, person

LISTS: tuple[tuple[type[AppState], str], ...] = (
    (PatientsState, "/patients?page=7"),
    (TodayState, "/?page=7"),
    (MessagesState, "/messages?tab=held&page=7"),
    (CandidatesState, "/candidates?page=7"),
    (AuditTabState, "/settings?tab=audit&page=7"),
)


@pytest.mark.parametrize(("kind", "path"), LISTS)
async def test_a_page_beyond_the_end_shows_the_last_one(
    house: Database, clock: VirtualClock, shop: Shop, kind: type[AppState], path: str
) -> None:
    patient = person(house, shop, "Ada")
    make_task(house, shop, ExceptionKind.CALL, patient_id=patient, due_at=NOW)
    make_message(house, shop, patient, due_at=NOW, state=ActionState.HELD, reason="A person decides.")
    state: Any = page_state(kind, signed_in(house, clock, shop, Role.OWNER), path)
    if kind is AuditTabState:
        await finish(state.verify())
        await state.open_tab()
    elif kind is CandidatesState:
        await finish(state.load())
    else:
        await state.load()
    assert (state.problem, len(state.rows) > 0, state.previous_href, state.next_href) == ("", True, "", "")


async def test_a_column_of_the_board_beyond_its_end_shows_its_last_page(
    house: Database, clock: VirtualClock, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (exceptions, board):
        monkeypatch.setattr(module, "PAGE_SIZE", 2)
    for hours in range(3):
        make_task(house, shop, ExceptionKind.CALL, due_at=NOW + timedelta(hours=hours))
    make_task(house, shop, ExceptionKind.REPLY, due_at=NOW)
    secret = signed_in(house, clock, shop, Role.OWNER)
    state = page_state(board.ExceptionsState, secret, "/exceptions?by=kind&column=call&page=7")
    await state.load()
    assert [(column["key"], len(column["cases"])) for column in state.columns] == [("call", 1)]
    assert state.pages == "3-3 of 3"


def test_another_location_keeps_filters_and_dates_but_nothing_of_the_one_place() -> None:
    asked = {
        "show": "low",
        "sort": "-pdc",
        "page": "3",
        "at": "main",
        "open": new_id(),
        "by": new_id(),
        "d": "",
    }
    assert view_elsewhere("/candidates", asked) == "/candidates?show=low&sort=-pdc"
    assert view_elsewhere("/calendar", {"view": "week", "d": "2026-12-01", "cycle": new_id()}) == (
        "/calendar?view=week&d=2026-12-01"
    )
    assert view_elsewhere("/", {"page": "2"}) == "/"


async def test_the_switch_of_location_leads_to_the_same_view(
    house: Database, clock: VirtualClock, shop: Shop
) -> None:
    make_patient(house, make_shop(house, "other"))
    state = page_state(AppState, signed_in(house, clock, shop), "/messages?tab=sent&page=2&at=main")
    await state.open_page()
    assert state.elsewhere == "/messages?tab=sent"
