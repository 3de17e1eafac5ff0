"""What every page must pass in the browser: no finding of axe, a focus that shows, nothing that scrolls sideways."""

from typing import Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

WIDTHS = (390, 768, 1280, 1600)
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
#: Every rule of axe but those of WCAG level AAA: also the ones that it leaves out unless asked, as the target size.
_RULES = [
    "wcag2a",
    "wcag2aa",
    "wcag21a",
    "wcag21aa",
    "wcag22aa",
    "section508",
    "best-practice",
    "experimental",
]
_OPTIONS = {"resultTypes": ["violations"], "runOnly": {"type": "tag", "values": _RULES}}
#: What can be focused and looks the same with the focus as without it.
_NO_FOCUS_SEEN = """() => {
  const look = (one) => {
    const { outlineStyle, outlineWidth, boxShadow, borderColor, backgroundColor } = getComputedStyle(one);
    return [outlineStyle, outlineStyle === "none" ? "" : outlineWidth, boxShadow, borderColor, backgroundColor].join();
  };
  const all = [...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex='0']")];
  const unseen = [];
  for (const one of all.filter((one) => one.checkVisibility() && one.getClientRects().length)) {
    document.activeElement.blur();
    const before = look(one);
    one.focus({ focusVisible: true, preventScroll: true });
    if (document.activeElement === one && look(one) === before) unseen.push(one.outerHTML.slice(0, 200));
  }
  return unseen;
}"""


def expect_no_axe_findings(page: Page) -> None:
    """Axe finds nothing on the page as it is now."""
    found = Axe().run(page, options=_OPTIONS).response["violations"]
    told = [(one["id"], [node["html"] for node in one["nodes"]]) for one in found]
    # In a message of its own: pytest rewrites no assertion of a helper.
    assert told == [], f"axe: {told}"


def expect_visible_focus(page: Page) -> None:
    """Whatever has the keyboard's focus looks different from when it has not."""
    assert page.evaluate(_NO_FOCUS_SEEN) == []


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
        for theme in THEMES:
            page.emulate_media(color_scheme=theme, reduced_motion="reduce")
            expect_no_axe_findings(page)
