"""Small pieces that the steps of the wizard share."""

from typing import Any

import reflex as rx

from medsync_app.ui.components.buttons import button, link_button
from medsync_app.ui.components.forms import text_field
from medsync_app.ui.components.problems import error_of
from medsync_app.ui.states.enroll import EnrollState


def footer(next_label: str, *, back: int, test_id: str = "next") -> rx.Component:
    """The end of a step's form: on, or back."""
    href = "/enroll" if back == 1 else f"/enroll?draft={EnrollState.draft_id}&step={back}"
    return rx.el.div(
        link_button("Back", href=href, variant="quiet", icon_name="arrow_left"),
        button(next_label, type="submit", variant="primary", icon_name="arrow_right", test_id=test_id),
        class_name="wizard-foot",
    )


def field(label: Any, name: str, **props: Any) -> rx.Component:
    """A text field of the wizard with its own error."""
    return text_field(label, name=name, error=error_of(name), **props)
