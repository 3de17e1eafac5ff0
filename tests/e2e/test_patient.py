"""The forms of the Patient page in a real browser: a medicine told at the counter, another dose, who is reached how."""

from datetime import timedelta

from playwright.sync_api import Page, expect

from medsync_app.domain.states import Role
from medsync_app.store.session import Database
from tests.e2e.test_today import batch_for
from tests.support.looks import expect_no_axe_findings, expect_nothing_scrolls_sideways
from tests.support.served_app import ServedApp
from tests.support.signed_in_page import sign_in, today
from tests.support.store import Shop


def test_a_medicine_is_added_by_hand_and_its_dose_and_payers_share_changed(
    page: Page, served_app: ServedApp, database: Database, shop: Shop
) -> None:
    patient, _ = batch_for(database, shop, first="Ada")
    sign_in(page, served_app, database, shop, Role.PHARMACIST)
    page.goto(f"{served_app.url}/patient/{patient}")
    drugs, notice = page.get_by_test_id("drugs"), page.get_by_test_id("notice")
    expect(drugs).to_contain_text("Lisinopril")

    page.get_by_test_id("ask-add-drug").click()
    form = page.get_by_test_id("add-drug")
    form.get_by_label("Medicine and strength").fill("Atorvastatin 20 mg tablet")
    form.get_by_label("Days supply of the last fill").fill("0")
    form.get_by_label("Last filled").fill(str(today() - timedelta(days=12)))
    page.get_by_test_id("add-drug-yes").click()
    expect(form.locator("#drug-0-days-error")).to_contain_text("a number from 1 to")
    expect_no_axe_findings(page)
    expect(form.get_by_label("Medicine and strength")).to_have_value("Atorvastatin 20 mg tablet")
    form.get_by_label("Days supply of the last fill").fill("30")
    form.get_by_label("Refills left").fill("3")
    page.keyboard.press("Enter")
    expect(notice).to_contain_text("Added.")
    expect(form).to_be_hidden()
    expect(drugs).to_contain_text("Atorvastatin 20 mg tablet")

    page.get_by_role("button", name="Change Atorvastatin 20 mg tablet").click()
    dose = page.get_by_test_id("dose")
    expect(dose.get_by_label("Units a day")).to_have_value("1")
    dose.get_by_label("Units a day").fill("2")
    dose.get_by_label("Paid again when").fill("850")
    page.get_by_test_id("dose-yes").click()
    expect(dose.locator("#share-error")).to_contain_text("from 0 to 100")
    expect(dose.get_by_label("Units a day")).to_have_value("2")
    expect_no_axe_findings(page)
    dose.get_by_label("Paid again when").fill("85")
    page.get_by_test_id("dose-yes").click()
    expect(notice).to_contain_text("Changed.")
    page.reload()
    page.get_by_role("button", name="Change Atorvastatin 20 mg tablet").click()
    expect(dose.get_by_label("Units a day")).to_have_value("2")
    expect(dose.get_by_label("Paid again when")).to_have_value("85")


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
    expect_nothing_scrolls_sideways(page)
    page.get_by_test_id("end-messages").click()
    expect(page.get_by_test_id("stop-number")).to_contain_text("Stop all messages to (404) 555-0177?")
    page.get_by_test_id("stop-number-yes").click()
    expect(page.locator(".contact-card")).to_contain_text("Opted out")
    expect(page.get_by_test_id("end-messages")).to_have_count(0)
