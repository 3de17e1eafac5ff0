"""The handlers of Adherence: windows, tiles, charts without colours, and who may look."""

from datetime import timedelta
from typing import Any

import pytest

from medsync_app.clock import VirtualClock
from medsync_app.domain.states import Role
from medsync_app.store.session import Database
from medsync_app.ui.states import adherence
from medsync_app.ui.states.adherence import AdherenceState
from tests.support.adherent import YEAR_START, monthly, takes
from tests.support.screens import TODAY, make_batch
from tests.support.staff import make_session, make_staff, page_state, signed_in
from tests.support.store import Shop, make_shop

ALL_YEAR = monthly(YEAR_START, 11)
LATE = (YEAR_START, *monthly(YEAR_START + timedelta(days=95), 8))


async def finish(steps: Any) -> None:
    async for _ in steps:
        pass


async def opened(
    house: Database, clock: VirtualClock, shop: Shop, path: str = "/adherence", role: Role = Role.OWNER
) -> AdherenceState:
    state = page_state(AdherenceState, signed_in(house, clock, shop, role), path)
    await finish(state.load())
    return state


def series(figure: dict[str, Any], number: int) -> dict[str, Any]:
    return figure["data"][number]


async def test_the_page_shows_shares_with_their_benchmark(
    house: Database, clock: VirtualClock, shop: Shop
) -> None:
    takes(house, shop, "Metformin 500 mg", ALL_YEAR)
    takes(house, shop, "Metformin 500 mg", monthly(YEAR_START, 4, every=60), first="Ben")
    state = await opened(house, clock, shop)
    assert (state.loaded, state.nothing, state.counted) == (True, False, True)
    assert state.subtitle == "This year: 1 Jan 2026 to 23 Nov 2026."
    assert (state.share, state.share_of) == ("50%", "1 of 2 measurements")
    assert series(state.shares, 0)["x"] == ["Diabetes"]
    assert series(state.shares, 0)["y"] == [50.0]
    assert series(state.shares, 2)["y"] == [89.0]
    assert state.benchmarks == ["Diabetes 89 %: Medicare Star Ratings, MA-PD plans, 4 stars (2026)"]
    assert state.shares_lines[0]["third"] == "1 of 2 patients"
    assert state.shares_lines[1]["fourth"] == "none set"
    assert [line["second"] for line in state.bins_lines if line["second"] != "0"] == ["1", "1"]
    assert "50% (1 of 2 patients)" in state.shares_words


async def test_bars_below_the_goal_are_a_series_of_their_own(
    house: Database, clock: VirtualClock, shop: Shop
) -> None:
    takes(house, shop, "Metformin 500 mg", ALL_YEAR)
    takes(house, shop, "Metformin 500 mg", monthly(YEAR_START, 4, every=60), first="Ben")
    state = await opened(house, clock, shop)
    reached, below = series(state.bins, 0)["y"], series(state.bins, 1)["y"]
    assert reached == [None] * 8 + [0, 1]
    assert below == [0, 0, 0, 1, 0, 0, 0, 0, None, None]
    assert "color" not in str(state.bins) + str(state.shares) + str(state.trend) + str(state.both)


async def test_the_window_lives_in_the_address(house: Database, clock: VirtualClock, shop: Shop) -> None:
    takes(house, shop, "Metformin 500 mg", monthly(YEAR_START - timedelta(days=365), 12))
    state = await opened(house, clock, shop, "/adherence?window=last_year")
    assert (state.window, state.share) == ("last_year", "100%")
    assert state.windows["this_year"] == "/adherence"
    assert state.export_figures.endswith("/figures.csv?window=last_year")
    unknown = page_state(
        AdherenceState, signed_in(house, clock, shop, Role.PHARMACIST), "/adherence?window=x"
    )
    await finish(unknown.load())
    assert (unknown.window, unknown.problem) == ("this_year", "")


async def test_adherence_of_those_who_take_part_and_of_the_others(
    house: Database, clock: VirtualClock, shop: Shop
) -> None:
    ada = takes(house, shop, "Lisinopril 10 mg", ALL_YEAR)
    ben = takes(house, shop, "Lisinopril 10 mg", LATE, first="Ben")
    make_batch(house, shop, ada, (), on=TODAY + timedelta(days=5))
    secret, seen = signed_in(house, clock, shop, Role.OWNER), {}
    for who in ("me", "", "enrolled", "others"):
        state = page_state(AdherenceState, secret, f"/adherence?window=last_12_months&who={who}")
        await finish(state.load())
        assert state.problem == ""
        seen[state.who] = (state.share, state.share_of, [row["patient_id"] for row in state.risks])
        assert state.enrolled == "1"
    assert seen == {
        "": ("100%", "2 of 2 measurements", [ben]),
        "enrolled": ("100%", "1 of 1 measurement", []),
        "others": ("100%", "1 of 1 measurement", [ben]),
    }
    assert state.windows["this_year"] == "/adherence?who=others"
    assert state.who_hrefs == {
        "": "/adherence?window=last_12_months",
        "enrolled": "/adherence?window=last_12_months&who=enrolled",
        "others": "/adherence?window=last_12_months&who=others",
    }
    assert state.export_patients.endswith("/patients.csv?who=others")


async def test_the_next_step_for_who_is_about_to_be_lost(
    house: Database, clock: VirtualClock, shop: Shop
) -> None:
    ada = takes(house, shop, "Lisinopril 10 mg", LATE)
    ben = takes(house, shop, "Lisinopril 10 mg", LATE, first="Ben")
    cleo = takes(house, shop, "Lisinopril 10 mg", LATE, first="Cleo")
    make_batch(house, shop, ben, (), on=TODAY + timedelta(days=5))
    make_batch(house, shop, cleo, (), on=TODAY + timedelta(days=30))
    state = await opened(house, clock, shop)
    said = {row["patient_id"]: (row["advice"], row["next"]["text"]) for row in state.risks}
    assert said[ada] == ("Call before the supply ends, offer enrollment", "")
    assert said[ben] == ("Make sure the pickup is kept", "Sat 28 Nov")
    assert said[cleo][0] == "The pickup is too late: move it forward"
    assert state.risks[0]["left"] == "8 days"
    assert (state.risk_total, state.summary) == ("3", "1-3 of 3")


async def test_who_is_out_of_supply_is_called_today(house: Database, clock: VirtualClock, shop: Shop) -> None:
    takes(house, shop, "Lisinopril 10 mg", (YEAR_START, YEAR_START + timedelta(days=30)), days=135)
    state = await opened(house, clock, shop)
    # 270 of 327 days: 57 gap days used of 73, more than 14 left.
    assert state.risks == []
    clock.advance(timedelta(days=3))
    state = await opened(house, clock, shop, role=Role.PHARMACIST)
    assert [(row["advice"], row["in_hand"], row["left"]) for row in state.risks] == [
        ("Out of supply: call today", "none", "13 days")
    ]


async def test_fifty_patients_make_a_page(
    house: Database, clock: VirtualClock, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adherence, "PAGE_SIZE", 2)
    for number in range(3):
        takes(house, shop, "Lisinopril 10 mg", LATE, first=f"P{number}")
    state = await opened(house, clock, shop, "/adherence?window=last_12_months")
    assert len(state.risks) == 2
    assert state.next_href == "/adherence?window=last_12_months&page=2"


async def test_an_empty_pharmacy_says_so(house: Database, clock: VirtualClock, shop: Shop) -> None:
    state = await opened(house, clock, shop)
    assert (state.loaded, state.nothing, state.by_place, state.share) == (True, True, [], "-")
    assert state.both_words.startswith("Nobody has been enrolled for 180 days")
    assert (state.compared, state.both_lines) == (False, [])


async def test_several_locations_are_listed(house: Database, clock: VirtualClock, shop: Shop) -> None:
    other = make_shop(house, "other")
    takes(house, shop, "Metformin 500 mg", ALL_YEAR)
    roles = {shop.pharmacy_id: Role.OWNER, other.pharmacy_id: Role.OWNER}
    staff = make_staff(house, clock, roles, organization_id=shop.organization_id)
    secret = make_session(house, clock, staff)
    state = page_state(AdherenceState, secret, "/adherence")
    await finish(state.load())
    assert [(row["name"], row["share"]) for row in state.by_place] == [
        ("main pharmacy", "100%"),
        ("other pharmacy", "-"),
    ]
    one = page_state(AdherenceState, secret, "/adherence?at=other")
    await finish(one.load())
    assert (one.by_place, one.nothing) == ([], True)


async def test_a_technician_sees_no_figures(house: Database, clock: VirtualClock, shop: Shop) -> None:
    takes(house, shop, "Metformin 500 mg", ALL_YEAR)
    state = await opened(house, clock, shop, role=Role.TECHNICIAN)
    assert not state.loaded
    assert "Your role does not include this" in state.problem
    assert state.shares == {}


async def test_polling_looks_again_only_after_a_change(
    house: Database, clock: VirtualClock, shop: Shop
) -> None:
    state = await opened(house, clock, shop)
    await state.poll()
    takes(house, shop, "Metformin 500 mg", ALL_YEAR)
    await state.poll()
    assert state.counted
    state.share = "kept"
    await state.poll()
    assert state.share == "kept"


async def test_an_owner_sets_the_line_of_a_class(house: Database, clock: VirtualClock, shop: Shop) -> None:
    takes(house, shop, "Atorvastatin 20 mg", ALL_YEAR)
    state = await opened(house, clock, shop)
    assert state.benchmarks[0].startswith("Diabetes")
    await state.set_line({"class": "statins", "share": "86", "source": "State average", "year": "2025"})
    assert (state.problem, state.notice) == ("", "The line is set.")
    assert state.benchmarks[-1] == "Statins 86 %: State average (2025)"
    assert series(state.shares, 2)["y"] == [86.0]
    await state.set_line({"class": "statins", "share": "", "source": "", "year": ""})
    assert state.notice == "The line is gone."
    assert len(state.benchmarks) == 1


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"class": "opioids", "share": "86", "source": "x", "year": "2025"}, "class"),
        ({"class": "statins", "share": "a lot", "source": "x", "year": "2025"}, "share"),
        ({"class": "statins", "share": "86", "source": "", "year": "2025"}, "source"),
        ({"class": "statins", "share": "86", "source": "x", "year": "soon"}, "year"),
        ({}, "class"),
    ],
)
async def test_a_line_without_sense_is_refused_at_its_field(
    house: Database, clock: VirtualClock, shop: Shop, form: dict[str, str], field: str
) -> None:
    state = await opened(house, clock, shop)
    await state.set_line(form)
    assert state.problem_field == field


async def test_a_pharmacist_sets_no_line(house: Database, clock: VirtualClock, shop: Shop) -> None:
    state = await opened(house, clock, shop, role=Role.PHARMACIST)
    await state.set_line({"class": "statins", "share": "86", "source": "x", "year": "2025"})
    assert "Your role does not include this" in state.problem
    assert len(state.benchmarks) == 1


async def test_after_setting_a_line_the_other_locations_are_still_shown(
    house: Database, clock: VirtualClock, shop: Shop
) -> None:
    other = make_shop(house, "other")
    roles = {shop.pharmacy_id: Role.OWNER, other.pharmacy_id: Role.PHARMACIST}
    staff = make_staff(house, clock, roles, organization_id=shop.organization_id)
    state = page_state(AdherenceState, make_session(house, clock, staff), "/adherence")
    await state.set_line({"class": "statins", "share": "86", "source": "State average", "year": "2025"})
    assert [row["name"] for row in state.by_place] == ["main pharmacy", "other pharmacy"]
    # Where the person is no owner nothing was set, so the locations do not agree on a line.
    assert len(state.benchmarks) == 1


async def test_the_funnel_and_the_staffs_time_come_after_the_rest(
    house: Database, clock: VirtualClock, shop: Shop
) -> None:
    patient = takes(house, shop, "Metformin 500 mg", ALL_YEAR)
    make_batch(house, shop, patient, (), on=TODAY - timedelta(days=3))
    state = page_state(AdherenceState, signed_in(house, clock, shop, Role.OWNER), "/adherence")
    steps: Any = state.load()
    await anext(steps)
    assert (state.loaded, state.funnel_lines) == (True, [])
    await finish(steps)
    assert series(state.funnel, 0)["x"] == [1, 1, 1, 0, 0]
    assert [line["of"] for line in state.funnel_lines][3] == "of 1 whose first date has passed"
    assert state.funnel_words == "No step has 5 patients to judge by yet."
    names = [line["name"] for line in state.work_lines]
    assert names[0] == "Open the board, load the file"
    assert {"Call patients", "Say that it is ready"} <= set(names)
    assert "by hand it would have been 9 minutes" in state.work_words
