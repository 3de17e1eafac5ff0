"""The import tab's handlers: preview, mapping, start, progress, result."""

from pathlib import Path

import pytest
from sqlalchemy import select

from medsync_app.clock import VirtualClock
from medsync_app.domain.states import Role
from medsync_app.services.import_dispensing import run_import
from medsync_app.services.start_import import start_import
from medsync_app.store.session import Database
from medsync_app.store.tables import ImportMapping, ImportRun
from medsync_app.ui.states.settings_import import ImportTabState
from tests.support.staff import page_state, signed_in
from tests.support.store import SYSTEM, Shop, make_shop

HEAD = "Rx No,Filled,Medicine taken,Qty,Days,Pat ID,Last,First,Sold\n"
ROWS = "".join(
    f"90{n},11/0{n}/2026,Lisinopril 10 mg tablet,30,30,P{n},Example,Ada,11/0{n}/2026\n" for n in range(1, 4)
)


@pytest.fixture
def shop(house: Database) -> Shop:
    return make_shop(house)


def uploaded(
    house: Database, clock: VirtualClock, shop: Shop, tmp_path: Path, text: str = HEAD + ROWS
) -> str:
    path = tmp_path / "export.csv"
    path.write_text(text)
    with house.transaction(shop.scope, clock) as tx:
        return start_import(tx, shop.pharmacy_id, path, file_name="export.csv")


async def opened(
    house: Database, clock: VirtualClock, shop: Shop, run_id: str = "", role: Role = Role.TECHNICIAN
) -> ImportTabState:
    path = f"/settings?tab=import{f'&import={run_id}' if run_id else ''}"
    state = page_state(ImportTabState, signed_in(house, clock, shop, role), path)
    await state.open_tab()
    return state


async def test_a_file_is_previewed_and_a_missing_column_chosen(
    house: Database, clock: VirtualClock, shop: Shop, tmp_path: Path
) -> None:
    state = await opened(house, clock, shop, uploaded(house, clock, shop, tmp_path))
    assert state.problem == ""
    assert state.headers[:3] == ["Rx No", "Filled", "Medicine taken"]
    assert (state.missing, len(state.lines)) == ("Drug name", 3)
    await state.start({"save_as": ""})
    assert "no column for: Drug name" in state.problem
    await state.map_field("drug_name", "Medicine taken")
    assert (state.problem, state.missing) == ("", "")
    assert {one["key"]: one["column"] for one in state.fields}["drug_name"] == "Medicine taken"


async def test_columns_without_a_name_are_not_kept_for_next_time(
    house: Database, clock: VirtualClock, shop: Shop, tmp_path: Path
) -> None:
    state = await opened(house, clock, shop, uploaded(house, clock, shop, tmp_path))
    await state.map_field("drug_name", "Medicine taken")
    await state.start({"save_as": None})
    assert (state.problem, state.run["state"]) == ("", "waiting")
    with house.reading(SYSTEM) as tx:
        assert tx.session.query(ImportMapping).count() == 0


async def test_an_import_is_started_watched_and_its_result_shown(
    house: Database, clock: VirtualClock, shop: Shop, tmp_path: Path
) -> None:
    run_id = uploaded(
        house, clock, shop, tmp_path, HEAD + ROWS + "999,11/04/2026,Aspirin,1,never,P9,Bad,Row,\n"
    )
    state = await opened(house, clock, shop, run_id)
    await state.map_field("drug_name", "Medicine taken")
    await state.start({"save_as": "Our export"})
    assert (state.problem, state.run["state"], state.busy) == ("", "waiting", True)
    run_import(house, clock, run_id)
    await state.poll()
    assert (state.run["state"], state.busy, state.run["percent"]) == ("done", False, 100)
    assert (state.run["fills"], state.run["problems"]) == ("3 new, 0 changed, 0 as before", "1 row")
    assert state.run["problems_href"] == f"/api/v1/imports/{run_id}/problems.csv"
    with house.reading(SYSTEM) as tx:
        assert tx.session.scalars(select(ImportMapping)).one().name == "Our export"


async def test_a_file_that_nobody_wants_is_deleted(
    house: Database, clock: VirtualClock, shop: Shop, tmp_path: Path
) -> None:
    run_id = uploaded(house, clock, shop, tmp_path)
    state = await opened(house, clock, shop, run_id)
    event = await state.cancel()
    assert event is not None
    with house.reading(SYSTEM) as tx:
        assert tx.get(ImportRun, run_id).state == "cancelled"


async def test_without_a_file_the_running_import_is_shown(
    house: Database, clock: VirtualClock, shop: Shop, tmp_path: Path
) -> None:
    run_id = uploaded(house, clock, shop, tmp_path)
    state = await opened(house, clock, shop)
    assert (state.run["id"], state.busy, len(state.runs)) == ("", False, 1)
    with house.transaction(SYSTEM, clock) as tx:
        row = tx.get(ImportRun, run_id)
        row.state, row.rows_done, row.rows_total = "running", 1, 4
    await state.open_tab()
    assert (state.run["id"], state.run["percent"], state.run["rows"]) == (run_id, 25, "1 of 4 rows")


async def test_a_file_of_another_pharmacy_is_not_there(
    house: Database, clock: VirtualClock, shop: Shop, tmp_path: Path
) -> None:
    run_id = uploaded(house, clock, shop, tmp_path)
    state = await opened(house, clock, make_shop(house, "other"), run_id)
    assert "not there any more" in state.problem
    assert (state.run["id"], state.runs, state.lines) == ("", [], [])
