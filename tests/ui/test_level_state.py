"""The handlers of Level and of the order list: moves with names, some of them made, and each location by itself."""

from typing import Any

import pytest

from medsync_app.clock import VirtualClock
from medsync_app.domain.states import Role
from medsync_app.store.session import Database
from medsync_app.store.tables import Cycle
from medsync_app.ui import format as say
from medsync_app.ui.states import base
from medsync_app.ui.states.level import LevelState
from medsync_app.ui.states.order_list import OrderListState
from tests.support.programme import Clinic, enroll_recommended, even_patient
from tests.support.staff import make_session, make_staff, page_state, signed_in, visit
from tests.support.store import Shop, make_shop

pytestmark = pytest.mark.slow


@pytest.fixture
def shop(house: Database, clock: VirtualClock) -> Shop:
    """Three patients on one day."""
    made = make_shop(house)
    clinic = Clinic(house, made, clock)
    for first in ("Ada", "Ben", "Cy"):
        enroll_recommended(clinic, even_patient(clinic, days_ago=10, first=first)[0])
    return made


async def opened(house: Database, clock: VirtualClock, shop: Shop) -> LevelState:
    state = page_state(LevelState, signed_in(house, clock, shop, Role.TECHNICIAN), "/calendar/level")
    await state.look()
    return state


def ticked(*rows: Any) -> dict[str, Any]:
    return {row["field"]: "on" for row in rows}


async def test_the_moves_are_shown_with_names_and_loads(
    house: Database, clock: VirtualClock, shop: Shop
) -> None:
    state = await opened(house, clock, shop)
    assert (state.peak_before, state.peak_after) == ("3", "1")
    assert {row["name"] for row in state.rows} < {"Example, Ada", "Example, Ben", "Example, Cy"}
    assert len(state.rows) == 2
    assert state.kept == ["1 well where they are"]
    assert [(row["before"], row["after"]) for row in state.load if row["before"] == "3"] == [("3", "1")]


async def test_one_of_the_moves_is_made_and_the_other_is_offered_again(
    house: Database, clock: VirtualClock, shop: Shop
) -> None:
    state = await opened(house, clock, shop)
    first, second = state.rows
    await state.move(ticked(first))
    assert state.notice == "1 pickup moved."
    assert [row["id"] for row in state.rows] == [second["id"]]
    with house.reading(shop.scope, clock) as tx:
        days = [tx.get(Cycle, row["id"]).sync_date for row in (first, second)]
        assert say.day(days[0]) == first["to_day"]["text"]
        assert say.day(days[1]) == second["from_day"]["text"]


async def test_a_refused_move_says_why(house: Database, clock: VirtualClock, shop: Shop) -> None:
    state = await opened(house, clock, shop)
    row = state.rows[0]
    with house.transaction(shop.scope, clock) as tx:
        tx.get(Cycle, row["id"]).version += 1
    await state.move(ticked(row))
    assert "0 pickups moved. 1 move refused" in state.notice
    assert "was changed by" in next(one for one in state.rows if one["id"] == row["id"])["refused"]


@pytest.mark.parametrize("form", [{}, {"move-another": "on"}])
async def test_nothing_ticked_or_something_else_is_refused(
    house: Database, clock: VirtualClock, shop: Shop, form: dict[str, str]
) -> None:
    state = await opened(house, clock, shop)
    await state.move(form)
    assert (state.problem, state.problem_field) == ("Tick at least one of the moves.", "moves")
    assert len(state.rows) == 2


def _unreadable(*_: Any) -> Any:
    raise OSError


async def test_with_several_locations_one_must_be_chosen(
    house: Database, clock: VirtualClock, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = make_shop(house, "other")
    roles = {shop.pharmacy_id: Role.PHARMACIST, other.pharmacy_id: Role.PHARMACIST}
    staff = make_staff(house, clock, roles, organization_id=shop.organization_id)
    secret = make_session(house, clock, staff)
    state = page_state(LevelState, secret, "/calendar/level")
    await state.look()
    assert [place["href"] for place in state.choose] == [
        "/calendar/level?at=main",
        "/calendar/level?at=other",
    ]
    assert state.rows == []
    visit(state, secret, "/calendar/level?at=other")
    with monkeypatch.context() as patch:
        patch.setattr(base, "_reading", _unreadable)
        await state.look()
    assert not state.loaded, "moves that cannot be read are not shown as days that are level"
    await state.look()
    assert state.loaded
    assert (state.choose, state.rows) == ([], [])
    state = page_state(LevelState, secret, "/calendar/level?at=main")
    await state.look()
    assert len(state.rows) == 2


async def test_the_order_list_shows_units_by_drug_and_day(
    house: Database, clock: VirtualClock, shop: Shop
) -> None:
    state = page_state(OrderListState, signed_in(house, clock, shop), "/calendar/order?days=30")
    await state.load()
    assert [(row["drug"], row["units"], row["fills"], len(row["days"])) for row in state.rows] == [
        ("Atorvastatin 20 MG", "90", "3", 1),
        ("Lisinopril 10 MG", "90", "3", 1),
    ]
    assert "2 medicines, 180 units for 6 fills" in state.summary
    state = page_state(OrderListState, signed_in_elsewhere(house, clock), "/calendar/order")
    await state.load()
    assert (state.rows, state.days) == ([], 14)


def signed_in_elsewhere(house: Database, clock: VirtualClock) -> str:
    return signed_in(house, clock, make_shop(house, "elsewhere"))
