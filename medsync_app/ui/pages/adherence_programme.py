"""What the programme does, on Adherence: who takes part, before and after, the funnel, and the staff's time."""

from typing import Any

import reflex as rx

from medsync_app.ui.components.charts import behind, chart
from medsync_app.ui.components.feedback import empty_state
from medsync_app.ui.components.layout import card
from medsync_app.ui.components.tables import Column
from medsync_app.ui.states.adherence import AdherenceState


def cells_of(count: int) -> Any:
    """The first `count` cells of a line of a small table."""
    keys = ("first", "second", "third", "fourth")[:count]
    return lambda line: [line[key] for key in keys]


def trend() -> rx.Component:
    """Enrolled patients by month."""
    return card(
        chart(AdherenceState.trend, words=AdherenceState.trend_words, test_id="chart-trend"),
        behind(
            [
                Column("Month", wide=True),
                Column("Enrolled", number=True),
                Column("Joined", number=True),
                Column("Left", number=True),
            ],
            AdherenceState.trend_lines,
            cells_of(4),
            caption="Enrolled patients by month",
            test_id="table-trend",
        ),
        title="Enrolled patients",
    )


def before_and_after() -> rx.Component:
    """The same patients, 180 days before and after they joined."""
    return card(
        rx.cond(
            AdherenceState.compared,
            rx.fragment(
                chart(AdherenceState.both, words=AdherenceState.both_words, test_id="chart-both"),
                rx.el.p(AdherenceState.both_words, class_name="sub"),
                behind(
                    [
                        Column("Window", wide=True),
                        Column("Days covered", number=True),
                        Column("Patients", number=True),
                        Column("Drugs", number=True),
                    ],
                    AdherenceState.both_lines,
                    cells_of(4),
                    caption="The same patients before and after enrollment",
                    test_id="table-both",
                ),
            ),
            empty_state(AdherenceState.both_words, icon_name="hourglass", test_id="not-compared"),
        ),
        title="The same patients before and after enrollment",
    )


def funnel() -> rx.Component:
    """How far patients come, and at which end the programme is limited."""
    heads = [
        Column("Step", wide=True),
        Column("Patients", number=True),
        Column("Share", number=True),
        Column("Counted", wide=True),
    ]
    return card(
        chart(AdherenceState.funnel, words=AdherenceState.funnel_words, test_id="chart-funnel"),
        rx.el.p(AdherenceState.funnel_words, class_name="sub", custom_attrs={"data-testid": "funnel-words"}),
        rx.cond(AdherenceState.fell_out != "", rx.el.p(AdherenceState.fell_out, class_name="sub")),
        behind(
            heads,
            AdherenceState.funnel_lines,
            lambda row: [row["name"], row["count"], row["share"], row["of"]],
            caption="From eligible patients to those who pick up every batch",
            test_id="table-funnel",
        ),
        title="From eligible to staying in",
    )


def staff_time() -> rx.Component:
    """What the programme costs the staff, and what the same would cost by hand."""
    heads = [Column("Work", wide=True), Column("With MedSync", number=True), Column("By hand", number=True)]
    return card(
        chart(AdherenceState.work, words=AdherenceState.work_words, test_id="chart-work"),
        rx.el.p(AdherenceState.work_words, class_name="sub", custom_attrs={"data-testid": "work-words"}),
        rx.el.p(
            "Minutes per act are house estimates (MEDSYNC_STAFF_MINUTES sets others); how often each act was done "
            "comes from the audit log.",
            class_name="sub",
        ),
        behind(
            heads,
            AdherenceState.work_lines,
            lambda row: [row["name"], row["ours"], row["hand"]],
            caption="Staff time a month by kind of work",
            test_id="table-work",
        ),
        title="Staff time, last 30 days",
    )
