"""Flows that staff walk many times a day, each as short as promised."""

from datetime import timedelta

from playwright.sync_api import Page, expect

from medsync_app.domain.names import folded
from medsync_app.domain.states import CycleState, ExceptionKind, ItemState, Role
from medsync_app.store.ids import new_id
from medsync_app.store.session import Database
from medsync_app.store.tables import Patient
from tests.support.looks import expect_well_drawn
from tests.support.screens import make_batch, make_task, make_therapy
from tests.support.served_app import ServedApp
from tests.support.signed_in_page import now, sign_in, today
from tests.support.store import SYSTEM, Shop, make_patient

QUEUE = 20
#: For so long the row that has moved up takes no key that was meant for the one before (assets/once.js).
MOMENT_MS = 300


def test_twenty_rows_are_cleared_by_keyboard_alone(
    page: Page, served_app: ServedApp, database: Database, shop: Shop
) -> None:
    for number in range(QUEUE // 2):
        patient = make_patient(database, shop, first=f"Ready{number:02}", phone=f"+1404555{1000 + number}")
        fills = tuple(today() - timedelta(days=days) for days in (85, 55, 25))
        drug = make_therapy(database, shop, patient, "Lisinopril 10 mg", fills=fills, rx_number=new_id())
        make_batch(
            database, shop, patient, (drug,), on=today() - timedelta(days=1), state=CycleState.READY,
            items=ItemState.READY,
        )  # fmt: skip
        due = now() + timedelta(hours=1, minutes=number)
        make_task(database, shop, ExceptionKind.STOCK_CHECK, patient_id=patient, due_at=due)
    sign_in(page, served_app, database, shop, Role.TECHNICIAN)
    page.goto(served_app.url + "/")
    rows = page.get_by_test_id("row")
    expect(rows).to_have_count(QUEUE)
    page.get_by_test_id("queue").focus()
    page.keyboard.press("ArrowDown")
    for left in range(QUEUE, 0, -1):
        expect(rows.first).to_be_focused()
        page.keyboard.press("Enter")
        expect(rows).to_have_count(left - 1)
        page.wait_for_timeout(MOMENT_MS)
    expect(page.get_by_test_id("empty")).to_be_visible()
    expect(page.locator("#page")).to_be_focused()


def test_any_patient_is_found_by_name_rx_or_phone_in_one_search(
    page: Page, served_app: ServedApp, database: Database, shop: Shop
) -> None:
    patient = make_patient(database, shop, first="Ángela", last="O'Hara", phone="+14045550177")
    with database.transaction(SYSTEM) as tx:
        tx.get(Patient, patient).search_name = folded("O'Hara Ángela")
    make_therapy(database, shop, patient, "Lisinopril 10 mg", rx_number="7712345")
    make_patient(database, shop, first="Ben", phone="+14045550188")
    sign_in(page, served_app, database, shop, Role.TECHNICIAN)
    page.goto(served_app.url + "/")
    expect(page.get_by_test_id("account")).to_be_visible()
    for typed in ("angela", "ohara", "7712345", "0177", "(404) 555-0177"):
        page.keyboard.press("Control+k")
        expect(page.get_by_test_id("search")).to_be_focused()
        page.keyboard.type(typed)
        expect(page.get_by_test_id("hit")).to_have_count(1)
        expect(page.get_by_test_id("hit")).to_contain_text("O'Hara, Ángela")
        page.get_by_test_id("search").fill("")
        expect(page.get_by_test_id("hit")).to_have_count(0)


def test_sheets_are_downloaded_from_the_patients_page(
    page: Page, served_app: ServedApp, database: Database, shop: Shop
) -> None:
    patient = make_patient(database, shop, phone="+14045550123")
    drug = make_therapy(database, shop, patient, "Lisinopril 10 mg", rx_number=new_id())
    make_batch(database, shop, patient, (drug,), on=today() + timedelta(days=9))
    sign_in(page, served_app, database, shop, Role.TECHNICIAN)
    page.goto(f"{served_app.url}/patient/{patient}")
    documents = page.get_by_test_id("documents")
    for name in ("Calendar in large print, Spanish (PDF)", "Agreement to sign, English (PDF)"):
        with page.expect_download() as waiting:
            documents.get_by_role("link", name=name).click()
        assert waiting.value.path().read_bytes().startswith(b"%PDF-")
    expect_well_drawn(page)
    page.goto(f"{served_app.url}/calendar/day?d={today() + timedelta(days=9)}")
    with page.expect_download() as waiting:
        page.locator("#day-pdf").click()
    assert waiting.value.suggested_filename == f"medsync-day-{today() + timedelta(days=9)}.pdf"
