"""The tab of closed days."""

from typing import Any

import reflex as rx

from medsync_app.ui.components.buttons import button, icon, link
from medsync_app.ui.components.feedback import empty_state
from medsync_app.ui.components.forms import check_field, choice_group, filter_link, text_field
from medsync_app.ui.components.layout import card, columns
from medsync_app.ui.components.problems import error_of
from medsync_app.ui.components.tables import Column, data_table
from medsync_app.ui.components.text import due_date
from medsync_app.ui.states.settings_closures import ClosuresTabState


def closures_tab() -> rx.Component:
    """Closed days, one more day, and the holidays to tick."""
    return columns(_list(), rx.el.div(_holidays(), _one_day(), class_name="stack"), wide_first=True)


def _list() -> rx.Component:
    heads = [Column("Day"), Column("Why", wide=True), Column("Planned all the same"), Column("")]
    return rx.cond(
        ClosuresTabState.rows.length() > 0,
        data_table(heads, ClosuresTabState.rows, _cells, caption="Closed days", test_id="closures"),
        card(
            empty_state(
                "No closed days yet. Tick the holidays on which you close, or add a day of your own.",
                icon_name="calendar_x",
            )
        ),
    )


def _cells(row: Any) -> list[Any]:
    return [
        due_date(row["day"]),
        row["name"],
        rx.cond(
            row["pickups"] != "",
            link(icon("triangle_alert", 13), row["pickups"], href=row["href"], class_name="link missing"),
            rx.el.span("-", class_name="sub"),
        ),
        rx.el.div(
            button(
                "Open again", on_click=ClosuresTabState.open_again(row["id"]), small=True,
                custom_attrs={"aria-label": f"Open again on {row['day']['text']}"},
            ),
            class_name="row-action",
        ),
    ]  # fmt: skip


def _holidays() -> rx.Component:
    def choice(one: Any) -> rx.Component:
        return check_field(rx.el.span(one["label"]), name=one["field"], hint=one["title"])

    years = rx.el.div(
        rx.foreach(
            ClosuresTabState.years,
            lambda year: filter_link(year["label"], href=year["href"], selected=year["selected"]),
        ),
        class_name="toolbar",
    )
    error = error_of("holidays")
    form = rx.el.form(
        choice_group(
            f"Federal holidays of {ClosuresTabState.year}",
            rx.foreach(ClosuresTabState.holidays, choice),
            hide_legend=True,
        ),
        rx.el.div(rx.cond(error != "", rx.el.span(error, class_name="field-error")), role="alert"),
        rx.el.div(
            button("Close on these days", type="submit", icon_name="calendar_x", test_id="add-holidays"),
            class_name="toolbar",
        ),
        on_submit=ClosuresTabState.add_holidays,
        class_name="stack tight",
        key=f"holidays-{ClosuresTabState.year}-{ClosuresTabState.form_key}",
    )
    return card(
        rx.cond(
            ClosuresTabState.holidays.length() > 0,
            form,
            rx.el.p(
                "Every federal holiday that is left of this year is among the closed days.",
                class_name="muted",
            ),
        ),
        title="Holidays",
        actions=years,
    )


def _one_day() -> rx.Component:
    return card(
        rx.el.form(
            text_field("Day", name="day", kind="date", error=error_of("day")),
            text_field("Why", name="name", error=error_of("name"), custom_attrs={"maxLength": "60"}),
            rx.el.div(
                button("Add day", type="submit", icon_name="plus", test_id="add-day"), class_name="toolbar"
            ),
            on_submit=ClosuresTabState.add_day,
            class_name="stack",
            key=f"day-{ClosuresTabState.form_key}",
            no_validate=True,
        ),
        title="Another day",
    )
