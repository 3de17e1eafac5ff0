"""The dialogs of the Patient page: what is asked before an enrollment or a drug is changed."""

from typing import Any

import reflex as rx

from medsync_app.auth.permissions import Permission
from medsync_app.ui.components.buttons import button
from medsync_app.ui.components.forms import choice_group, radio_field, text_field
from medsync_app.ui.components.layout import card
from medsync_app.ui.components.overlays import form_dialog
from medsync_app.ui.components.problems import error_of, other_problem
from medsync_app.ui.components.shell import may
from medsync_app.ui.states.patient import PatientState


def drug_questions() -> rx.Component:
    """What only a pharmacist answers about a drug that waits; others see that it is open."""

    def one(row: Any) -> rx.Component:
        key = row["therapy_id"].to(str)
        twice = rx.el.div(
            button(
                "The newer one replaces it", on_click=PatientState.answer_same_drug(key, "replaced"),
                small=True, test_id="replaced",
            ),
            button(
                "Both are taken", on_click=PatientState.answer_same_drug(key, "together"), small=True,
                test_id="together",
            ),
            class_name="toolbar",
        )  # fmt: skip
        new = rx.el.div(
            button(
                "It takes part", on_click=PatientState.decide_new_drug(key, True), small=True, test_id="take-in"
            ),
            button(
                "Leave it out", on_click=PatientState.decide_new_drug(key, False), small=True,
                test_id="leave-out",
            ),
            class_name="toolbar",
        )  # fmt: skip
        said = rx.cond(
            row["newer"] != "",
            f"has the same ingredient as {row['newer']}. It waits: replaced, or taken together?",
            "is new or came back, and waits: does it take part?",
        )
        return rx.el.li(
            rx.el.div(rx.el.span(row["name"], class_name="strong"), " ", rx.el.span(said)),
            rx.cond(
                may(Permission.OVERRIDE),
                rx.cond(row["newer"] != "", twice, new),
                rx.el.span("A pharmacist answers this.", class_name="sub"),
            ),
            class_name="line wrap",
            key=key,
        )

    return rx.cond(
        PatientState.drug_questions.length() > 0,
        card(
            rx.el.ul(rx.foreach(PatientState.drug_questions, one), class_name="lines"),
            title="Medicines that wait for an answer", test_id="drug-questions",
        ),
    )  # fmt: skip


def questions() -> rx.Component:
    """The dialogs that ask before the enrollment or a drug is changed."""
    shared = {
        "on_cancel": PatientState.keep,
        "problem": other_problem("reason", "sync_date", "override_reason", "state"),
    }
    return rx.fragment(
        form_dialog(
            rx.el.p("Nothing more is prepared and no message goes out until it is resumed."),
            rx.el.p("A batch that is ready can still be picked up."),
            text_field("Why?", name="reason", placeholder="In hospital", error=error_of("reason")),
            open=PatientState.asking == "pause",
            title="Pause this enrollment?",
            submit_label="Pause",
            on_submit=PatientState.pause,
            test_id="pause",
            over="pause",
            **shared,
        ),
        form_dialog(
            rx.el.p("The medicines are planned anew from this day; messages follow."),
            text_field(
                "Next pickup",
                name="sync_date",
                kind="date",
                default_value=PatientState.asked_day,
                error=error_of("sync_date"),
            ),
            rx.cond(
                may(Permission.OVERRIDE),
                text_field(
                    "Reason for an override",
                    name="override_reason",
                    optional=True,
                    hint="Only for a day that breaks a rule.",
                    error=error_of("override_reason"),
                ),
            ),
            open=PatientState.asking == "resume",
            title="Resume this enrollment?",
            submit_label="Resume",
            on_submit=PatientState.resume,
            test_id="resume",
            over="resume",
            **shared,
        ),
        form_dialog(
            rx.el.p("Coming batches are cancelled and queued messages are withdrawn."),
            choice_group(
                "Why does it end?",
                radio_field("The patient no longer wants it", name="state", value="withdrawn"),
                radio_field("The patient went to another pharmacy", name="state", value="transferred"),
                radio_field("The patient has died", name="state", value="deceased"),
                radio_field("Inactive", name="state", value="inactive"),
                name="state",
                error=error_of("state"),
            ),
            text_field("Note", name="reason", optional=True, error=error_of("reason")),
            open=PatientState.asking == "withdraw",
            title="End this enrollment?",
            submit_label="End enrollment",
            on_submit=PatientState.withdraw,
            danger=True,
            test_id="withdraw",
            over="withdraw",
            **shared,
        ),
        form_dialog(
            rx.el.p("It leaves every batch that has not been fetched, and the rest is planned anew."),
            text_field(
                "Why?", name="reason", placeholder="Stopped by the prescriber", error=error_of("reason")
            ),
            open=PatientState.asking == "discontinue",
            title=rx.el.span("Stop ", PatientState.asked_drug, "?"),
            submit_label="Stop medicine",
            on_submit=PatientState.discontinue,
            danger=True,
            test_id="discontinue",
            over=f"discontinue.{PatientState.asked_id}",
            **shared,
        ),
    )
