"""The panel of one step: its time, channels, tasks and conditions, and its wordings tried on a patient."""

from typing import Any

import reflex as rx

from medsync_app.domain.condition_words import CHANNEL_NAMES
from medsync_app.ui.components.buttons import button, icon
from medsync_app.ui.components.chips import chip
from medsync_app.ui.components.feedback import problem_line
from medsync_app.ui.components.forms import (
    bare_select,
    check_field,
    filter_bar,
    filter_link,
    search_field,
    select_field,
    text_area,
    text_field,
)
from medsync_app.ui.components.overlays import side_panel
from medsync_app.ui.states.workflow_step import WorkflowStepState
from medsync_app.ui.states.workflow_step_view import FieldView, TaskView, fact_choices
from medsync_app.ui.states.workflow_words import ROLE_NAMES, TRIGGER_NAMES

_STEP = WorkflowStepState.step
_TRIGGERS = list(TRIGGER_NAMES.items())
_CHANNELS = [(value, name) for value, name in CHANNEL_NAMES.items()]


def step_panel() -> rx.Component:
    """The panel; which step it shows stands in the address."""
    return side_panel(
        rx.cond(_STEP["changed"], rx.el.div(chip("changed, not published", "review"), class_name="chips")),
        problem_line(WorkflowStepState.problem, test_id="panel-problem"),
        rx.cond(
            _STEP["does"].to(list[str]).length() > 0,
            rx.el.div(
                rx.el.p(_STEP["when"], class_name="strong"),
                rx.el.ul(
                    rx.foreach(_STEP["does"].to(list[str]), lambda words: rx.el.li(words)),
                    class_name="sentences",
                ),
            ),
        ),
        rx.cond(
            _STEP["asks"],
            select_field(
                "When", _TRIGGERS, name="on", value=_STEP["on"], on_change=WorkflowStepState.choose_trigger,
                error=_error("on"), test_id="trigger",
            ),
        ),
        _time_and_channels(),
        rx.cond(_STEP["asks"], _conditions()),
        rx.cond(WorkflowStepState.says.length() > 0, _wording()),
        open=WorkflowStepState.open,
        on_close=WorkflowStepState.close,
        title=_STEP["title"],
        footer=rx.fragment(
            rx.cond(
                _STEP["asks"],
                button("Copy as a new step", on_click=WorkflowStepState.copy_it, icon_name="copy", test_id="copy-step"),
            ),
            button(
                "Leave this out", on_click=WorkflowStepState.leave_out, icon_name="circle_off", test_id="leave-out",
            ),
        ),
        test_id="step-panel",
    )  # fmt: skip


def _error(field: str) -> Any:
    return rx.cond(WorkflowStepState.problem_field == field, WorkflowStepState.problem, "")


def _time_and_channels() -> rx.Component:
    def number(label: str, name: str) -> rx.Component:
        return rx.cond(
            _STEP[label] != "",
            text_field(
                _STEP[label], name=name, kind="number", default_value=_STEP[name], error=_error(name), min="0"
            ),
        )

    return rx.el.form(
        text_field("Name", name="name", default_value=_STEP["name"], error=_error("name")),
        number("days_label", "days"),
        number("hours_label", "hours"),
        rx.cond(
            _STEP["at_label"] != "",
            text_field("Time of day", name="at", kind="time", default_value=_STEP["at"], error=_error("at")),
        ),
        rx.cond(
            _STEP["open_day_label"] != "",
            check_field(_STEP["open_day_label"], name="open_day", default_checked=_STEP["open_day"]),
        ),
        number("age_label", "age"),
        rx.cond(_STEP["channels"].to(list[FieldView]).length() > 0, _channels()),
        rx.foreach(_STEP["tasks"].to(list[TaskView]), _task),
        rx.el.div(
            button("Keep", type="submit", variant="primary", icon_name="check", test_id="keep-step"),
            class_name="toolbar",
        ),
        on_submit=WorkflowStepState.save,
        class_name="stack tight",
        key=f"step-{_STEP['id']}-{WorkflowStepState.form_key}",
        custom_attrs={"data-testid": "step-form"},
    )  # fmt: skip


def _channels() -> rx.Component:
    def one(field: Any) -> rx.Component:
        return rx.el.label(
            rx.el.span(field["label"], class_name="sub"),
            rx.el.select(
                rx.el.option(field["nothing"], value=""),
                *[rx.el.option(name, value=value) for value, name in _CHANNELS],
                name=field["name"],
                default_value=field["value"],
                class_name="input select",
                custom_attrs={"data-testid": field["name"]},
            ),
            rx.cond(
                WorkflowStepState.problem_field == field["name"],
                rx.el.span(icon("circle_alert", 14), WorkflowStepState.problem, class_name="field-error"),
            ),
            class_name="field",
            key=field["name"],
        )

    return rx.el.fieldset(
        rx.el.legend("How it is sent", class_name="strong"),
        rx.foreach(_STEP["channels"].to(list[FieldView]), one),
        class_name="choices",
    )


def _task(task: Any) -> rx.Component:
    def labelled(field: Any, control: rx.Component) -> rx.Component:
        return rx.el.label(
            rx.el.span(field["label"]),
            control,
            rx.cond(
                WorkflowStepState.problem_field == field["name"],
                rx.el.span(icon("circle_alert", 14), WorkflowStepState.problem, class_name="field-error"),
            ),
            class_name="field",
        )

    def typed(field: Any, **props: Any) -> rx.Component:
        return rx.el.input(name=field["name"], default_value=field["value"], class_name="input", **props)

    role = task["role"]
    return rx.el.fieldset(
        rx.el.legend("Task", class_name="strong"),
        labelled(task["summary"], typed(task["summary"])),
        labelled(
            role,
            bare_select(
                list(ROLE_NAMES.items()), name=role["name"], id=role["name"], default_value=role["value"]
            ),
        ),
        labelled(task["due"], typed(task["due"], type="number")),
        class_name="choices",
        key=role["name"],
    )


def _conditions() -> rx.Component:
    def one(condition: Any) -> rx.Component:
        return rx.el.li(
            rx.el.span(condition["words"]),
            button(
                "Remove", on_click=WorkflowStepState.remove_condition(condition["index"]), small=True,
                variant="quiet", icon_name="x", test_id="remove-condition",
                custom_attrs={"aria-label": f"Remove: {condition['words']}"},
            ),
            class_name="line",
            key=condition["words"],
        )  # fmt: skip

    value: Any = rx.match(
        WorkflowStepState.value_kind,
        (
            "choice",
            select_field(
                "Value", WorkflowStepState.value_choices, name="value", error=_error("value"), test_id="value"
            ),
        ),
        (
            "number",
            rx.el.div(
                select_field("How", WorkflowStepState.value_choices, name="op"),
                text_field("Number", name="value", kind="number", error=_error("value")),
                class_name="pair",
            ),
        ),
        (
            "text",
            text_field(
                "Value", name="value", error=_error("value"), hint="Several with commas between them."
            ),
        ),
        rx.fragment(),
    )
    return rx.el.section(
        rx.el.h3("Conditions"),
        rx.el.p("Judged when the step is due, not before.", class_name="sub"),
        rx.el.ul(rx.foreach(_STEP["conditions"], one), class_name="lines hide-empty"),
        rx.el.form(
            select_field(
                "Add a condition",
                fact_choices(),
                name="fact",
                on_change=WorkflowStepState.choose_fact,
                default_value="",
            ),
            value,
            rx.cond(
                WorkflowStepState.fact != "",
                rx.el.div(
                    button("Add it", type="submit", icon_name="plus", test_id="add-condition"),
                    class_name="toolbar",
                ),
            ),
            on_submit=WorkflowStepState.add_condition,
            class_name="stack tight",
            key=f"condition-{_STEP['id']}-{WorkflowStepState.form_key}",
        ),
        class_name="stack tight",
    )


def _wording() -> rx.Component:
    def choice(one: Any) -> rx.Component:
        return filter_link(
            one["label"], href=one["href"], selected=one["selected"], count=rx.cond(one["own"], "own", "")
        )

    return rx.el.section(
        rx.el.h3("Wording"),
        filter_bar(rx.foreach(WorkflowStepState.says, choice), label="Which wording"),
        rx.el.form(
            rx.cond(
                WorkflowStepState.subject != "",
                text_field(
                    "Subject", name="subject", default_value=WorkflowStepState.subject,
                    on_blur=WorkflowStepState.typed_subject,
                ),
            ),
            text_area(
                "Text", name="wording", rows=5, default_value=WorkflowStepState.wording,
                on_blur=WorkflowStepState.typed_wording, error=_error("body"),
                hint="{{ pharmacy }}, {{ day }}, {{ medicines }}, {{ phone }} and so on are filled in.",
            ),
            rx.el.div(
                button("Keep the wording", type="submit", icon_name="check", test_id="keep-wording"),
                rx.cond(
                    WorkflowStepState.own_wording,
                    button(
                        "Back to the usual one", on_click=WorkflowStepState.usual_wording, variant="quiet",
                        icon_name="undo_2", test_id="usual-wording",
                    ),
                ),
                class_name="toolbar",
            ),
            on_submit=WorkflowStepState.save_wording,
            class_name="stack tight",
            key=f"wording-{_STEP['id']}-{WorkflowStepState.form_key}",
        ),
        _preview(),
        class_name="stack tight",
    )  # fmt: skip


def _preview() -> rx.Component:
    def person(one: Any) -> rx.Component:
        return rx.el.li(
            rx.el.button(
                rx.el.span(one["name"], class_name="strong"),
                rx.el.span(one["day"], class_name="sub"),
                type="button", class_name="pick", on_click=WorkflowStepState.show_for(one["id"]),
                custom_attrs={"data-testid": "try-on"},
            ),
            key=one["id"],
        )  # fmt: skip

    return rx.fragment(
        rx.el.div(
            rx.el.div(
                rx.cond(
                    WorkflowStepState.shown_for != "",
                    f"What {WorkflowStepState.shown_for} would get",
                    "With invented values",
                ),
                class_name="sub",
            ),
            rx.cond(
                WorkflowStepState.shown_subject != "",
                rx.el.p(WorkflowStepState.shown_subject, class_name="strong"),
            ),
            rx.el.p(WorkflowStepState.shown_text, class_name="wording pre", custom_attrs={"data-testid": "shown-text"}),
            rx.el.p(WorkflowStepState.shown_size, class_name="sub num", custom_attrs={"data-testid": "size"}),
            rx.cond(
                WorkflowStepState.replaced,
                rx.el.p(
                    icon("triangle_alert", 14),
                    "This wording breaks a rule for this patient, so the usual one goes out.",
                    class_name="with-icon",
                ),
            ),
            role="status",
            class_name="stack tight",
        ),
        search_field(
            "A patient to try it on", name="try-search", placeholder="Try it on: name of a patient",
            on_change=WorkflowStepState.find.debounce(300),
        ),
        rx.cond(
            WorkflowStepState.people.length() > 0,
            rx.el.ul(rx.foreach(WorkflowStepState.people, person), class_name="pick-list"),
            rx.el.p("Nobody of that name has a pickup to come.", class_name="sub"),
        ),
    )  # fmt: skip
