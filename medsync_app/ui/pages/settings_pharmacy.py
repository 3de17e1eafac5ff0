"""The tab of the pharmacy's own settings: address, hours, contact window, capacity and rules."""

from collections.abc import Mapping
from typing import Any

import reflex as rx

from medsync_app.services.update_pharmacy import FLAGS, PLAN_FLAGS, RULES
from medsync_app.ui.components.buttons import button, icon
from medsync_app.ui.components.feedback import changed_by_others
from medsync_app.ui.components.forms import select_field, text_area, text_field
from medsync_app.ui.components.layout import card, columns
from medsync_app.ui.components.problems import error_of
from medsync_app.ui.states.settings_pharmacy import PharmacyTabState

_HINTS = {
    "cycle_days": "From one sync date to the next; 28 keeps the weekday.",
    "horizon_days": "Sync dates are looked for within so many days, or until the first medicine is due.",
    "min_lead_days": "The first sync date lies at least so far ahead.",
    "buffer_days": "Supply still in hand when the next fill is due.",
    "lapsed_after_days": "A medicine that ran out longer ago is planned only once somebody says it is still taken.",
    "return_to_stock_days": "From the claim until a batch nobody fetched goes back.",
    "inactive_after_days": "Somebody looks whether the patient still takes part; two missed cycles do the same.",
    "data_stale_hours": "Without newer dispensing data nobody is asked why they have not come.",
    "household_wait_minutes": "While a batch of the same day is being prepared there: one message tells of all.",
    "messages_per_day": "Where the patient agreed; ready notices and answers come on top. Else one, by law.",
}


def pharmacy_tab() -> rx.Component:
    """The form."""
    return rx.el.form(
        changed_by_others(
            rx.cond(
                PharmacyTabState.changed != "",
                f"Somebody else changed: {PharmacyTabState.changed}. What you typed stays; other fields show it.",
                "",
            )
        ),
        columns(
            rx.el.div(_about(), _rules(), class_name="stack"),
            rx.el.div(_hours(), _window(), class_name="stack"),
        ),
        rx.el.div(
            button(
                "Save settings", type="submit", variant="primary", icon_name="check", test_id="save-settings"
            ),
            class_name="form-foot",
        ),
        on_submit=PharmacyTabState.save,
        key=PharmacyTabState.form_key,
        no_validate=True,
    )


def _input(label: str, name: str, **props: Any) -> rx.Component:
    value = PharmacyTabState.values[name]
    return text_field(
        label, name=name, default_value=value, key=f"{name}-{value}", error=error_of(name), **props
    )


def _about() -> rx.Component:
    return card(
        rx.el.div(
            _input("Name", "name"),
            _input("Phone", "phone", kind="tel", hint="Stands in every message to patients."),
            text_area(
                "Address", name="address", rows=2, optional=True, default_value=PharmacyTabState.values["address"],
                key=f"address-{PharmacyTabState.values['address']}", error=error_of("address"),
            ),
            _input("E-mail for replies", "reply_to_email", kind="email", optional=True),
            class_name="stack",
        ),
        title="Pharmacy",
    )  # fmt: skip


def _hours() -> rx.Component:
    return card(
        rx.el.p("Leave both empty on a day you are closed.", class_name="sub"),
        rx.el.div(rx.foreach(PharmacyTabState.days, _day), class_name="hours"),
        title="Opening hours",
    )


def _day(day: Any) -> rx.Component:
    def at(name: Any, value: Any, label: str) -> rx.Component:
        wrong = PharmacyTabState.problem_field == name
        return rx.el.input(
            type="time", name=name, id=name, default_value=value, key=f"{name}-{value}", class_name="input",
            custom_attrs={
                "aria-label": f"{day['name']}, {label}", "data-testid": name,
                "aria-invalid": rx.cond(wrong, "true", "false"), "aria-describedby": "hours-problem",
            },
        )  # fmt: skip

    opens, closes = day["opens_name"], day["closes_name"]
    wrong = (PharmacyTabState.problem_field == opens) | (PharmacyTabState.problem_field == closes)
    return rx.el.div(
        rx.el.span(day["name"], class_name="strong"),
        at(opens, day["opens"], "opens"),
        rx.el.span("to", class_name="sub"),
        at(closes, day["closes"], "closes"),
        rx.el.div(
            rx.cond(
                wrong,
                rx.el.span(
                    icon("circle_alert", 14), rx.el.span(PharmacyTabState.problem), class_name="field-error"
                ),
            ),
            class_name="hours-problem",
            role="alert",
        ),
        class_name="hours-day",
        key=opens,
    )


def _window() -> rx.Component:
    return card(
        rx.el.div(
            rx.el.div(
                _input("Messages from", "contact_from", kind="time"),
                _input("until", "contact_until", kind="time"),
                class_name="pair",
            ),
            rx.el.p(
                "In the patient's own time zone, between 8:00 am and 9:00 pm. The pharmacy's zone is ",
                PharmacyTabState.zone,
                ".",
                class_name="sub",
            ),
            *_flags(FLAGS),
            _input(
                "Batches a day", "daily_capacity", kind="number", optional=True,
                hint="Days with more are marked in the calendar, and options avoid them.",
            ),
            class_name="stack",
        ),
        title="Contact window and capacity",
    )  # fmt: skip


def _flags(flags: Mapping[str, tuple[str, str, str, bool]]) -> list[rx.Component]:
    return [
        select_field(
            label,
            [("0", off), ("1", on)],
            name=name,
            default_value=PharmacyTabState.values[name],
            key=f"{name}-{PharmacyTabState.values[name]}",
        )
        for name, (label, off, on, _) in flags.items()
    ]


def _rules() -> rx.Component:
    return card(
        rx.el.div(
            *[_input(label, name, kind="number", hint=_HINTS[name]) for name, (label, _, _) in RULES.items()],
            *_flags(PLAN_FLAGS),
            rx.el.p(
                "Changes hold for plans made from now on; running cycles keep their dates.", class_name="sub"
            ),
            class_name="stack",
        ),
        title="Rules",
    )
