"""Level: the moves that spread the pickups of one location evenly, to take all or some of."""

from typing import Any

import reflex as rx

from medsync_app.ui.components.buttons import button, icon, link_button
from medsync_app.ui.components.feedback import changed_by_others, empty_state, problem_line
from medsync_app.ui.components.layout import card, stack
from medsync_app.ui.components.shell import shell
from medsync_app.ui.components.tables import Column, data_table
from medsync_app.ui.components.text import due_date, patient_link
from medsync_app.ui.components.tiles import stat_row, stat_tile
from medsync_app.ui.states.base import AppState
from medsync_app.ui.states.level import LevelState, PlaceLink


def level_page() -> rx.Component:
    """The page."""
    return shell(
        outdated_plan(LevelState.outdated, LevelState.look),
        rx.cond(LevelState.choose.length() > 0, choose_place(LevelState.choose), _found()),
        title="Level",
        subtitle="Spreads the pickups that nobody has reckoned with yet evenly over the days.",
        active="/calendar",
        actions=(link_button("Calendar", href="/calendar", icon_name="calendar_days", variant="quiet"),),
        loaded=LevelState.loaded,
        retry=LevelState.look,
        poll=LevelState.poll,
    )


def choose_place(places: Any) -> rx.Component:
    """The locations to choose from, where one alone can be worked on."""

    def one(place: Any) -> rx.Component:
        return rx.el.li(link_button(place["name"].to(str), href=place["href"].to(str), keep_location=False))

    return rx.el.div(
        empty_state("Each location is planned by itself: choose one.", icon_name="map_pin"),
        rx.el.ul(
            rx.foreach(places.to(list[PlaceLink]), one),
            class_name="toolbar center",
            custom_attrs={"data-testid": "places"},
        ),
    )


def outdated_plan(outdated: Any, look: Any) -> rx.Component:
    """Working a whole pharmacy out takes seconds, and would move rows under the hand: a person asks for it."""
    again = button("Work out again", on_click=look, icon_name="refresh_cw", small=True, test_id="again")
    words = "Something has changed since these dates were worked out. What no longer fits is refused."
    return changed_by_others(rx.cond(outdated, words, ""), again)


def _found() -> rx.Component:
    return stack(
        stat_row(
            stat_tile("on the fullest day now", LevelState.peak_before, hint=LevelState.capacity),
            stat_tile("on the fullest day after", LevelState.peak_after, hint=LevelState.capacity),
            stat_tile(
                "pickups above the room now",
                LevelState.over_before,
                tone=rx.cond(LevelState.over_before > 0, "bad", "neutral"),
            ),
            stat_tile(
                "pickups above the room after",
                LevelState.over_after,
                tone=rx.cond(LevelState.over_after > 0, "bad", "neutral"),
            ),
            label="Before and after",
        ),
        rx.cond(
            LevelState.rows.length() > 0,
            stack(_moves(), load_card(LevelState.load)),
            empty_state(
                "The days are as level as they can be: no move would help.",
                link_button("Back to the calendar", href="/calendar", icon_name="calendar_days"),
                icon_name="check",
            ),
        ),
        rx.cond(LevelState.kept.length() > 0, _kept()),
    )


def _moves() -> rx.Component:
    columns = [Column("Patient"), Column("From"), Column("To"), Column("For the patient", wide=True)]
    return rx.el.form(
        problem_line(
            rx.cond(AppState.problem_field == "moves", AppState.problem, ""), test_id="moves-problem"
        ),
        data_table(columns, LevelState.rows, _cells, caption="Moves that level the days", test_id="moves"),
        rx.el.div(
            button(
                "Make the ticked moves", type="submit", variant="primary", icon_name="check", test_id="make"
            ),
            rx.el.span("Later dates of these patients follow.", class_name="sub"),
            rx.cond(LevelState.more != "", rx.el.span(LevelState.more, class_name="sub")),
            class_name="toolbar",
        ),
        on_submit=LevelState.move,
        key=LevelState.shown_key.to_string(),
        class_name="stack",
    )


def _cells(row: Any) -> list[Any]:
    return [
        rx.el.div(
            rx.el.label(
                rx.el.input(
                    type="checkbox", name=row["field"], default_checked=True,
                    custom_attrs={"data-testid": "tick", "aria-label": row["label"]},
                ),
                class_name="check bare",
            ),
            patient_link(row["patient_id"], row["name"]),
            class_name="with-tick",
        ),
        due_date(row["from_day"]),
        due_date(row["to_day"]),
        rx.el.div(
            rx.el.div(row["change"]),
            rx.el.div(row["note"], class_name="sub"),
            rx.cond(row["refused"] != "", rx.el.div(icon("triangle_alert", 13), row["refused"], class_name="missing")),
        ),
    ]  # fmt: skip


def load_card(rows: Any) -> rx.Component:
    """The days whose load changes, now and after."""
    columns = [
        Column("Day"),
        Column("Now", number=True),
        Column("After", number=True),
        Column("Now above, after below", wide=True),
    ]

    def cells(row: Any) -> list[Any]:
        return [
            row["day"],
            row["before"],
            rx.el.span(row["after"], class_name="strong"),
            rx.el.div(
                rx.el.div(class_name="load-bar now", style={"width": row["before_width"]}),
                rx.el.div(class_name="load-bar", style={"width": row["after_width"]}),
                class_name="load-bars",
                custom_attrs={"aria-hidden": "true"},
            ),
        ]

    return card(
        data_table(columns, rows, cells, caption="Pickups of the days that change", test_id="load"),
        title="Days that change",
    )


def _kept() -> rx.Component:
    return card(
        rx.el.ul(
            rx.foreach(LevelState.kept, lambda line: rx.el.li(line)), custom_attrs={"data-testid": "kept"}
        ),
        title="Pickups that stay where they are",
    )
