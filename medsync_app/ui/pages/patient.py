"""Patient: one person with supply, batches, conversation, adherence, tasks and history."""

import reflex as rx

from medsync_app.auth.permissions import Permission
from medsync_app.ui.components.buttons import button, link_button
from medsync_app.ui.components.feedback import banner
from medsync_app.ui.components.layout import columns, stack
from medsync_app.ui.components.shell import may, shell
from medsync_app.ui.pages import patient_parts as parts
from medsync_app.ui.pages.patient_care import care_card, care_question
from medsync_app.ui.pages.patient_contact import contact_panel
from medsync_app.ui.pages.patient_drugs import drug_forms
from medsync_app.ui.pages.patient_merge import merge_button, merge_panel
from medsync_app.ui.pages.patient_questions import drug_questions, questions
from medsync_app.ui.states.patient import PatientState


def patient_page() -> rx.Component:
    """The page."""
    return shell(
        stack(
            rx.cond(
                PatientState.head["deceased"] != "",
                banner(f"Died {PatientState.head['deceased']}. Nothing is sent.", tone="neutral"),
            ),
            parts.who(),
            drug_questions(),
            parts.supply(),
            columns(
                stack(parts.cycles(), parts.talk()),
                stack(parts.adherence(), care_card(), parts.tasks(), parts.documents(), parts.notes()),
                wide_first=True,
            ),
        ),
        questions(),
        contact_panel(),
        care_question(),
        drug_forms(),
        merge_panel(),
        title=rx.cond(PatientState.head["name"] != "", PatientState.head["name"], "Patient"),
        subtitle=PatientState.head["born"],
        active="/patients",
        actions=(_actions(),),
        loaded=PatientState.loaded,
        retry=PatientState.load,
        poll=PatientState.poll,
    )


def _actions() -> rx.Component:
    state = PatientState.taking["state"]
    ongoing = (state == "active") | (state == "paused")
    return rx.cond(
        PatientState.loaded & may(Permission.ENROLL),
        rx.el.div(
            rx.match(
                state,
                (
                    "active",
                    button(
                        "Pause", on_click=PatientState.ask("pause"), icon_name="pause", test_id="ask-pause"
                    ),
                ),
                (
                    "paused",
                    button(
                        "Resume",
                        on_click=PatientState.ask("resume"),
                        icon_name="play",
                        variant="primary",
                        test_id="ask-resume",
                    ),
                ),
                link_button(
                    "Enroll",
                    href=f"/enroll?patient={PatientState.patient_id}",
                    icon_name="plus",
                    variant="primary",
                    test_id="enroll-this",
                ),
            ),
            rx.cond(
                ongoing,
                button(
                    "End",
                    on_click=PatientState.ask("withdraw"),
                    icon_name="log_out",
                    variant="quiet",
                    test_id="ask-withdraw",
                ),
            ),
            merge_button(),
            class_name="toolbar",
        ),
    )
