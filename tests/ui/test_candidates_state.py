"""The handlers of Candidates: the list first, the planned dates after it."""

from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from medsync_app.clock import VirtualClock
from medsync_app.domain.states import Role
from medsync_app.reads.candidates import Candidate
from medsync_app.store.session import Database
from medsync_app.ui.states.candidates import CandidatesState, offer_words
from tests.support.adherent import monthly
from tests.support.screens import TODAY, make_therapy
from tests.support.staff import page_state, signed_in
from tests.support.store import Shop, make_patient

RECENT = monthly(TODAY - timedelta(days=150), 6)


def person(database: Database, shop: Shop, first: str, drugs: int = 2) -> str:
    patient = make_patient(database, shop, first=first)
    for drug in ("Lisinopril 10 mg", "Metformin 500 mg", "Atorvastatin 20 mg")[:drugs]:
        make_therapy(database, shop, patient, drug, fills=RECENT)
    return patient


async def finish(steps: Any) -> None:
    """Run a handler that shows its work in steps."""
    assert isinstance(steps, AsyncGenerator)
    async for _ in steps:
        pass


async def opened(
    house: Database, clock: VirtualClock, shop: Shop, path: str = "/candidates"
) -> CandidatesState:
    state = page_state(CandidatesState, signed_in(house, clock, shop, Role.TECHNICIAN), path)
    await finish(state.load())
    return state


async def test_the_list_is_there_before_the_dates_are_planned(
    house: Database, clock: VirtualClock, shop: Shop
) -> None:
    person(house, shop, "Ada")
    state = page_state(CandidatesState, signed_in(house, clock, shop), "/candidates")
    steps: Any = state.load()
    await anext(steps)
    assert [(row["name"], row["planned"], row["next"]["text"]) for row in state.rows] == [
        ("Example, Ada", False, "")
    ]
    await finish(steps)
    assert state.rows[0]["planned"]
    assert state.rows[0]["next"]["text"] != ""
    assert state.rows[0]["next"]["tone"] == "neutral"


async def test_a_line_says_what_a_patient_takes(house: Database, clock: VirtualClock, shop: Shop) -> None:
    person(house, shop, "Ada", 3)
    row = (await opened(house, clock, shop)).rows[0]
    assert (row["count"], row["drugs"]) == ("3", "atorvastatin, lisinopril and metformin")
    assert row["all_drugs"] == "Atorvastatin 20 mg, Lisinopril 10 mg, Metformin 500 mg"
    assert (row["visits"], row["pdc"], row["low"]) == ("1.2", "100%", False)


async def test_filter_and_order_live_in_the_address(house: Database, clock: VirtualClock, shop: Shop) -> None:
    person(house, shop, "Ada")
    person(house, shop, "Ben", 3)
    state = await opened(house, clock, shop, "/candidates?sort=name&show=visits")
    assert state.rows == []
    assert state.filters[""] == "/candidates?sort=name"
    assert state.heads["name"] == "/candidates?show=visits&sort=-name"
    assert state.heads["drugs"] == "/candidates?show=visits&sort=-drugs"
    assert state.heads["visits"] == "/candidates?show=visits"
    strange = page_state(
        CandidatesState, signed_in(house, clock, shop, Role.OWNER), "/candidates?sort=x&show=y&page=z"
    )
    await finish(strange.load())
    assert (len(strange.rows), strange.problem) == (2, "")


async def test_the_search_keeps_names_out_of_addresses(
    house: Database, clock: VirtualClock, shop: Shop
) -> None:
    person(house, shop, "Ada")
    person(house, shop, "Ben")
    state = await opened(house, clock, shop)
    await finish(state.search("ben"))
    assert [row["name"] for row in state.rows] == ["Example, Ben"]
    addresses = [*state.heads.values(), *state.filters.values(), state.next_href, state.previous_href]
    assert not [address for address in addresses if "ben" in address]


async def test_polling_keeps_the_dates_already_planned(
    house: Database, clock: VirtualClock, shop: Shop
) -> None:
    person(house, shop, "Ada")
    state = await opened(house, clock, shop)
    await finish(state.poll())
    person(house, shop, "Ben")
    steps: Any = state.poll()
    await anext(steps)
    assert {row["name"]: row["planned"] for row in state.rows} == {
        "Example, Ada": True,
        "Example, Ben": False,
    }
    await finish(steps)
    assert all(row["planned"] for row in state.rows)


async def test_a_visitor_is_led_to_sign_in(house: Database, shop: Shop) -> None:
    person(house, shop, "Ada")
    state = page_state(CandidatesState, None, "/candidates")
    answers = [step async for step in state.load()]
    assert answers[-1] is not None
    assert state.rows == []


async def test_asking_and_a_no_are_noted_on_the_line(
    house: Database, clock: VirtualClock, shop: Shop
) -> None:
    patient = person(house, shop, "Ada")
    state = await opened(house, clock, shop)
    assert (state.rows[0]["offer"], state.rows[0]["may_decline"]) == ("", True)
    await finish(state.ask(patient))
    assert (state.rows[0]["offer"], state.notice) == ("asked Mon 23 Nov", "Noted: asked.")
    await finish(state.decline(patient))
    assert (state.rows[0]["offer"], state.rows[0]["may_decline"]) == ("said no Mon 23 Nov", False)


def test_an_offer_of_another_year_names_it() -> None:
    one = Candidate("p1", "s1", "Ada", "Example", (), (), 2.0, 0.9, asked_on=date(2025, 12, 30))
    assert offer_words(one, date(2026, 1, 5)) == "asked Tue 30 Dec 2025"
    assert offer_words(replace(one, declined_on=date(2026, 1, 2)), date(2026, 1, 5)) == "said no Fri 2 Jan"
