"""What others do shows by itself within five seconds, and nothing that is being typed is lost: not by that, nor by a
lost line, a server started anew or an error.
"""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from medsync_app.domain.states import Role
from medsync_app.store.session import Database
from medsync_app.store.tables import Pharmacy as PharmacyRow
from medsync_app.ui.pages.registry import PAGES
from medsync_app.ui.states.settings import TABS
from tests.support.failing_reads import MODULE, SECRET, SWITCH
from tests.support.looks import expect_no_axe_findings
from tests.support.open_forms import (
    OpenForm,
    colleague_acts,
    dialogs,
    expect_kept,
    forms,
    make_data,
    open_one,
)
from tests.support.open_views import colleague_acts as colleague_looks_after_the_rest
from tests.support.open_views import views
from tests.support.ports import free_port
from tests.support.relay import Relay, relay
from tests.support.served_app import ServeApp, ServedApp
from tests.support.signed_in_page import sign_in
from tests.support.store import SYSTEM, Shop

#: The bound of RELIABILITY.md for what others did, in milliseconds.
SOON_MS = 5_000
BACK_MS = 30_000
AN_ID = re.compile("support: [0-9a-f]{8}")


@pytest.fixture(scope="module")
def switch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """While this file is there, every page of the app fails to read and write."""
    return tmp_path_factory.mktemp("switch") / "fail"


@pytest.fixture(scope="module")
def line() -> Iterator[Relay]:
    """What lies between the browser and the app."""
    with relay(free_port()) as made:
        yield made


@pytest.fixture(scope="module")
def served_app(serve_app: ServeApp, switch: Path, line: Relay) -> ServedApp:
    """An app that is reached over the line."""
    environment = {SWITCH: str(switch), "MEDSYNC_PUBLIC_URL": line.url}
    return serve_app(module=MODULE, environment=environment, port=line.to_port)


@pytest.fixture
def failing(switch: Path) -> Iterator[Path]:
    yield switch
    switch.unlink(missing_ok=True)


def name_of(database: Database, shop: Shop) -> str:
    with database.reading(SYSTEM) as tx:
        return tx.get(PharmacyRow, shop.pharmacy_id).name


def delays(tabs: list[tuple[OpenForm, Page]], since: float) -> dict[str, int]:
    """Milliseconds until each page with a list showed what happened at `since`."""
    seen: dict[str, int] = {}
    for form, page in tabs:
        if form.live:
            expect(page.locator("body"), form.name).to_contain_text(form.mark, timeout=4 * SOON_MS)
            seen[form.name] = round(page.evaluate("() => window.markSeen") - since * 1000)
    return seen


@pytest.mark.slow
@pytest.mark.allow_console("WebSocket connection|ERR_CONNECTION|websocket")
def test_no_page_loses_what_is_typed_to_a_colleague_a_lost_line_or_a_restart(
    context: BrowserContext, page: Page, line: Relay, served_app: ServedApp, database: Database, shop: Shop
) -> None:
    data = make_data(database, shop)
    sign_in(page, served_app, database, shop, Role.OWNER)
    tabs = [(form, open_one(context, line.url, form)) for form in forms(data, name_of(database, shop))]
    began = time.time()
    colleague_acts(database, shop, data)
    seen = delays(tabs, began)
    print(json.dumps({"shown_after_ms": seen}))
    assert max(seen.values()) <= SOON_MS, seen
    for form, tab in tabs:
        expect_kept(tab, form)

    line.cut()
    for _, tab in tabs:
        expect(tab.get_by_test_id("offline")).to_be_visible(timeout=BACK_MS)
    line.mend()
    for form, tab in tabs:
        expect(tab.get_by_test_id("offline")).to_be_hidden(timeout=BACK_MS)
        expect_kept(tab, form)

    served_app.restart()
    for form, tab in tabs:
        expect(tab.get_by_test_id("offline")).to_be_hidden(timeout=BACK_MS)
        expect_kept(tab, form)


@pytest.mark.slow
@pytest.mark.allow_console("WebSocket connection|ERR_CONNECTION|websocket")
def test_a_form_over_a_page_outlives_a_restart_and_a_reload_and_leaves_the_address_when_it_is_closed(
    context: BrowserContext, page: Page, line: Relay, served_app: ServedApp, database: Database, shop: Shop
) -> None:
    data = make_data(database, shop)
    sign_in(page, served_app, database, shop, Role.OWNER)
    tabs = [(form, open_one(context, line.url, form)) for form in dialogs(data)]
    for form, tab in tabs:
        expect(tab, form.name).to_have_url(re.compile(r"[?&]over="))
    served_app.restart()
    for form, tab in tabs:
        expect(tab.get_by_test_id("offline"), form.name).to_be_hidden(timeout=BACK_MS)
        expect_kept(tab, form)
    form, tab = tabs[0]
    tab.reload()
    expect(tab.locator(form.send)).to_be_visible()
    tab.keyboard.press("Escape")
    expect(tab.locator(form.send)).to_have_count(0)
    expect(tab).not_to_have_url(re.compile("over="))


def test_every_page_and_tab_is_looked_at_here(database: Database, shop: Shop) -> None:
    opened = [form.path for form in (*forms(make_data(database, shop), "any"), *views(database, shop))]
    routes = {re.sub("/patient/.*", "/patient/[patient_key]", path.partition("?")[0]) for path in opened}
    assert routes == {page.route for page in PAGES if page.framed}
    tabs = {path.partition("tab=")[2] for path in opened if path.startswith("/settings")}
    assert tabs == set(TABS)


@pytest.mark.slow
def test_every_other_page_shows_what_others_did_and_keeps_what_is_typed(
    context: BrowserContext, page: Page, line: Relay, served_app: ServedApp, database: Database, shop: Shop
) -> None:
    sign_in(page, served_app, database, shop, Role.OWNER)
    tabs = [(view, open_one(context, line.url, view)) for view in views(database, shop)]
    began = time.time()
    colleague_looks_after_the_rest(database, shop)
    seen = delays(tabs, began)
    print(json.dumps({"shown_after_ms": seen}))
    assert max(seen.values()) <= SOON_MS, seen
    for view, tab in tabs:
        expect_kept(tab, view)


@pytest.mark.slow
def test_an_unexpected_error_shows_an_id_keeps_what_was_typed_and_ends_by_itself(
    context: BrowserContext,
    page: Page,
    line: Relay,
    served_app: ServedApp,
    database: Database,
    shop: Shop,
    failing: Path,
) -> None:
    data = make_data(database, shop)
    sign_in(page, served_app, database, shop, Role.OWNER)
    tabs = [(form, open_one(context, line.url, form)) for form in forms(data, name_of(database, shop))]
    failing.touch()
    for form, tab in tabs:
        if form.send:
            tab.locator(form.send).first.click()
        else:
            tab.reload()
        told = tab.get_by_role("alert").filter(has_text=AN_ID).first
        expect(told, form.name).to_be_visible()
        assert SECRET not in tab.content()
        if form.send:
            expect_kept(tab, form)
    failing.unlink()
    for form, tab in tabs:
        if form.send:
            tab.locator(form.send).first.click()
            expect(tab.locator(form.sent).first, form.name).to_be_visible()
        expect(tab.get_by_role("alert").filter(has_text=AN_ID), form.name).to_have_count(
            0, timeout=2 * SOON_MS
        )
    assert SECRET not in served_app.log.read_text("utf-8", errors="replace")


@pytest.mark.slow
def test_an_unexpected_error_in_a_form_over_a_page_leaves_it_open_with_what_was_typed(
    context: BrowserContext,
    page: Page,
    line: Relay,
    served_app: ServedApp,
    database: Database,
    shop: Shop,
    failing: Path,
) -> None:
    data = make_data(database, shop)
    sign_in(page, served_app, database, shop, Role.OWNER)
    complete = [form for form in dialogs(data) if form.name in ("pause", "dose", "move")]
    tabs = [(form, open_one(context, line.url, form)) for form in complete]
    for form, tab in tabs:
        expect(tab.locator(form.send), form.name).to_be_enabled()
    failing.touch()
    for form, tab in tabs:
        tab.locator(form.send).click()
        expect(
            tab.get_by_role("dialog").get_by_role("alert").filter(has_text=AN_ID).first, form.name
        ).to_be_visible()
        expect_kept(tab, form)
    failing.unlink()
    form, tab = tabs[0]
    tab.locator(form.send).click()
    expect(tab.locator(form.sent)).to_be_visible()


@pytest.mark.slow
def test_every_page_that_cannot_be_read_says_so_with_an_id_and_a_retry(
    page: Page, line: Relay, served_app: ServedApp, database: Database, shop: Shop, failing: Path
) -> None:
    data = make_data(database, shop)
    sign_in(page, served_app, database, shop, Role.OWNER)
    failing.touch()
    for one in PAGES:
        if not one.framed:
            continue
        page.goto(line.url + one.route.replace("[patient_key]", data.patient_id))
        error = page.get_by_test_id("error")
        # The tabs of Settings leave it to the top of the page.
        expect(page.get_by_role("alert").filter(has_text=AN_ID).first, one.route).to_be_visible()
        expect(error.get_by_test_id("retry"), one.route).to_be_visible()
        expect(page.get_by_test_id("empty"), one.route).to_have_count(0)
        expect(page.get_by_test_id("title"), one.route).to_be_visible()
        expect_no_axe_findings(page)
        failing.unlink()
        page.get_by_test_id("retry").click()
        expect(error, one.route).to_have_count(0)
        expect(page.get_by_role("alert").filter(has_text=AN_ID), one.route).to_have_count(0)
        failing.touch()
