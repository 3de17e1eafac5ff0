"""The tab that lists the workflow in force."""

from typing import Any

import reflex as rx

from medsync_app.ui.components.tables import Column, data_table
from medsync_app.ui.components.text import two_lines
from medsync_app.ui.states.settings_workflow import WorkflowTabState


def workflow_tab() -> rx.Component:
    """The steps in their order."""
    heads = [
Column("Step", wide=True), Column("When", wide=True),
        Column("What happens", wide=True), Column("Wording", wide=True),
    ]  # fmt: skip
    return rx.el.div(
        rx.el.p(
            WorkflowTabState.version,
            ". Cycles that run keep the version they began with.",
            class_name="muted",
        ),
        data_table(heads, WorkflowTabState.rows, _cells, caption="Steps of the workflow", test_id="workflow"),
        class_name="stack",
    )


def _cells(row: Any) -> list[Any]:
    return [
        two_lines(rx.el.span(row["name"], class_name="strong"), f"Step {row['number']}"),
        row["when"],
        rx.el.div(row["does"], rx.cond(row["unless"] != "", rx.el.div(row["unless"], class_name="sub"))),
        rx.cond(
            row["wording"] != "",
            rx.el.details(
                rx.el.summary("Show wording", rx.el.span(f" of {row['name']}", class_name="sr-only")),
                rx.el.p(row["wording"], class_name="pre", lang="en"),
                rx.cond(row["spanish"] != "", rx.el.p(row["spanish"], class_name="pre sub", lang="es")),
                class_name="more",
            ),
            rx.el.span("-", class_name="sub"),
        ),
    ]
