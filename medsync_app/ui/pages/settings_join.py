"""The tab of forms: our own, and those of others."""

import reflex as rx

from medsync_app.ui.components.buttons import button, plain_link
from medsync_app.ui.components.feedback import empty_state
from medsync_app.ui.components.layout import card
from medsync_app.ui.components.overlays import confirm_dialog
from medsync_app.ui.pages.settings_form_sources import form_sources_card
from medsync_app.ui.states.settings_join import JoinTabState


def join_tab() -> rx.Component:
    """Our own form, then forms of others and the pharmacy system."""
    return rx.el.div(_own_form(), form_sources_card(), class_name="stack")


def _own_form() -> rx.Component:
    """The address and its code."""
    return card(
        rx.el.p(
            "Patients write name, date of birth, phone and medicines, in English or Spanish. What they write comes to "
            "Today as a task; nobody becomes a patient before one of you has looked at it.",
            class_name="muted",
        ),
        rx.cond(JoinTabState.address != "", _open(), _closed()),
        confirm_dialog(
            rx.el.p("Printed codes and saved links stop working at once. What came in by them stays."),
            open=JoinTabState.asking,
            title="Give the form a new address",
            confirm_label="New address",
            on_confirm=JoinTabState.make,
            on_cancel=JoinTabState.keep,
            problem=JoinTabState.problem,
            danger=True,
            test_id="rotate",
        ),
        title="Form for patients",
        class_name="gap",
    )


def _open() -> rx.Component:
    return rx.el.div(
        rx.el.svg(
            rx.el.svg.title("QR code of the form's address"),
            rx.el.svg.rect(width="100%", height="100%", fill="#fff"),
            rx.el.svg.path(d=JoinTabState.qr_path, fill="#000"),
            view_box=JoinTabState.qr_box,
            class_name="qr",
            role="img",
            custom_attrs={"data-testid": "qr"},
        ),
        rx.el.div(
            rx.el.p(
                plain_link(
                    JoinTabState.address, href=JoinTabState.address, class_name="link wrap-anywhere", target="_blank",
                    rel="noopener", custom_attrs={"data-testid": "join-address"},
                )
            ),
            rx.el.p(JoinTabState.since, class_name="sub"),
            rx.el.div(
                button("New address ...", on_click=JoinTabState.ask, icon_name="rotate_ccw", test_id="ask-rotate"),
                button("Close the form", on_click=JoinTabState.shut, icon_name="circle_off", test_id="close-form"),
                class_name="toolbar",
            ),
            class_name="stack tight grow",
        ),
        class_name="qr-row",
    )  # fmt: skip


def _closed() -> rx.Component:
    return empty_state(
        "The form is closed. Open it to get a link and a QR code for the counter and the website.",
        button(
            "Open the form",
            on_click=JoinTabState.make,
            variant="primary",
            icon_name="qr_code",
            test_id="open-form",
        ),
        icon_name="qr_code",
    )
