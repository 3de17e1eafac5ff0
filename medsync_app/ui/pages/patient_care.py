"""What adherence leaves out, on the Patient page: the card and its form."""

from typing import Any

import reflex as rx

from medsync_app.auth.permissions import Permission
from medsync_app.domain.care import CARE_LABELS
from medsync_app.ui.components.buttons import button
from medsync_app.ui.components.forms import select_field, text_field
from medsync_app.ui.components.layout import card
from medsync_app.ui.components.live import every
from medsync_app.ui.components.overlays import form_dialog
from medsync_app.ui.components.problems import error_of, other_problem
from medsync_app.ui.components.shell import POLL_SECONDS, may
from medsync_app.ui.states.patient_care import PatientCareState


def care_card() -> rx.Component:
    """The records, each with its correction."""

    def one(row: Any) -> rx.Component:
        return rx.el.li(
            rx.el.div(
                rx.el.div(row["label"], class_name="strong"),
                rx.el.div(f"{row['days']}, recorded by {row['by']}", class_name="sub"),
            ),
            rx.cond(
                may(Permission.HANDLE_EXCEPTIONS),
                button(
                    "Correct", on_click=PatientCareState.ask_correction(row["id"].to(str)), small=True,
                    custom_attrs={"aria-label": f"Correct: {row['label']}", "data-testid": "correct-care"},
                ),
            ),
            class_name="line",
            key=row["id"],
        )  # fmt: skip

    return card(
        rx.cond(
            PatientCareState.care.length() > 0,
            rx.el.ul(rx.foreach(PatientCareState.care, one), class_name="lines"),
            rx.el.p("Nothing is recorded: every day counts.", class_name="muted"),
        ),
        every(POLL_SECONDS, PatientCareState.poll.temporal),
        title="Left out of adherence",
        actions=rx.cond(
            may(Permission.HANDLE_EXCEPTIONS),
            button(
                "Record", on_click=PatientCareState.ask_new, small=True, icon_name="plus",
                test_id="record-care",
            ),
        ),
        test_id="care",
    )  # fmt: skip


def care_question() -> rx.Component:
    """The form: a new record, or the correction of one."""
    asked = PatientCareState.asked
    is_new = asked["id"] == ""
    return form_dialog(
        rx.cond(
            is_new,
            select_field(
                "What",
                [("", "Choose"), *((kind.value, label) for kind, label in CARE_LABELS.items())],
                name="kind",
                error=error_of("kind"),
            ),
            rx.el.p(asked["label"], class_name="strong"),
        ),
        text_field(
            "First day", name="start", kind="date", default_value=asked["start"], error=error_of("start")
        ),
        text_field(
            "Last day",
            name="end",
            kind="date",
            default_value=asked["end"],
            optional=True,
            error=error_of("end"),
            hint="Of a stay the day of discharge. Empty while it goes on, and for what has no end.",
        ),
        rx.cond(
            is_new,
            rx.fragment(),
            button(
                "Remove: it was a mistake", on_click=PatientCareState.remove_care, variant="danger",
                small=True, test_id="remove-care",
            ),
        ),
        open=PatientCareState.care_open,
        title=rx.cond(is_new, "Leave days or the patient out of adherence", "Correct this record"),
        submit_label="Record",
        on_submit=PatientCareState.save_care,
        on_cancel=PatientCareState.keep_care,
        problem=other_problem("kind", "start", "end"),
        test_id="care-form", over=f"care.{asked['id']}",
    )  # fmt: skip
