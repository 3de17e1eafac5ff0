"""Step 5 of the wizard: everything that will happen, and the button that makes it so."""

from typing import Any

import reflex as rx

from medsync_app.ui.components.buttons import button, link, link_button
from medsync_app.ui.components.feedback import banner
from medsync_app.ui.components.layout import card
from medsync_app.ui.components.tables import Column, data_table
from medsync_app.ui.components.text import facts, sentences
from medsync_app.ui.pages.calendar_panel import kind_icon
from medsync_app.ui.states.enroll import EnrollState
from medsync_app.ui.states.enroll_review import MessageView
from medsync_app.ui.states.enroll_view import StepView


def review_step() -> rx.Component:
    """The step."""
    chores = EnrollState.review["chores"].to(list[StepView])
    columns = [Column("When"), Column("What", wide=True), Column("For"), Column("")]
    return rx.el.div(
        card(
            facts(
                ("Medicines", _with_change(EnrollState.review["summary"], 2)),
                ("First common pickup", _with_change(EnrollState.review["pickup"], 3)),
                ("Contact", _with_change(_reach(), 4)),
            ),
            sentences(EnrollState.review["explanation"]),
            class_name="review-facts",
        ),
        rx.cond(
            EnrollState.review["unreachable"],
            banner(
                "No automated message may be sent: staff calls instead. Ask for consent to change that.",
                tone="warn",
                icon_name="phone_off",
                test_id="unreachable",
            ),
        ),
        rx.cond(
            EnrollState.review["needs_approval"],
            banner(
                "A pharmacist must approve this plan first. Until then only refill requests go out.",
                tone="review",
                icon_name="clipboard_check",
                test_id="needs-approval",
            ),
        ),
        rx.el.section(
            rx.el.h2("Messages to the patient"),
            data_table(
                [Column("When"), Column("What the patient hears", wide=True), Column("For"), Column("")],
                EnrollState.review["messages"].to(list[MessageView]),
                _message_cells,
                caption="Messages to the patient",
                test_id="messages",
            ),
            rx.el.p(EnrollState.review["when_ready"], class_name="muted"),
            class_name="stack tight",
        ),
        rx.el.details(
            rx.el.summary(f"Work for the pharmacy: {chores.length()} tasks and checks"),
            data_table(columns, chores, _cells, caption="Work for the pharmacy", test_id="chores"),
            class_name="more stack tight",
        ),
        rx.el.div(
            link_button(
                "Back",
                href=f"/enroll?draft={EnrollState.draft_id}&step=4",
                variant="quiet",
                icon_name="arrow_left",
            ),
            button(
                "Enroll", on_click=EnrollState.finish, variant="primary", icon_name="check", test_id="finish"
            ),
            class_name="wizard-foot",
        ),
        class_name="stack",
    )


def _with_change(value: Any, step: int) -> rx.Component:
    return rx.el.div(
        rx.el.div(value),
        link("Change", href=f"/enroll?draft={EnrollState.draft_id}&step={step}", class_name="link sub",
             custom_attrs={"aria-label": f"Change step {step}"}),
    )  # fmt: skip


def _reach() -> rx.Component:
    return rx.cond(
        _lines("reach").length() > 0,
        rx.el.div(rx.foreach(_lines("reach"), lambda line: rx.el.div(line))),
        rx.el.span("No number or address"),
    )


def _lines(name: str) -> Any:
    return EnrollState.review[name].to(list[str])


def _message_cells(row: Any) -> list[Any]:
    words = rx.el.details(
        rx.el.summary("Wording", rx.el.span(f" of {row['name']}", class_name="sr-only")),
        rx.cond(row["subject"] != "", rx.el.p(row["subject"], class_name="strong")),
        rx.el.p(row["body"], class_name="wording pre"),
        class_name="more",
    )
    what = rx.el.div(
        rx.el.div(row["name"], class_name="strong"),
        rx.el.div(row["how"], class_name="sub"),
        rx.cond(row["body"] != "", words),
    )
    return [
        rx.el.span(row["when"], class_name="num nowrap", title=row["title"]),
        what,
        rx.el.span(row["batch"], class_name="nowrap"),
        rx.el.span(row["note"], class_name="sub"),
    ]


def _cells(row: Any) -> list[Any]:
    return [
        rx.el.span(row["when"], class_name="num nowrap", title=row["title"]),
        rx.el.div(kind_icon(row["kind"]), rx.el.span(row["name"]), class_name="with-icon"),
        rx.el.span(row["batch"], class_name="nowrap"),
        rx.el.span(row["note"], class_name="sub"),
    ]
