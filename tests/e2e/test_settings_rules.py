"""The tabs of rules and connections in a real browser: what is saved stays, a mistake is told at its field."""

import pytest
from playwright.sync_api import Page, expect

from medsync_app.domain.states import Role
from medsync_app.services.keep_pharmacy_event import PHARMACY_SYSTEM, keep_pharmacy_event
from medsync_app.store.session import Database
from medsync_app.store.tables import Prescriber
from tests.support.looks import expect_no_axe_findings
from tests.support.served_app import ServeApp, ServedApp
from tests.support.signed_in_page import sign_in
from tests.support.store import SYSTEM, Shop


@pytest.fixture(scope="module")
def served_app(serve_app: ServeApp) -> ServedApp:
    """An app with programs that are set up; in the sandbox nothing is sent to them."""
    return serve_app(
        environment={
            "SLACK_WEBHOOK_URL": "https://hooks.slack.example/none",
            "SMTP_URL": "smtp://mail.example:25",
            "SMTP_FROM": "pharmacy@example.com",
        }
    )


def test_rules_are_saved_and_a_mistake_is_told_at_its_field(
    page: Page, served_app: ServedApp, database: Database, shop: Shop
) -> None:
    with database.transaction(SYSTEM) as tx:
        tx.add(
            Prescriber(pharmacy_id=shop.pharmacy_id, external_key="quill", name="Dr. Quill", fax="4045550199")
        )
    sign_in(page, served_app, database, shop, Role.OWNER)
    page.goto(served_app.url + "/settings?tab=rules")
    notice = page.get_by_test_id("notice")
    page.get_by_label("Prescribers without a way of their own").select_option("fax")
    page.get_by_test_id("save-path").click()
    expect(notice).to_contain_text("Saved.")
    expect(page.get_by_text("requests become tasks until then")).to_be_visible()

    page.get_by_label("Medicaid", exact=True).check()
    page.get_by_test_id("save-on-request").click()
    expect(page.get_by_label("Medicaid", exact=True)).to_be_checked()

    page.get_by_label("Payer or plan").fill("medicaid")
    page.get_by_label("Pays again from, in percent").fill("often")
    page.get_by_test_id("save-share").click()
    expect(page.locator("#share-error")).to_contain_text("from 0 to 100")
    expect(page.get_by_label("Payer or plan")).to_have_value("medicaid")
    page.get_by_label("Pays again from, in percent").fill("82")
    page.get_by_test_id("save-share").click()
    expect(page.get_by_test_id("shares")).to_contain_text("82 %")

    page.get_by_label("Not controlled").fill("0")
    page.get_by_test_id("save-months").click()
    expect(page.locator("#months_none-error")).to_contain_text("whole number from 1")
    page.get_by_label("Not controlled").fill("15")
    page.get_by_test_id("save-months").click()
    expect(page.locator("#months_none-error")).to_be_empty()

    page.get_by_role("button", name="Change Dr. Quill").click()
    form = page.get_by_test_id("doctor-form")
    form.get_by_label("Renewal requests", exact=True).select_option("email")
    page.get_by_test_id("doctor-form-yes").click()
    expect(form.locator("#email-error")).to_contain_text("Give the e-mail address")
    expect_no_axe_findings(page)
    form.get_by_label("E-mail address").fill("quill@example.com")
    page.get_by_test_id("doctor-form-yes").click()
    expect(page.get_by_test_id("doctors")).to_contain_text("quill@example.com")

    page.reload()
    expect(page.get_by_label("Prescribers without a way of their own")).to_have_value("fax")
    expect(page.get_by_label("Medicaid", exact=True)).to_be_checked()
    expect(page.get_by_label("Part D")).not_to_be_checked()
    expect(page.get_by_label("Not controlled")).to_have_value("15")
    expect(page.get_by_test_id("shares")).to_contain_text("82 %")


def test_a_connection_is_tried_and_its_result_appears_beside_it(
    page: Page, served_app: ServedApp, database: Database, shop: Shop
) -> None:
    sign_in(page, served_app, database, shop, Role.OWNER)
    page.goto(served_app.url + "/settings?tab=connections")
    mail = page.get_by_test_id("programs").get_by_role("listitem").filter(has_text="E-mail to prescribers")
    mail.get_by_label("E-mail address").fill("nowhere")
    mail.get_by_test_id("test-program").click()
    expect(mail.get_by_role("alert")).not_to_be_empty()
    expect(mail.get_by_label("E-mail address")).to_have_value("nowhere")
    expect_no_axe_findings(page)
    mail.get_by_label("E-mail address").fill("me@example.com")
    mail.get_by_label("E-mail address").press("Enter")
    expect(page.get_by_test_id("notice")).to_contain_text("The test is queued.")
    page.get_by_role("button", name="Send test to Slack").click()
    for name in ("E-mail to prescribers", "Slack"):
        line = page.get_by_test_id("programs").get_by_role("listitem").filter(has_text=name)
        expect(line).to_contain_text("kept in the sandbox", timeout=30_000)
    trello = page.get_by_test_id("programs").get_by_role("listitem").filter(has_text="Trello")
    expect(trello).to_contain_text("Needs TRELLO_KEY")
    expect(trello.get_by_test_id("test-program")).to_have_count(0)

    number = page.get_by_label("Number", exact=True)
    number.fill("12")
    page.get_by_test_id("send-test").click()
    expect(page.locator("#number-error")).to_contain_text("area code")
    number.fill("404 555 0177")
    page.get_by_test_id("send-test").click()
    expect(page.get_by_test_id("notice")).to_contain_text("look for it under Messages")


def test_what_the_pharmacy_system_sent_and_could_not_be_used_is_looked_at_and_put_aside(
    page: Page, served_app: ServedApp, database: Database, shop: Shop
) -> None:
    raw = {"event": "rx.exploded", "id": "evt-7", "patient": {"last_name": "Example"}}
    with database.transaction(SYSTEM) as tx:
        keep_pharmacy_event(tx, shop.pharmacy_id, PHARMACY_SYSTEM, "evt-7", "rx.exploded", raw, "")
    sign_in(page, served_app, database, shop, Role.OWNER)
    page.goto(served_app.url + "/settings?tab=connections")
    event = page.get_by_test_id("unused-event")
    expect(event).to_contain_text("MedSync knows no event of this name.", timeout=30_000)
    expect(event).to_contain_text("evt-7")
    expect(event).not_to_contain_text("Example")
    event.get_by_test_id("look-at-event").click()
    expect(event.get_by_test_id("event-says")).to_contain_text("Example")
    expect_no_axe_findings(page)
    event.get_by_test_id("put-event-aside").click()
    expect(page.get_by_test_id("no-events")).to_be_visible()
