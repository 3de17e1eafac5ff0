"""The dialogs of the Patient page: what is asked before an enrollment or a drug is changed."""

import reflex as rx

from medsync_app.auth.permissions import Permission
from medsync_app.ui.components.forms import radio_field, text_field
from medsync_app.ui.components.overlays import form_dialog
from medsync_app.ui.components.shell import may
from medsync_app.ui.states.base import AppState
from medsync_app.ui.states.patient import PatientState


def questions() -> rx.Component:
    """The dialogs that ask before the enrollment or a drug is changed."""
    shared = {"on_cancel": PatientState.keep, "problem": AppState.problem}
    return rx.fragment(
        form_dialog(
            rx.el.p("Nothing more is prepared and no message goes out until it is resumed."),
            rx.el.p("A batch that is ready can still be picked up."),
            text_field("Why?", name="reason", placeholder="In hospital", required=True),
            open=PatientState.asking == "pause",
            title="Pause this enrollment?",
            submit_label="Pause",
            on_submit=PatientState.pause,
            test_id="pause",
            **shared,
        ),
        form_dialog(
            rx.el.p("The medicines are planned anew from this day; messages follow."),
            text_field(
                "Next pickup",
                name="sync_date",
                kind="date",
                default_value=PatientState.asked_day,
                required=True,
            ),
            rx.cond(
                may(Permission.OVERRIDE),
                text_field(
                    "Reason for an override",
                    name="override_reason",
                    optional=True,
                    hint="Only for a day that breaks a rule.",
                ),
            ),
            open=PatientState.asking == "resume",
            title="Resume this enrollment?",
            submit_label="Resume",
            on_submit=PatientState.resume,
            test_id="resume",
            **shared,
        ),
        form_dialog(
            rx.el.p("Coming batches are cancelled and queued messages are withdrawn."),
            rx.el.fieldset(
                rx.el.legend("Why does it end?"),
                radio_field("The patient no longer wants it", name="state", value="withdrawn", required=True),
                radio_field("The patient went to another pharmacy", name="state", value="transferred"),
                radio_field("The patient has died", name="state", value="deceased"),
                radio_field("Inactive", name="state", value="inactive"),
                class_name="choices",
            ),
            text_field("Note", name="reason", optional=True),
            open=PatientState.asking == "withdraw",
            title="End this enrollment?",
            submit_label="End enrollment",
            on_submit=PatientState.withdraw,
            danger=True,
            test_id="withdraw",
            **shared,
        ),
        form_dialog(
            rx.el.p("It leaves every batch that has not been fetched, and the rest is planned anew."),
            text_field("Why?", name="reason", placeholder="Stopped by the prescriber", required=True),
            open=PatientState.asking == "discontinue",
            title=rx.el.span("Stop ", PatientState.asked_drug, "?"),
            submit_label="Stop medicine",
            on_submit=PatientState.discontinue,
            danger=True,
            test_id="discontinue",
            **shared,
        ),
    )
