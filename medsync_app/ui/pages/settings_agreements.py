"""The agreements with those who carry patients' data, on the tab of connections."""

from typing import Any

import reflex as rx

from medsync_app.ui.components.buttons import button
from medsync_app.ui.components.chips import chip
from medsync_app.ui.components.forms import text_field
from medsync_app.ui.components.layout import card
from medsync_app.ui.components.live import every
from medsync_app.ui.components.problems import error_of
from medsync_app.ui.components.shell import POLL_SECONDS
from medsync_app.ui.states.settings_agreements import AgreementsState


def agreements_card() -> rx.Component:
    """Every carrier with the day its agreement was signed."""
    return card(
        rx.el.p(
            "Who carries patients' data for you signs a business associate agreement first. Live, nothing of a patient "
            "goes out that way before its day stands here; the sandbox needs none.",
            class_name="muted",
        ),
        rx.el.ul(rx.foreach(AgreementsState.carriers, _line), class_name="lines"),
        every(POLL_SECONDS, AgreementsState.poll.temporal),
        title="Agreements",
        test_id="agreements",
    )


def _line(row: Any) -> rx.Component:
    return rx.el.li(
        rx.el.div(
            rx.el.div(
                rx.el.span(row["name"], class_name="strong"),
                rx.cond(row["day"] != "", chip("Signed", "good"), chip("Not on record", "warn")),
                class_name="chips",
            ),
            rx.el.div(row["carries"], class_name="sub"),
        ),
        rx.el.form(
            rx.el.input(type="hidden", name="carrier", value=row["id"], read_only=True),
            text_field(
                rx.el.span("Signed on", rx.el.span(f": {row['name']}", class_name="sr-only")),
                name=row["field"], kind="date", default_value=row["day"], key=row["key"],
                error=error_of(row["field"]), test_id="signed-on",
            ),
            button(
                "Save", type="submit", small=True, icon_name="check",
                custom_attrs={"aria-label": f"Save the day for {row['name']}", "data-testid": "save-agreement"},
            ),
            on_submit=AgreementsState.save_agreement,
            no_validate=True,
            class_name="inline-form",
        ),
        class_name="line",
        key=row["id"],
    )  # fmt: skip
