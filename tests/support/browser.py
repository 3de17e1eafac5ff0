"""A browser page for a test: fails it on console errors, and keeps a trace when it fails."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from scripts.get_services import find_system_chromium

RESULTS = Path("test-results")
BAD_CONSOLE = frozenset({"error", "warning", "assert"})
_failed = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Note on the item whether its test failed, for fixtures that end after it."""
    report = yield
    if report.when in ("setup", "call") and report.failed:  # pyright: ignore[reportOptionalMemberAccess]
        item.stash[_failed] = True
    return report


# Per module, not per session: while Playwright's synchronous interface is open its event loop counts as
# running, and asynchronous tests of other modules in this process could not start theirs.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A headless Chromium: the system's, else the one Playwright installed."""
    arguments = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=find_system_chromium(), args=arguments)
        yield found
        found.close()


class Complaints:
    """What a page's browser complained about."""

    def __init__(self, expected: tuple[str, ...] = ()) -> None:
        self.found: list[str] = []
        self._expected = tuple(re.compile(pattern) for pattern in expected)

    def watch(self, page: Page) -> None:
        page.on("console", self._console)
        page.on("pageerror", lambda error: self._add(f"page error: {error}"))

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in BAD_CONSOLE:
            self._add(f"console {message.type}: {message.text} ({message.location.get('url', '')})")

    def _add(self, text: str) -> None:
        if not any(pattern.search(text) for pattern in self._expected):
            self.found.append(text)


@pytest.fixture
def complaints(request: pytest.FixtureRequest) -> Complaints:
    """The complaints of all pages of this test; `allow_console` marks name the ones it causes on purpose."""
    patterns = tuple(str(mark.args[0]) for mark in request.node.iter_markers("allow_console"))
    return Complaints(patterns)


@pytest.fixture
def context(
    browser: Browser, request: pytest.FixtureRequest, complaints: Complaints
) -> Iterator[BrowserContext]:
    """A fresh browser profile, 1280 x 800; every page opened in it is watched and traced."""
    made = browser.new_context(viewport={"width": 1280, "height": 800})
    made.set_default_timeout(10_000)
    made.on("page", complaints.watch)
    made.tracing.start(screenshots=True, snapshots=True)
    yield made
    bad = request.node.stash.get(_failed, False) or bool(complaints.found)
    if bad:
        RESULTS.mkdir(exist_ok=True)
        name = re.sub(r"[^\w.-]+", "_", request.node.nodeid)
        made.tracing.stop(path=RESULTS / f"{name}.zip")
    else:
        made.tracing.stop()
    made.close()
    assert not complaints.found, "The browser complained:\n" + "\n".join(complaints.found)


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """A page in a fresh profile."""
    return context.new_page()
