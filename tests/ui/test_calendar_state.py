"""The calendar's handlers: what they show, move and refuse, through the guard."""

from datetime import date, timedelta
from typing import Any

import pytest

from medsync_app.clock import VirtualClock
from medsync_app.domain.states import CycleState, EnrollmentState, ItemState, Role
from medsync_app.services.approve_plan import approve
from medsync_app.store.session import Database
from medsync_app.store.tables import AuditEvent, ClosedDay, Cycle, CycleItem, Enrollment, Pharmacy
from medsync_app.ui.states.calendar import CalendarState
from medsync_app.ui.states.calendar_view import month_days
from medsync_app.ui.states.day_sheet import DaySheetState
from tests.support.programme import (
    TODAY,
    Batch,
    Clinic,
    batch_of,
    enroll_recommended,
    even_patient,
    reference_patient,
)
from tests.support.screens import make_batch
from tests.support.staff import page_state, signed_in, visit
from tests.support.store import NOW, make_patient, make_shop

pytestmark = pytest.mark.slow


@pytest.fixture
def clinic(house: Database, clock: VirtualClock) -> Clinic:
    found = Clinic(house, make_shop(house), clock)
    with found.writing() as tx:
        tx.get(Pharmacy, found.shop.pharmacy_id).daily_capacity = 10
    return found


async def opened(clinic: Clinic, role: Role, path: str = "/calendar") -> CalendarState:
    """The page as it is when the calendar has told which days it shows."""
    state = page_state(CalendarState, signed_in(clinic.database, clinic.clock, clinic.shop, role), path)
    await state.load()
    await state.show_days("2026-11-01", "2026-12-13", "dayGridMonth", "2026-11-01")
    return state


def planned(clinic: Clinic, **more: str) -> Batch:
    """A batch of two drugs that needs no review."""
    patient_id, _ = even_patient(clinic, **more)
    enroll_recommended(clinic, patient_id)
    return batch_of(clinic)


def where_to(event: Any) -> str:
    """The address of a redirect that a handler returned."""
    assert event is not None
    return next(str(value) for name, value in event.args if str(name) == "path").strip('"')


def stored(clinic: Clinic, batch: Batch) -> Cycle:
    with clinic.reading() as tx:
        return tx.get(Cycle, batch.id)


async def test_a_batch_is_a_chip_on_its_day_with_sign_number_and_words(clinic: Clinic) -> None:
    batch = planned(clinic)
    state = await opened(clinic, Role.TECHNICIAN)
    (chip,) = state.events
    assert (chip["id"], chip["start"], chip["editable"]) == (batch.id, batch.sync_date.isoformat(), True)
    assert chip["extendedProps"]["words"] == "2 medicines, planned"
    assert state.days[batch.sync_date.isoformat()]["text"] == "1/10"
    assert state.days[TODAY.isoformat()]["className"] == "cal-today"


@pytest.mark.usefixtures("owner_looks_only")
async def test_an_owner_sees_chips_that_cannot_be_dragged(clinic: Clinic) -> None:
    planned(clinic)
    state = await opened(clinic, Role.OWNER)
    assert [chip["editable"] for chip in state.events] == [False]


async def test_a_holiday_is_hatched_and_named(clinic: Clinic) -> None:
    with clinic.writing() as tx:
        tx.add(ClosedDay(pharmacy_id=clinic.shop.pharmacy_id, day=date(2026, 11, 26), name="Thanksgiving"))
    state = await opened(clinic, Role.TECHNICIAN)
    assert state.days["2026-11-26"] == {"text": "Thanksgiving", "className": "cal-closed"}


async def test_a_batch_that_is_not_there_is_still_said_when_the_calendar_has_drawn_itself(
    clinic: Clinic,
) -> None:
    state = await opened(clinic, Role.TECHNICIAN, "/calendar?cycle=nonsense")
    assert "This cycle is not there any more" in state.problem
    assert not state.panel_open
    await state.show_days("2026-11-29", "2027-01-10", "dayGridMonth", "2026-12-01")
    assert state.problem == ""


async def test_the_days_of_a_month_are_read_before_it_is_drawn_and_not_again(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = planned(clinic)
    secret = signed_in(clinic.database, clinic.clock, clinic.shop, Role.PHARMACIST)
    state = page_state(CalendarState, secret, f"/calendar?d={batch.sync_date.replace(day=1)}")
    await state.load()
    assert [chip["id"] for chip in state.events] == [batch.id]
    first, end = (day.isoformat() for day in month_days(batch.sync_date))
    monkeypatch.setattr(CalendarState, "_show", None)
    await state.show_days(first, end, "dayGridMonth", f"{batch.sync_date.replace(day=1)}")
    assert state.problem == ""


@pytest.mark.parametrize(
    ("day", "first", "end"),
    [
        (date(2026, 11, 25), date(2026, 11, 1), date(2026, 12, 6)),
        (date(2026, 12, 1), date(2026, 11, 29), date(2027, 1, 3)),
        (date(2026, 2, 28), date(2026, 2, 1), date(2026, 3, 1)),
        (date(2027, 1, 31), date(2026, 12, 27), date(2027, 2, 7)),
    ],
)
def test_a_month_shows_whole_weeks_from_sunday_on(day: date, first: date, end: date) -> None:
    assert month_days(day) == (first, end)


async def test_other_days_are_put_into_the_address_and_a_reload_shows_them(clinic: Clinic) -> None:
    state = await opened(clinic, Role.TECHNICIAN)
    moved = await state.show_days("2026-11-29", "2027-01-10", "dayGridMonth", "2026-12-01")
    assert where_to(moved) == "/calendar?d=2026-12-01"
    assert await state.show_days("2026-11-29", "2027-01-10", "dayGridMonth", "2026-12-01") is None
    assert state.start_date == "2026-12-01", "a reload in this tab starts where the calendar was"
    secret = signed_in(clinic.database, clinic.clock, clinic.shop, Role.PHARMACIST)
    again = page_state(CalendarState, secret, "/calendar?d=2026-12-01&view=listAhead&state=ready")
    await again.load()
    assert (again.start_date, again.start_view, again.group) == ("2026-12-01", "listAhead", "ready")


@pytest.mark.parametrize(
    "days", [("x", "2026-12-01"), ("2026-12-01", "2026-01-01"), ("2026-01-01", "2026-12-01")]
)
async def test_days_that_make_no_sense_are_refused(clinic: Clinic, days: tuple[str, str]) -> None:
    state = await opened(clinic, Role.TECHNICIAN)
    await state.show_days(*days, "dayGridMonth", "2026-12-01")
    assert state.problem


async def test_a_drawing_of_before_does_not_lead_away_from_the_days_in_the_address(clinic: Clinic) -> None:
    """A link to December, opened in the tab that showed November: the old drawing still tells what it shows."""
    secret = signed_in(clinic.database, clinic.clock, clinic.shop, Role.TECHNICIAN)
    state = page_state(CalendarState, secret, "/calendar")
    await state.load()
    before = state.shown_key
    visit(state, secret, "/calendar?d=2026-12-01")
    await state.load()
    assert state.shown_key == before + 1
    assert (
        await state.show_days("2026-11-01", "2026-12-06", "dayGridMonth", "2026-11-01", str(before)) is None
    )
    assert state.start_date == "2026-12-01"
    assert (
        await state.show_days("2026-11-29", "2027-01-10", "dayGridMonth", "2026-12-01", str(before + 1))
        is None
    )
    assert state.days_read


async def test_days_that_could_not_be_read_do_not_look_empty(clinic: Clinic) -> None:
    state = await opened(clinic, Role.TECHNICIAN)
    assert state.days_read
    with clinic.database.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE cycle RENAME TO cycle_gone")
    await state.show_days("2026-11-29", "2027-01-10", "dayGridMonth", "2026-12-01")
    assert "did not work" in state.problem
    assert not state.days_read


async def test_a_filter_shows_one_state_and_an_unknown_one_shows_all(clinic: Clinic) -> None:
    planned(clinic)
    assert len((await opened(clinic, Role.TECHNICIAN, "/calendar?state=coming")).events) == 1
    assert (await opened(clinic, Role.PHARMACIST, "/calendar?state=ready")).events == []
    assert len((await opened(clinic, Role.OWNER, "/calendar?state=robbery")).events) == 1


async def test_a_click_opens_the_panel_and_names_it_in_the_address(clinic: Clinic) -> None:
    batch = planned(clinic)
    state = await opened(clinic, Role.TECHNICIAN)
    assert where_to(await state.open_batch(batch.id)) == f"/calendar?cycle={batch.id}"
    panel = state.panel
    assert (state.panel_open, panel["name"], len(panel["drugs"])) == (True, "Example, Ada", 2)
    assert panel["drugs"][0]["fill"] == "Full fill, 30 days, 30 units"
    assert {"First reminder", "Ask to confirm"} <= {one["name"] for one in panel["coming"]}
    assert (panel["can_ready"], panel["can_move"], panel["can_approve"]) == (True, True, False)
    assert where_to(await state.close_batch()) == "/calendar"


@pytest.mark.usefixtures("owner_looks_only")
async def test_an_owner_looks_and_does_nothing(clinic: Clinic) -> None:
    batch = planned(clinic)
    state = await opened(clinic, Role.OWNER, f"/calendar?cycle={batch.id}")
    panel = state.panel
    assert state.panel_open
    assert not any(panel[key] for key in ("can_ready", "can_move", "can_approve", "can_pause", "can_pick_up"))
    await state.ready()
    assert state.problem
    assert stored(clinic, batch).state is CycleState.PLANNED


async def test_ready_then_picked_up_opens_the_next_cycle_and_both_can_be_taken_back(clinic: Clinic) -> None:
    batch = planned(clinic)
    clinic.go_to(batch.sync_date)
    state = await opened(clinic, Role.TECHNICIAN, f"/calendar?cycle={batch.id}")
    await state.ready()
    assert (state.problem, state.panel["state"], state.undo_kind) == ("", "ready", "ready")
    await state.picked_up()
    assert stored(clinic, batch).state is CycleState.CLOSED
    assert batch_of(clinic, number=2).sync_date > batch.sync_date
    await state.undo()
    assert (state.problem, state.panel["state"]) == ("", "ready")


async def test_a_part_is_ready_and_the_rest_says_what_is_missing(clinic: Clinic) -> None:
    batch = planned(clinic)
    first, second = batch.items
    state = await opened(clinic, Role.TECHNICIAN, f"/calendar?cycle={batch.id}")
    await state.ready_part({
        f"part-{first}": "ready", f"part-{second}": "out_of_stock", f"expected-{second}": "2026-12-01",
    })  # fmt: skip
    assert (state.problem, state.panel["state"]) == ("", "partly_ready")
    warnings = {drug["warning"] for drug in state.panel["drugs"]}
    assert warnings == {"", "Out of stock, expected Tue 1 Dec"}
    with clinic.reading() as tx:
        assert tx.get(CycleItem, second).state is ItemState.WAITING


@pytest.mark.parametrize(
    "form", [{}, {"part": "ready"}, {"part": "stolen"}, {"part": "out_of_stock", "expected": "soon"}]
)
async def test_a_part_that_says_nothing_usable_changes_nothing(clinic: Clinic, form: dict[str, str]) -> None:
    batch = planned(clinic)
    item = next(iter(batch.items))
    state = await opened(clinic, Role.TECHNICIAN, f"/calendar?cycle={batch.id}")
    named = {
        f"{name}-{item}" if form.get("part") != "ready" else f"{name}-other": text
        for name, text in form.items()
    }
    await state.ready_part(named)
    assert state.problem
    assert stored(clinic, batch).version == batch.version


async def test_a_pharmacist_approves_and_a_technician_does_not(clinic: Clinic) -> None:
    enroll_recommended(clinic, reference_patient(clinic).patient_id)
    batch = batch_of(clinic)
    technician = await opened(clinic, Role.TECHNICIAN, f"/calendar?cycle={batch.id}")
    assert "short fill" in technician.panel["review"]
    await technician.approve()
    assert technician.problem
    assert stored(clinic, batch).reviewed_at is None
    pharmacist = await opened(clinic, Role.PHARMACIST, f"/calendar?cycle={batch.id}")
    assert pharmacist.panel["can_approve"]
    await pharmacist.approve()
    assert (pharmacist.problem, pharmacist.panel["review"]) == ("", "")
    assert stored(clinic, batch).reviewed_at is not None


async def test_a_drop_only_shows_what_would_change(clinic: Clinic) -> None:
    batch = planned(clinic)
    state = await opened(clinic, Role.TECHNICIAN)
    to = batch.sync_date - timedelta(days=1)
    await state.drop(batch.id, to.isoformat())
    assert (state.move_open, state.moving_day, state.move["ready"]) == (True, to.isoformat(), True)
    assert state.move["load"] == "1 pickup of 10 that day, this one counted"
    assert state.move["withdrawn"]
    assert state.move["queued"]
    assert stored(clinic, batch).sync_date == batch.sync_date
    await state.cancel_move()
    assert (state.move_open, stored(clinic, batch).sync_date) == (False, batch.sync_date)


async def test_a_drop_on_its_own_day_asks_nothing(clinic: Clinic) -> None:
    batch = planned(clinic)
    state = await opened(clinic, Role.TECHNICIAN)
    await state.drop(batch.id, batch.sync_date.isoformat())
    assert not state.move_open


@pytest.mark.both_databases
async def test_confirming_moves_the_batch(clinic: Clinic) -> None:
    batch = planned(clinic)
    state = await opened(clinic, Role.TECHNICIAN)
    to = batch.sync_date - timedelta(days=1)
    await state.drop(batch.id, to.isoformat())
    await state.confirm_move()
    assert (state.problem, state.move_open) == ("", False)
    assert stored(clinic, batch).sync_date == to
    assert [chip["start"] for chip in state.events] == [to.isoformat()]


@pytest.mark.parametrize("day", ["2026-11-20", "2025-10-23"])
async def test_a_day_that_is_past_is_refused_with_the_reason(clinic: Clinic, day: str) -> None:
    """Also one so long ago that no plan fits it."""
    batch = planned(clinic)
    state = await opened(clinic, Role.PHARMACIST)
    await state.drop(batch.id, day)
    assert "past" in state.move["blocked"]
    await state.confirm_move()
    assert (state.problem_field, state.move_open) == ("new_date", True)
    assert stored(clinic, batch).sync_date == batch.sync_date


async def test_a_rule_is_broken_by_a_pharmacist_with_a_reason_only(clinic: Clinic) -> None:
    batch = planned(clinic)
    closed = batch.sync_date - timedelta(days=1)
    with clinic.writing() as tx:
        tx.add(ClosedDay(pharmacy_id=clinic.shop.pharmacy_id, day=closed, name="Stock-taking"))
    technician = await opened(clinic, Role.TECHNICIAN)
    await technician.drop(batch.id, closed.isoformat())
    assert "closed" in technician.move["needs_reason"]
    await technician.give_reason("The patient wants it")
    await technician.confirm_move()
    assert "pharmacist" in technician.problem
    pharmacist = await opened(clinic, Role.PHARMACIST)
    await pharmacist.drop(batch.id, closed.isoformat())
    await pharmacist.confirm_move()
    assert pharmacist.problem_field == "override_reason"
    assert stored(clinic, batch).sync_date == batch.sync_date
    await pharmacist.give_reason("The patient is abroad")
    await pharmacist.confirm_move()
    assert (pharmacist.problem, stored(clinic, batch).sync_date) == ("", closed)


async def test_a_change_made_meanwhile_is_told_with_who_made_it(clinic: Clinic) -> None:
    enroll_recommended(clinic, reference_patient(clinic).patient_id)
    batch = batch_of(clinic)
    state = await opened(clinic, Role.TECHNICIAN)
    await state.drop(batch.id, (batch.sync_date - timedelta(days=1)).isoformat())
    with clinic.writing() as tx:
        approve(tx, batch.id, expected_version=batch.version)
    await state.confirm_move()
    assert "Pat Tester" in state.problem
    assert stored(clinic, batch).sync_date == batch.sync_date


async def test_pausing_asks_why_and_cancels_what_is_planned(clinic: Clinic) -> None:
    batch = planned(clinic)
    state = await opened(clinic, Role.TECHNICIAN, f"/calendar?cycle={batch.id}")
    await state.ask_pause()
    await state.pause()
    assert (state.problem_field, state.pause_open) == ("reason", True)
    await state.say_why("travelling")
    await state.pause()
    assert (state.problem, state.pause_open) == ("", False)
    with clinic.reading() as tx:
        assert tx.get(Enrollment, batch.enrollment_id).state is EnrollmentState.PAUSED


async def test_nothing_of_another_pharmacy_opens_or_moves(clinic: Clinic) -> None:
    batch = planned(clinic)
    elsewhere = Clinic(clinic.database, make_shop(clinic.database, "other"), clinic.clock)
    state = await opened(elsewhere, Role.PHARMACIST)
    assert state.events == []
    await state.open_batch(batch.id)
    assert (state.panel_open, state.problem != "") == (False, True)
    await state.drop(batch.id, "2026-12-20")
    assert (state.move_open, state.problem != "") == (False, True)


async def test_polling_looks_again_only_when_something_changed(clinic: Clinic) -> None:
    state = await opened(clinic, Role.TECHNICIAN)
    await state.poll()
    state.events = []
    await state.poll()
    assert state.events == []
    planned(clinic)
    await state.poll()
    assert len(state.events) == 1


async def test_the_day_sheet_lists_the_batches_and_is_audited(clinic: Clinic) -> None:
    batch = planned(clinic)
    secret = signed_in(clinic.database, clinic.clock, clinic.shop, Role.TECHNICIAN)
    state = page_state(DaySheetState, secret, f"/calendar/day?d={batch.sync_date}")
    await state.load()
    assert (state.loaded, state.summary) == (True, "1 pickup, 2 medicines")
    assert [(row["name"], len(row["drugs"])) for row in state.rows] == [("Example, Ada", 2)]
    with clinic.reading() as tx:
        acts = [row for row in tx.session.query(AuditEvent) if row.act == "view_day_sheet"]
    assert [act.detail["day"] for act in acts] == [batch.sync_date.isoformat()]


async def test_an_open_day_sheet_shows_changes_and_is_audited_again_for_who_is_new_on_it_only(
    clinic: Clinic,
) -> None:
    batch = planned(clinic)
    secret = signed_in(clinic.database, clinic.clock, clinic.shop, Role.TECHNICIAN)
    state = page_state(DaySheetState, secret, f"/calendar/day?d={batch.sync_date}")
    await state.load()

    def audited() -> list[int]:
        with clinic.reading() as tx:
            return [
                row.detail["batches"] for row in tx.session.query(AuditEvent) if row.act == "view_day_sheet"
            ]

    make_patient(clinic.database, clinic.shop, first="Unrelated")
    await state.poll()
    assert (state.changed, audited()) == ("", [1])
    with clinic.writing() as tx:
        tx.get(Cycle, batch.id).confirmed_at = tx.now
    await state.poll()
    assert state.rows[0]["note"] == "confirmed"
    assert (state.changed != "", audited()) == (True, [1])
    ben = make_patient(clinic.database, clinic.shop, first="Ben")
    make_batch(clinic.database, clinic.shop, ben, (), on=batch.sync_date)
    await state.poll()
    await state.poll()
    assert ([row["name"] for row in state.rows], audited()) == (["Example, Ada", "Example, Ben"], [1, 1])
    await state.load()
    assert (state.changed, audited()) == ("", [1, 1, 2])


@pytest.mark.parametrize("day", ["tomorrow", "0001-01-01", "9999-12-31"])
async def test_a_sheet_of_no_day_says_what_to_do(clinic: Clinic, day: str) -> None:
    secret = signed_in(clinic.database, clinic.clock, clinic.shop, Role.TECHNICIAN)
    state = page_state(DaySheetState, secret, f"/calendar/day?d={day}")
    await state.load()
    assert (state.loaded, state.problem_field) == (False, "d")


async def test_without_a_day_the_sheet_is_todays(clinic: Clinic) -> None:
    secret = signed_in(clinic.database, clinic.clock, clinic.shop, Role.TECHNICIAN)
    state = page_state(DaySheetState, secret, "/calendar/day")
    await state.load()
    assert (state.day, state.rows) == (NOW.date().isoformat(), [])
