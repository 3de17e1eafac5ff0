"""What every page must pass in the browser: no finding of axe, and nothing that scrolls sideways."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

WIDTHS = (390, 768, 1280, 1600)


def expect_no_axe_findings(page: Page) -> None:
    """Axe finds nothing on the page as it is now."""
    found = Axe().run(page).response["violations"]
    assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found] == []


def expect_nothing_scrolls_sideways(page: Page) -> None:
    """At no width does the page need sideways scrolling; it is 1280 px wide afterwards."""
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(150)
        needed, there = page.evaluate("() => [document.documentElement.scrollWidth, window.innerWidth]")
        assert needed <= there, f"at {width} px"
    page.set_viewport_size({"width": 1280, "height": 800})


def expect_well_drawn(page: Page) -> None:
    """Axe finds nothing and nothing scrolls sideways, on a phone and a desktop, in both themes."""
    for width in (390, 1280):
        page.set_viewport_size({"width": width, "height": 860})
        assert page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth"), width
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme, reduced_motion="reduce")
            expect_no_axe_findings(page)
