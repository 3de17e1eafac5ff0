"""Messages and exceptions in a real browser."""

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from medsync_app.domain.states import ActionState, ExceptionKind, Role
from medsync_app.store.session import Database
from tests.support.cycles import make_cycle
from tests.support.looks import expect_no_axe_findings
from tests.support.screens import make_message, make_task
from tests.support.served_app import ServedApp
from tests.support.signed_in_page import now, sign_in
from tests.support.store import Shop, make_patient


def held_message(database: Database, shop: Shop) -> str:
    """A reminder that waits for a person, of a pickup in ten days."""
    patient = make_patient(database, shop, phone="+14045550123")
    day = (now() + timedelta(days=10)).date()
    made = make_cycle(database, shop, patient, sync_date=day, now=now())
    payload = {
        "action": {"do": "message", "template": "confirm_t3"}, "sync_date": day.isoformat(), "conditions": [],
        "trigger": "days_before", "cycles": ["sync"], "needs_fresh_data": False, "number": 5,
    }  # fmt: skip
    return make_message(
        database, shop, patient, due_at=now() + timedelta(days=7), state=ActionState.HELD, step="confirm_t3",
        reason="A person must decide.", cycle_id=made.cycle_id, enrollment_id=made.enrollment_id,
        payload=payload,
    )  # fmt: skip


def test_a_held_message_is_reworded_and_cancelled(
    page: Page, served_app: ServedApp, database: Database, shop: Shop
) -> None:
    held_message(database, shop)
    sign_in(page, served_app, database, shop, Role.TECHNICIAN)
    page.goto(served_app.url + "/messages")
    expect(page.get_by_test_id("empty")).to_be_visible()
    page.get_by_test_id("tab-held").click()
    page.get_by_test_id("open").click()
    panel = page.get_by_test_id("message")
    expect(panel).to_contain_text("A person must decide.")
    expect(panel).to_contain_text("Reply 1 to confirm")
    page.get_by_test_id("edit").click()
    page.get_by_test_id("wording").fill("Hello")
    page.get_by_test_id("save-wording").click()
    expect(page.locator("#wording-error")).to_contain_text("name of the pharmacy")
    expect(page.get_by_test_id("wording")).to_have_value("Hello")
    name = page.locator("#wording-error").inner_text().partition("(")[2].partition(")")[0]
    page.get_by_test_id("wording").fill(f"{name}: bring your card. STOP to end.")
    page.get_by_test_id("save-wording").click()
    expect(panel).to_contain_text("bring your card")
    page.get_by_test_id("cancel").click()
    page.get_by_test_id("confirm").click()
    expect(page.get_by_test_id("notice")).to_contain_text("Cancelled")
    page.get_by_test_id("message-close").click()
    expect(panel).to_have_count(0)
    page.wait_for_url(re.compile(r"/messages\?tab=held$"))
    expect(page.get_by_test_id("tab-unsent")).to_contain_text("1")


def test_an_exception_is_found_taken_and_settled(
    page: Page, served_app: ServedApp, database: Database, shop: Shop
) -> None:
    patient = make_patient(database, shop)
    case_id = make_task(
        database, shop, ExceptionKind.CONTACT, patient_id=patient, due_at=now() - timedelta(days=2)
    )
    make_task(database, shop, ExceptionKind.REPLY, due_at=now() + timedelta(days=2))
    sign_in(page, served_app, database, shop, Role.TECHNICIAN)
    page.goto(served_app.url + "/exceptions")
    expect(page.get_by_test_id("group").first).to_contain_text("Overdue")
    page.get_by_test_id("kind").select_option("contact")
    page.wait_for_url(re.compile("kind=contact"))
    expect(page.get_by_test_id("case")).to_have_count(1)
    page.get_by_test_id("open").click()
    page.wait_for_url(re.compile(f"open={case_id}"))
    page.reload()
    expect(page.get_by_test_id("case-panel")).to_contain_text("Example, Ada")
    page.get_by_test_id("take").click()
    expect(page.get_by_test_id("give-back")).to_be_visible()
    page.get_by_test_id("resolve").click()
    expect(page.locator("#outcome-error")).to_contain_text("how this was settled")
    page.get_by_test_id("outcome").fill("New number from the daughter.")
    page.get_by_test_id("resolve").click()
    expect(page.get_by_test_id("notice")).to_contain_text("Settled.")
    page.get_by_test_id("case-panel-close").click()
    expect(page.get_by_test_id("empty")).to_be_visible()


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_axe_finds_nothing_and_nothing_scrolls_sideways(
    page: Page, served_app: ServedApp, database: Database, shop: Shop, mode: str
) -> None:
    message = held_message(database, shop)
    case_id = make_task(database, shop, ExceptionKind.CONTACT, due_at=now())
    page.emulate_media(color_scheme="dark" if mode == "dark" else "light")
    sign_in(page, served_app, database, shop, Role.TECHNICIAN)
    for address in (
        "/messages?tab=held",
        f"/messages?tab=held&open={message}",
        f"/exceptions?open={case_id}",
    ):
        page.goto(served_app.url + address)
        expect(page.get_by_test_id("title")).to_be_visible()
        if "open=" in address:
            expect(page.get_by_role("dialog")).to_be_visible()
        else:
            expect(page.get_by_test_id("row")).to_have_count(1)
        expect_no_axe_findings(page)
        for width in (390, 768, 1280, 1600):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("() => document.documentElement.scrollWidth") <= width
