"""How a patient may be reached, on the Patient page: the card, its panel, and what to do about a held number."""

from typing import Any

import reflex as rx

from medsync_app.auth.permissions import Permission
from medsync_app.ui.components.buttons import button
from medsync_app.ui.components.chips import chip
from medsync_app.ui.components.feedback import problem_line
from medsync_app.ui.components.layout import card
from medsync_app.ui.components.overlays import confirm_dialog, side_panel
from medsync_app.ui.components.problems import other_problem
from medsync_app.ui.components.shell import may
from medsync_app.ui.components.text import facts
from medsync_app.ui.pages.contact_fields import CONTACT_FIELDS, contact_fields
from medsync_app.ui.states.patient import PatientState
from medsync_app.ui.states.patient_contact import PatientContactState

_FORM = "contact-form"


def contact_card() -> rx.Component:
    """Numbers and addresses with their consent, and the wishes."""
    head = PatientState.head
    return card(
        rx.cond(
            PatientState.contacts.length() > 0,
            rx.el.ul(rx.foreach(PatientState.contacts, _contact), class_name="lines"),
            rx.el.p("No number or address is known.", class_name="muted"),
        ),
        facts(
            ("Preferred", head["preferred"]),
            ("Drug names in messages", head["drug_names"]),
            ("Address", head["address"]),
        ),
        _stop_dialog(),
        title="Contact and consent",
        actions=rx.cond(
            may(Permission.ENROLL),
            button(
                "Change", on_click=PatientContactState.open_contact(PatientState.patient_id), small=True,
                icon_name="pencil", test_id="change-contact",
            ),
        ),
        class_name="contact-card",
    )  # fmt: skip


def _contact(one: Any) -> rx.Component:
    return rx.el.li(
        rx.el.div(
            rx.el.div(one["address"], class_name="strong num"),
            rx.el.div(one["channel"], class_name="sub"),
        ),
        rx.el.div(
            chip(one["basis"], one["tone"]),
            rx.el.div(one["note"], class_name="sub"),
            rx.cond(one["warning"] != "", rx.el.div(one["warning"], class_name="sub tone-bad-text")),
            rx.cond(one["held"] & may(Permission.ENROLL), _decision(one)),
            rx.cond(one["wrong"] & may(Permission.ENROLL), _confirm(one)),
            rx.cond(one["open"] & may(Permission.ENROLL), _stop(one)),
            class_name="right",
        ),
        class_name="line",
        key=one["id"],
    )


def _confirm(one: Any) -> rx.Component:
    return button(
        "It is theirs", on_click=PatientContactState.confirm_number(one["id"].to(str)), small=True,
        test_id="confirm-number",
    )  # fmt: skip


def _stop(one: Any) -> rx.Component:
    return button(
        "Stop messages",
        on_click=PatientContactState.ask_stop(one["id"].to(str), one["address"].to(str)),
        small=True, test_id="end-messages",
    )  # fmt: skip


def _stop_dialog() -> rx.Component:
    return confirm_dialog(
        rx.el.p(
            "No automated message goes there any more, to anybody who shares it and from no pharmacy of the group, "
            "until the patient agrees again or sends START. To a phone number both texts and calls end."
        ),
        open=PatientContactState.stopping != "",
        title=rx.el.span("Stop all messages to ", PatientContactState.stopping, "?"),
        confirm_label="Stop messages",
        on_confirm=PatientContactState.end_messages,
        on_cancel=PatientContactState.keep_messages,
        danger=True,
        problem=other_problem(),
        test_id="stop-number",
    )


def _decision(one: Any) -> rx.Component:
    """A reply that may be a refusal lets everything wait until somebody has read it."""
    point = one["id"].to(str)
    return rx.el.div(
        button(
            "Messages go on", on_click=PatientContactState.let_go_on(point), small=True, test_id="let-go-on"
        ),
        button(
            "No more messages", on_click=PatientContactState.stop_messages(point), small=True,
            variant="danger", test_id="stop-messages",
        ),
        rx.cond(
            one["phone"],
            button(
                "Wrong number", on_click=PatientContactState.call_it_wrong(point), small=True,
                test_id="wrong-number",
            ),
        ),
        class_name="toolbar",
    )  # fmt: skip


def contact_panel() -> rx.Component:
    """The form that changes them."""
    contact = PatientContactState.contact
    return side_panel(
        problem_line(other_problem(*CONTACT_FIELDS), test_id="panel-problem"),
        rx.el.form(
            contact_fields(contact, speak=PatientContactState.speak),
            on_submit=PatientContactState.save_contact,
            class_name="stack",
            id=_FORM,
            key=contact["key"],
        ),
        open=PatientContactState.contact_open,
        on_close=PatientContactState.close_contact,
        title=rx.el.span("How to reach ", PatientState.head["name"]),
        footer=rx.fragment(
            button(
                "Save", type="submit", variant="primary", icon_name="check", test_id="save-contact",
                custom_attrs={"form": _FORM},
            ),
            button("Keep as it is", on_click=PatientContactState.close_contact),
        ),
        test_id="contact", over="contact",
    )  # fmt: skip
