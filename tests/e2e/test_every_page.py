"""What every page must pass as it stands in the demo pharmacy: axe with all its rules in both themes, a focus that
shows on everything, and not a word in the console.
"""

from urllib.parse import urljoin, urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from medsync_app.ui.pages.registry import PAGES
from scripts.picture_data import open_join_form
from scripts.picture_scenes import Scene, Site, scenes, sign_in
from tests.support.browser import Complaints
from tests.support.looks import THEMES, expect_no_axe_findings, expect_visible_focus
from tests.support.served_app import ServeApp

PASSWORD = "every page is looked at"


@pytest.fixture(scope="module")
def demo(serve_app: ServeApp) -> Site:
    """A small demo pharmacy and its owner, who may see everything."""
    app = serve_app(environment={"MEDSYNC_DEMO_PASSWORD": PASSWORD})
    app.command("demo", "load", "--patients", "20")
    open_join_form(app.database_url)
    return Site(app.url, "owner@demo.example", PASSWORD)


@pytest.mark.slow
# The browser says by itself that there is no page at the address that has none.
@pytest.mark.allow_console("404")
def test_axe_finds_nothing_on_any_page_and_no_page_complains(
    browser: Browser, demo: Site, complaints: Complaints
) -> None:
    # Without the trace of the usual fixture: it costs more than all the rules.
    with browser.new_context(viewport={"width": 1280, "height": 860}, reduced_motion="reduce") as context:
        context.on("page", complaints.watch)
        page = context.new_page()
        page.goto(urljoin(demo.url, "/sign-in"))
        expect_good(page)
        sign_in(page, demo)
        seen = {_look(page, scene) for scene in scenes(page, demo)}
    assert {one.route for one in PAGES if one.framed and "[" not in one.route} <= seen
    assert {"/patient", "/batch", "/enroll-review", "/exception-panel", "/workflow-panel", "/join"} <= seen
    assert complaints.found == []


def _look(page: Page, scene: Scene) -> str:
    scene.show(page)
    expect(page.locator("main h1, [role=dialog]").first).to_be_visible()
    page.wait_for_function("() => !document.querySelector('.skeleton')")
    expect_good(page)
    return urlsplit(scene.name).path


def expect_good(page: Page) -> None:
    """The page as it stands, in both themes with every rule; the theme changes in place, without another load."""
    try:
        for theme in THEMES:
            page.emulate_media(color_scheme=theme)
            expect_no_axe_findings(page)
        expect_visible_focus(page)
    except AssertionError as error:
        raise AssertionError(f"{urlsplit(page.url).path}: {error}") from error
