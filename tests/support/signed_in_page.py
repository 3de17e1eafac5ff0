"""A browser page of somebody who is signed in, without typing a password in every test."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from playwright.sync_api import Page

from medsync_app.clock import SystemClock
from medsync_app.domain.states import Role
from medsync_app.store.session import Database
from tests.support.served_app import ServedApp
from tests.support.staff import signed_in
from tests.support.store import Shop


def now() -> datetime:
    """The present instant: the served app runs on the machine's clock."""
    return datetime.now(UTC)


def today() -> date:
    """The present day at the pharmacies of tests."""
    return datetime.now(ZoneInfo("America/New_York")).date()


def sign_in(page: Page, app: ServedApp, database: Database, shop: Shop, role: Role) -> None:
    """Give the browser the cookie of a new person with that role at the shop."""
    secret = signed_in(database, SystemClock(), shop, role)
    page.context.add_cookies([{"name": "medsync", "value": secret, "url": app.url}])
