"""The wizard and the calendar in a real browser: from a search to a moved, prepared and picked-up batch."""

from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from medsync_app.domain.states import Role
from medsync_app.store.ids import new_id
from medsync_app.store.session import Database
from medsync_app.store.tables import Pharmacy
from tests.support.looks import expect_no_axe_findings, expect_nothing_scrolls_sideways
from tests.support.screens import make_therapy
from tests.support.served_app import ServedApp
from tests.support.signed_in_page import now, sign_in, today
from tests.support.store import SYSTEM, Shop, make_patient

DRUGS = ("Lisinopril 10 MG", "Atorvastatin 20 MG", "Metformin 500 MG", "Amlodipine 5 MG", "Losartan 50 MG")


@pytest.fixture
def shop(database: Database, shop: Shop) -> Shop:
    """A pharmacy with fresh data."""
    with database.transaction(SYSTEM) as tx:
        tx.get(Pharmacy, shop.pharmacy_id).data_as_of = now()
    return shop


@pytest.fixture
def ada(database: Database, shop: Shop) -> str:
    """An imported patient with five drugs, all filled 10 days ago."""
    patient = make_patient(database, shop, phone="+14045550123")
    for drug in DRUGS:
        fills = tuple(today() - timedelta(days=days) for days in (70, 40, 10))
        make_therapy(database, shop, patient, drug, fills=fills, rx_number=new_id())
    return patient


class Clicks:
    """Counts what a person clicks."""

    def __init__(self, page: Page) -> None:
        self.page, self.count = page, 0

    def on(self, test_id: str) -> None:
        self.page.get_by_test_id(test_id).first.click()
        self.count += 1


def enroll(page: Page, app: ServedApp) -> Clicks:
    """Enroll Ada from Today on, as a technician does who was told yes to texts."""
    page.goto(app.url + "/")
    clicks = Clicks(page)
    clicks.on("enroll")
    page.get_by_test_id("find_patient").fill("exam")
    clicks.on("hit")
    expect(page.get_by_test_id("take")).to_have_count(len(DRUGS))
    clicks.on("next")
    expect(page.get_by_test_id("option").first).to_be_checked()
    clicks.on("next")
    expect(page.get_by_test_id("sms_address")).to_have_value("(404) 555-0123")
    clicks.on("sms_basis-express")
    clicks.on("next")
    expect(page.get_by_test_id("messages").get_by_text("First reminder", exact=True)).to_be_visible()
    clicks.on("finish")
    expect(page.get_by_test_id("enrolled")).to_contain_text("Example, Ada is enrolled")
    return clicks


@pytest.mark.usefixtures("ada")
def test_five_drugs_are_enrolled_in_eight_clicks_and_worked_to_the_next_cycle(
    page: Page, served_app: ServedApp, database: Database, shop: Shop
) -> None:
    sign_in(page, served_app, database, shop, Role.TECHNICIAN)
    clicks = enroll(page, served_app)
    assert clicks.count <= 8
    page.get_by_test_id("to-calendar").click()
    panel = page.get_by_test_id("batch")
    expect(panel).to_contain_text("Example, Ada")
    expect(panel.get_by_test_id("coming")).to_contain_text("Ask to confirm")
    panel.get_by_test_id("part").click()
    panel.get_by_test_id("part-state").first.select_option("out_of_stock")
    panel.get_by_test_id("save-part").click()
    expect(panel).to_contain_text("Partly ready")
    panel.get_by_test_id("ready").click()
    expect(page.get_by_test_id("notice")).to_contain_text("Marked ready.")


@pytest.mark.usefixtures("ada")
def test_a_batch_is_moved_by_keyboard_and_by_dragging(
    page: Page, served_app: ServedApp, database: Database, shop: Shop
) -> None:
    sign_in(page, served_app, database, shop, Role.PHARMACIST)
    enroll(page, served_app)
    page.get_by_test_id("to-calendar").click()
    page.get_by_test_id("ask-move").click()
    dialog = page.get_by_test_id("move")
    expect(dialog.get_by_test_id("move-yes")).to_be_disabled()
    day = today() + timedelta(days=14)
    dialog.get_by_test_id("move_day").fill(day.isoformat())
    expect(dialog.get_by_test_id("move-changes")).to_contain_text("1 pickup that day")
    dialog.get_by_test_id("move-yes").click()
    expect(page.get_by_test_id("notice")).to_contain_text("Moved to")
    page.get_by_test_id("batch-close").click()
    page.goto(f"{served_app.url}/calendar?d={day.replace(day=1)}")
    chip = page.locator(f"[data-date='{day}'] .cal-chip, .cal-chip").first
    expect(chip).to_contain_text("Example, Ada")
    target = page.locator(f"[data-date='{day - timedelta(days=1)}']")
    chip.hover()
    page.mouse.down()
    box = target.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=12)
    page.mouse.up()
    expect(dialog.get_by_test_id("move_day")).to_have_value((day - timedelta(days=1)).isoformat())
    dialog.get_by_test_id("move-no").click()
    expect(dialog).to_have_count(0)


@pytest.mark.usefixtures("ada")
def test_a_reload_in_the_middle_loses_nothing(
    page: Page, served_app: ServedApp, database: Database, shop: Shop
) -> None:
    sign_in(page, served_app, database, shop, Role.TECHNICIAN)
    page.goto(served_app.url + "/enroll")
    page.get_by_test_id("find_patient").fill("exam")
    page.get_by_test_id("hit").click()
    page.get_by_test_id("take").first.uncheck()
    page.get_by_test_id("next").click()
    expect(page.get_by_test_id("option").first).to_be_visible()
    page.reload()
    expect(page.get_by_test_id("option").first).to_be_visible()
    page.get_by_test_id("step-2").click()
    expect(page.get_by_test_id("take").first).not_to_be_checked()
    page.goto(served_app.url + "/enroll")
    expect(page.get_by_test_id("draft")).to_contain_text("Step 3: Sync date")
    assert "exam" not in page.url


def test_an_error_stays_at_its_field_and_what_was_typed_stays(
    page: Page, served_app: ServedApp, database: Database, shop: Shop
) -> None:
    sign_in(page, served_app, database, shop, Role.TECHNICIAN)
    page.goto(served_app.url + "/enroll?new=1")
    page.get_by_test_id("first_name").fill("Rosa")
    page.get_by_test_id("last_name").fill("Nueva")
    page.get_by_test_id("birth_date").fill("1950-02-03")
    page.get_by_test_id("phone").fill("12")
    page.get_by_test_id("drug-0-name").fill("Lisinopril 10 MG Tablet")
    page.get_by_test_id("drug-0-days").fill("30")
    page.get_by_test_id("drug-0-last").fill((today() - timedelta(days=9)).isoformat())
    page.get_by_test_id("add-patient").click()
    expect(page.locator("#phone-error")).to_contain_text("area code")
    expect(page.get_by_test_id("drug-0-name")).to_have_value("Lisinopril 10 MG Tablet")
    page.get_by_test_id("phone").fill("404 555 0155")
    page.get_by_test_id("add-patient").click()
    expect(page.get_by_test_id("take")).to_have_count(1)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_and_nothing_scrolls_sideways(
    page: Page, served_app: ServedApp, database: Database, shop: Shop, ada: str, scheme: str
) -> None:
    page.emulate_media(color_scheme=scheme)  # pyright: ignore[reportArgumentType]
    sign_in(page, served_app, database, shop, Role.PHARMACIST)
    page.goto(served_app.url + f"/enroll?patient={ada}")
    for seen in ("take", "option", "sms_address", "finish"):
        expect(page.get_by_test_id(seen).first).to_be_visible()
        expect_no_axe_findings(page)
        expect_nothing_scrolls_sideways(page)
        page.get_by_test_id("next" if seen != "finish" else "finish").click()
    expect(page.get_by_test_id("enrolled")).to_be_visible()
    expect_no_axe_findings(page)
    page.get_by_test_id("to-calendar").click()
    expect(page.get_by_test_id("batch")).to_be_visible()
    expect_no_axe_findings(page)
    page.get_by_test_id("batch-close").click()
    expect(page.get_by_test_id("batch")).to_have_count(0)
    expect_no_axe_findings(page)
    expect_nothing_scrolls_sideways(page)
    page.goto(served_app.url + "/calendar/day")
    expect(page.get_by_test_id("print")).to_be_visible()
    expect_no_axe_findings(page)
