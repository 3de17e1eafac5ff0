"""The card of the dry run: begin it, see how far it is, read what would be sent."""

from typing import Any

import reflex as rx

from medsync_app.ui.components.buttons import button
from medsync_app.ui.components.feedback import problem_line
from medsync_app.ui.components.forms import bare_select
from medsync_app.ui.components.layout import card
from medsync_app.ui.components.live import every
from medsync_app.ui.components.tables import Column, data_table
from medsync_app.ui.components.text import patient_link, two_lines
from medsync_app.ui.states.workflow_trial import SPANS, WorkflowTrialState


def trial_card() -> rx.Component:
    """The card."""
    return card(
        rx.el.p(
            "The loop itself runs ahead of time on a copy of the pharmacy: nothing is sent. The changes above are "
            "tried when there are any. It goes on when you leave this page.",
            class_name="muted",
        ),
        rx.cond(WorkflowTrialState.running, _progress(), _begin()),
        problem_line(WorkflowTrialState.broken, test_id="trial-broken"),
        rx.cond(WorkflowTrialState.done, _found()),
        title="Dry run",
        class_name="gap",
        test_id="trial",
    )


def _begin() -> rx.Component:
    return rx.el.form(
        bare_select(
            [(str(days), f"the next {days} days") for days in SPANS], name="days", id="trial-days", default_value="30",
            custom_attrs={"aria-label": "How far to look ahead", "data-testid": "trial-days"},
        ),
        button("Show what would be sent", type="submit", icon_name="play", test_id="start-trial"),
        on_submit=WorkflowTrialState.start,
        class_name="toolbar",
    )  # fmt: skip


def _progress() -> rx.Component:
    return rx.el.div(
        rx.el.progress(
            value=WorkflowTrialState.percent,
            max=100,
            class_name="meter",
            custom_attrs={"aria-label": "Dry run"},
        ),
        rx.el.span(
            f"{WorkflowTrialState.percent} % of the time has passed", class_name="sub num", role="status"
        ),
        button(
            "Stop", on_click=WorkflowTrialState.stop, small=True, icon_name="square", test_id="stop-trial"
        ),
        every(2, WorkflowTrialState.follow.temporal),
        class_name="toolbar",
        custom_attrs={"data-testid": "trial-progress"},
    )


def _found() -> rx.Component:
    return rx.el.div(
        rx.el.p(
            WorkflowTrialState.summary, class_name="strong", custom_attrs={"data-testid": "trial-summary"}
        ),
        rx.el.p(f"Of {WorkflowTrialState.of}, run {WorkflowTrialState.began}.", class_name="sub"),
        _fold("By step", _steps()),
        _fold("By day", _days()),
        rx.cond(WorkflowTrialState.reasons.length() > 0, _fold("Held back, and why", _reasons())),
        rx.cond(WorkflowTrialState.messages.length() > 0, _fold("The messages", _messages())),
        class_name="stack tight",
    )


def _fold(label: str, content: rx.Component) -> rx.Component:
    return rx.el.details(rx.el.summary(label), content, class_name="more")


def _steps() -> rx.Component:
    heads = [Column("Step", wide=True), Column("Sent", number=True), Column("Held back", number=True)]
    return data_table(
        heads, WorkflowTrialState.steps, lambda row: [row["name"], row["sent"], row["not_sent"]],
        caption="Messages by step", test_id="trial-steps",
    )  # fmt: skip


def _days() -> rx.Component:
    def bar(row: Any) -> rx.Component:
        return rx.el.div(
            class_name="load-bar", style={"width": row["width"]}, custom_attrs={"aria-hidden": "true"}
        )

    heads = [Column("Day"), Column("Messages", number=True), Column("Share", wide=True)]
    return data_table(
        heads, WorkflowTrialState.days, lambda row: [row["day"], row["count"], bar(row)],
        caption="Messages by day", test_id="trial-by-day",
    )  # fmt: skip


def _reasons() -> rx.Component:
    return rx.el.ul(
        rx.foreach(WorkflowTrialState.reasons, lambda words: rx.el.li(words)), class_name="sentences"
    )


def _messages() -> rx.Component:
    heads = [Column("When"), Column("Patient", wide=True), Column("Message", wide=True)]

    def cells(row: Any) -> list[Any]:
        return [
            row["at"],
            patient_link(row["patient_id"], row["name"]),
            rx.el.div(
                two_lines(row["step"], row["channel"]),
                rx.el.p(row["text"], class_name="pre sub wrap-anywhere"),
            ),
        ]

    return rx.fragment(
        rx.cond(WorkflowTrialState.more != "", rx.el.p(WorkflowTrialState.more, class_name="sub")),
        data_table(heads, WorkflowTrialState.messages, cells, caption="Messages", test_id="trial-messages"),
    )
