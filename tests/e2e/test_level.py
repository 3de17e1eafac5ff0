"""Level and the order list in a real browser: from the calendar and back, by keyboard, in both themes."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from medsync_app.clock import VirtualClock
from medsync_app.domain.states import Role
from medsync_app.store.ids import new_id
from medsync_app.store.session import Database
from tests.support.looks import expect_well_drawn
from tests.support.programme import Clinic, add_drug_row, enroll_recommended
from tests.support.served_app import ServedApp
from tests.support.signed_in_page import now, sign_in
from tests.support.store import Shop, make_patient, make_shop


@pytest.fixture
def database(served_app: ServedApp) -> Iterator[Database]:
    """The served app's own database."""
    found = Database(served_app.database_url)
    yield found
    found.dispose()


@pytest.fixture
def shop(database: Database) -> Shop:
    """A pharmacy of its own with three patients on one day, 17 days ahead."""
    shop = make_shop(database, f"shop-{new_id()}", now=now())
    clinic = Clinic(database, shop, VirtualClock(now()))
    filled = [((now().date() - timedelta(days=10)).isoformat(), 30)]
    for first in ("Ada", "Ben", "Cy"):
        patient_id = make_patient(database, shop, first=first)
        for drug in ("Lisinopril 10 MG", "Metformin 500 MG"):
            add_drug_row(clinic, patient_id, drug, filled)
        enroll_recommended(clinic, patient_id)
    return shop


def test_the_days_are_levelled_from_the_calendar(
    page: Page, served_app: ServedApp, database: Database, shop: Shop
) -> None:
    sign_in(page, served_app, database, shop, Role.TECHNICIAN)
    page.goto(served_app.url + "/calendar")
    page.get_by_test_id("level").click()
    expect(page.get_by_role("heading", name="Level", exact=True)).to_be_visible()
    moves = page.get_by_test_id("moves").get_by_test_id("row")
    expect(moves).to_have_count(2)
    expect_well_drawn(page)
    moves.first.get_by_role("checkbox").uncheck()
    page.get_by_role("button", name="Make the ticked moves").click()
    expect(page.get_by_text("1 pickup moved.")).to_be_visible()
    expect(moves).to_have_count(1)
    page.get_by_role("button", name="Make the ticked moves").press("Enter")
    expect(page.get_by_text("The days are as level as they can be")).to_be_visible()


def test_the_order_list_says_what_to_have_on_the_shelf(
    page: Page, served_app: ServedApp, database: Database, shop: Shop
) -> None:
    sign_in(page, served_app, database, shop, Role.TECHNICIAN)
    page.goto(served_app.url + "/calendar")
    page.get_by_test_id("order-list").click()
    expect(page.get_by_text("Nothing has to be filled in these days.")).to_be_visible()
    page.get_by_test_id("days-30").click()
    expect(page.get_by_test_id("order").get_by_test_id("row")).to_have_count(2)
    expect(page.get_by_test_id("order").get_by_test_id("row").first).to_contain_text("90")
    expect_well_drawn(page)
