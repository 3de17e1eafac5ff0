"""Adherence and Candidates in a real browser: charts under the policy, tables behind them, exports, axe."""

from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from medsync_app.clock import VirtualClock
from medsync_app.domain.states import CycleState, Role
from medsync_app.store.ids import new_id
from medsync_app.store.session import Database
from medsync_app.store.tables import Enrollment
from tests.support.adherent import YEAR_START, monthly, takes
from tests.support.looks import expect_no_axe_findings, expect_nothing_scrolls_sideways
from tests.support.screens import make_batch, make_therapy
from tests.support.served_app import ServeApp, ServedApp
from tests.support.shifted_clock import MODULE, offset_to
from tests.support.signed_in_page import now, sign_in, today
from tests.support.staff import signed_in
from tests.support.store import NOW, SYSTEM, Shop, make_patient, make_shop

CHARTS = ("chart-shares", "chart-bins", "chart-trend", "chart-both")


def fill_house(database: Database, shop: Shop) -> str:
    """Ten patients with a year of fills, three of them long enrolled; the id of one who is not."""
    free = ""
    for number in range(10):
        every = 30 if number % 3 else 40
        patient = make_patient(database, shop, first=f"Pat{number}")
        days = tuple(today() - timedelta(days=back) for back in range(400, 0, -every))
        for drug in ("Metformin 500 mg", "Lisinopril 10 mg"):
            make_therapy(database, shop, patient, drug, fills=days, rx_number=new_id())
        if number < 3:
            on = today() - timedelta(days=5)
            batch = make_batch(database, shop, patient, (), on=on, state=CycleState.CLOSED, picked_up_on=on)
            with database.transaction(SYSTEM) as tx:
                tx.get(Enrollment, batch.enrollment_id).enrolled_at = now() - timedelta(days=190)
        else:
            free = patient
    return free


def open_charts(page: Page, served_app: ServedApp, path: str = "/adherence?window=last_12_months") -> None:
    page.goto(served_app.url + path)
    for name in CHARTS:
        expect(page.get_by_test_id(name).locator("svg.main-svg").first).to_be_visible()


def test_charts_are_drawn_under_the_policy_with_their_words_and_table(
    page: Page, served_app: ServedApp, database: Database, shop: Shop
) -> None:
    fill_house(database, shop)
    sign_in(page, served_app, database, shop, Role.OWNER)
    open_charts(page, served_app)
    shares = page.get_by_test_id("chart-shares")
    expect(shares.locator(".bars .point")).to_have_count(2)
    expect(shares).to_have_attribute(
        "aria-label",
        "Patients at or above 80 % of days covered: "
        "Diabetes 60% (6 of 10 patients); RAS antagonists 60% (6 of 10 patients); "
        "Statins - (no patient counted yet).",
    )
    expect(page.locator(".modebar")).to_have_count(0)
    expect(page.get_by_text("Line: Diabetes 89 %: Medicare Star Ratings")).to_be_visible()
    expect(page.get_by_test_id("table-shares")).to_be_hidden()
    page.get_by_test_id("table-shares-open").click()
    expect(page.get_by_test_id("table-shares")).to_contain_text("6 of 10 patients")
    page.get_by_test_id("window-this_year").click()
    page.wait_for_url("**/adherence")
    expect(page.get_by_text("This year:")).to_be_visible()


def test_the_colours_of_a_chart_follow_the_mode(
    page: Page, served_app: ServedApp, database: Database, shop: Shop
) -> None:
    fill_house(database, shop)
    sign_in(page, served_app, database, shop, Role.OWNER)
    colours: list[str] = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # pyright: ignore[reportArgumentType]
        open_charts(page, served_app)
        bar = page.get_by_test_id("chart-shares").locator(".bars .point path").first
        colours.append(bar.evaluate("(bar) => getComputedStyle(bar).fill"))
    assert colours == ["rgb(90, 163, 173)", "rgb(63, 143, 154)"]


def test_an_owner_sets_the_line_and_a_mistake_stays_at_its_field(
    page: Page, served_app: ServedApp, database: Database, shop: Shop
) -> None:
    fill_house(database, shop)
    sign_in(page, served_app, database, shop, Role.OWNER)
    open_charts(page, served_app)
    page.get_by_test_id("line-open").click()
    page.get_by_label("Class", exact=True).select_option("ras_antagonists")
    page.get_by_label("Share of patients, in percent").fill("lots")
    page.get_by_label("Published by").fill("State average")
    page.get_by_label("Year").fill("2025")
    page.get_by_test_id("set-line").click()
    expect(page.locator("#share-error")).to_contain_text("Write a percentage")
    expect(page.get_by_label("Published by")).to_have_value("State average")
    expect_no_axe_findings(page)
    page.get_by_label("Share of patients, in percent").fill("86")
    page.get_by_test_id("set-line").click()
    expect(page.get_by_test_id("notice")).to_contain_text("The line is set.")
    expect(page.get_by_text("Line: RAS antagonists 86 %: State average (2025)")).to_be_visible()


def test_figures_and_candidates_are_taken_away_as_files(
    page: Page, served_app: ServedApp, database: Database, shop: Shop
) -> None:
    fill_house(database, shop)
    sign_in(page, served_app, database, shop, Role.OWNER)
    open_charts(page, served_app)
    with page.expect_download() as download:
        page.get_by_role("link", name="Export figures").click()
    assert download.value.suggested_filename == "medsync-adherence-last_12_months.csv"
    page.goto(served_app.url + "/candidates")
    with page.expect_download() as download:
        page.get_by_role("link", name="Export").click()
    text = download.value.path().read_text("utf-8-sig")
    assert len(text.splitlines()) == 8


def test_a_candidate_is_enrolled_from_the_list(
    page: Page, served_app: ServedApp, database: Database, shop: Shop
) -> None:
    fill_house(database, shop)
    sign_in(page, served_app, database, shop, Role.TECHNICIAN)
    page.goto(served_app.url + "/candidates?sort=name")
    rows = page.get_by_test_id("row")
    expect(rows).to_have_count(7)
    expect(rows.first).to_contain_text("Example, Pat3")
    expect(rows.first).to_contain_text("metformin")
    expect(page.get_by_role("link", name="Export")).to_have_count(0)
    # Planned after the list is there.
    expect(page.get_by_text("being planned")).to_have_count(0)
    page.get_by_test_id("show-low").click()
    expect(rows).to_have_count(3)
    page.get_by_role("link", name="Enroll Example, Pat3").click()
    page.wait_for_url("**/enroll?*")
    expect(page.get_by_role("main")).to_contain_text("Example, Pat3")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_and_nothing_scrolls_sideways(
    page: Page, served_app: ServedApp, database: Database, shop: Shop, scheme: str
) -> None:
    fill_house(database, shop)
    sign_in(page, served_app, database, shop, Role.PHARMACIST)
    page.emulate_media(color_scheme=scheme)  # pyright: ignore[reportArgumentType]
    open_charts(page, served_app)
    page.get_by_test_id("table-bins-open").click()
    expect_no_axe_findings(page)
    expect_nothing_scrolls_sideways(page)
    page.goto(served_app.url + "/candidates")
    expect(page.get_by_test_id("row").first).to_be_visible()
    expect(page.get_by_text("being planned")).to_have_count(0)
    expect_nothing_scrolls_sideways(page)
    expect_no_axe_findings(page)


def test_empty_pages_say_what_fills_them(
    page: Page, served_app: ServedApp, database: Database, shop: Shop
) -> None:
    sign_in(page, served_app, database, shop, Role.OWNER)
    for path in ("/adherence", "/candidates"):
        page.goto(served_app.url + path)
        expect(page.get_by_test_id("empty").get_by_role("link", name="Import a file")).to_be_visible()
        expect_no_axe_findings(page)


def test_a_technician_has_no_adherence_page(
    page: Page, served_app: ServedApp, database: Database, shop: Shop
) -> None:
    sign_in(page, served_app, database, shop, Role.TECHNICIAN)
    page.goto(served_app.url + "/adherence")
    expect(page.get_by_test_id("error")).to_contain_text("Your role does not include this")
    rail = page.get_by_role("navigation", name="Pages", exact=True)
    expect(rail.get_by_role("link", name="Candidates")).to_be_visible()
    expect(rail.get_by_role("link", name="Adherence")).to_have_count(0)


def test_from_a_chart_to_the_patient_about_to_be_lost_are_two_clicks(page: Page, serve_app: ServeApp) -> None:
    app = serve_app(module=MODULE, environment=offset_to(NOW) | {"MEDSYNC_LOOP": "false"})
    database = Database(app.database_url)
    shop = make_shop(database, now=NOW)
    late = (YEAR_START, *monthly(YEAR_START + timedelta(days=95), 8))
    lost = takes(database, shop, "Lisinopril 10 mg", late)
    for number in range(12):
        takes(database, shop, "Lisinopril 10 mg", monthly(YEAR_START, 11), first=f"Good{number}")
    secret = signed_in(database, VirtualClock(NOW), shop, Role.OWNER)
    database.dispose()
    page.context.add_cookies([{"name": "medsync", "value": secret, "url": app.url}])
    page.goto(app.url + "/adherence")
    expect(page.get_by_test_id("chart-shares").locator("svg.main-svg").first).to_be_visible()
    page.get_by_test_id("to-the-lost").click()
    first = page.get_by_test_id("risks").get_by_role("link", name="Example, Ada", exact=True)
    expect(first).to_be_in_viewport()
    first.click()
    page.wait_for_url(f"**/patient/{lost}**")
    expect(page.get_by_role("heading", name="Example, Ada")).to_be_visible()
