"""Every test in this folder drives the real app in a real browser."""

import pytest
from playwright.sync_api import Page

from tests.support.served_app import ServedApp


@pytest.fixture
def app_page(page: Page, served_app: ServedApp) -> Page:
    """A page showing the first page of the app on an empty database."""
    page.goto(served_app.url + "/")
    return page
