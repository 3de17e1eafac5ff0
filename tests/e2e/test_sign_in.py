"""Signing in, out and back in again, in a real browser."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from medsync_app.auth.passwords import hash_password
from medsync_app.clock import SystemClock
from medsync_app.domain.states import Role
from medsync_app.services.add_pharmacy import add_pharmacy
from medsync_app.services.add_user import NewUser, add_user
from medsync_app.store.repositories import people
from medsync_app.store.scope import Scope
from medsync_app.store.session import Database
from tests.support.served_app import ServedApp

EMAIL, PASSWORD = "e2e.sign.in@example.com", "a long enough password"
_HASH = hash_password(PASSWORD)
#: What Chromium says when a page with an open socket is left.
LEAVING = "Disconnect websocket|WebSocket"


@pytest.fixture
def account(served_app: ServedApp) -> Iterator[str]:
    """An owner of a pharmacy of the served app."""
    database = Database(served_app.database_url)
    with database.transaction(Scope.system("test"), SystemClock()) as tx:
        if people.staff_by_email(tx, EMAIL) is None:
            shop = add_pharmacy(tx, "Sign-in Pharmacy", "America/New_York")
            add_user(tx, shop.id, NewUser(EMAIL, "Sign Inner", Role.OWNER, _HASH))
    yield EMAIL
    database.dispose()


def _fill(page: Page, password: str) -> None:
    page.get_by_label("E-mail address").fill(EMAIL)
    page.get_by_label("Password").fill(password)
    page.get_by_test_id("sign-in").click()


@pytest.mark.allow_console(LEAVING)
def test_a_person_signs_in_where_they_were_going_and_out_again(
    page: Page, served_app: ServedApp, account: str
) -> None:
    page.goto(served_app.url + "/?at=nowhere")
    page.wait_for_url(re.compile("/sign-in.problem=idle"))
    _fill(page, "not the right password")
    expect(page.get_by_test_id("sign-in-problem")).to_contain_text("do not fit together")
    assert EMAIL not in page.url
    _fill(page, PASSWORD)
    page.wait_for_url(served_app.url + "/?at=nowhere")
    page.get_by_test_id("account").click()
    expect(page.get_by_text("Sign Inner")).to_be_visible()
    assert "medsync" not in page.evaluate("() => document.cookie")
    page.get_by_test_id("sign-out").click()
    page.wait_for_url(re.compile("/sign-in.problem=signed_out"))
    page.goto(served_app.url + "/")
    page.wait_for_url(re.compile("/sign-in.problem=idle"))
    expect(page.get_by_text("Sign Inner")).to_have_count(0)
