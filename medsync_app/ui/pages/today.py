"""Today: what must be done next, the most urgent first, each line with its one action."""

from typing import Any

import reflex as rx

from medsync_app.ui.components.buttons import button, icon, link, link_button
from medsync_app.ui.components.chips import chip, state_chip
from medsync_app.ui.components.feedback import empty_state, problem_line
from medsync_app.ui.components.forms import (
    bare_select,
    choice_group,
    error_line,
    named_in_error,
    radio_field,
    select_field,
    text_area,
)
from medsync_app.ui.components.layout import card
from medsync_app.ui.components.overlays import side_panel
from medsync_app.ui.components.problems import error_of, other_problem
from medsync_app.ui.components.shell import shell
from medsync_app.ui.components.tables import Column, data_table, pager
from medsync_app.ui.components.text import due_date, facts, patient_link
from medsync_app.ui.components.tiles import stat_row, stat_tile
from medsync_app.ui.states.today import COUNTER, TodayState
from medsync_app.ui.states.today_view import SaidView, SheetDrugView

#: Sort of work: label of its count, label of its chip, tone, icon.
SORTS = {
    "review": ("To approve", "Approve plan", "review", "clipboard_check"),
    "prepare": ("To prepare", "Prepare", "info", "package_open"),
    "pickup": ("Not picked up", "Pickup", "good", "shopping_bag"),
    "call": ("Calls and replies", "Call", "warn", "phone"),
    "join": ("Asked to take part", "To enroll", "info", "user_plus"),
    "refill": ("Refills", "Refill", "neutral", "file_question"),
    "contact": ("Contact problems", "Contact", "bad", "phone_off"),
    "other": ("Other tasks", "Task", "neutral", "list_todo"),
}


def today_page() -> rx.Component:
    """The page."""
    return shell(
        _checklist(),
        _counts(),
        rx.cond(TodayState.total > 0, _queue(), _nothing()),
        _call_sheet(),
        title="Today",
        active="/",
        loaded=TodayState.loaded,
        retry=TodayState.load,
        poll=TodayState.poll,
        notice_action=rx.cond(
            TodayState.undo_kind != "",
            button("Undo", on_click=TodayState.undo, small=True, test_id="undo"),
        ),
    )


def _counts() -> rx.Component:
    tiles = [
        stat_tile(
            label,
            TodayState.counts[sort],
            tone=rx.cond(TodayState.counts[sort] > 0, tone, "neutral"),
            icon_name=glyph,
            href=rx.cond(TodayState.sort == sort, "/", f"/?work={sort}"),
            selected=TodayState.sort == sort,
            test_id=f"count-{sort}",
        )
        for sort, (label, _, tone, glyph) in SORTS.items()
    ]
    return stat_row(*tiles, label="Work waiting; choose one to see only that")


def _queue() -> rx.Component:
    columns = [
        Column("What", wide=True),
        Column("Patient"),
        Column("Medicines"),
        Column("Due"),
        Column(""),
    ]
    return rx.fragment(
        data_table(columns, TodayState.rows, _cells, caption="Work waiting", roving=True, test_id="queue"),
        pager(TodayState.pages, previous_href=TodayState.previous_href, next_href=TodayState.next_href),
    )


def _cells(row: Any) -> list[Any]:
    kind = rx.match(
        row["sort"],
        *((sort, chip(label, tone, icon_name=glyph)) for sort, (_, label, tone, glyph) in SORTS.items()),
        rx.fragment(),
    )
    why = rx.el.div(
        rx.el.div(
            kind,
            rx.cond(row["urgent"] != "", state_chip(row["urgent"], "severity")),
            class_name="chips",
        ),
        rx.el.div(row["why"], class_name="sub"),
    )
    patient = rx.el.div(
        rx.cond(
            row["patient_id"] != "",
            patient_link(row["patient_id"], row["name"]),
            rx.el.span(rx.cond(row["join_id"] != "", row["name"], "-")),
        ),
        rx.cond(row["place"] != "", rx.el.div(row["place"], class_name="sub nowrap")),
    )
    drugs = rx.cond(
        row["drugs"] != "",
        rx.el.div(
            rx.el.div(row["drugs"], title=row["drugs_title"]),
            rx.cond(row["drug_names"] != "", rx.el.div(row["drug_names"], class_name="sub")),
            rx.cond(
                row["missing"] != "",
                rx.el.div(icon("triangle_alert", 13), row["missing"], class_name="missing"),
            ),
        ),
        rx.fragment(),
    )
    return [why, patient, drugs, due_date(row["due"]), _action(row)]


def _action(row: Any) -> rx.Component:
    def act(handler: Any, variant: str = "default") -> rx.Component:
        return button(
            row["label"],
            on_click=handler,
            variant=variant,
            small=True,
            custom_attrs={
                "data-primary": "",
                "data-testid": "act",
                "aria-label": f"{row['label']}: {row['name']}",
            },
        )

    cycle = (row["cycle_id"].to(str), row["version"].to(int))
    task = row["exception_id"].to(str)
    return rx.el.div(
        rx.match(
            row["action"],
            ("approve", act(TodayState.approve(*cycle))),
            ("ready", act(TodayState.mark_ready(*cycle))),
            ("pickup", act(TodayState.picked_up(*cycle))),
            ("return", act(TodayState.returned(*cycle))),
            ("call", act(TodayState.open_call(task))),
            ("done", act(TodayState.done(task))),
            (
                "enroll",
                link(
                    row["label"],
                    href=f"/enroll?join={row['join_id']}",
                    class_name="btn btn-default btn-small",
                    custom_attrs={
                        "data-primary": "",
                        "data-testid": "act",
                        "aria-label": f"Enroll {row['name']}",
                    },
                ),
            ),
            rx.cond(
                row["patient_id"] != "",
                link(
                    "Open",
                    href=f"/patient/{row['patient_id']}",
                    class_name="btn btn-default btn-small",
                    custom_attrs={"data-primary": "", "aria-label": f"Open {row['name']}"},
                ),
            ),
        ),
        class_name="row-action",
    )


def _nothing() -> rx.Component:
    return card(
        rx.cond(
            TodayState.sort != "",
            empty_state("Nothing of this kind is waiting.", link_button("Show everything", href="/")),
            empty_state(
                "Nothing is waiting. What comes due appears here by itself.",
                link_button("Open the calendar", href="/calendar", icon_name="calendar_days"),
                icon_name="circle_check",
            ),
        )
    )


def _checklist() -> rx.Component:
    def step(one: Any) -> rx.Component:
        return rx.el.li(
            rx.cond(
                one["done"],
                rx.el.span(
                    icon("circle_check", 18),
                    rx.el.span(one["label"]),
                    rx.el.span("done", class_name="sr-only"),
                    class_name="step done",
                ),
                link(icon("circle", 18), rx.el.span(one["label"]), href=one["href"], keep_location=False,
                     class_name="step"),
            )
        )  # fmt: skip

    return rx.cond(
        TodayState.steps_left > 0,
        card(
            rx.el.ul(rx.foreach(TodayState.steps, step), class_name="steps"),
            title=f"Set up {TodayState.steps_place}",
            actions=rx.el.span(f"{TodayState.steps_left} to do", class_name="muted"),
            class_name="spaced",
            test_id="checklist",
        ),
    )


def _call_sheet() -> rx.Component:
    sheet = TodayState.sheet

    def drug(one: Any) -> rx.Component:
        at = [error_of(one[name]) for name in ("answer", "reason", "doses")]
        asked = rx.el.div(
            bare_select(
                [("", "Not spoken of"), ("fill", "Fill"), ("skip", "Skip"), ("changed", "Changed")],
                name=one["answer"], id=one["answer"],
                custom_attrs={
                    "aria-label": one["name"], "data-testid": "drug-answer", **named_in_error(one["answer"], at[0]),
                },
            ),
            rx.el.input(
                name=one["reason"], class_name="input",
                custom_attrs={
                    "aria-label": f"Why, for {one['name']}", "placeholder": "Why (skip, changed)",
                    **named_in_error(one["reason"], at[1]),
                },
            ),
            rx.el.input(
                name=one["doses"], default_value=one["left"], class_name="input num",
                custom_attrs={
                    "aria-label": f"Doses left of {one['name']}", "placeholder": "Doses left",
                    "inputMode": "numeric", **named_in_error(one["doses"], at[2]),
                },
            ),
            *[error_line(one[name], error) for name, error in zip(("answer", "reason", "doses"), at, strict=True)],
            class_name="stack tight",
        )  # fmt: skip
        return rx.el.li(
            rx.el.div(
                rx.el.div(one["name"], class_name="strong"), rx.el.div(one["detail"], class_name="sub")
            ),
            rx.cond(one["ask"], asked, state_chip(one["state"], "item")),
            class_name="line",
        )

    def said(one: Any) -> rx.Component:
        return rx.el.li(rx.el.div(one["head"], class_name="sub"), rx.el.div(one["text"]))

    form = rx.el.form(
        choice_group(
            "How did it go?",
            radio_field("Spoke with the patient", name="outcome", value="spoke"),
            radio_field("Asked at the counter", name="outcome", value=COUNTER),
            radio_field("Left a voicemail", name="outcome", value="voicemail", hint="Due again tomorrow"),
            radio_field("No answer", name="outcome", value="no_answer", hint="Due again tomorrow"),
            radio_field("Wrong number", name="outcome", value="wrong_number", hint="Whoever has it is asked"),
            name="outcome",
            error=error_of("outcome"),
        ),
        rx.cond(
            sheet["numbers"].to(list[list[str]]).length() > 0,
            select_field(
                "Number you rang",
                sheet["numbers"].to(list[list[str]]),
                name="number",
                hint="Needed for a wrong number: nothing automated goes to that one any more.",
                error=error_of("number"),
            ),
        ),
        rx.el.div(
            rx.el.h3("Medicines"),
            rx.el.ul(rx.foreach(sheet["drugs"].to(list[SheetDrugView]), drug), class_name="lines"),
            class_name="hide-empty",
        ),
        text_area(
            "Note", name="note", rows=3, optional=True, hint="What was agreed.", error=error_of("note")
        ),
        rx.el.div(
            button("Save call", type="submit", variant="primary", icon_name="check", test_id="save-call"),
            class_name="toolbar",
        ),
        on_submit=TodayState.save_call,
        class_name="stack",
        key=sheet["id"],
    )
    field = TodayState.problem_field
    at_the_drug = (field.startswith("reason_") | field.startswith("doses_")) | field.startswith("drug_")
    return side_panel(
        problem_line(
            rx.cond(at_the_drug, "", other_problem("outcome", "number", "note")), test_id="panel-problem"
        ),
        rx.el.p(sheet["summary"]),
        facts(
            ("Phone", rx.el.div(rx.foreach(sheet["phones"].to(list[str]), lambda one: rx.el.div(one)))),
            ("Born", sheet["born"]),
            ("Language", sheet["language"]),
            ("Pickup", rx.cond(sheet["pickup"] != "", sheet["pickup"], "-")),
        ),
        rx.el.div(
            rx.el.h3("Before"),
            rx.el.ul(rx.foreach(sheet["said"].to(list[SaidView]), said), class_name="lines said"),
            class_name="hide-empty",
        ),
        form,
        open=TodayState.call_open,
        on_close=TodayState.close_call,
        title=rx.el.span("Call ", patient_link(sheet["patient_id"], sheet["name"])),
        test_id="call-sheet",
        over=f"call.{sheet['id']}",
    )
