"""Step 3 of the wizard: the sync dates that are possible, each with its cost and its picture."""

from typing import Any

import reflex as rx

from medsync_app.ui.components.buttons import button, icon
from medsync_app.ui.components.chips import chip
from medsync_app.ui.components.feedback import banner
from medsync_app.ui.components.forms import select_field, text_area, text_field
from medsync_app.ui.components.problems import error_of
from medsync_app.ui.components.text import sentences
from medsync_app.ui.components.timeline import supply_timeline
from medsync_app.ui.pages.enroll_parts import footer
from medsync_app.ui.states.enroll import EnrollState
from medsync_app.ui.states.enroll_options import CostView


def date_step() -> rx.Component:
    """The step."""
    return rx.el.form(
        rx.cond(
            EnrollState.aside != "",
            banner(EnrollState.aside, tone="warn", icon_name="triangle_alert"),
        ),
        rx.el.fieldset(
            rx.el.legend("When shall everything be picked up together?", class_name="question"),
            rx.foreach(EnrollState.options, _option),
            class_name="options",
        ),
        _impossible(),
        _own_day(),
        rx.cond(EnrollState.breaks != "", _override()),
        rx.el.div(
            rx.cond(
                error_of("strategy") != "",
                rx.el.p(icon("circle_alert", 14), error_of("strategy"), class_name="field-error"),
            ),
            role="alert",
        ),
        footer("Agree on contact", back=2),
        on_submit=EnrollState.save_date,
        class_name="stack",
    )


def _option(one: Any) -> rx.Component:
    def cost(part: Any) -> rx.Component:
        return chip(part["label"], part["tone"])

    words = rx.el.span(
        rx.el.span(
            rx.el.span(one["day"], class_name="option-day", title=one["title"]),
            rx.el.span(one["relative"], class_name="sub"),
        ),
        rx.el.span(
            rx.el.span(one["label"], class_name="strong"),
            rx.cond(one["also"] != "", rx.el.span(f"; {one['also']}", class_name="sub")),
        ),
        rx.el.span(
            rx.foreach(one["costs"].to(list[CostView]), cost),
            rx.cond(one["review"], chip("A pharmacist approves", "review")),
            class_name="chips",
        ),
        rx.cond(
            one["breaks"] != "",
            rx.el.span(icon("circle_alert", 14), one["breaks"], class_name="field-error"),
        ),
        class_name="option-words",
    )
    return rx.el.div(
        rx.el.div(
        rx.el.label(
            rx.el.input(
                type="radio", name="strategy", value=one["key"], checked=EnrollState.chosen == one["key"],
                on_change=lambda _value: EnrollState.choose(one["key"].to(str)),
                custom_attrs={
                    "aria-label": f"{one['day']}, {one['label']}", "data-testid": "option", "data-kept": "page",
                },
            ),
            words,
            class_name="option-head",
        ),
        rx.el.details(
            rx.el.summary("In words"), sentences(one["explanation"]), class_name="behind option-more"
        ),
        ),
        supply_timeline(one["picture"], label=f"Supply with {one['day']} as sync date"),
        class_name=rx.cond(EnrollState.chosen == one["key"], "option chosen", "option"),
        key=one["key"],
    )  # fmt: skip


def _impossible() -> rx.Component:
    return rx.cond(
        EnrollState.impossible.length() > 0,
        rx.el.details(
            rx.el.summary("Dates that are not possible"),
            rx.el.ul(
                rx.foreach(
                    EnrollState.impossible,
                    lambda one: rx.el.li(rx.el.span(one["label"], class_name="strong"), f": {one['reason']}"),
                )
            ),
            class_name="more",
        ),
    )


def _own_day() -> rx.Component:
    def mate(one: Any) -> rx.Component:
        return rx.cond(
            one["date"] != "",
            button(
                f"Same day as {one['name']} ({one['said']})",
                on_click=EnrollState.ask_for_day(one["date"].to(str)),
                icon_name="house",
                small=True,
                test_id="mate-day",
            ),
        )

    return rx.el.div(
        text_field(
            "Or another day",
            name="day",
            kind="date",
            default_value=EnrollState.asked,
            on_change=EnrollState.ask_for_day.debounce(400),
            error=error_of("day"),
        ),
        select_field(
            "After that",
            EnrollState.rhythms,
            name="rhythm",
            value=EnrollState.rhythm,
            on_change=EnrollState.set_rhythm,
            error=error_of("rhythm"),
        ),
        rx.el.div(rx.foreach(EnrollState.mates, mate), class_name="toolbar wide-cell"),
        class_name="form-grid",
    )


def _override() -> rx.Component:
    return rx.cond(
        EnrollState.may_override,
        text_area(
            "Reason for a day that breaks a rule",
            name="override_reason",
            rows=2,
            hint=EnrollState.breaks,
            default_value=EnrollState.override_reason,
            error=error_of("override_reason"),
        ),
        banner(
            f"{EnrollState.breaks}: only a pharmacist may choose this day, with a reason.",
            tone="review",
            icon_name="clipboard_check",
        ),
    )
