"""Today: the first page."""

import reflex as rx

from medsync_app.ui.states.shell import ShellState


def today_page() -> rx.Component:
    """The page's title and, in the sandbox, the notice that nothing is sent."""
    return rx.el.main(
        rx.heading("MedSync", as_="h1"),
        rx.cond(
            ShellState.sending == "sandbox",
            rx.badge("Sandbox: nothing is sent", role="status", custom_attrs={"data-testid": "sandbox"}),
        ),
        padding="2rem",
    )
