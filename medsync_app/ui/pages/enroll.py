"""The enrollment wizard: five steps, each with its own address."""

import reflex as rx

from medsync_app.ui.components.buttons import button, download_link, icon, link, link_button
from medsync_app.ui.components.feedback import banner, changed_by_others
from medsync_app.ui.components.layout import card
from medsync_app.ui.components.shell import shell
from medsync_app.ui.components.text import patient_link
from medsync_app.ui.pages.enroll_contact import contact_step
from medsync_app.ui.pages.enroll_dates import date_step
from medsync_app.ui.pages.enroll_medicines import medicines_step
from medsync_app.ui.pages.enroll_patient import patient_step
from medsync_app.ui.pages.enroll_review import review_step
from medsync_app.ui.states.enroll import EnrollState
from medsync_app.ui.states.enroll_view import STEPS
from medsync_app.ui.states.enroll_watch import EnrollWatchState


def enroll_page() -> rx.Component:
    """The page."""
    return shell(
        rx.cond(
            EnrollState.step == 0,
            _done(),
            rx.el.div(
                _progress(),
                _meanwhile(),
                rx.match(
                    EnrollState.step,
                    (2, medicines_step()),
                    (3, date_step()),
                    (4, contact_step()),
                    (5, review_step()),
                    patient_step(),
                ),
                class_name="wizard",
            ),
        ),
        title=rx.cond(
            EnrollState.person["id"] != "",
            rx.el.span("Enroll ", patient_link(EnrollState.person["id"], EnrollState.person["name"])),
            "Enroll a patient",
        ),
        subtitle=rx.cond(EnrollState.person["id"] != "", EnrollState.person["detail"], None),
        actions=(
            rx.cond(
                EnrollState.draft_id != "",
                button(
                    "Throw draft away", on_click=EnrollState.discard, variant="quiet", icon_name="trash_2",
                    test_id="discard",
                ),
            ),
        ),
        loaded=EnrollState.loaded,
        retry=EnrollState.load,
        poll=EnrollWatchState.poll,
    )  # fmt: skip


def _meanwhile() -> rx.Component:
    """What others did: a way to it where this page cannot go on, else only said."""
    look = rx.cond(
        EnrollState.overtaken_href != "",
        link("Show it", href=EnrollState.overtaken_href, keep_location=False, test_id="overtaken-link"),
        button("Look at it", on_click=EnrollState.load, small=True, test_id="look-again"),
    )
    return rx.fragment(changed_by_others(EnrollState.overtaken, look), changed_by_others(EnrollState.news))


def _progress() -> rx.Component:
    """Where one is; steps that were reached are links."""

    def step(number: int, label: str) -> rx.Component:
        here = EnrollState.step == number
        mark = rx.cond(
            (number < EnrollState.step) & (EnrollState.reached >= number),
            icon("check", 14),
            rx.el.span(str(number)),
        )
        words = rx.fragment(
            rx.el.span(mark, class_name="step-mark"), rx.el.span(label, class_name="step-label")
        )
        open_step = (EnrollState.draft_id != "") & (number <= EnrollState.reached) & (number > 1)
        return rx.el.li(
            rx.cond(
                open_step & ~here,
                link(
                    words,
                    href=f"/enroll?draft={EnrollState.draft_id}&step={number}",
                    class_name="step-link",
                    test_id=f"step-{number}",
                ),
                rx.el.span(
                    words,
                    class_name=rx.cond(here, "step-link here", "step-link"),
                    custom_attrs={"aria-current": rx.cond(here, "step", "false")},
                ),
            )
        )

    return rx.el.nav(
        rx.el.ol(*(step(number, label) for number, label in enumerate(STEPS, 1)), class_name="progress"),
        custom_attrs={"aria-label": "Steps"},
    )


def _done() -> rx.Component:
    done = EnrollState.done
    return card(
        rx.el.div(
            icon("circle_check", 32),
            rx.el.h2(f"{done['name']} is enrolled"),
            rx.el.p(done["said"]),
            rx.cond(
                done["review"],
                banner(
                    "A pharmacist must approve the plan first: nothing is prepared and no message is sent before.",
                    tone="review",
                    icon_name="clipboard_check",
                ),
            ),
            rx.el.div(
                link_button("Show on the calendar", href=done["cycle_href"], variant="primary",
                            icon_name="calendar_days", test_id="to-calendar"),
                download_link(
                    "Calendar", href=f"/api/v1/print/patient/{done['patient_id']}/calendar.pdf", id="calendar-pdf"
                ),
                download_link(
                    "Agreement", href=f"/api/v1/print/patient/{done['patient_id']}/agreement.pdf",
                    id="agreement-pdf",
                ),
                link_button("Open the patient", href=f"/patient/{done['patient_id']}", icon_name="user",
                            test_id="to-patient"),
                link_button("Enroll another", href="/enroll", variant="quiet", icon_name="plus"),
                class_name="toolbar centered",
            ),
            class_name="empty done",
        ),
        test_id="enrolled",
    )  # fmt: skip
