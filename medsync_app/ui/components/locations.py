"""The choice of a location, for pages that belong to one pharmacy."""

from typing import Any

import reflex as rx

from medsync_app.ui.components.buttons import link
from medsync_app.ui.components.layout import card


def choose_location(places: Any, question: str) -> rx.Component:
    """Asks somebody who works at several; `places` is a Var of dicts with `name` and `href`."""
    return card(
        rx.el.p(question),
        rx.el.ul(
            rx.foreach(
                places,
                lambda place: rx.el.li(link(place["name"], href=place["href"], keep_location=False)),
            ),
            class_name="lines",
        ),
        title="Choose a location",
        test_id="choose-location",
    )
