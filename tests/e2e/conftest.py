"""Every test in this folder drives the real app in a real browser, each in a pharmacy of its own."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from medsync_app.store.ids import new_id
from medsync_app.store.session import Database
from tests.support.served_app import ServedApp
from tests.support.signed_in_page import now
from tests.support.store import Shop, make_shop


@pytest.fixture
def app_page(page: Page, served_app: ServedApp) -> Page:
    """A page showing the first page of the app on an empty database."""
    page.goto(served_app.url + "/")
    return page


@pytest.fixture
def database(served_app: ServedApp) -> Iterator[Database]:
    """The served app's own database."""
    found = Database(served_app.database_url)
    yield found
    found.dispose()


@pytest.fixture
def shop(database: Database) -> Shop:
    """A pharmacy whose data is of now."""
    return make_shop(database, f"shop-{new_id()}", now=now())
