"""Times what people feel, in a real browser on a large pharmacy: `python -m medsync_app bench --ui`.

Each figure is the median of seven, from the click to what is shown, beside the round trip of a handler that does
nothing but pass the guard, in the same run; and the bytes that travel for it. The pharmacy is the one of
`bench --only pages`.
"""

import argparse
import json
import re
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from playwright.sync_api import CDPSession, Page, WebSocket, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from medsync_app.cli.bench_pharmacy import NOW, add_work, make_pharmacy
from medsync_app.cli.frontend import ensure_built
from medsync_app.clock import VirtualClock
from scripts.get_services import find_system_chromium
from scripts.picture_scenes import Site, sign_in
from tests.support.served_app import ServedApp
from tests.support.shifted_clock import MODULE, offset_to

ROUNDS = 7
_PASSWORD = "a bench measures this page"
_EMAIL = "owner@bench.example"
#: What UI.md asks for, in milliseconds.
TARGETS = {"first_page": 1_500, "calendar_open": 300, "calendar_month": 300}


@dataclass  # the browser's library marks the object whose methods listen: no slots
class Wire:
    """Counts what travels: by HTTP (as compressed), and by the socket in both directions."""

    http: int = 0
    received: int = 0
    sent: int = 0
    #: When the last frame was sent and when the first one came after it, by the clock of this process.
    sent_at: float = 0.0
    trips: list[float] = field(default_factory=lambda: list[float]())

    def watch(self, page: Page, cdp: CDPSession) -> None:
        cdp.send("Network.enable")  # pyright: ignore[reportUnknownMemberType]
        cdp.on("Network.dataReceived", self._data)
        page.on("websocket", self._socket)

    def _data(self, event: dict[str, Any]) -> None:
        self.http += int(event.get("encodedDataLength") or 0)

    def _socket(self, socket: WebSocket) -> None:
        socket.on("framesent", self._went)
        socket.on("framereceived", self._came)

    def begin(self) -> None:
        self.http = self.received = self.sent = 0

    def sizes(self) -> dict[str, int]:
        return {"http_bytes": self.http, "socket_bytes": self.received, "sent_bytes": self.sent}

    def _went(self, frame: str | bytes) -> None:
        self.sent += len(frame)
        self.sent_at = time.perf_counter()

    def _came(self, frame: str | bytes) -> None:
        self.received += len(frame)
        if self.sent_at:
            self.trips.append(time.perf_counter() - self.sent_at)
            self.sent_at = 0.0


@contextmanager
def served(patients: int) -> Generator[Site]:
    """The app with a pharmacy of so many patients, on the day its data is of."""
    ensure_built(sys.stderr)
    with tempfile.TemporaryDirectory(prefix="medsync-bench-ui-") as folder:
        app = ServedApp(Path(folder), module=MODULE, environment={**offset_to(NOW), "MEDSYNC_LOOP": "false"})
        database, pharmacy_id = make_pharmacy(app.database_url, patients)
        add_work(database, VirtualClock(NOW), pharmacy_id)
        database.dispose()
        app.command(
            "user", "add", "--email", _EMAIL, "--name", "Odette Marsh", "--role", "owner", "--pharmacy", "bench",
            "--password-stdin", stdin=_PASSWORD + "\n",
        )  # fmt: skip
        app.start()
        try:
            yield Site(app.url, _EMAIL, _PASSWORD)
        finally:
            app.stop()


def timed(
    page: Page, wire: Wire, before: Callable[[], object], act: Callable[[], object]
) -> dict[str, float]:
    """The median milliseconds of `act`, which ends when its result is shown, and the bytes of the last round."""
    taken: list[float] = []
    size: dict[str, int] = {}
    for _ in range(ROUNDS):
        before()
        page.wait_for_timeout(600)
        wire.begin()
        began = time.perf_counter()
        act()
        taken.append((time.perf_counter() - began) * 1000)
        page.wait_for_timeout(200)
        size = wire.sizes()
    return {"ms": round(median(taken)), **size}


def empty_trip(page: Page, wire: Wire) -> float:
    """Milliseconds of a handler that does nothing: a search too short to look for anything."""
    trips: list[float] = []
    for _ in range(3 * ROUNDS):
        wire.trips.clear()
        page.get_by_test_id("search").fill("")
        page.get_by_test_id("search").type("a")
        page.wait_for_timeout(450)
        trips += wire.trips[-1:]
    page.get_by_test_id("search").fill("")
    return round(median(trips) * 1000, 1)


def lift(page: Page) -> None:
    """Take a batch of a Wednesday and hold it over the day after."""
    page.locator("[data-date='2026-12-09'] .cal-chip").first.hover()
    page.mouse.down()
    target = page.locator("[data-date='2026-12-10']").first.bounding_box()
    assert target is not None, "the calendar does not show December"
    page.mouse.move(target["x"] + target["width"] / 2, target["y"] + target["height"] / 2, steps=12)


def let_go(page: Page) -> None:
    """Drop it, until the dialog says what that changes."""
    page.mouse.up()
    page.get_by_test_id("move").get_by_text(
        re.compile("this one counted|Choose another day")
    ).first.wait_for()


class Walk:
    """What a person does, each act until its result is shown."""

    def __init__(self, page: Page, site: Site) -> None:
        self.page, self.site = page, site

    def goto(self, path: str, shown: str) -> None:
        self.page.goto(self.site.url + path)
        self.page.locator(shown).first.wait_for()

    def sign_in_page(self) -> None:
        self.page.goto(self.site.url + "/sign-in")

    def today(self) -> None:
        self.goto("/", "[data-testid=row]")

    def calendar(self) -> None:
        self.goto("/calendar", ".cal-content")

    def december(self) -> None:
        if self.page.get_by_test_id("move-no").count():
            self.page.get_by_test_id("move-no").click()
        self.goto("/calendar?d=2026-12-01", "[data-date='2026-12-09'] .cal-chip")
        lift(self.page)

    def enrolled(self) -> None:
        self.goto("/patients?show=enrolled", "[data-testid=patients] [data-testid=row]")

    def click_in_rail(self, name: str, shown: str) -> None:
        rail = self.page.get_by_role("navigation", name="Pages", exact=True)
        rail.get_by_role("link", name=name).click()
        self.page.locator(shown).first.wait_for()

    def next_month(self) -> None:
        self.page.get_by_role("button", name="Next month").click()
        self.page.locator("[data-date='2026-12-09'] .cal-chip").first.wait_for()

    def open_patient(self) -> None:
        self.page.locator("[data-testid=patients] a[href*='/patient/']").first.click()
        self.page.get_by_test_id("drugs").wait_for()

    def search(self) -> None:
        self.page.get_by_test_id("search").type("last49")
        self.page.get_by_test_id("hit").first.wait_for()


def measure(page: Page, wire: Wire, site: Site) -> dict[str, Any]:
    """Every figure, by name."""
    walk = Walk(page, site)
    chips, rows = ".cal-content", "[data-testid=patients] [data-testid=row]"
    steps: tuple[tuple[str, Callable[[], object], Callable[[], object]], ...] = (
        ("first_page", walk.sign_in_page, walk.today),
        ("calendar_open", walk.today, lambda: walk.click_in_rail("Calendar", chips)),
        ("calendar_month", walk.calendar, walk.next_month),
        ("drag_to_dialog", walk.december, lambda: let_go(page)),
        ("patients_open", walk.today, lambda: walk.click_in_rail("Patients", rows)),
        ("patient_open", walk.enrolled, walk.open_patient),
        ("search_as_you_type", walk.today, walk.search),
    )
    walk.today()
    figures: dict[str, Any] = {name: timed(page, wire, before, act) for name, before, act in steps}
    figures["empty_handler_ms"] = empty_trip(page, wire)
    return figures


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--patients", type=int, default=5_000)
    options = parser.parse_args()
    with served(options.patients) as site, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_system_chromium(), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 860})
        wire = Wire()
        wire.watch(page, page.context.new_cdp_session(page))
        sign_in(page, site)
        figures = measure(page, wire, site)
        browser.close()
    print(json.dumps({"patients": options.patients, "targets_ms": TARGETS, **figures}, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
