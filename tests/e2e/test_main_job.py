"""The whole main job in one browser test: from an empty database to the cycle after the first pickup."""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Locator, Page, expect
from sqlmodel import col, select

from medsync_app.store.session import Database
from medsync_app.store.tables import ScheduledAction
from tests.support.exports import sample
from tests.support.served_app import ServeApp, ServedApp
from tests.support.shifted_clock import MODULE, offset_to
from tests.support.store import SYSTEM

NEW_YORK = ZoneInfo("America/New_York")
#: The first working day after the sample was made, so that its patients are in the middle of their supply.
FIRST_DAY = date(2026, 11, 23)
SYNC_DAY = date(2026, 12, 3)
NEXT_SYNC_DAY = date(2027, 1, 2)
#: What the patient is written before a pickup, on which day.
REMINDERS = (
    ("First reminder", SYNC_DAY - timedelta(days=7)), ("Ask to confirm", SYNC_DAY - timedelta(days=3)),
    ("Remind the day before", SYNC_DAY - timedelta(days=1)),
)  # fmt: skip
NEXT_REMINDERS = tuple((step, day + (NEXT_SYNC_DAY - SYNC_DAY)) for step, day in REMINDERS)
PASSWORD = "four plain words suffice"
PATIENT, SEARCH = "Hernández, Gladys", "hernandez"
#: What Chromium says when a page with an open socket is left.
LEAVING = "Disconnect websocket|WebSocket"
IMPORT_SECONDS = 60_000


def at(day: date, hour: int, minute: int = 5) -> datetime:
    """An instant by the pharmacy's wall clock."""
    return datetime.combine(day, time(hour, minute), NEW_YORK)


@dataclass
class Pharmacy:
    """The served app of a pharmacy, whose days the test chooses."""

    app: ServedApp

    def be_on(self, day: date, hour: int) -> None:
        """Serve the app with its clock at that hour; what was kept in the database is all that stays."""
        if self.app.process is not None:
            self.app.stop()
        self.app.environment |= offset_to(at(day, hour))
        self.app.start()

    def loop_once(self, day: date, hour: int) -> int:
        """One turn of the background loop at that hour; gives how many messages it sent to patients."""
        before = self._sent()
        self.app.command("loop", "--once", "--now", at(day, hour).isoformat())
        return self._sent() - before

    def _sent(self) -> int:
        """Staff are written to as well, about what is overdue: that is no message of the programme."""
        database = Database(self.app.database_url)
        try:
            with database.reading(SYSTEM) as tx:
                sent = select(ScheduledAction.id).where(
                    col(ScheduledAction.kind) == "message", col(ScheduledAction.sent_at).is_not(None)
                )
                return len(tx.session.scalars(sent).all())
        finally:
            database.dispose()


@pytest.fixture
def pharmacy(serve_app: ServeApp) -> Iterator[Pharmacy]:
    """A new pharmacy with two accounts and no data, in an app that runs its loop."""
    app = serve_app(module=MODULE, environment=offset_to(at(FIRST_DAY, 10)))
    added = app.command("pharmacy", "add", "--name", "Peachtree Pharmacy", "--zone", "America/New_York")
    for role, name in (("owner", "Olive Owner"), ("pharmacist", "Pat Pharmacist")):
        app.command(
            "user", "add", "--email", f"{role}@example.com", "--name", name, "--pharmacy", added["slug"], "--role",
            role, "--password-stdin", stdin=f"{PASSWORD}\n",
        )  # fmt: skip
    yield Pharmacy(app)
    if app.process is not None:
        app.stop()


def sign_in(page: Page, app: ServedApp, role: str) -> None:
    """Type e-mail address and password, as a person does."""
    page.goto(f"{app.url}/")
    page.get_by_label("E-mail address").fill(f"{role}@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_test_id("sign-in").click()
    expect(page.get_by_test_id("title")).to_have_text("Today")


def sign_out(page: Page) -> None:
    page.get_by_test_id("account").click()
    page.get_by_test_id("sign-out").click()
    page.wait_for_url(re.compile("problem=signed_out"))


def open_page(page: Page, name: str) -> None:
    """Follow a link of the rail."""
    page.get_by_role("navigation", name="Pages", exact=True).get_by_role("link", name=name).click()
    expect(page.get_by_test_id("title")).to_have_text(name)


def import_sample(page: Page, export: Path) -> None:
    """Settings > Import: choose the file, look at the preview, start, wait, download what cannot be used."""
    open_page(page, "Settings")
    page.get_by_test_id("tabs").get_by_text("Import").click()
    expect(page.get_by_text("Nothing was imported yet.")).to_be_visible()
    page.get_by_test_id("file").set_input_files(export)
    page.get_by_test_id("upload").click()
    preview = page.get_by_test_id("preview")
    expect(preview).to_contain_text("the standard export")
    expect(preview.get_by_test_id("first-rows")).to_contain_text("Levothyroxine")
    mapping = page.get_by_test_id("mapping")
    expect(mapping.get_by_label("Days supply")).to_have_value("Days Supply")
    expect(mapping.get_by_label("Date sold")).to_have_value("Date Sold")
    page.get_by_test_id("start-import").click()
    result = page.get_by_test_id("result")
    expect(result).to_contain_text("Done", timeout=IMPORT_SECONDS)
    expect(result).to_contain_text("200 new")
    expect(result).to_contain_text("11 rows could not be used")
    with page.expect_download() as download:
        result.get_by_text("Rows to correct").click()
    rows = list(csv.reader(io.StringIO(download.value.path().read_text("utf-8-sig"))))
    assert [row[0] for row in rows[1:]] == [
        "222", "1636", "2055", "2119", "3164", "3512", "3787", "4612", "5173", "6727", "6890",
    ]  # fmt: skip


def enroll(page: Page) -> None:
    """Enroll the patient in five steps, the last of which promises every message."""
    page.get_by_test_id("enroll").click()
    page.get_by_test_id("find_patient").fill(SEARCH)
    page.get_by_test_id("hit").filter(has_text=PATIENT).click()
    expect(page.get_by_test_id("take").first).to_be_visible()
    page.get_by_test_id("next").click()
    expect(page.get_by_test_id("option").first).to_be_checked()
    page.get_by_test_id("next").click()
    expect(page.get_by_test_id("sms_address")).to_have_value("(478) 555-0142")
    page.get_by_test_id("sms_basis-express").click()
    page.get_by_test_id("next").click()
    promised = page.get_by_test_id("messages").get_by_test_id("row")
    expect(promised).to_have_count(1 + len(REMINDERS))
    expect(promised.first).to_contain_text("Welcome")
    for row, (step, day) in zip(promised.all()[1:], REMINDERS, strict=True):
        expect(row).to_contain_text(step)
        expect(row).to_contain_text(said(day))
    page.get_by_test_id("finish").click()
    expect(page.get_by_test_id("enrolled")).to_contain_text(f"{PATIENT} is enrolled")


def expect_messages(page: Page, tab: str, *steps: tuple[str, date]) -> None:
    """The tab of the Messages page shows exactly these, each with its day."""
    open_page(page, "Messages")
    page.get_by_test_id(f"tab-{tab}").click()
    rows = page.get_by_test_id("messages").get_by_test_id("row")
    state = re.compile("Coming" if tab == "coming" else "Sent")
    # Of the other tab nothing is left: its rows say another state.
    expect(rows.filter(has_text=state)).to_have_count(len(steps))
    expect(rows).to_have_count(len(steps))
    for row, (step, day) in zip(rows.all(), steps, strict=True):
        expect(row).to_contain_text(step)
        expect(row).to_contain_text(PATIENT)
        expect(row).to_contain_text(said(day))


def expect_coming(panel: Locator, *steps: tuple[str, date]) -> None:
    """Among what comes for the batch in the side panel are exactly these messages to the patient."""
    lines = panel.get_by_test_id("coming").get_by_role("listitem").filter(has_text="Message to the patient")
    expect(lines).to_have_count(len(steps))
    for found, (step, day) in zip(lines.all(), steps, strict=True):
        expect(found).to_contain_text(step)
        expect(found).to_contain_text(said(day))


def close_batch(page: Page) -> None:
    """Close the panel; that leads to another address, and a click before it has settled is lost."""
    page.get_by_test_id("batch-close").click()
    expect(page.get_by_test_id("batch")).to_have_count(0)
    page.wait_for_timeout(700)


def open_batch(page: Page, day: date, *, months_on: int = 0) -> Locator:
    """Click the patient's chip on that day of the calendar, that many months on; gives the side panel."""
    open_page(page, "Calendar")
    for _ in range(months_on):
        page.get_by_role("button", name="Next month").click()
    page.locator(f"[data-date='{day}'] .cal-chip").filter(has_text=PATIENT).click()
    panel = page.get_by_test_id("batch")
    expect(panel).to_contain_text(said(day))
    return panel


def said(day: date) -> str:
    """A day as the pages say it; the year only when it is not the one of the story."""
    return f"{day:%a} {day.day} {day:%b}" + (f" {day.year}" if day.year != FIRST_DAY.year else "")


@pytest.mark.allow_console(LEAVING)
def test_a_pharmacy_runs_its_programme_from_an_export_to_the_next_cycle(
    pharmacy: Pharmacy, page: Page, tmp_path: Path
) -> None:
    app = pharmacy.app
    sign_in(page, app, "owner")
    import_sample(page, sample(tmp_path, "dispensing_export"))
    sign_out(page)

    sign_in(page, app, "pharmacist")
    enroll(page)
    page.get_by_test_id("to-calendar").click()
    panel = page.get_by_test_id("batch")
    expect(panel).to_contain_text(PATIENT)
    close_batch(page)
    panel = open_batch(page, SYNC_DAY, months_on=1)
    expect(panel).to_contain_text("Lisinopril 20 MG Oral Tablet")
    expect(panel).to_contain_text("Planned")
    close_batch(page)
    expect_messages(page, "coming", *REMINDERS)
    expect_messages(page, "sent", ("Welcome", FIRST_DAY))
    page.goto("about:blank")
    app.stop()

    for _, day in REMINDERS:
        assert pharmacy.loop_once(day, 9) == 0
        assert pharmacy.loop_once(day, 10) == 1

    pharmacy.be_on(SYNC_DAY, 10)
    sign_in(page, app, "pharmacist")
    expect(page.get_by_test_id("stale")).to_contain_text("Import a new export")
    expect_messages(page, "sent", *reversed((("Welcome", FIRST_DAY), *REMINDERS)))
    panel = open_batch(page, SYNC_DAY)
    expect(panel).to_contain_text("Preparing")
    panel.get_by_test_id("ready").click()
    expect(page.get_by_test_id("notice")).to_contain_text("Marked ready.")
    close_batch(page)
    expect_messages(
        page,
        "sent",
        ("Say that the batch is ready", SYNC_DAY),
        *reversed((("Welcome", FIRST_DAY), *REMINDERS)),
    )
    panel = open_batch(page, SYNC_DAY)
    panel.get_by_test_id("picked-up").click()
    expect(page.get_by_test_id("notice")).to_contain_text("Picked up.")
    expect(panel).to_contain_text("Done")
    close_batch(page)

    panel = open_batch(page, NEXT_SYNC_DAY, months_on=1)
    expect(panel).to_contain_text("Planned")
    expect_coming(panel, *NEXT_REMINDERS)
    close_batch(page)
    expect_messages(page, "coming", *NEXT_REMINDERS)
