"""What is pressed twice is done once, to whom it was meant for; what was refused is said where one looks."""

from datetime import timedelta

from playwright.sync_api import Page, expect

from medsync_app.clock import SystemClock
from medsync_app.domain.states import CycleState, ExceptionKind, Role
from medsync_app.services.exceptions import resolve_exception
from medsync_app.store.session import Database
from medsync_app.store.tables import Cycle
from tests.e2e.test_today import batch_for
from tests.support.screens import make_task, make_therapy
from tests.support.served_app import ServedApp
from tests.support.signed_in_page import now, sign_in
from tests.support.store import SYSTEM, Shop, make_patient


def state_of(database: Database, cycle_id: str) -> CycleState:
    with database.reading(SYSTEM) as tx:
        return tx.get(Cycle, cycle_id).state


def test_a_double_click_does_nothing_to_the_patient_who_moves_up(
    page: Page, served_app: ServedApp, database: Database, shop: Shop
) -> None:
    cycles = [batch_for(database, shop, first=name, state=CycleState.READY)[1] for name in ("Ada", "Ben")]
    sign_in(page, served_app, database, shop, Role.TECHNICIAN)
    page.goto(served_app.url + "/")
    rows, button = page.get_by_test_id("row"), page.get_by_test_id("act").first
    expect(rows).to_have_count(2)
    box = button.bounding_box()
    assert box is not None
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.click(*middle)
    expect(rows).to_have_count(1)
    page.mouse.move(*middle)
    page.mouse.down(click_count=2)
    page.mouse.up(click_count=2)
    page.wait_for_timeout(500)
    expect(rows).to_have_count(1)
    expect(page.get_by_test_id("problem")).to_be_empty()
    assert sorted(state_of(database, one) for one in cycles) == [CycleState.CLOSED, CycleState.READY]


def test_a_held_enter_acts_on_one_row_and_the_focus_goes_on_to_the_next(
    page: Page, served_app: ServedApp, database: Database, shop: Shop
) -> None:
    cycles = [batch_for(database, shop, first=name, state=CycleState.READY)[1] for name in ("Ada", "Ben")]
    sign_in(page, served_app, database, shop, Role.TECHNICIAN)
    page.goto(served_app.url + "/")
    rows = page.get_by_test_id("row")
    expect(rows).to_have_count(2)
    page.get_by_test_id("queue").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.down("Enter")
    expect(rows).to_have_count(1)
    expect(rows.first).to_be_focused()
    page.keyboard.down("Enter")
    page.keyboard.up("Enter")
    page.wait_for_timeout(500)
    expect(rows).to_have_count(1)
    assert sorted(state_of(database, one) for one in cycles) == [CycleState.CLOSED, CycleState.READY]


def test_what_a_scanner_types_opens_the_patient_without_waiting(
    page: Page, served_app: ServedApp, database: Database, shop: Shop
) -> None:
    ada, ben = (make_patient(database, shop, first=first) for first in ("Ada", "Ben"))
    make_therapy(database, shop, ada, "Lisinopril 10 mg", rx_number="7712345")
    sign_in(page, served_app, database, shop, Role.TECHNICIAN)
    page.goto(served_app.url + "/")
    expect(page.get_by_test_id("account")).to_be_visible()
    page.get_by_test_id("search").fill("ben")
    expect(page.get_by_test_id("hit")).to_contain_text("Example, Ben")
    page.get_by_test_id("search").fill("7712345")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/patient/{ada}*")
    assert ben not in page.url


def test_a_call_that_somebody_else_settled_is_told_on_the_sheet(
    page: Page, served_app: ServedApp, database: Database, shop: Shop
) -> None:
    patient, cycle = batch_for(database, shop, first="Ada", state=CycleState.PLANNED)
    due = now() + timedelta(hours=1)
    task = make_task(database, shop, ExceptionKind.CALL, patient_id=patient, cycle_id=cycle, due_at=due)
    sign_in(page, served_app, database, shop, Role.TECHNICIAN)
    page.goto(f"{served_app.url}/?work=call")
    page.get_by_test_id("act").click()
    sheet = page.get_by_test_id("call-sheet")
    sheet.get_by_label("Left a voicemail").check()
    with database.transaction(shop.scope, SystemClock()) as tx:
        resolve_exception(tx, task, outcome="She called back.")
    sheet.get_by_test_id("save-call").click()
    expect(sheet.get_by_test_id("panel-problem")).to_contain_text("settled already")


def test_two_forms_sent_in_one_moment_are_both_kept_and_a_third_keeps_what_is_typed(
    page: Page, served_app: ServedApp, database: Database, shop: Shop
) -> None:
    patient = make_patient(database, shop)
    task = make_task(database, shop, ExceptionKind.CALL, patient_id=patient, due_at=now())
    sign_in(page, served_app, database, shop, Role.TECHNICIAN)
    page.goto(f"{served_app.url}/exceptions?open={task}")
    panel = page.get_by_test_id("case-panel")
    panel.locator("[name=outcome]").fill("Talked to the daughter.")
    panel.locator("[name=text]").fill("She calls at noon.")
    panel.get_by_test_id("add-comment").click()
    expect(panel.locator(".said")).to_contain_text("She calls at noon.")
    expect(panel.locator("[name=text]")).to_have_value("")
    expect(panel.locator("[name=outcome]")).to_have_value("Talked to the daughter.")
    panel.locator("[name=text]").fill("She did.")
    panel.evaluate("""(panel) => {
      for (const name of ["text", "outcome"]) panel.querySelector(`[name=${name}]`).form.requestSubmit();
    }""")
    expect(panel.locator(".said")).to_contain_text("She did.")
    expect(panel).to_contain_text("Talked to the daughter.")
