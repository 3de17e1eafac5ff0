"""What two people do to each other, and what a wrong address does: nothing but saying so."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import inspect, text

from medsync_app.clock import SystemClock
from medsync_app.domain.states import CycleState, Role
from medsync_app.store.ids import new_id
from medsync_app.store.session import Database
from tests.support.browser import Complaints
from tests.support.screens import make_batch, make_therapy
from tests.support.served_app import ServeApp, ServedApp
from tests.support.staff import make_session, make_staff
from tests.support.store import SYSTEM, Shop, make_patient


@pytest.fixture(scope="module")
def served_app(serve_app: ServeApp) -> ServedApp:
    """An app without a loop: whatever changes, a page has changed it."""
    return serve_app(environment={"MEDSYNC_LOOP": "false"})


@pytest.fixture
def batch(database: Database, shop: Shop) -> str:
    """A batch of today that is being prepared; gives the cycle's id."""
    today = datetime.now(ZoneInfo("America/New_York")).date()
    patient = make_patient(database, shop)
    fills = tuple(today - timedelta(days=days) for days in (85, 55, 25))
    drugs = tuple(
        make_therapy(database, shop, patient, name, fills=fills, rx_number=new_id())
        for name in ("Lisinopril 10 mg", "Metformin 500 mg")
    )
    return make_batch(database, shop, patient, drugs, on=today, state=CycleState.PREPARING).cycle_id


def sign_in(page: Page, app: ServedApp, database: Database, shop: Shop, name: str) -> None:
    """Give the browser the cookie of a new pharmacist of that name."""
    clock = SystemClock()
    staff_id = make_staff(
        database, clock, {shop.pharmacy_id: Role.PHARMACIST}, organization_id=shop.organization_id,
        email=f"{new_id()}@example.com", name=name,
    )  # fmt: skip
    secret = make_session(database, clock, staff_id)
    page.context.add_cookies([{"name": "medsync", "value": secret, "url": app.url}])


def kept(database: Database, shop: Shop) -> dict[str, list[str]]:
    """Every row that the database holds of the pharmacy."""
    with database.reading(SYSTEM) as tx:
        found = inspect(tx.session.connection())
        return {
            table: sorted(repr(row) for row in tx.session.execute(
                text(f'select * from "{table}" where pharmacy_id = :shop'), {"shop": shop.pharmacy_id}
            ))
            for table in found.get_table_names()
            if any(column["name"] == "pharmacy_id" for column in found.get_columns(table))
        }  # fmt: skip


def test_the_second_of_two_people_is_told_who_was_first(
    browser: Browser, page: Page, complaints: Complaints, served_app: ServedApp, database: Database, shop: Shop,
    batch: str,
) -> None:  # fmt: skip
    with browser.new_context(viewport={"width": 1280, "height": 800}) as other_browser:
        other_browser.on("page", complaints.watch)
        other = other_browser.new_page()
        for who, name in ((page, "Slow Sally"), (other, "Quick Quinn")):
            sign_in(who, served_app, database, shop, name)
            who.goto(f"{served_app.url}/calendar?cycle={batch}")
            expect(who.get_by_test_id("batch")).to_contain_text("Preparing")
        # While a form is open the page does not change under what is being typed: it can only be stale.
        page.get_by_test_id("part").click()
        page.get_by_test_id("part-state").first.select_option("out_of_stock")
        other.get_by_test_id("ready").click()
        expect(other.get_by_test_id("notice")).to_contain_text("Marked ready.")
        before = kept(database, shop)
        page.get_by_test_id("save-part").click()
        expect(page.get_by_test_id("panel-problem")).to_contain_text("Quick Quinn")
        expect(page.get_by_test_id("batch")).to_contain_text("Ready")
        assert kept(database, shop) == before


#: Address with something in it that does not exist, and a word of what the page says to it.
WRONG_IDS = {
    "/calendar?cycle=nonsense": "This cycle is not there any more",
    "/patient/nonsense": "This patient is not there any more",
    "/enroll?draft=nonsense": "This enrollment draft is not there any more",
    "/enroll?draft=nonsense&step=9": "This enrollment draft is not there any more",
    "/enroll?patient=nonsense": "This patient is not there any more",
    "/enroll?enrolled=nonsense": "This enrollment is not there any more",
    "/messages?open=nonsense": "is not there any more",
    "/exceptions?open=nonsense": "is not there any more",
    "/settings?tab=import&import=nonsense": "This import run is not there any more",
    "/calendar/day?d=nonsense": "This address names no day",
}
#: Address whose page has a usual way to look when it is asked for another, and its title.
WRONG_WAYS = {
    "/calendar?d=nonsense&view=nonsense&state=nonsense": "Calendar",
    "/patients?page=nonsense&sort=nonsense&show=nonsense": "Patients",
    "/messages?tab=nonsense&page=-1": "Messages",
    "/exceptions?page=1e9&kind=nonsense": "Exceptions",
    "/candidates?page=nonsense&sort=nonsense": "Candidates",
    "/adherence?period=nonsense": "Adherence",
    "/settings?tab=nonsense": "Settings",
    "/?work=nonsense&at=nonsense": "Today",
}


@pytest.mark.usefixtures("batch")
def test_a_wrong_address_is_told_and_changes_nothing(
    page: Page, served_app: ServedApp, database: Database, shop: Shop
) -> None:
    sign_in(page, served_app, database, shop, "Pat Pharmacist")
    before = kept(database, shop)
    for address, words in WRONG_IDS.items():
        page.goto(served_app.url + address)
        told = page.get_by_role("alert").filter(has_text=words)
        expect(told.first, address).to_be_visible()
        # Still there when everything that a page does by itself has been done.
        page.wait_for_timeout(400)
        expect(told.first, address).to_be_visible()
    for address, title in WRONG_WAYS.items():
        page.goto(served_app.url + address)
        expect(page.get_by_test_id("title"), address).to_have_text(title)
        expect(page.get_by_test_id("skeleton"), address).to_have_count(0)
        expect(page.get_by_test_id("error"), address).to_have_count(0)
    assert kept(database, shop) == before


@pytest.mark.allow_console("404")
def test_an_address_without_a_page_leads_back(
    page: Page, served_app: ServedApp, database: Database, shop: Shop
) -> None:
    sign_in(page, served_app, database, shop, "Pat Pharmacist")
    page.goto(served_app.url + "/patients/nonsense")
    expect(page.get_by_test_id("title")).to_have_text("There is no such page")
    page.get_by_test_id("to-today").click()
    expect(page.get_by_test_id("title")).to_have_text("Today")
