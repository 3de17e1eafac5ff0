"""A pharmacist merges a duplicate by the keyboard, sees what happens before it is saved, and old links lead on."""

from datetime import timedelta

from playwright.sync_api import Page, expect

from medsync_app.clock import VirtualClock
from medsync_app.domain.states import Role
from medsync_app.store.session import Database
from tests.support.looks import expect_well_drawn
from tests.support.programme import Clinic, add_drug_row, enroll_recommended
from tests.support.served_app import ServedApp
from tests.support.signed_in_page import now, sign_in
from tests.support.store import Shop, make_patient


def record(clinic: Clinic, first: str, *drugs: tuple[str, int]) -> str:
    """A record with these drugs, each filled so many days ago, that takes part."""
    patient_id = make_patient(clinic.database, clinic.shop, first=first)
    for name, ago in drugs:
        add_drug_row(clinic, patient_id, name, [((now().date() - timedelta(days=ago)).isoformat(), 30)])
    enroll_recommended(clinic, patient_id)
    return patient_id


def test_a_duplicate_is_merged_with_the_keyboard_and_its_link_leads_to_the_one_that_stayed(
    page: Page, served_app: ServedApp, database: Database, shop: Shop
) -> None:
    clinic = Clinic(database, shop, VirtualClock(now()))
    ada = record(clinic, "Ada", ("Lisinopril 10 MG", 20))
    twin = record(clinic, "Adah", ("Lisinopril 10 MG", 50), ("Metformin 500 MG", 16))
    sign_in(page, served_app, database, shop, Role.PHARMACIST)
    page.goto(f"{served_app.url}/patient/{ada}")
    opener = page.get_by_test_id("ask-merge")
    opener.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("merge-found")).to_contain_text("Example, Adah")
    expect_well_drawn(page)
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("merge")).to_have_count(0)
    expect(opener).to_be_focused()
    page.keyboard.press("Enter")
    look = page.get_by_test_id("merge-look")
    look.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("merge-what")).to_contain_text("Become one medicine: Lisinopril 10 MG")
    expect(page.get_by_test_id("merge-warnings")).to_contain_text("Both take part in the programme")
    expect(page.get_by_test_id("merge-withdrawn")).to_be_visible()
    dates = page.get_by_test_id("merge-date")
    expect(dates).to_have_count(2)
    dates.first.focus()
    page.keyboard.press("ArrowDown")
    expect(dates.nth(1)).to_be_checked()
    dates.nth(1).focus()
    page.keyboard.press("ArrowUp")
    expect(dates.first).to_be_checked()
    expect_well_drawn(page)
    page.get_by_label("Why are they the same person?").focus()
    page.keyboard.type("Same phone and address")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("merge")).to_have_count(0)
    expect(page.get_by_test_id("history")).to_contain_text("Reason: Same phone and address")
    page.goto(f"{served_app.url}/patient/{twin}")
    expect(page).to_have_url(f"{served_app.url}/patient/{ada}")
    expect(page.get_by_test_id("history")).to_contain_text("Merged the record Example, Adah")
