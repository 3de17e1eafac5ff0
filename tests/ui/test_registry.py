"""Every page is in the registry once, every link of the rail leads to one, and no title could name a patient."""

from medsync_app.auth.guard import rule_of
from medsync_app.medsync_app import app
from medsync_app.ui.components.shell import RAIL
from medsync_app.ui.pages.registry import PAGES


def test_the_rail_leads_to_pages_that_exist() -> None:
    routes = {page.route for page in PAGES}
    assert {place.route for place in RAIL} <= routes


def test_routes_are_there_once() -> None:
    routes = [page.route for page in PAGES]
    assert len(set(routes)) == len(routes)


def test_every_framed_page_fills_the_frame_first() -> None:
    for page in PAGES:
        events = app._load_events.get(page.route.strip("/") or "index", [])  # pyright: ignore
        names = [event.fn.__qualname__ for event in events]  # pyright: ignore
        assert (names[:1] == ["AppState.open_page"]) == page.framed


def test_what_fills_a_page_is_named_so_that_the_guard_knows_it() -> None:
    for page in PAGES:
        for event in app._load_events.get(page.route.strip("/") or "index", []):  # pyright: ignore
            rule = rule_of(event.fn)  # pyright: ignore
            assert rule is not None
            assert rule.reads, rule.name
