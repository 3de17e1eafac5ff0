"""A shared workstation: a PIN set with the password, and two people who take turns by it, in a real browser."""

import re

import pytest
from playwright.sync_api import Page, expect

from medsync_app.auth.passwords import hash_password
from medsync_app.clock import SystemClock
from medsync_app.domain.states import Role
from medsync_app.store.ids import new_id
from medsync_app.store.session import Database
from tests.support.looks import expect_well_drawn
from tests.support.served_app import ServedApp
from tests.support.staff import make_staff
from tests.support.store import Shop

PASSWORD, PIN = "a long enough password", "4826"
_HASH = hash_password(PASSWORD)
#: What Chromium says when a page with an open socket is left.
LEAVING = "Disconnect websocket|WebSocket"


def person(database: Database, shop: Shop, name: str) -> str:
    """A technician with a password; gives the e-mail address."""
    email = f"{new_id()}@example.com"
    make_staff(
        database, SystemClock(), {shop.pharmacy_id: Role.TECHNICIAN}, organization_id=shop.organization_id,
        email=email, name=name, password_hash=_HASH,
    )  # fmt: skip
    return email


def sign_in_here(page: Page, app: ServedApp, email: str) -> None:
    """With the password, as at the beginning of a shift; a PIN counts at such a workstation only."""
    page.goto(app.url + "/sign-in")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_test_id("sign-in").click()
    expect(page.get_by_test_id("account")).to_be_visible()


def signed_in_name(page: Page, name: str) -> None:
    page.get_by_test_id("account").click()
    expect(page.locator(".topbar .popover").get_by_text(name)).to_be_visible()


@pytest.mark.allow_console(LEAVING)
def test_two_people_take_turns_at_a_workstation_by_pin(
    page: Page, served_app: ServedApp, database: Database, shop: Shop
) -> None:
    first, second = person(database, shop, "Ina First"), person(database, shop, "Otto Second")
    sign_in_here(page, served_app, first)
    page.get_by_test_id("account").click()
    page.get_by_test_id("switch").click()
    expect(page.get_by_test_id("switch-person")).to_contain_text("Nobody else can switch")
    page.get_by_label("Your password").fill(PASSWORD)
    page.locator("#pin").fill("1234")
    page.get_by_test_id("save-pin").click()
    page.wait_for_url(re.compile("said=weak"))
    expect(page.locator("#pin-error")).to_contain_text("not in a row")
    expect_well_drawn(page)
    page.get_by_label("Your password").fill("not the right one")
    page.locator("#pin").fill(PIN)
    page.get_by_test_id("save-pin").click()
    expect(page.locator("#password-error")).to_contain_text("stays as it was")
    page.get_by_label("Your password").fill(PASSWORD)
    page.locator("#pin").fill(PIN)
    page.get_by_test_id("save-pin").click()
    expect(page.get_by_test_id("done")).to_have_text("Your PIN is set.")
    assert PIN not in page.url

    sign_in_here(page, served_app, second)
    page.goto(served_app.url + "/account")
    pin = page.get_by_label("PIN of Ina First")
    pin.fill("7391")
    page.get_by_role("button", name="Switch to Ina First").click()
    page.wait_for_url(re.compile("said=pin"))
    expect(page.locator(".field", has=pin).get_by_role("alert")).to_contain_text("does not fit")
    signed_in_name(page, "Otto Second")
    page.keyboard.press("Escape")
    pin.fill(PIN)
    pin.press("Enter")
    page.wait_for_url(served_app.url + "/")
    signed_in_name(page, "Ina First")
