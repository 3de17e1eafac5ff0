"""Takes pictures of every page, wizard step and panel, in both themes, and looks for faults.

    make screenshots                             # of a demo of its own, into docs/screenshots
    make screenshots ARGS="--patients 500 --into /tmp/many --widths 390,768,1280,1600"
    make screenshots ARGS="--none --into /tmp/none"           # of a pharmacy without patients
    make screenshots ARGS="--one --into /tmp/one"             # of lists with one row
    make screenshots ARGS="--hard --into /tmp/hard"           # with a patient whose name is long and drugs are many
    make screenshots ARGS="--failing --into /tmp/failing"     # of pages that cannot be read
    make screenshots ARGS="--url http://localhost:3000 --user owner@example.com --password ..."

The pages are those of the registry, so that a new page needs no change here. A page that complains in
the console, or scrolls sideways at 390, 768, 1280 or 1600 px, is named at the end, and the exit code is 1.
"""

import argparse
import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Page, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scripts.get_services import find_system_chromium
from scripts.picture_data import own_site
from scripts.picture_scenes import Scene, Site, more_scenes, papers, scenes, sign_in

Theme = Literal["light", "dark"]
WIDTHS, ALL_WIDTHS, HEIGHT = (1280, 390), (390, 768, 1280, 1600), 860
_KINDS = {
    "none": "of a pharmacy without patients instead of a demo",
    "one": "of lists with one row instead of a demo",
    "hard": "of the demo with a patient whose name is long and whose drugs are many",
}
THEMES: tuple[Theme, ...] = ("light", "dark")
SETTLE_MS = 900
#: The height an open panel or dialog needs.
_NEEDED = """() => Math.max(0, ...[...document.querySelectorAll(".panel-body, .dialog")].map(
  (one) => one.scrollHeight + window.innerHeight - one.clientHeight))"""


@dataclass(frozen=True)
class Look:
    """What is taken: where it goes, how wide, of which pages, whether of all of each page and of more states."""

    into: Path
    widths: tuple[int, ...] = WIDTHS
    only: str = ""
    full: bool = False
    more: bool = False


def picture_name(address: str, width: int, theme: Theme = "light") -> str:
    """`today-1280.png` for the first page, `settings-import-390-dark.png` for /settings?tab=import in the dark."""
    split = urlsplit(address)
    words = re.sub(r"[^a-z0-9]+", "-", " ".join([split.path, *parse_qs(split.query).get("tab", ())]).lower())
    return f"{words.strip('-') or 'today'}-{width}{'-dark' if theme == 'dark' else ''}.png"


def take(page: Page, scene: Scene, look: Look) -> list[str]:
    """The pictures of one scene; gives what is wrong with it."""
    faults: list[str] = []
    page.on("console", complain := _complaints(faults, scene.name))
    for width in look.widths:
        page.set_viewport_size({"width": width, "height": HEIGHT})
        page.emulate_media(media="screen")
        if scene.show(page) is False:
            print(f"{scene.name}: nothing to show", flush=True)
            break
        page.emulate_media(media=scene.media)
        for theme in THEMES:
            page.emulate_media(color_scheme=theme)
            page.wait_for_function("() => !document.querySelector('.skeleton')")
            page.wait_for_timeout(SETTLE_MS)
            if look.full:
                page.set_viewport_size({"width": width, "height": _height(page)})
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
    return [] if scene.noisy else faults


def _height(page: Page) -> int:
    """So high that all of an open panel or dialog is seen."""
    return max(HEIGHT, min(5000, int(page.evaluate(_NEEDED))))


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
        first = Scene("/sign-in", lambda at: at.goto(site.url))
        faults = [] if failing or look.only not in first.name else take(page, first, look)
        sign_in(page, site)
        wanted = chain(scenes(page, site), more_scenes(page, site) if look.more else ())
        found = [scene for scene in wanted if look.only in scene.name]
        if failing and site.switch is not None:
            found = [scene for scene in found if scene.name.startswith(site.url)]
            site.switch.touch()
            # A tab of its own: the one before still holds what it has read.
            page = context.new_page()
        for scene in found:
            faults += take(page, scene, look)
        if look.more and not failing:
            for name, content in papers(page, site):
                (look.into / name).write_bytes(content)
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
    for kind, words in _KINDS.items():
        parser.add_argument(
            f"--{kind}", dest="kind", action="store_const", const=kind, default="demo", help=words
        )
    parser.add_argument(
        "--more", action="store_true", help="dialogs, moves, an import, a dry run, papers as well"
    )
    parser.add_argument(
        "--failing", action="store_true", help="of the demo's pages while they cannot be read"
    )
    options = parser.parse_args()
    widths = tuple(int(width) for width in options.widths.split(","))
    look = Look(options.into, widths, options.only, full=options.full, more=options.more)
    if options.url:
        if not (options.user and options.password) or options.failing:
            parser.error("--url needs --user and --password, and goes without --failing")
        faults = take_all(Site(options.url, options.user, options.password), look)
    else:
        with own_site(options.kind, options.patients) as site:
            faults = take_all(site, look, failing=options.failing)
    for fault in faults:
        print(f"fault: {fault}", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
