"""Takes a picture of every page of a running app that a signed-in person's navigation links to.

    python -m medsync_app serve
    make screenshots ARGS="--user owner@example.com --password ..."

The pages are found by following the navigation, so that a new page needs no change here.
"""

import argparse
import os
import re
import sys
from pathlib import Path
from typing import Literal
from urllib.parse import urljoin, urlsplit

from playwright.sync_api import Page, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scripts.get_services import find_system_chromium

Theme = Literal["light", "dark"]
WIDTHS, HEIGHT = (1280, 390), 860
THEMES: tuple[Theme, ...] = ("light", "dark")
SETTLE_MS = 1500


def sign_in(page: Page, url: str, user: str, password: str) -> None:
    """Sign in through the form, as a person does; TimeoutError when it does not lead to a page."""
    page.goto(url)
    page.get_by_label("E-mail address").fill(user)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("navigation", name="Pages", exact=True).get_by_role("link").first.wait_for()


def linked_pages(page: Page, url: str) -> list[str]:
    """The addresses of this site that the rail links to, in its order, without repeats."""
    read_links = "links => links.map(link => link.getAttribute('href'))"
    links = page.locator("aside a[href], nav[aria-label='Pages'] a[href]").evaluate_all(read_links)
    addresses = (urljoin(url, str(link)) for link in links)
    return list(dict.fromkeys(one for one in addresses if urlsplit(one).netloc == urlsplit(url).netloc))


def picture_name(address: str, width: int, theme: Theme = "light") -> str:
    """`today-1280.png` for the first page, `settings-import-390-dark.png` for /settings/import in the dark."""
    words = re.sub(r"[^a-z0-9]+", "-", urlsplit(address).path.lower()).strip("-")
    return f"{words or 'today'}-{width}{'-dark' if theme == 'dark' else ''}.png"


def main() -> None:
    parser = argparse.ArgumentParser(description="Take a picture of every page of a running app.")
    parser.add_argument("--url", default="http://localhost:3000/")
    parser.add_argument("--user", required=True, help="e-mail address to sign in with")
    parser.add_argument("--password", required=True)
    parser.add_argument("--into", type=Path, default=Path("docs/screenshots"))
    options = parser.parse_args()
    options.into.mkdir(parents=True, exist_ok=True)
    arguments = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_system_chromium(), args=arguments)
        page = browser.new_page(viewport={"width": WIDTHS[0], "height": HEIGHT})
        sign_in(page, options.url, options.user, options.password)
        for address in linked_pages(page, options.url):
            page.goto(address)
            for width in WIDTHS:
                page.set_viewport_size({"width": width, "height": HEIGHT})
                for theme in THEMES:
                    page.emulate_media(color_scheme=theme)
                    page.wait_for_timeout(SETTLE_MS)
                    name = picture_name(address, width, theme)
                    page.screenshot(path=options.into / name)
                    print(name, flush=True)
        browser.close()


if __name__ == "__main__":
    main()
