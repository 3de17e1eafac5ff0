"""The workflow page in a real browser: a rule edited and tried, a dry run, published and brought back."""

from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from medsync_app.clock import VirtualClock
from medsync_app.domain.states import Role
from medsync_app.services.schedule_cycle import schedule_cycle
from medsync_app.store.session import Database
from tests.support.cycles import make_cycle
from tests.support.looks import expect_no_axe_findings, expect_well_drawn
from tests.support.served_app import ServedApp
from tests.support.signed_in_page import now, sign_in
from tests.support.store import Shop, make_patient


@pytest.fixture
def opened(page: Page, served_app: ServedApp, database: Database, shop: Shop) -> Page:
    """The page of a pharmacist whose pharmacy has one pickup to come."""
    patient_id = make_patient(database, shop, phone="+14045550123")
    made = make_cycle(database, shop, patient_id, sync_date=now().date() + timedelta(days=20), now=now())
    with database.transaction(shop.scope, VirtualClock(now())) as tx:
        schedule_cycle(tx, made.cycle_id)
    sign_in(page, served_app, database, shop, Role.PHARMACIST)
    page.goto(served_app.url + "/workflow")
    return page


def test_a_rule_is_changed_tried_published_and_brought_back(opened: Page) -> None:
    page = opened
    expect(page.get_by_test_id("node-1").get_by_text("patients here now")).to_have_text(" patients here now")
    expect_well_drawn(page)
    page.get_by_role("link", name="Ask to confirm").press("Enter")
    panel = page.get_by_test_id("step-panel")
    expect(panel).to_be_visible()
    panel.get_by_label("Days before the sync date").fill("4")
    panel.get_by_label("Time of day").fill("09:30")
    panel.get_by_test_id("channel_0_0").select_option("voice")
    expect_well_drawn(page)
    panel.get_by_test_id("keep-step").click()
    expect(page.get_by_text("Kept among the changes.")).to_be_visible()
    panel.get_by_label("Text", exact=True).fill(
        "{{ pharmacy }}: {{ medicines }} on {{ day }}. {{ phone }} STOP"
    )
    panel.get_by_test_id("try-on").first.click()
    expect(panel.get_by_text("What Example, Ada would get")).to_be_visible()
    expect(panel.get_by_test_id("size")).to_contain_text("1 text message")
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    hand = page.get_by_test_id("in-hand")
    expect(hand).to_contain_text("days: 4, was 3")
    expect_well_drawn(page)
    page.get_by_test_id("publish").click()
    dialog = page.get_by_test_id("publish-dialog")
    dialog.get_by_label("Move the 1 pickups under way").check()
    dialog.get_by_label("Note").fill("A day more.")
    page.get_by_test_id("publish-dialog-yes").click()
    expect(page.get_by_text("Version 2 is in force.")).to_be_visible()
    expect(hand).to_be_hidden()
    page.get_by_test_id("compare").click()
    expect(page.get_by_test_id("compared")).to_contain_text("days: 4, was 3")
    page.get_by_test_id("go-back").click()
    expect(page.get_by_test_id("back-dialog")).to_contain_text("days: 3, was 4")
    page.get_by_test_id("back-dialog-yes").click()
    expect(page.get_by_text("Version 1 applies again, as version 3.")).to_be_visible()


def test_a_step_of_ones_own_begins_as_a_copy_with_another_trigger(opened: Page) -> None:
    page = opened
    page.get_by_role("link", name="Ask to confirm").press("Enter")
    panel, notice = page.get_by_test_id("step-panel"), page.get_by_test_id("notice")
    panel.get_by_test_id("copy-step").click()
    expect(notice).to_contain_text("Copied.")
    expect(panel.get_by_label("Name", exact=True)).to_have_value("Ask to confirm (copy)")
    panel.get_by_label("When", exact=True).select_option("hours_after_ready")
    hours = panel.get_by_label("Hours after ready")
    expect(hours).to_have_value("24")
    panel.get_by_label("Name", exact=True).fill("Still here?")
    hours.fill("9999")
    panel.get_by_test_id("keep-step").click()
    expect(panel.locator("#hours-error")).to_contain_text("whole number from 0 to")
    expect(panel.get_by_label("Name", exact=True)).to_have_value("Still here?")
    expect_no_axe_findings(page)
    hours.fill("30")
    panel.get_by_test_id("keep-step").click()
    expect(notice).to_contain_text("Kept among the changes.")
    expect(panel.locator(".strong").first).to_contain_text("30 hours after ready")
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="Still here?")).to_be_visible()
    expect(page.get_by_role("link", name="Ask to confirm")).to_be_visible()
    expect(page.get_by_test_id("in-hand")).to_contain_text("Still here?")


def test_a_dry_run_is_left_and_found_again(opened: Page, served_app: ServedApp) -> None:
    page = opened
    page.get_by_test_id("start-trial").click()
    page.goto(served_app.url + "/")
    page.goto(served_app.url + "/workflow")
    expect(page.get_by_test_id("trial-summary")).to_contain_text("In 30 days: ", timeout=30_000)
    page.get_by_text("By step", exact=True).click()
    expect(page.get_by_test_id("trial-steps")).to_contain_text("First reminder")
    page.get_by_text("The messages", exact=True).click()
    expect(
        page.get_by_test_id("trial-messages").get_by_role("link", name="Example, Ada").first
    ).to_be_visible()
    expect_well_drawn(page)
