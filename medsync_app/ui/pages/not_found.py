"""What stands at an address that no page has: says so, and leads back."""

import reflex as rx

from medsync_app.ui.components.buttons import link_button
from medsync_app.ui.components.layout import lone_card


def not_found_page() -> rx.Component:
    """The page; it is the same for everybody, signed in or not."""
    return lone_card(
        "circle_help",
        "There is no such page",
        rx.el.p(
            "The address is mistyped, or the page has moved. Nothing was changed. Go to Today and find what "
            "you looked for from there."
        ),
        rx.el.div(
            link_button("Go to Today", href="/", variant="primary", test_id="to-today", keep_location=False),
            rx.el.span("Error 404", class_name="sub"),
            class_name="toolbar",
        ),
        width="440px",
    )
