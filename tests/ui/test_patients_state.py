"""The handlers of Patients and of the search in the top bar."""

from medsync_app.clock import VirtualClock
from medsync_app.domain.states import Role
from medsync_app.store.session import Database
from medsync_app.ui.states.patients import PatientsState
from medsync_app.ui.states.shell import ShellState
from tests.support.screens import TODAY, make_batch
from tests.support.staff import page_state, signed_in
from tests.support.store import Shop, make_patient, make_shop


async def opened(house: Database, clock: VirtualClock, shop: Shop, path: str) -> PatientsState:
    state = page_state(PatientsState, signed_in(house, clock, shop, Role.TECHNICIAN), path)
    await state.load()
    return state


async def test_the_address_holds_filter_and_order(house: Database, clock: VirtualClock, shop: Shop) -> None:
    ada, _ = make_patient(house, shop, first="Ada"), make_patient(house, shop, first="Ben")
    make_batch(house, shop, ada, (), on=TODAY)
    state = await opened(house, clock, shop, "/patients?show=enrolled&sort=-name")
    assert [row["name"] for row in state.rows] == ["Example, Ada"]
    assert state.filters["none"] == "/patients?show=none&sort=-name"
    assert state.heads["name"] == "/patients?show=enrolled"
    assert state.heads["next"] == "/patients?show=enrolled&sort=next"


async def test_what_is_searched_for_never_reaches_an_address(
    house: Database, clock: VirtualClock, shop: Shop
) -> None:
    for number in range(60):
        make_patient(house, shop, first=f"P{number:02d}")
    state = await opened(house, clock, shop, "/patients")
    await state.search("Example")
    assert state.summary == "1-50 of 60"
    addresses = [*state.heads.values(), *state.filters.values(), state.next_href, state.previous_href]
    assert state.next_href == "/patients?page=2"
    assert not [address for address in addresses if "xample" in address]


async def test_an_unknown_filter_and_order_show_everybody(
    house: Database, clock: VirtualClock, shop: Shop
) -> None:
    make_patient(house, shop)
    state = await opened(house, clock, shop, "/patients?show=x&sort=;drop&page=-1")
    assert (len(state.rows), state.group, state.sort, state.problem) == (1, "", "name", "")


async def test_the_top_search_finds_and_forgets(house: Database, clock: VirtualClock, shop: Shop) -> None:
    ada = make_patient(house, shop, phone="+14045550123")
    state = page_state(ShellState, signed_in(house, clock, shop))
    await state.search("exam")
    assert [hit["id"] for hit in state.hits] == [ada]
    await state.search("zzz")
    assert (state.hits, state.nothing_found) == ([], True)
    await state.search("z")
    assert (state.searching, state.nothing_found) == (False, False)


async def test_nobody_finds_another_pharmacys_patient(
    house: Database, clock: VirtualClock, shop: Shop
) -> None:
    make_patient(house, shop)
    other = make_shop(house, "other")
    state = page_state(ShellState, signed_in(house, clock, other))
    await state.search("exam")
    assert state.hits == []


async def test_a_visitor_is_led_to_sign_in(house: Database, shop: Shop) -> None:
    make_patient(house, shop)
    state = page_state(PatientsState, None, "/patients")
    answer = await state.load()
    assert answer is not None
    assert state.rows == []
