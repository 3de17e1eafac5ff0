"""Together: a date for every candidate of one location, so that the days fill evenly."""

from typing import Any

import reflex as rx

from medsync_app.ui.components.buttons import link_button
from medsync_app.ui.components.feedback import empty_state
from medsync_app.ui.components.layout import stack
from medsync_app.ui.components.shell import shell
from medsync_app.ui.components.tables import Column, data_table
from medsync_app.ui.components.text import due_date, patient_link
from medsync_app.ui.components.tiles import stat_row, stat_tile
from medsync_app.ui.pages.level import choose_place, load_card, outdated_plan
from medsync_app.ui.states.together import TogetherState


def together_page() -> rx.Component:
    """The page."""
    return shell(
        outdated_plan(TogetherState.outdated, TogetherState.look),
        rx.cond(TogetherState.choose.length() > 0, choose_place(TogetherState.choose), _found()),
        title="Plan together",
        subtitle="A date for every candidate, so that the days fill evenly. Nothing is kept before you enroll.",
        active="/candidates",
        actions=(link_button("Candidates", href="/candidates", icon_name="user_search", variant="quiet"),),
        loaded=TogetherState.loaded,
        retry=TogetherState.look,
        poll=TogetherState.poll,
    )


def _found() -> rx.Component:
    columns = [
        Column("Patient"), Column("Drugs", number=True), Column("Date"), Column("For the patient", wide=True),
        Column(""),
    ]  # fmt: skip
    return stack(
        stat_row(
            stat_tile("candidates with a date", TogetherState.patients),
            stat_tile("on the fullest day now", TogetherState.peak_before, hint=TogetherState.capacity),
            stat_tile("with all of them", TogetherState.peak_after, hint=TogetherState.capacity),
            label="All candidates",
        ),
        rx.cond(
            TogetherState.rows.length() > 0,
            stack(
                data_table(
                    columns, TogetherState.rows, _cells, caption="Dates of the candidates", test_id="dates"
                ),
                rx.cond(TogetherState.more != "", rx.el.p(TogetherState.more, class_name="sub")),
                load_card(TogetherState.load),
            ),
            empty_state(
                "No candidate can be given a date. Candidates are found in the dispensing exports you import.",
                link_button("Candidates", href="/candidates", icon_name="user_search"),
                icon_name="user_search",
            ),
        ),
        rx.cond(TogetherState.without != "", rx.el.p(TogetherState.without, class_name="sub")),
    )


def _cells(row: Any) -> list[Any]:
    return [
        patient_link(row["id"], row["name"]),
        row["drugs"],
        rx.el.div(due_date(row["day"]), rx.cond(row["other"] != "", rx.el.div(row["other"], class_name="sub"))),
        row["cost"],
        link_button(
            "Enroll", href=row["href"], small=True,
            custom_attrs={"aria-label": row["label"], "data-testid": "enroll-on"},
        ),
    ]  # fmt: skip
