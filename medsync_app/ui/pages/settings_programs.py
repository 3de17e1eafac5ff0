"""Other programs than the patient's phone, on the tab of connections, each with its test."""

from typing import Any

import reflex as rx

from medsync_app.ui.components.buttons import button
from medsync_app.ui.components.chips import chip
from medsync_app.ui.components.forms import text_field
from medsync_app.ui.components.layout import card
from medsync_app.ui.components.live import every
from medsync_app.ui.components.shell import POLL_SECONDS
from medsync_app.ui.states.base import AppState
from medsync_app.ui.states.settings_programs import ProgramsState


def programs_card() -> rx.Component:
    """Every program in a line."""
    return card(
        rx.el.p(
            "They are told of tasks, renewal requests and batches. A test holds no patient data; the result appears "
            "beside it.",
            class_name="muted",
        ),
        rx.el.ul(rx.foreach(ProgramsState.programs, _line), class_name="lines"),
        every(POLL_SECONDS, ProgramsState.poll.temporal),
        title="Other programs",
        test_id="programs",
    )


def _line(row: Any) -> rx.Component:
    wrong = (ProgramsState.tested_kind == row["kind"]) & (AppState.problem_field == "to")
    return rx.el.li(
        rx.el.div(
            rx.el.div(
                rx.el.span(row["name"], class_name="strong"), chip(row["state"], row["tone"]),
                class_name="with-icon",
            ),
            rx.el.div(row["carries"], rx.cond(row["detail"] != "", f". {row['detail']}", ""), class_name="sub"),
            rx.cond(row["tested"] != "", rx.el.div(chip(row["tested"], row["tested_tone"]), role="status")),
        ),
        rx.cond(
            row["ready"],
            rx.el.form(
                rx.el.input(type="hidden", name="kind", value=row["kind"], read_only=True),
                rx.cond(
                    row["asks"] != "",
                    text_field(
                        row["asks"], name=f"to-{row['kind']}", error=rx.cond(wrong, AppState.problem, ""),
                        test_id="test-to",
                    ),
                ),
                button(
                    "Send test", type="submit", small=True, icon_name="send",
                    custom_attrs={"aria-label": f"Send test to {row['name']}", "data-testid": "test-program"},
                ),
                on_submit=ProgramsState.test_program,
                key=f"{row['kind']}-{ProgramsState.form_key}",
                no_validate=True,
                class_name="toolbar",
            ),
        ),
        class_name="line",
        key=row["kind"],
    )  # fmt: skip
