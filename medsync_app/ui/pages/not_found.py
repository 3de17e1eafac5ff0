"""What stands at an address that no page has: says so, and leads back."""

import reflex as rx

from medsync_app.ui.components.buttons import icon, link_button


def not_found_page() -> rx.Component:
    """The page; it is the same for everybody, signed in or not."""
    return rx.el.main(
        rx.el.div(
            rx.el.div(
                icon("circle_help", 24),
                rx.el.h1("There is no such page", custom_attrs={"data-testid": "title"}),
                display="flex",
                align_items="center",
                gap="10px",
            ),
            rx.el.p(
                "The address is mistyped, or the page has moved. Nothing was changed. Go to Today and find what "
                "you looked for from there."
            ),
            rx.el.div(
                link_button(
                    "Go to Today", href="/", variant="primary", test_id="to-today", keep_location=False
                ),
                rx.el.span("Error 404", class_name="sub"),
                class_name="toolbar",
            ),
            class_name="card stack",
            width="100%",
            max_width="440px",
        ),
        id="page",
        display="grid",
        place_items="center",
        min_height="100vh",
        padding="16px",
    )
