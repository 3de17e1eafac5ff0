"""From somebody else's form to an enrollment: the address in Settings, the delivery, the queue, the wizard."""

from datetime import timedelta
from urllib.request import ProxyHandler, Request, build_opener

from playwright.sync_api import Page, expect

from medsync_app.clock import SystemClock
from medsync_app.domain.states import Role
from medsync_app.store.session import Database
from medsync_app.store.tables import Pharmacy
from tests.support.forms import (
    SECRETS,
    event_body,
    signed_headers,
    typeform_body,
    typeform_headers,
)
from tests.support.looks import expect_well_drawn
from tests.support.served_app import ServedApp
from tests.support.signed_in_page import sign_in
from tests.support.store import SYSTEM, Shop, make_patient

_direct = build_opener(ProxyHandler({}))


def deliver(address: str, body: bytes, headers: dict[str, str]) -> int:
    with _direct.open(Request(address, body, headers, method="POST"), timeout=10) as answer:
        return answer.status


def test_an_owner_sets_up_a_typeform_and_a_technician_accepts_what_it_sends(
    page: Page, served_app: ServedApp, database: Database, shop: Shop
) -> None:
    sign_in(page, served_app, database, shop, Role.OWNER)
    page.goto(served_app.url + "/settings?tab=join")
    source = page.get_by_test_id("source-typeform")
    expect(source).to_contain_text("Ready")
    expect(source).to_contain_text("nothing yet")
    source.get_by_test_id("edit-mapping").click()
    page.get_by_test_id("map_first_name").fill("What may we call you?; first_name")
    page.get_by_test_id("map_phone").fill("What may we call you?")
    page.get_by_test_id("save-mapping").click()
    expect(source).to_contain_text("This question fills another field already")
    expect(page.get_by_test_id("map_first_name")).to_have_value("What may we call you?; first_name")
    expect_well_drawn(page)
    page.get_by_test_id("map_phone").fill("phone")
    page.get_by_test_id("save-mapping").click()
    expect(source).to_contain_text("this pharmacy's own list")
    pioneer = page.get_by_test_id("source-pioneerrx")
    pioneer.get_by_test_id("edit-mapping").click()
    page.get_by_test_id("map_rx.ready").fill("Completed; Shelved")
    page.get_by_test_id("save-mapping").click()
    expect(pioneer).to_contain_text("This word has another meaning already")
    expect(page.get_by_test_id("map_yes")).to_have_count(0)
    expect_well_drawn(page)
    page.get_by_test_id("map_rx.ready").fill("Shelved")
    page.get_by_test_id("save-mapping").click()
    expect(pioneer).to_contain_text("this pharmacy's own list")
    address = source.get_by_test_id("address").inner_text()
    body = typeform_body(submitted=(SystemClock().now() - timedelta(minutes=1)).isoformat())
    assert deliver(address, body, typeform_headers(body)) == 204
    expect(source).to_contain_text("Receiving", timeout=15_000)
    sign_in(page, served_app, database, shop, Role.TECHNICIAN)
    page.goto(served_app.url + "/")
    page.get_by_role("link", name="Enroll Example, Ada").click()
    asked = page.get_by_test_id("asked")
    expect(asked).to_contain_text("Asked by Typeform")
    expect(asked).to_contain_text("How did you hear of us?: A neighbour")
    expect(page.get_by_label("Date of birth")).to_have_value("1950-05-01")
    expect_well_drawn(page)
    page.get_by_test_id("drug-0-last").fill("2026-11-10")
    page.get_by_test_id("drug-0-days").fill("30")
    page.get_by_test_id("drug-1-name").fill("")
    page.get_by_test_id("add-patient").click()
    page.wait_for_url("**/enroll?draft=**")
    expect(page.get_by_role("heading", name="Example, Ada")).to_be_visible()


def test_the_pharmacy_systems_patient_is_a_click_away(
    page: Page, served_app: ServedApp, database: Database, shop: Shop
) -> None:
    make_patient(database, shop)
    with database.reading(SYSTEM) as tx:
        slug = tx.get(Pharmacy, shop.pharmacy_id).slug
    body = event_body(birth_date="1980-05-01")
    headers = signed_headers(body, SECRETS["PHARMACY_EVENTS_SECRET"], SystemClock().now())
    assert deliver(f"{served_app.url}/api/v1/events/{slug}", body, headers) == 204
    sign_in(page, served_app, database, shop, Role.TECHNICIAN)
    page.goto(served_app.url + "/")
    page.get_by_role("link", name="Enroll Example, Ada").click()
    expect(page.get_by_test_id("asked")).to_contain_text("Sent by the pharmacy system")
    expect_well_drawn(page)
    page.get_by_test_id("enroll-known").click()
    page.wait_for_url("**/enroll?draft=**")
