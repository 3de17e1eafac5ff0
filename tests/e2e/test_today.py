"""Today, the frame, Patients and one patient in a real browser."""

from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from medsync_app.domain.states import CycleState, ExceptionKind, ItemState, Role
from medsync_app.store.ids import new_id
from medsync_app.store.session import Database
from tests.support.looks import expect_no_axe_findings, expect_nothing_scrolls_sideways
from tests.support.screens import make_batch, make_message, make_task, make_therapy
from tests.support.served_app import ServedApp
from tests.support.signed_in_page import now, sign_in, today
from tests.support.store import Shop, make_patient, make_shop


def batch_for(
    database: Database, shop: Shop, *, first: str, state: CycleState = CycleState.PREPARING
) -> tuple[str, str]:
    """A patient with one drug in a batch of today: the patient's and the cycle's id."""
    patient = make_patient(database, shop, first=first, phone="+14045550123")
    fills = tuple(today() - timedelta(days=days) for days in (85, 55, 25))
    drug = make_therapy(database, shop, patient, "Lisinopril 10 mg", fills=fills, rx_number=new_id())
    items = ItemState.READY if state is CycleState.READY else ItemState.PLANNED
    batch = make_batch(database, shop, patient, (drug,), on=today(), state=state, items=items)
    return patient, batch.cycle_id


def test_a_technician_works_the_queue(
    page: Page, served_app: ServedApp, database: Database, shop: Shop
) -> None:
    batch_for(database, shop, first="Ada")
    sign_in(page, served_app, database, shop, Role.TECHNICIAN)
    page.goto(served_app.url + "/")
    row = page.get_by_test_id("row")
    expect(row).to_contain_text("Example, Ada")
    expect(row).to_contain_text("1 medicine")
    page.get_by_role("button", name="Mark ready: Example, Ada").click()
    expect(page.get_by_test_id("notice")).to_contain_text("Marked ready.")
    page.get_by_test_id("undo").click()
    expect(page.get_by_test_id("notice")).to_contain_text("Taken back.")
    page.get_by_role("button", name="Mark ready: Example, Ada").click()
    page.get_by_role("button", name="Picked up: Example, Ada").click()
    expect(page.get_by_test_id("empty")).to_be_visible()


def test_the_queue_is_walked_by_keyboard(
    page: Page, served_app: ServedApp, database: Database, shop: Shop
) -> None:
    batch_for(database, shop, first="Ada")
    batch_for(database, shop, first="Ben")
    sign_in(page, served_app, database, shop, Role.TECHNICIAN)
    page.goto(served_app.url + "/")
    expect(page.get_by_test_id("row")).to_have_count(2)
    page.get_by_test_id("queue").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    second = page.get_by_test_id("row").nth(1)
    expect(second).to_be_focused()
    name = second.get_by_role("link").inner_text()
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("notice")).to_contain_text("Marked ready.")
    expect(page.get_by_role("button", name=f"Picked up: {name}")).to_be_visible()


def test_control_k_finds_a_patient(page: Page, served_app: ServedApp, database: Database, shop: Shop) -> None:
    patient, _ = batch_for(database, shop, first="Ada")
    sign_in(page, served_app, database, shop, Role.TECHNICIAN)
    page.goto(served_app.url + "/")
    expect(page.get_by_test_id("row")).to_be_visible()
    page.keyboard.press("Control+k")
    expect(page.get_by_test_id("search")).to_be_focused()
    page.keyboard.type("exam")
    expect(page.get_by_test_id("hit")).to_contain_text("Example, Ada")
    assert "exam" not in page.url.split("//", 1)[1].split("/", 1)[1]
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/patient/{patient}*")
    expect(page.get_by_test_id("title")).to_have_text("Example, Ada")


def test_links_are_those_of_the_role(
    page: Page, served_app: ServedApp, database: Database, shop: Shop
) -> None:
    sign_in(page, served_app, database, shop, Role.OWNER)
    page.goto(served_app.url + "/")
    rail = page.get_by_role("navigation", name="Pages", exact=True)
    expect(rail.get_by_role("link", name="Adherence")).to_be_visible()
    expect(page.get_by_test_id("enroll")).to_be_visible()
    expect(page.get_by_test_id("checklist")).to_be_visible()


def test_a_filter_lives_in_the_address(
    page: Page, served_app: ServedApp, database: Database, shop: Shop
) -> None:
    batch_for(database, shop, first="Ada")
    make_patient(database, shop, first="Ben")
    sign_in(page, served_app, database, shop, Role.TECHNICIAN)
    page.goto(served_app.url + "/patients")
    expect(page.get_by_test_id("row")).to_have_count(2)
    page.get_by_test_id("show-enrolled").click()
    expect(page.get_by_test_id("row")).to_have_count(1)
    assert "show=enrolled" in page.url
    page.reload()
    expect(page.get_by_test_id("row")).to_have_count(1)
    page.get_by_test_id("list-search").fill("Zzz")
    expect(page.get_by_test_id("empty")).to_be_visible()


def test_an_enrollment_is_paused_and_a_note_kept(
    page: Page, served_app: ServedApp, database: Database, shop: Shop
) -> None:
    patient, _ = batch_for(database, shop, first="Ada")
    sign_in(page, served_app, database, shop, Role.PHARMACIST)
    page.goto(f"{served_app.url}/patient/{patient}")
    page.get_by_test_id("ask-pause").click()
    dialog = page.get_by_test_id("pause")
    dialog.get_by_label("Why?").fill("In hospital")
    page.get_by_test_id("pause-yes").click()
    expect(page.get_by_test_id("ask-resume")).to_be_visible()
    expect(dialog).to_have_count(0)
    page.get_by_label("New note").fill("Daughter calls on Monday.")
    page.get_by_test_id("keep-note").click()
    expect(page.get_by_text("Daughter calls on Monday.")).to_be_visible()
    expect(page.get_by_test_id("history")).to_contain_text("Looked at the patient")


def test_another_pharmacys_patient_is_not_shown(
    page: Page, served_app: ServedApp, database: Database, shop: Shop
) -> None:
    patient, _ = batch_for(database, shop, first="Ada")
    other = make_shop(database, f"shop-{new_id()}", now=now())
    sign_in(page, served_app, database, other, Role.PHARMACIST)
    page.goto(f"{served_app.url}/patient/{patient}")
    expect(page.get_by_test_id("error")).to_contain_text("not there any more")
    assert "Ada" not in page.content()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_and_nothing_scrolls_sideways(
    page: Page, served_app: ServedApp, database: Database, shop: Shop, scheme: str
) -> None:
    patient, cycle = batch_for(database, shop, first="Ada")
    batch_for(database, shop, first="Ben", state=CycleState.READY)
    task = make_task(database, shop, ExceptionKind.CALL, patient_id=patient, cycle_id=cycle, due_at=now())
    make_message(database, shop, patient, due_at=now() + timedelta(days=1), body="Ready on Tuesday.")
    assert task
    sign_in(page, served_app, database, shop, Role.PHARMACIST)
    page.emulate_media(color_scheme=scheme)  # pyright: ignore[reportArgumentType]
    for path, sign in (("/", "queue"), ("/patients", "patients"), (f"/patient/{patient}", "timeline")):
        page.goto(served_app.url + path)
        expect(page.get_by_test_id(sign)).to_be_visible()
        expect_no_axe_findings(page)
        expect_nothing_scrolls_sideways(page)
    page.goto(served_app.url + "/?work=call")
    expect(page.get_by_test_id("act")).to_have_count(1)
    page.get_by_test_id("act").click()
    expect(page.get_by_test_id("call-sheet")).to_be_visible()
    expect_no_axe_findings(page)


def test_the_empty_pages_say_what_fills_them(
    page: Page, served_app: ServedApp, database: Database, shop: Shop
) -> None:
    sign_in(page, served_app, database, shop, Role.TECHNICIAN)
    for path in ("/", "/patients"):
        page.goto(served_app.url + path)
        expect(page.get_by_test_id("empty")).to_be_visible()
        expect(page.get_by_test_id("empty").get_by_role("link")).to_be_visible()
        expect_no_axe_findings(page)
