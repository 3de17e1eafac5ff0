"""The side panel of one batch: its medicines, what stands in the way, what is coming, and what to do."""

from typing import Any

import reflex as rx

from medsync_app.services.mark_ready import PROBLEMS
from medsync_app.ui.components.buttons import button, file_link, icon, link
from medsync_app.ui.components.chips import chip, state_chip
from medsync_app.ui.components.feedback import problem_line
from medsync_app.ui.components.forms import bare_select, error_line, named_in_error
from medsync_app.ui.components.overlays import side_panel
from medsync_app.ui.components.problems import error_of
from medsync_app.ui.components.text import due_date, patient_link, sentences
from medsync_app.ui.states.base import AppState
from medsync_app.ui.states.batch_panel import ComingView, DrugView, OtherView, ProblemView
from medsync_app.ui.states.calendar import CalendarState

_CHOICES = (("ready", "Ready"), *PROBLEMS.items(), ("not_yet", "Leave as it is"))


def batch_panel() -> rx.Component:
    """The panel over the calendar."""
    panel = CalendarState.panel
    return side_panel(
        rx.el.div(
            problem_line(
                rx.cond(
                    (CalendarState.move_open | CalendarState.pause_open)
                    | AppState.problem_field.startswith("expected-"),
                    "",
                    AppState.problem,
                ),
                test_id="panel-problem",
            ),
            rx.el.div(
                state_chip(panel["state"], "cycle"),
                rx.cond(panel["trip"], chip("Short supply", "neutral", icon_name="split")),
                class_name="chips",
            ),
            rx.el.div(
                rx.el.span(panel["day"], class_name="strong", title=panel["title"]),
                rx.el.span(panel["relative"], class_name="sub"),
                rx.el.span(panel["place"], class_name="sub"),
                link("Day sheet", href=f"/calendar/day?d={panel['iso']}", class_name="link sub"),
                file_link(
                    "Batch sheet (PDF)", href=f"/api/v1/print/batch/{panel['id']}.pdf", class_name="link sub",
                    id="batch-pdf",
                ),
                class_name="next-pickup",
            ),
            rx.cond(panel["facts"] != "", rx.el.p(panel["facts"], class_name="sub")),
        ),
        rx.cond(panel["review"] != "", _review()),
        rx.cond(CalendarState.part_open, _part_form(), _drugs()),
        _problems(),
        _coming(),
        _others(),
        open=CalendarState.panel_open,
        on_close=CalendarState.close_batch,
        title=patient_link(panel["patient_id"], panel["name"]),
        footer=_actions(),
        test_id="batch",
        over=rx.cond(CalendarState.part_open, "part", ""),
    )  # fmt: skip


def _review() -> rx.Component:
    panel = CalendarState.panel
    return rx.el.div(
        icon("clipboard_check"),
        rx.el.div(
            rx.el.p(panel["review"]),
            rx.cond(panel["explanation"] != "", sentences(panel["explanation"])),
            rx.cond(panel["override"] != "", rx.el.p(f"Reason given: {panel['override']}")),
            class_name="grow",
        ),
        class_name="banner tone-review",
    )


def _drugs() -> rx.Component:
    def drug(one: Any) -> rx.Component:
        return rx.el.li(
            rx.el.div(
                rx.el.div(one["name"], class_name="strong"),
                rx.cond(one["fill"] != "", rx.el.div(one["fill"], class_name="sub num")),
                rx.el.div(one["detail"], class_name="sub"),
                rx.cond(
                    one["warning"] != "",
                    rx.el.div(icon("triangle_alert", 13), one["warning"], class_name="missing"),
                ),
            ),
            state_chip(one["state"], "item"),
            class_name="line",
            key=one["id"],
        )

    return rx.el.section(
        rx.el.h3("Medicines"),
        rx.el.ul(rx.foreach(CalendarState.panel["drugs"].to(list[DrugView]), drug), class_name="lines"),
    )


def _part_form() -> rx.Component:
    """For each medicine: ready, or what is missing."""

    def drug(one: Any) -> rx.Component:
        def named(what: str) -> dict[str, Any]:
            return {"aria-label": f"{one['name']}: {what}", "data-testid": f"part-{what}"}

        day = f"expected-{one['id']}"

        return rx.cond(
            one["choice"] != "",
            rx.el.li(
                rx.el.div(one["name"], class_name="strong"),
                rx.el.div(
                    bare_select(
                        list(_CHOICES), name=f"part-{one['id']}", id=f"part-{one['id']}",
                        default_value=one["choice"], custom_attrs=named("state"),
                    ),
                    rx.el.input(
                        name=day, type="date", class_name="input date", default_value=one["expected"],
                        title="Expected on", custom_attrs=named("expected on") | named_in_error(day, error_of(day)),
                    ),
                    rx.el.input(
                        name=f"note-{one['id']}", class_name="input", placeholder="Note",
                        custom_attrs=named("note"), max_length=200,
                    ),
                    class_name="part-inputs",
                ),
                error_line(day, error_of(day)),
                key=one["id"],
            ),
        )  # fmt: skip

    return rx.el.form(
        rx.el.h3("What is ready?"),
        rx.el.p("For what is missing: why, and when it is expected if that is known.", class_name="sub"),
        rx.el.ul(rx.foreach(CalendarState.panel["drugs"].to(list[DrugView]), drug), class_name="lines"),
        rx.el.div(
            button("Save", type="submit", variant="primary", icon_name="check", test_id="save-part"),
            button("Not now", on_click=CalendarState.toggle_part, variant="quiet"),
            class_name="toolbar",
        ),
        on_submit=CalendarState.ready_part,
        class_name="stack tight",
        key=f"{CalendarState.panel['id']}-{CalendarState.panel['version']}",
    )


def _problems() -> rx.Component:
    def problem(one: Any) -> rx.Component:
        return rx.el.li(
            rx.el.div(
                rx.el.div(one["title"], class_name="strong"), rx.el.div(one["summary"], class_name="sub")
            ),
            due_date(one["due"], relative=False),
            class_name="line",
            key=one["id"],
        )

    rows = CalendarState.panel["problems"].to(list[ProblemView])
    return rx.cond(
        rows.length() > 0,
        rx.el.section(rx.el.h3("Problems"), rx.el.ul(rx.foreach(rows, problem), class_name="lines")),
    )


def _coming() -> rx.Component:
    def coming(one: Any) -> rx.Component:
        return rx.el.li(
            rx.el.div(
                kind_icon(one["kind"]),
                rx.el.div(
                    rx.el.div(one["name"]),
                    rx.cond(one["note"] != "", rx.el.div(one["note"], class_name="sub")),
                ),
                class_name="with-icon",
            ),
            rx.el.div(
                rx.cond(one["state"] != "", state_chip(one["state"], "action")),
                rx.el.span(one["when"], class_name="sub num nowrap", title=one["title"]),
                class_name="toolbar",
            ),
            class_name="line",
            key=one["id"],
        )

    rows = CalendarState.panel["coming"].to(list[ComingView])
    return rx.el.section(
        rx.el.h3("Coming"),
        rx.cond(
            rows.length() > 0,
            rx.el.ul(rx.foreach(rows, coming), class_name="lines", custom_attrs={"data-testid": "coming"}),
            rx.el.p("Nothing is queued for this batch.", class_name="sub"),
        ),
    )


def kind_icon(kind: Any) -> rx.Component:
    """The icon of an action's kind, with the word for screen readers."""

    def one(glyph: str, word: str) -> rx.Component:
        return rx.el.span(
            icon(glyph, 15), rx.el.span(word, class_name="sr-only"), class_name="sub", title=word
        )

    return rx.match(
        kind,
        ("message", one("message_square", "Message to the patient")),
        ("task", one("list_todo", "Task for staff")),
        ("renewal", one("file_question", "Refill request")),
        one("package_open", "Preparation"),
    )


def _others() -> rx.Component:
    def other(one: Any) -> rx.Component:
        return rx.el.li(
            button(
                one["label"],
                on_click=CalendarState.open_batch(one["id"].to(str)),
                variant="quiet",
                small=True,
            ),
            state_chip(one["state"], "cycle"),
            class_name="line",
            key=one["id"],
        )

    rows = CalendarState.panel["others"].to(list[OtherView])
    return rx.cond(
        rows.length() > 0,
        rx.el.section(rx.el.h3("Also planned"), rx.el.ul(rx.foreach(rows, other), class_name="lines")),
    )


def _actions() -> rx.Component:
    panel = CalendarState.panel
    primary_ready = panel["can_ready"]

    def picked_up(variant: str) -> rx.Component:
        return button(
            "Picked up", on_click=CalendarState.picked_up, variant=variant, icon_name="shopping_bag",
            test_id="picked-up",
        )  # fmt: skip

    return rx.fragment(
        rx.cond(
            panel["can_approve"],
            button("Approve plan", on_click=CalendarState.approve, variant="primary", icon_name="check",
                   test_id="approve"),
        ),
        rx.cond(
            primary_ready,
            button("Mark ready", on_click=CalendarState.ready, variant="primary", icon_name="package_check",
                   test_id="ready"),
        ),
        rx.cond(
            primary_ready & ~CalendarState.part_open,
            button("Part is ready...", on_click=CalendarState.toggle_part, test_id="part"),
        ),
        rx.cond(
            panel["can_pick_up"],
            rx.cond(primary_ready, picked_up("default"), picked_up("primary")),
        ),
        rx.cond(
            panel["can_move"],
            button("Move...", on_click=CalendarState.ask_move, icon_name="calendar_days", test_id="ask-move"),
        ),
        rx.cond(
            panel["can_pause"],
            button("Pause...", on_click=CalendarState.ask_pause, variant="quiet", icon_name="pause",
                   test_id="ask-pause"),
        ),
    )  # fmt: skip
