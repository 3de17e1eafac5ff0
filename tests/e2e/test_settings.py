"""The settings in a real browser: an import from upload to result, the forms, and how they look."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from medsync_app.domain.states import Role
from medsync_app.store.ids import new_id
from medsync_app.store.session import Database
from tests.support.served_app import ServedApp
from tests.support.signed_in_page import now, sign_in
from tests.support.store import Shop

TABS = ("pharmacy", "closures", "import", "staff", "connections", "workflow", "audit", "backup")
HEAD = "Rx No,Filled,Drug,Qty,Days,Pat ID,Last,First,Sold\n"


def export(rows: int) -> bytes:
    """A dispensing export whose last row cannot be used."""
    day = now().strftime("%m/%d/%Y")
    lines = [
        f"90{number},{day},Lisinopril 10 mg tablet,30,30,P{number},Example,Ada,{day}\n"
        for number in range(rows)
    ]
    return (HEAD + "".join(lines) + f"999,{day},Aspirin,1,never,P9,Bad,Row,\n").encode()


@pytest.mark.allow_console("422")
def test_a_file_is_uploaded_looked_at_and_imported(
    page: Page, served_app: ServedApp, database: Database, shop: Shop
) -> None:
    sign_in(page, served_app, database, shop, Role.TECHNICIAN)
    page.goto(served_app.url + "/settings")
    field, go = page.get_by_test_id("file"), page.get_by_test_id("upload")
    field.set_input_files({"name": "notes.csv", "mimeType": "text/csv", "buffer": b"hello"})
    go.click()
    expect(page.locator("[data-upload-problem]")).to_contain_text("No columns were found")
    field.set_input_files({"name": "november.csv", "mimeType": "text/csv", "buffer": export(40)})
    go.click()
    page.wait_for_url(re.compile("import="))
    preview = page.get_by_test_id("preview")
    expect(preview).to_contain_text("41 rows looked at")
    expect(preview).to_contain_text("Row 42, Days")
    page.get_by_test_id("start-import").click()
    expect(page.get_by_test_id("result")).to_contain_text("40 new", timeout=30_000)
    with page.expect_download() as download:
        page.get_by_text("Rows to correct").click()
    assert "42,Days" in download.value.path().read_text("utf-8-sig")


def test_a_form_keeps_what_was_typed_when_it_is_refused(
    page: Page, served_app: ServedApp, database: Database, shop: Shop
) -> None:
    sign_in(page, served_app, database, shop, Role.OWNER)
    page.goto(served_app.url + "/settings")
    page.get_by_test_id("name").fill("Maple & Main")
    page.get_by_test_id("closes_6").fill("08:00")
    page.get_by_test_id("save-settings").click()
    expect(page.locator(".hours-problem").get_by_text("On Sunday you close before you open.")).to_be_visible()
    expect(page.get_by_test_id("name")).to_have_value("Maple & Main")
    page.get_by_test_id("closes_6").fill("17:00")
    page.get_by_test_id("save-settings").click()
    expect(page.get_by_test_id("notice")).to_contain_text("Settings saved.")
    page.reload()
    expect(page.get_by_test_id("name")).to_have_value("Maple & Main")
    expect(page.get_by_test_id("closes_6")).to_have_value("17:00")


def test_an_owner_adds_somebody_and_sees_it_in_the_log(
    page: Page, served_app: ServedApp, database: Database, shop: Shop
) -> None:
    sign_in(page, served_app, database, shop, Role.OWNER)
    page.goto(served_app.url + "/settings?tab=staff")
    page.get_by_test_id("name").fill("Nina New")
    page.get_by_test_id("email").fill(f"nina.{new_id()}@example.com")
    page.get_by_test_id("add-user").click()
    expect(page.get_by_test_id("new-password")).to_have_text(re.compile(r"^\w{5}(-\w{5}){3}$"))
    page.get_by_test_id("hide").click()
    expect(page.get_by_test_id("new-password")).to_have_count(0)
    page.get_by_test_id("tabs").get_by_text("Audit log").click()
    expect(page.get_by_test_id("audit")).to_contain_text("Add user")
    page.get_by_test_id("verify").click()
    expect(page.get_by_test_id("verdict")).to_contain_text("The log is whole")


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_axe_finds_nothing_and_nothing_scrolls_sideways(
    page: Page, served_app: ServedApp, database: Database, shop: Shop, mode: str
) -> None:
    page.emulate_media(color_scheme="dark" if mode == "dark" else "light")
    sign_in(page, served_app, database, shop, Role.OWNER)
    for tab in TABS:
        page.set_viewport_size({"width": 1280, "height": 800})
        page.goto(f"{served_app.url}/settings?tab={tab}")
        expect(page.locator("[data-testid=skeleton]")).to_have_count(0)
        expect(page.get_by_test_id("tabs")).to_be_visible()
        found = Axe().run(page).response["violations"]
        assert [(tab, one["id"], [node["html"] for node in one["nodes"]]) for one in found] == []
        for width in (390, 768, 1600):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("() => document.documentElement.scrollWidth") <= width, (tab, width)
