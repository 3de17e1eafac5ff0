"""What others do shows by itself within five seconds, and nothing that is being typed is lost; nor by a lost line."""

import pytest
from playwright.sync_api import Page, expect

from medsync_app.clock import SystemClock
from medsync_app.domain.states import CycleState, Role
from medsync_app.services.mark_ready import mark_ready
from medsync_app.services.write_note import write_note
from medsync_app.store.session import Database
from medsync_app.store.tables import Cycle
from tests.e2e.test_today import batch_for
from tests.support.looks import expect_no_axe_findings, expect_nothing_scrolls_sideways
from tests.support.served_app import ServeApp, ServedApp
from tests.support.signed_in_page import now, sign_in
from tests.support.store import SYSTEM, Shop, make_shop

#: The bound, and what a busy machine takes to draw.
SOON_MS = 5_000


def made_ready_elsewhere(database: Database, shop: Shop, cycle_id: str) -> None:
    """A colleague at another computer has filled the batch."""
    with database.transaction(shop.scope, SystemClock()) as tx:
        mark_ready(tx, cycle_id, expected_version=tx.get(Cycle, cycle_id).version)


@pytest.mark.parametrize(
    ("address", "before", "after"),
    [("/", "Mark ready", "Picked up"), ("/patients?show=enrolled", "Preparing", "Ready")],
)
def test_a_list_shows_what_a_colleague_did(
    page: Page, served_app: ServedApp, database: Database, shop: Shop, address: str, before: str, after: str
) -> None:
    _, cycle_id = batch_for(database, shop, first="Ada")
    sign_in(page, served_app, database, shop, Role.TECHNICIAN)
    page.goto(served_app.url + address)
    row = page.get_by_test_id("row")
    expect(row).to_contain_text(before)
    made_ready_elsewhere(database, shop, cycle_id)
    expect(row).to_contain_text(after, timeout=SOON_MS)


def test_what_is_being_typed_stays_while_the_page_changes(
    page: Page, served_app: ServedApp, database: Database, shop: Shop
) -> None:
    patient, cycle_id = batch_for(database, shop, first="Ada")
    sign_in(page, served_app, database, shop, Role.TECHNICIAN)
    page.goto(f"{served_app.url}/patient/{patient}")
    expect(page.get_by_test_id("cycle")).to_contain_text("Preparing")
    note = page.get_by_label("New note")
    note.fill("She wants ")
    made_ready_elsewhere(database, shop, cycle_id)
    with database.transaction(SYSTEM, SystemClock()) as tx:
        write_note(tx, patient, "Written by a colleague.")
    expect(page.get_by_test_id("cycle")).to_contain_text("Ready", timeout=SOON_MS)
    expect(page.get_by_text("Written by a colleague.")).to_be_visible()
    expect(note).to_have_value("She wants ")
    expect(note).to_be_focused()
    page.keyboard.type("large print.")
    page.get_by_test_id("keep-note").click()
    expect(page.get_by_text("She wants large print.")).to_be_visible()


@pytest.mark.allow_console("WebSocket connection")
def test_a_lost_connection_is_said_and_what_was_typed_outlives_it(page: Page, serve_app: ServeApp) -> None:
    app = serve_app()
    database = Database(app.database_url)
    shop = make_shop(database, now=now())
    patient, _ = batch_for(database, shop, first="Ada", state=CycleState.READY)
    sign_in(page, app, database, shop, Role.TECHNICIAN)
    page.goto(f"{app.url}/patient/{patient}")
    page.get_by_label("New note").fill("Fetches it on Friday.")
    app.stop()
    expect(page.get_by_test_id("offline")).to_be_visible(timeout=30_000)
    app.start()
    expect(page.get_by_test_id("offline")).to_be_hidden(timeout=30_000)
    expect(page.get_by_label("New note")).to_have_value("Fetches it on Friday.")
    page.get_by_test_id("keep-note").click()
    expect(page.locator(".notes").get_by_text("Fetches it on Friday.")).to_be_visible()
    database.dispose()


def test_how_somebody_is_reached_is_changed_on_the_patients_page(
    page: Page, served_app: ServedApp, database: Database, shop: Shop
) -> None:
    patient, _ = batch_for(database, shop, first="Ada")
    sign_in(page, served_app, database, shop, Role.TECHNICIAN)
    page.goto(f"{served_app.url}/patient/{patient}")
    page.get_by_test_id("change-contact").click()
    expect_no_axe_findings(page)
    page.get_by_label("Mobile number", exact=True).fill("12")
    page.get_by_test_id("save-contact").click()
    expect(page.locator("#sms_address-error")).to_contain_text("area code")
    page.get_by_label("Mobile number", exact=True).fill("404 555 0177")
    page.locator("[name=sms_basis][value=express]").check()
    page.set_viewport_size({"width": 390, "height": 780})
    expect_nothing_scrolls_sideways(page)
    page.get_by_test_id("save-contact").click()
    expect(page.locator(".contact-card")).to_contain_text("(404) 555-0177")
    expect(page.locator(".contact-card")).to_contain_text("Agreed")
