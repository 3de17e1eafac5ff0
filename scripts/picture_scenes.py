"""What is looked at: every page, tab, panel, dialog, wizard step and paper, and how a browser gets there.

`scenes` are the pages with what opens over them, which tests look at with axe as well; `more_scenes` are states that
take longer to reach or that change the data, for pictures only.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qs, urljoin, urlsplit

from playwright.sync_api import Locator, Page, TimeoutError, WebSocketRoute

#: Name of a panel, the page it opens over, and what is clicked.
_PANELS = (
    ("/exception-panel", "/exceptions", "[data-testid=open]"),
    ("/message-panel", "/messages", "[data-testid=messages] [data-testid=open]"),
    ("/workflow-panel", "/workflow", "[data-testid=rule]"),
    ("/call-sheet", "/?work=call", "[data-testid=act][aria-label^='Call']"),
)
_PATIENT_PANELS = (
    ("/patient-contact", "[data-testid=change-contact]"),
    ("/patient-stay", "[data-testid=record-care]"),
    ("/patient-add-drug", "[data-testid=ask-add-drug]"),
    ("/patient-dose", "[data-testid=ask-dose]"),
)
_ENROLL_STEPS = ("medicines", "date", "contact", "review")
#: Other views of a page, by its address.
_VIEWS = (
    ("/calendar-week", "/calendar?view=dayGridWeek"), ("/calendar-list", "/calendar?view=listAhead"),
    ("/messages-sent", "/messages?tab=sent"), ("/messages-held", "/messages?tab=held"),
    ("/messages-failed", "/messages?tab=failed"), ("/messages-doubt", "/messages?tab=doubt"),
    ("/messages-replies", "/messages?tab=replies"), ("/candidates-drugs", "/candidates?show=drugs"),
    ("/enroll-new", "/enroll?new=1"),
)  # fmt: skip
#: What else is opened: name, page, and what is clicked one after another.
_DIALOGS = (
    ("/patient-withdraw", "/patient", ("[data-testid=ask-withdraw]",)),
    ("/patient-pause", "/patient", ("[data-testid=ask-pause]",)),
    ("/batch-part", "/calendar?state=preparing", (".cal-content", "[data-testid=part]")),
    ("/batch-pause", "/calendar?state=coming", (".cal-content", "[data-testid=ask-pause]")),
    ("/exception-answer", "/exceptions?kind=renewal", ("[data-testid=open]", "[data-testid=record-answer]")),
    ("/workflow-preview", "/workflow", ("[data-testid=rule]", "[data-testid=try-on]")),
    ("/workflow-difference", "/workflow", ("[data-testid=compare]",)),
    ("/workflow-publish", "/workflow", ("[data-testid=publish]",)),
    ("/workflow-back", "/workflow", ("[data-testid=go-back]",)),
    ("/adherence-tables", "/adherence", (".behind > summary",)),
    ("/form-mapping", "/settings?tab=join", ("[data-testid=edit-mapping]",)),
    ("/account-menu", "/", ("[data-testid=account]",)),
)
_HEAD = "Rx No,Filled,Drug,Qty,Days,Pat ID,Last,First,Sold\n"


@dataclass(frozen=True)
class Site:
    """An app that runs, and who signs in."""

    url: str
    user: str
    password: str
    #: While this file is there, no page can be read.
    switch: Path | None = None


@dataclass(frozen=True)
class Scene:
    """A picture's name, and how to get the page to show it.

    `show` gives False when there is nothing to show. `media` is "print" for what goes onto paper; `noisy` where the
    browser itself complains by what is shown.
    """

    name: str
    show: Callable[[Page], object]
    media: Literal["print", "screen"] = "screen"
    noisy: bool = False


def sign_in(page: Page, site: Site) -> None:
    """Sign in through the form, as a person does; TimeoutError when it does not lead to a page."""
    page.goto(site.url)
    page.get_by_label("E-mail address").fill(site.user)
    page.get_by_label("Password").fill(site.password)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("navigation", name="Pages", exact=True).get_by_role("link").first.wait_for()


def links(page: Page, within: str) -> list[str]:
    """The addresses of this site that links in there lead to, in their order, without repeats."""
    read = "links => links.map(link => link.getAttribute('href'))"
    addresses = (
        urljoin(page.url, str(link)) for link in page.locator(f"{within} a[href]").evaluate_all(read)
    )
    return list(dict.fromkeys(one for one in addresses if urlsplit(one).netloc == urlsplit(page.url).netloc))


def scenes(page: Page, site: Site) -> Iterator[Scene]:
    """Every page, the tabs of Settings, a patient, a batch of this month, panels and the wizard's steps."""
    from medsync_app.ui.pages.registry import PAGES

    pages = [urljoin(site.url, one.route) for one in PAGES if one.framed and "[" not in one.route]
    page.goto(urljoin(site.url, "/settings"))
    page.locator("a[href*='tab=']").first.wait_for()
    tabs = [one for one in links(page, "[data-testid=tabs]") if "tab=" in one]
    for address in dict.fromkeys([*pages, *tabs, urljoin(site.url, "/nowhere")]):
        yield Scene(address, lambda at, address=address: _open(at, address))
    yield from _of_somebody(page, site)
    for name, address, click in _PANELS:
        _open(page, urljoin(site.url, address))
        _settle(page)
        if page.locator(click).count():
            yield _panel(name, urljoin(site.url, address), click)
    form = _join_form(page, site)
    if form:
        yield Scene("/join", lambda at: at.goto(form))


def _settle(page: Page) -> None:
    """Until the page is filled."""
    page.wait_for_function("() => document.querySelector('h1') && !document.querySelector('.skeleton')")
    page.wait_for_timeout(150)


def _open(page: Page, address: str) -> None:
    """Go there, and choose a location where the page asks for one."""
    page.goto(address)
    _settle(page)
    if page.get_by_role("heading", name="Choose a location").count():
        page.locator("#page a[href*='at=']").last.click()


def _of_somebody(page: Page, site: Site) -> Iterator[Scene]:
    patient = _somebody(page, site)
    if patient:
        yield Scene("/patient", lambda at: at.goto(patient))
        for name, click in _PATIENT_PANELS:
            yield _panel(name, patient, click)
        page.goto(urljoin(site.url, "/calendar"))
        _settle(page)
        if page.locator(".cal-content").count():
            yield Scene("/batch", lambda at: _open_batch(at, site))
    start = _first_link(page, urljoin(site.url, "/candidates?show=drugs"), "[data-testid=enroll-one]")
    if start:
        for number, step in enumerate(_ENROLL_STEPS):
            yield Scene(f"/enroll-{step}", lambda at, number=number: _go_on(at, start, number))


def _somebody(page: Page, site: Site) -> str:
    """The address of a patient who takes part, "" when nobody does."""
    enrolled = urljoin(site.url, "/patients?show=enrolled")
    return _first_link(page, enrolled, "[data-testid=patients] a[href*='/patient/']")


def _first_link(page: Page, address: str, selector: str) -> str:
    page.goto(address)
    _settle(page)
    found = page.locator(selector)
    return urljoin(address, str(found.first.get_attribute("href"))) if found.count() else ""


def _panel(name: str, address: str, *clicks: str) -> Scene:
    def show(page: Page) -> None:
        _open(page, address)
        # A page that is loaded again has what was open over it.
        page.keyboard.press("Escape")
        for click in clicks:
            _click(page.locator(click).first)

    return Scene(name, show)


def _open_batch(page: Page, site: Site) -> None:
    page.goto(urljoin(site.url, "/calendar"))
    _click(page.locator(".cal-content").first)


def _go_on(page: Page, start: str, steps: int) -> None:
    """So many steps beyond the medicines; a draft goes on where it was left."""
    page.goto(start)
    page.wait_for_url("**draft=**")
    page.goto(f"{page.url.split('&step')[0]}&step=2")
    page.get_by_test_id("take").first.wait_for()
    for step in range(3, 3 + steps):
        _click(page.get_by_test_id("next"))
        page.wait_for_url(f"**step={step}**")
        _settle(page)


def _click(what: Locator) -> None:
    what.wait_for()
    what.click()


def more_scenes(page: Page, site: Site) -> Iterator[Scene]:
    """States that take a while or change data: dialogs, a merge, a move, an import, a dry run, paper, a lost line."""
    for name, address in _VIEWS:
        yield Scene(name, lambda at, address=address: _open(at, urljoin(site.url, address)))
    yield from _menus(site)
    patient = _somebody(page, site)
    for name, address, clicks in _DIALOGS:
        where = patient if address == "/patient" else urljoin(site.url, address)
        if where:
            yield Scene(name, lambda at, where=where, clicks=clicks: _click_through(at, where, clicks))
    yield Scene("/move-dialog", lambda at: _move(at, site))
    yield Scene("/move-refused", lambda at: _move(at, site, days=-400))
    yield Scene("/day-sheet-print", lambda at: _open(at, urljoin(site.url, "/calendar/day")), media="print")
    form = _join_form(page, site)
    if form:
        yield Scene("/join-es", lambda at: at.goto(f"{form}?lang=es"))
        yield Scene("/join-wrong", lambda at: _send_form(at, f"{form}?lang=es"), noisy=True)
        yield Scene("/join-thanks", lambda at: at.goto(f"{form}?sent=1"))
        yield Scene("/join-thanks-es", lambda at: at.goto(f"{form}?sent=1&lang=es"))
    yield Scene("/dry-run", lambda at: _dry_run(at, site))
    upload = _Upload(site)
    yield Scene("/import-preview", upload.look)
    yield Scene("/import-result", upload.take_in)
    if patient and site.user.startswith("owner@"):
        # From here on it is a pharmacist who looks: owners merge no records.
        yield Scene("/patient-merge", lambda at: _merge(at, site, patient))
        yield Scene("/merge-what", lambda at: _merge(at, site, patient, look=True))
    yield Scene("/connection-lost", _Line(site).lose, noisy=True)


def _menus(site: Site) -> Iterator[Scene]:
    def search(page: Page) -> None:
        _open(page, site.url)
        if page.get_by_test_id("hit").count() == 0:
            page.get_by_test_id("search").fill("ma")
            page.locator(".popover .result, .popover .hint").first.wait_for()

    def drawer(page: Page) -> None:
        _open(page, site.url)
        if page.get_by_test_id("drawer").is_visible():
            page.get_by_test_id("drawer").locator("summary").click()

    yield Scene("/search", search)
    yield Scene("/drawer", drawer)


def _click_through(page: Page, address: str, clicks: tuple[str, ...]) -> bool:
    """Click one after the other; False when one is not there."""
    _open(page, address)
    _settle(page)
    page.keyboard.press("Escape")
    for click in clicks:
        there = page.locator(click).first
        try:
            there.wait_for(timeout=8_000)
        except TimeoutError:
            return False
        there.click()
    return True


def _merge(page: Page, site: Site, patient: str, *, look: bool = False) -> bool:
    """The panel that merges, and with `look` what would happen; False where no pharmacist works."""
    _open(page, patient)
    if page.get_by_test_id("ask-merge").count() == 0:
        size = page.viewport_size
        page.context.clear_cookies()
        # Wide: on a phone the rail, which signing in waits for, is a drawer.
        page.set_viewport_size({"width": 1280, "height": 860})
        try:
            sign_in(page, replace(site, user=site.user.replace("owner@", "pharmacist@")))
        except TimeoutError:
            return False
        if size is not None:
            page.set_viewport_size(size)
        _open(page, patient)
    page.keyboard.press("Escape")
    _click(page.get_by_test_id("ask-merge"))
    page.get_by_test_id("merge").wait_for()
    if look:
        page.get_by_test_id("merge").locator("input[type=search]").fill("ma")
        _click(page.get_by_test_id("merge-look").first)
        page.get_by_test_id("merge-what").wait_for()
    return True


def _move(page: Page, site: Site, *, days: int = 12) -> bool:
    """Ask to move the first batch that comes to so many days from today."""
    clicks = (".cal-content", "[data-testid=ask-move]")
    if not _click_through(page, urljoin(site.url, "/calendar?state=coming"), clicks):
        return False
    page.locator("[name=move_day]").fill(str(datetime.now(UTC).date() + timedelta(days=days)))
    page.locator("[data-testid=move-changes] p, [data-testid=move] .field-error").first.wait_for()
    return True


def _join_form(page: Page, site: Site) -> str:
    _open(page, urljoin(site.url, "/settings?tab=join"))
    _settle(page)
    return _first_link(page, page.url, "#page a[href*='/join/']")


def _send_form(page: Page, form: str) -> None:
    """Send it with a number that is none."""
    page.goto(form)
    for name, value in (
        ("first_name", "Ada"),
        ("last_name", "Example"),
        ("birth_date", "05/01/1950"),
        ("phone", "911"),
    ):
        page.locator(f"[name={name}]").fill(value)
    page.locator("[type=checkbox]").first.check()
    page.locator("button").last.click()
    page.wait_for_load_state()


def _dry_run(page: Page, site: Site) -> None:
    _open(page, urljoin(site.url, "/workflow"))
    if page.get_by_test_id("trial-summary").count() == 0:
        page.get_by_test_id("start-trial").click()
    page.get_by_test_id("trial-summary").wait_for(timeout=120_000)
    page.get_by_test_id("trial").locator("details").evaluate_all(
        "folds => folds.forEach(one => one.open = true)"
    )
    page.get_by_test_id("trial").scroll_into_view_if_needed()


@dataclass
class _Upload:
    """A file of some fills and a row that cannot be used; uploaded once, looked at in every width."""

    site: Site
    address: str = ""

    def look(self, page: Page) -> None:
        if self.address:
            _open(page, self.address)
            return
        day = (datetime.now(UTC) - timedelta(days=1)).strftime("%m/%d/%Y")
        good = [
            f"90{row},{day},Lisinopril 10 mg tablet,30,30,P{row},Example,Ada,{day}\n" for row in range(40)
        ]
        text = "".join((_HEAD, *good, f"999,{day},Aspirin,1,never,P9,Bad,Row,\n"))
        _open(page, urljoin(self.site.url, "/settings?tab=import"))
        if "at=" not in page.url and page.locator("#page a[href*='at=']").count():
            page.locator("#page a[href*='at=']").last.click()
        page.get_by_test_id("file").set_input_files(
            {"name": "november.csv", "mimeType": "text/csv", "buffer": text.encode()}
        )
        page.get_by_test_id("upload").click()
        page.wait_for_url("**import=**")
        page.get_by_test_id("preview").wait_for()
        self.address = page.url

    def take_in(self, page: Page) -> None:
        self.look(page)
        if page.get_by_test_id("start-import").count():
            page.get_by_test_id("start-import").click()
        page.get_by_test_id("result").wait_for()


@dataclass
class _Line:
    """The page's connection to the server, which can be cut."""

    site: Site
    cut: bool = False

    def lose(self, page: Page) -> None:
        lines: list[WebSocketRoute] = []

        def connect(line: WebSocketRoute) -> None:
            if self.cut:
                line.close()
            else:
                line.connect_to_server()
                lines.append(line)

        self.cut = False
        page.route_web_socket(re.compile("_event"), connect)
        _open(page, self.site.url)
        self.cut = True
        for line in lines:
            line.close()
        page.get_by_test_id("offline").wait_for(timeout=60_000)


def papers(page: Page, site: Site) -> Iterator[tuple[str, bytes]]:
    """The name and the content of each sheet as PDF that the pages shown offer."""
    patient = _somebody(page, site)
    pages = [
        urljoin(site.url, "/calendar/day"),
        urljoin(site.url, "/adherence"),
        *([patient] if patient else ()),
    ]
    for address in pages:
        _open(page, address)
        for href in links(page, "#page"):
            split = urlsplit(href)
            name = (
                f"{'-'.join(parse_qs(split.query).get('lang', ()))} {split.path.rpartition('/')[2]}".strip()
            )
            if name.endswith(".pdf") and (answer := page.request.get(href)).ok:
                yield name.replace(" ", "-"), answer.body()
