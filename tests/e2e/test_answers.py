"""The screens that keep what staff know: questions about drugs, what adherence leaves out, dates together."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from medsync_app.clock import VirtualClock
from medsync_app.domain.states import Role
from medsync_app.store.ids import new_id
from medsync_app.store.session import Database
from tests.support.looks import expect_well_drawn
from tests.support.programme import Clinic, add_drug_row
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
    return make_shop(database, f"shop-{new_id()}", now=now())


def patient_with(database: Database, shop: Shop, *drugs: tuple[str, int]) -> str:
    """A patient with these drugs, each filled so many days ago."""
    patient_id = make_patient(database, shop)
    clinic = Clinic(database, shop, VirtualClock(now()))
    for name, ago in drugs:
        add_drug_row(clinic, patient_id, name, [((now().date() - timedelta(days=ago)).isoformat(), 30)])
    return patient_id


def test_a_pharmacist_answers_and_records_on_the_patients_page(
    page: Page, served_app: ServedApp, database: Database, shop: Shop
) -> None:
    patient = patient_with(database, shop, ("Lisinopril 5 MG", 20), ("Lisinopril 10 MG", 2))
    sign_in(page, served_app, database, shop, Role.PHARMACIST)
    page.goto(f"{served_app.url}/patient/{patient}")
    asked = page.get_by_test_id("drug-questions")
    expect(asked).to_contain_text("Lisinopril 5 MG has the same ingredient as Lisinopril 10 MG")
    page.get_by_test_id("record-care").click()
    expect_well_drawn(page)
    page.get_by_label("What", exact=True).select_option("inpatient")
    page.get_by_label("First day").fill((now().date() - timedelta(days=9)).isoformat())
    page.get_by_test_id("care-form-yes").click()
    expect(page.get_by_test_id("care")).to_contain_text("Hospital stay")
    page.get_by_test_id("correct-care").click()
    page.get_by_test_id("remove-care").click()
    expect(page.get_by_test_id("care")).to_contain_text("Nothing is recorded")
    expect_well_drawn(page)
    page.get_by_test_id("replaced").click()
    expect(asked).to_have_count(0)


def test_candidates_are_planned_together_and_enrolled_on_their_day(
    page: Page, served_app: ServedApp, database: Database, shop: Shop
) -> None:
    for _ in range(2):
        patient_with(database, shop, ("Lisinopril 10 MG", 10), ("Metformin 500 MG", 10))
    sign_in(page, served_app, database, shop, Role.TECHNICIAN)
    page.goto(served_app.url + "/candidates")
    page.get_by_test_id("together").click()
    dates = page.get_by_test_id("dates").get_by_test_id("row")
    expect(dates).to_have_count(2)
    expect_well_drawn(page)
    page.get_by_test_id("enroll-on").first.click()
    expect(page.get_by_test_id("medicines")).to_be_visible()
