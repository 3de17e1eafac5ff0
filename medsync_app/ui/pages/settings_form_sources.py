"""Forms of others and the pharmacy system, on the tab of forms: the address to paste, what came, and the mapping."""

from typing import Any

import reflex as rx

from medsync_app.ui.components.buttons import button
from medsync_app.ui.components.chips import chip
from medsync_app.ui.components.feedback import banner
from medsync_app.ui.components.forms import select_field, text_area
from medsync_app.ui.components.layout import card, columns
from medsync_app.ui.components.live import every
from medsync_app.ui.components.problems import error_of
from medsync_app.ui.components.shell import POLL_SECONDS
from medsync_app.ui.components.text import facts
from medsync_app.ui.states.settings_form_sources import FormSourcesState


def form_sources_card() -> rx.Component:
    """Every sender, each with its mapping."""
    return card(
        rx.el.p(
            "What they send comes to Today as a task, as from the form above. What MedSync has no field for is shown "
            "with it; nothing is lost.",
            class_name="muted",
        ),
        rx.el.ul(rx.foreach(FormSourcesState.sources, _source), class_name="lines"),
        every(POLL_SECONDS, FormSourcesState.poll_sources.temporal),
        title="Other forms and the pharmacy system",
        class_name="gap",
        test_id="form-sources",
    )


def _source(row: Any) -> rx.Component:
    return rx.el.li(
        rx.el.div(
            rx.el.h3(row["name"]),
            chip(row["state"], row["tone"]),
            class_name="with-icon",
        ),
        rx.cond(row["detail"] != "", rx.el.p(row["detail"], class_name="sub")),
        rx.el.p(row["how"]),
        rx.el.p(rx.el.code(row["address"], class_name="num wrap-anywhere"), custom_attrs={"data-testid": "address"}),
        facts(("Last received", row["received"])),
        rx.cond(
            row["refused"] != "",
            banner(f"Last refused {row['refused']}", tone="warn", icon_name="triangle_alert", test_id="refused"),
        ),
        rx.el.p(row["reads"], class_name="sub"),
        rx.el.div(
            button(
                f"How {row['name']} is read",
                on_click=FormSourcesState.edit(row["origin"].to(str)), small=True, icon_name="list_checks",
                custom_attrs={
                    "data-testid": "edit-mapping",
                    "aria-expanded": rx.cond(FormSourcesState.editing == row["origin"], "true", "false"),
                },
            ),
            class_name="toolbar",
        ),
        rx.cond(FormSourcesState.editing == row["origin"], _mapping(row)),
        class_name="stack tight",
        custom_attrs={"data-testid": f"source-{row['origin']}"},
    )  # fmt: skip


def _mapping(row: Any) -> rx.Component:
    return rx.el.form(
        rx.el.p(
            rx.cond(
                FormSourcesState.is_form,
                "Write the question as it stands on the form, or its own name there (Typeform: ref); several with ; "
                "between them. Capitals and accents make no difference.",
                "Write where it stands in what is sent, as in Body.Rx.RxNumber; several with ; between them, the first "
                "that holds something counts. Below are the sender's words for each event. A medicine or a name that "
                "an export words otherwise still changes nothing that is known.",
            ),
            class_name="muted",
        ),
        columns(
            rx.foreach(
                FormSourcesState.fields,
                lambda one: text_area(
                    one["label"], name=one["name"], rows=2, default_value=one["value"],
                    error=error_of(one["name"]),
                ),
            ),
            rx.cond(
                FormSourcesState.is_form,
                rx.fragment(
                    text_area(
                        "Answers that mean yes", name="map_yes", rows=2, default_value=FormSourcesState.yes,
                        error=error_of("map_yes"),
                        hint="The whole answer, word for word. Any other answer to the question about texts is no "
                        "consent.",
                    ),
                    select_field(
                        "Language when nobody says", (("en", "English"), ("es", "Spanish")), name="map_spoken",
                        default_value=FormSourcesState.language, error=error_of("map_spoken"),
                    ),
                ),
            ),
        ),
        rx.el.div(
            button("Save", type="submit", variant="primary", icon_name="check", test_id="save-mapping"),
            rx.cond(
                row["is_own"],
                button("Back to MedSync's list", on_click=FormSourcesState.use_preset, icon_name="rotate_ccw",
                       test_id="use-preset"),
            ),
            class_name="toolbar",
        ),
        on_submit=FormSourcesState.save_mapping,
        class_name="stack",
        key=f"mapping-{FormSourcesState.form_key}",
        no_validate=True,
    )  # fmt: skip
