"""Exceptions: a board of what a person must look at, by due time, kind or owner."""

from typing import Any

import reflex as rx

from medsync_app.ui.components.buttons import button, icon, link, link_button
from medsync_app.ui.components.chips import state_chip
from medsync_app.ui.components.feedback import empty_state, problem_line
from medsync_app.ui.components.forms import bare_select, filter_bar, filter_link, select_field, text_area
from medsync_app.ui.components.layout import card
from medsync_app.ui.components.overlays import side_panel
from medsync_app.ui.components.shell import shell
from medsync_app.ui.components.tables import pager
from medsync_app.ui.components.text import due_date, facts, patient_link
from medsync_app.ui.states.exceptions import ExceptionsState
from medsync_app.ui.states.exceptions_view import ANSWER_NAMES, CaseView, CommentView, MirrorView


def exceptions_page() -> rx.Component:
    """The page."""
    return shell(
        _filters(),
        rx.cond(
            ExceptionsState.total > 0,
            rx.fragment(
                rx.cond(
                    ExceptionsState.all_href != "",
                    rx.el.div(
                        link_button(
                            "Show all columns",
                            href=ExceptionsState.all_href,
                            icon_name="arrow_left",
                            variant="quiet",
                            small=True,
                            test_id="all-columns",
                        ),
                        class_name="toolbar",
                    ),
                ),
                rx.el.div(
                    rx.foreach(ExceptionsState.columns, _column),
                    class_name="board",
                    custom_attrs={"data-testid": "board"},
                ),
                pager(
                    ExceptionsState.pages,
                    previous_href=ExceptionsState.previous_href,
                    next_href=ExceptionsState.next_href,
                ),
            ),
            _nothing(),
        ),
        _panel(),
        title="Exceptions",
        active="/exceptions",
        loaded=ExceptionsState.loaded,
        retry=ExceptionsState.load,
        poll=ExceptionsState.poll,
    )


def _filters() -> rx.Component:
    def choice(one: Any) -> rx.Component:
        return filter_link(
            one["label"],
            href=one["href"],
            selected=one["selected"],
            count=rx.cond(one["count"] != "", one["count"], ""),
        )

    def chooser(label: str, options: Any, value: Any, handler: Any, name: str) -> rx.Component:
        return bare_select(
            options,
            name=name,
            value=value,
            on_change=handler,
            custom_attrs={"aria-label": label, "data-testid": name},
        )

    return rx.fragment(
        filter_bar(rx.foreach(ExceptionsState.shown_choices, choice), label="Which exceptions"),
        filter_bar(
            rx.foreach(ExceptionsState.group_choices, choice),
            chooser(
                "Kind",
                ExceptionsState.kind_options,
                ExceptionsState.kind,
                ExceptionsState.choose_kind,
                "kind",
            ),
            chooser(
                "Owner",
                ExceptionsState.owner_options,
                ExceptionsState.owner,
                ExceptionsState.choose_owner,
                "owner",
            ),
            label="Order and filters",
        ),
    )


def _column(column: Any) -> rx.Component:
    return rx.el.section(
        rx.el.h2(
            rx.cond(column["tone"] == "bad", icon("circle_alert", 16), rx.fragment()),
            rx.el.span(column["title"]),
            rx.el.span(column["count"], class_name="nav-count"),
            class_name=f"board-head tone-{column['tone']}",
        ),
        rx.el.ul(rx.foreach(column["cases"].to(list[CaseView]), _case), class_name="board-cases"),
        rx.cond(
            column["more_href"] != "",
            link(
                column["more"],
                rx.el.span(f" in {column['title']}", class_name="sr-only"),
                href=column["more_href"],
                class_name="link board-more",
                custom_attrs={"data-testid": "show-column"},
            ),
        ),
        class_name="board-column",
        key=column["key"],
        custom_attrs={"data-testid": "group"},
    )


def _case(case: Any) -> rx.Component:
    return rx.el.li(
        rx.el.div(
            link(
                case["kind"], href=case["href"], replace=True, class_name="link strong",
                custom_attrs={"data-testid": "open"},
            ),
            rx.cond(case["severity"] != "", state_chip(case["severity"], "severity")),
            rx.cond(case["state"] != "", state_chip(case["state"], "exception")),
            class_name="line wrap",
        ),
        rx.el.p(case["summary"], class_name="case-text"),
        rx.cond(case["outcome"] != "", rx.el.p(case["outcome"], class_name="sub")),
        rx.cond(
            case["patient_id"] != "",
            rx.el.div(
                patient_link(case["patient_id"], case["name"]),
                rx.cond(case["drug"] != "", rx.el.div(case["drug"])),
            ),
        ),
        rx.el.div(due_date(case["due"])),
        rx.el.div(
            rx.el.span(case["owner"]),
            rx.el.span(case["age"]),
            rx.cond(case["assigned"] != "", rx.el.span(icon("user", 12), case["assigned"], class_name="with-icon")),
            rx.cond(
                case["comments"] != "",
                rx.el.span(icon("message_square", 12), case["comments"], class_name="with-icon"),
            ),
            rx.cond(case["place"] != "", rx.el.span(case["place"])),
            class_name="sub case-foot",
        ),
        class_name=f"case tone-{case['tone']}",
        key=case["id"],
        custom_attrs={"data-testid": "case", "data-row": case["id"]},
    )  # fmt: skip


def _nothing() -> rx.Component:
    return card(
        rx.cond(
            ExceptionsState.filtered,
            empty_state("Nothing fits these filters.", link_button("Show what is open", href="/exceptions")),
            empty_state(
                "Nothing is open. Exceptions appear here by themselves, with who should look and until when.",
                link_button("Open Today", href="/", icon_name="sun"),
                icon_name="circle_check",
            ),
        )
    )


def _panel() -> rx.Component:
    detail = ExceptionsState.detail
    return side_panel(
        rx.el.div(
            state_chip(detail["state"], "exception"),
            state_chip(detail["severity"], "severity"),
            class_name="chips",
        ),
        rx.el.p(detail["summary"]),
        problem_line(
            rx.cond(ExceptionsState.problem_field == "", ExceptionsState.problem, ""), test_id="panel-problem"
        ),
        facts(
            (
                "Patient",
                rx.cond(detail["patient_id"] != "", patient_link(detail["patient_id"], detail["name"]), "-"),
            ),
            ("Medicine", rx.cond(detail["drug"] != "", detail["drug"], "-")),
            ("Due", due_date(detail["due"])),
            ("Opened", detail["opened"]),
            ("Owner", detail["owner"]),
            ("Assigned to", rx.cond(detail["may_handle"], _chooser_of_people(), detail["assigned"])),
        ),
        rx.cond(
            detail["settled"] != "",
            rx.el.div(
                rx.el.h3("Outcome"), rx.el.p(detail["outcome"]), rx.el.p(detail["settled"], class_name="sub")
            ),
        ),
        rx.el.div(
            rx.el.h3("Comments"),
            rx.el.ul(rx.foreach(detail["comments"].to(list[CommentView]), _comment), class_name="lines said"),
            class_name="hide-empty",
        ),
        rx.el.div(
            rx.el.h3("Also at"),
            rx.el.ul(rx.foreach(detail["mirrors"].to(list[MirrorView]), _mirror), class_name="lines"),
            class_name="hide-empty",
        ),
        rx.cond(detail["renewal_id"] != "", _answer_form()),
        rx.cond(detail["may_handle"], _forms()),
        open=ExceptionsState.panel_open,
        on_close=ExceptionsState.close,
        title=detail["kind"],
        footer=rx.cond(
            detail["may_handle"],
            rx.cond(
                detail["mine"],
                button(
                    "Give it back",
                    on_click=ExceptionsState.give_back,
                    icon_name="undo_2",
                    test_id="give-back",
                ),
                button("Assign to me", on_click=ExceptionsState.take, icon_name="user", test_id="take"),
            ),
            rx.fragment(),
        ),
        test_id="case-panel",
    )


def _chooser_of_people() -> rx.Component:
    """Who has the case, to be given to somebody else."""
    return bare_select(
        ExceptionsState.detail["people"].to(list[list[str]]),
        name="assigned_to",
        value=ExceptionsState.detail["assigned_to"].to(str),
        on_change=ExceptionsState.give_to,
        custom_attrs={"aria-label": "Assigned to", "data-testid": "assigned-to"},
    )


def _comment(one: Any) -> rx.Component:
    return rx.el.li(rx.el.div(one["head"], class_name="sub"), rx.el.div(one["text"], class_name="pre"))


def _mirror(one: Any) -> rx.Component:
    linked = rx.el.a(
        one["name"], href=one["url"], target="_blank", rel="noopener noreferrer", class_name="link"
    )
    return rx.el.li(
        rx.cond(one["url"] != "", linked, rx.el.span(one["name"])),
        rx.cond(one["note"] != "", rx.el.span(one["note"], class_name="sub")),
    )


def _answer_form() -> rx.Component:
    """What the prescriber said, by phone, fax or portal."""
    field = ExceptionsState.problem_field
    return rx.el.form(
        select_field(
            "The prescriber's answer", [("", "Choose"), *ANSWER_NAMES.items()], name="answer",
            error=rx.cond(field == "answer", ExceptionsState.problem, ""),
        ),
        text_area(
            "Note", name="note", rows=2, hint="Such as: by fax, 90 days instead of 30.",
            error=rx.cond(field == "note", ExceptionsState.problem, ""),
        ),
        rx.el.div(
            button("Record the answer", type="submit", icon_name="check", test_id="record-answer"),
            class_name="toolbar",
        ),
        on_submit=ExceptionsState.record_answer,
        class_name="stack tight",
        key=f"answer-{ExceptionsState.detail['id']}-{ExceptionsState.saved['answer']}",
        custom_attrs={"data-testid": "answer-form"},
    )  # fmt: skip


def _forms() -> rx.Component:
    def error(field: str) -> Any:
        return rx.cond(ExceptionsState.problem_field == field, ExceptionsState.problem, "")

    return rx.fragment(
        rx.el.form(
            text_area(
                "How was it settled?", name="outcome", rows=2, error=error("outcome"),
                hint="A few words for whoever looks later, such as: new number from the daughter.",
            ),
            rx.el.div(
                button("Resolve", type="submit", variant="primary", icon_name="check", test_id="resolve"),
                class_name="toolbar",
            ),
            on_submit=ExceptionsState.resolve,
            class_name="stack tight",
            key=f"resolve-{ExceptionsState.detail['id']}-{ExceptionsState.saved['outcome']}",
        ),
        rx.el.form(
            text_area("Comment", name="text", rows=2, error=error("text")),
            rx.el.div(
                button("Add comment", type="submit", icon_name="message_square", test_id="add-comment"),
                class_name="toolbar",
            ),
            on_submit=ExceptionsState.write_comment,
            class_name="stack tight",
            key=f"comment-{ExceptionsState.detail['id']}-{ExceptionsState.saved['comment']}",
        ),
    )  # fmt: skip
