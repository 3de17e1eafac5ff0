"""Takes pictures of every page, wizard step and panel, in both themes, and looks for faults.

    make screenshots                             # of a demo of its own, into docs/screenshots
    make screenshots ARGS="--patients 500 --into /tmp/many --widths 390,768,1280,1600"
    make screenshots ARGS="--one --into /tmp/one"             # of lists with one row
    make screenshots ARGS="--failing --into /tmp/failing"     # of pages that cannot be read
    make screenshots ARGS="--url http://localhost:3000 --user owner@example.com --password ..."

The pages are those of the registry, so that a new page needs no change here. A page that complains in
the console, or scrolls sideways at 390, 768, 1280 or 1600 px, is named at the end, and the exit code is 1.
"""

import argparse
import os
import re
import sys
import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qs, urljoin, urlsplit

from playwright.sync_api import Locator, Page, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scripts.get_services import find_system_chromium

Theme = Literal["light", "dark"]
WIDTHS, ALL_WIDTHS, HEIGHT = (1280, 390), (390, 768, 1280, 1600), 860
THEMES: tuple[Theme, ...] = ("light", "dark")
SETTLE_MS = 900
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
_DEMO_PASSWORD = "pictures are taken of this"


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
    """A picture's name, and how to get the page to show it."""

    name: str
    show: Callable[[Page], object]


@dataclass(frozen=True)
class Look:
    """What is taken: where the pictures go, how wide, of which pages, and whether of all of each page."""

    into: Path
    widths: tuple[int, ...] = WIDTHS
    only: str = ""
    full: bool = False


@contextmanager
def own_site(patients: int | None) -> Generator[Site]:
    """The app with a demo of so many patients, or (None) with one row in each list; in a folder of its own."""
    from medsync_app.cli.frontend import ensure_built
    from tests.support.failing_reads import MODULE, SWITCH
    from tests.support.served_app import ServedApp

    # Before the server's time to start is counted: a build takes longer than that.
    ensure_built(sys.stderr)
    with tempfile.TemporaryDirectory(prefix="medsync-pictures-") as folder:
        switch = Path(folder) / "fail"
        environment = {"MEDSYNC_DEMO_PASSWORD": _DEMO_PASSWORD, SWITCH: str(switch)}
        app = ServedApp(Path(folder), environment=environment, module=MODULE)
        app.command("migrate")
        if patients is None:
            _one_row(app.database_url)
        else:
            app.command("demo", "load", "--patients", str(patients))
        open_join_form(app.database_url)
        app.start()
        try:
            yield Site(app.url, "owner@demo.example", _DEMO_PASSWORD, switch)
        finally:
            app.stop()


def _one_row(database_url: str) -> None:
    """A pharmacy with a batch of today, a call to make and a held message."""
    from medsync_app.auth.passwords import hash_password
    from medsync_app.clock import SystemClock
    from medsync_app.domain.states import Role
    from medsync_app.store.session import Database
    from tests.support.open_forms import make_data
    from tests.support.signed_in_page import now
    from tests.support.staff import make_staff
    from tests.support.store import make_shop

    database = Database(database_url)
    shop = make_shop(database, now=now())
    make_staff(
        database, SystemClock(), {shop.pharmacy_id: Role.OWNER}, organization_id=shop.organization_id,
        email="owner@demo.example", name="Odette Marsh", password_hash=hash_password(_DEMO_PASSWORD),
    )  # fmt: skip
    make_data(database, shop)
    database.dispose()


def open_join_form(database_url: str) -> None:
    """Give the first location of a demo its public form, which a pharmacy opens when it wants one."""
    from medsync_app.services.join import rotate_link
    from medsync_app.store.repositories.contact import pharmacies
    from medsync_app.store.scope import Scope
    from medsync_app.store.session import Database

    database = Database(database_url)
    with database.transaction(Scope.system("pictures")) as tx:
        rotate_link(tx, pharmacies(tx)[0].id)
    database.dispose()


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


def picture_name(address: str, width: int, theme: Theme = "light") -> str:
    """`today-1280.png` for the first page, `settings-import-390-dark.png` for /settings?tab=import in the dark."""
    split = urlsplit(address)
    words = re.sub(r"[^a-z0-9]+", "-", " ".join([split.path, *parse_qs(split.query).get("tab", ())]).lower())
    return f"{words.strip('-') or 'today'}-{width}{'-dark' if theme == 'dark' else ''}.png"


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
    _open(page, urljoin(site.url, "/settings?tab=join"))
    _settle(page)
    form = _first_link(page, page.url, "#page a[href*='/join/']")
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
    patient = _first_link(
        page, urljoin(site.url, "/patients?show=enrolled"), "[data-testid=patients] a[href*='/patient/']"
    )
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


def _first_link(page: Page, address: str, selector: str) -> str:
    page.goto(address)
    _settle(page)
    found = page.locator(selector)
    return urljoin(address, str(found.first.get_attribute("href"))) if found.count() else ""


def _panel(name: str, address: str, click: str) -> Scene:
    def show(page: Page) -> None:
        _open(page, address)
        # A page that is loaded again has what was open over it.
        page.keyboard.press("Escape")
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


def take(page: Page, scene: Scene, look: Look) -> list[str]:
    """The pictures of one scene; gives what is wrong with it."""
    faults: list[str] = []
    page.on("console", complain := _complaints(faults, scene.name))
    for width in look.widths:
        page.set_viewport_size({"width": width, "height": HEIGHT})
        scene.show(page)
        for theme in THEMES:
            page.emulate_media(color_scheme=theme)
            page.wait_for_function("() => !document.querySelector('.skeleton')")
            page.wait_for_timeout(SETTLE_MS)
            name = picture_name(scene.name, width, theme)
            page.screenshot(path=look.into / name, full_page=look.full)
            print(name, flush=True)
    for width in ALL_WIDTHS:
        page.set_viewport_size({"width": width, "height": HEIGHT})
        page.wait_for_timeout(100)
        needed = page.evaluate("() => document.documentElement.scrollWidth")
        if needed > width:
            faults.append(f"{scene.name} needs {needed} px at {width}")
    page.remove_listener("console", complain)
    return faults


def _complaints(faults: list[str], name: str) -> Callable[..., None]:
    def complain(message: object) -> None:
        kind, text = getattr(message, "type", ""), str(getattr(message, "text", ""))
        # The browser itself reports an address that is not found.
        if kind in ("error", "warning") and "404" not in text:
            faults.append(f"{name}: console {kind}: {text}")

    return complain


def take_all(site: Site, look: Look, *, failing: bool = False) -> list[str]:
    """All pictures of a site, or of its pages while they cannot be read; gives what is wrong."""
    look.into.mkdir(parents=True, exist_ok=True)
    arguments = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_system_chromium(), args=arguments)
        # Wide: on a phone the rail, which signing in waits for, is a drawer.
        context = browser.new_context(viewport={"width": WIDTHS[0], "height": HEIGHT})
        page = context.new_page()
        page.goto(site.url)
        faults = [] if failing else take(page, Scene("/sign-in", lambda at: at.goto(site.url)), look)
        sign_in(page, site)
        found = [scene for scene in scenes(page, site) if look.only in scene.name]
        if failing and site.switch is not None:
            found = [scene for scene in found if scene.name.startswith(site.url)]
            site.switch.touch()
            # A tab of its own: the one before still holds what it has read.
            page = context.new_page()
        for scene in found:
            faults += take(page, scene, look)
        browser.close()
    return faults


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--url", help="an app that runs already, with --user and --password")
    parser.add_argument("--user", help="e-mail address to sign in with")
    parser.add_argument("--password")
    parser.add_argument("--patients", type=int, default=50, help="size of the demo that is shown otherwise")
    parser.add_argument("--only", default="", help="pages whose address holds this text")
    parser.add_argument("--full", action="store_true", help="the whole page, not the first screen")
    parser.add_argument("--into", type=Path, default=Path("docs/screenshots"))
    parser.add_argument(
        "--widths", default=",".join(str(width) for width in WIDTHS), help="in px, with commas"
    )
    parser.add_argument("--one", action="store_true", help="of lists with one row instead of a demo")
    parser.add_argument(
        "--failing", action="store_true", help="of the demo's pages while they cannot be read"
    )
    options = parser.parse_args()
    widths = tuple(int(width) for width in options.widths.split(","))
    look = Look(options.into, widths, options.only, full=options.full)
    if options.url:
        if not (options.user and options.password) or options.failing:
            parser.error("--url needs --user and --password, and goes without --failing")
        faults = take_all(Site(options.url, options.user, options.password), look)
    else:
        with own_site(None if options.one else options.patients) as site:
            faults = take_all(site, look, failing=options.failing)
    for fault in faults:
        print(f"fault: {fault}", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
