"""Today: what must be done next."""

import reflex as rx

from medsync_app.ui.components.shell import shell


def today_page() -> rx.Component:
    """The page."""
    return shell(title="Today", active="/")
