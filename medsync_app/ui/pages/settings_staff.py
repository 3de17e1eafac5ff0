"""The tab of staff accounts."""

from typing import Any

import reflex as rx

from medsync_app.ui.components.buttons import button
from medsync_app.ui.components.chips import chip
from medsync_app.ui.components.forms import bare_select, select_field, text_field
from medsync_app.ui.components.layout import card, columns
from medsync_app.ui.components.overlays import confirm_dialog
from medsync_app.ui.components.problems import error_of
from medsync_app.ui.components.tables import Column, data_table
from medsync_app.ui.components.text import two_lines
from medsync_app.ui.states.settings_staff import StaffTabState

ROLES = [("technician", "Technician"), ("pharmacist", "Pharmacist"), ("owner", "Owner")]
ASKED = {
    "close": (
        "Close the account?",
        "They are signed out at once and cannot sign in any more. What they did stays in the audit log.",
        "Close account",
    ),
    "open": (
        "Open the account again?",
        "They can sign in with their password and the role they had.",
        "Open account",
    ),
    "password": (
        "Give a new password?",
        "The old one ends at once, and so do their sessions. The new one is shown to you once: hand it over in person.",
        "New password",
    ),
}


def staff_tab() -> rx.Component:
    """The accounts, and the form for one more."""
    return rx.fragment(
        _password(),
        columns(_list(), _add(), wide_first=True),
        confirm_dialog(
            rx.el.p(rx.match(StaffTabState.asked, *((what, words[1]) for what, words in ASKED.items()), "")),
            open=StaffTabState.asked != "",
            title=rx.el.span(
                StaffTabState.asked_name, ": ",
                rx.match(StaffTabState.asked, *((what, words[0]) for what, words in ASKED.items()), ""),
            ),
            confirm_label=rx.match(StaffTabState.asked, *((what, words[2]) for what, words in ASKED.items()), ""),
            on_confirm=StaffTabState.confirm,
            on_cancel=StaffTabState.cancel,
        ),
    )  # fmt: skip


def _password() -> rx.Component:
    return rx.cond(
        StaffTabState.password != "",
        card(
            rx.el.p("Hand it over in person. It is shown this once and kept nowhere in clear."),
            rx.el.p(
                StaffTabState.password, class_name="secret num", custom_attrs={"data-testid": "new-password"}
            ),
            rx.el.div(
                button(
                    "I have handed it over",
                    on_click=StaffTabState.hide_password,
                    icon_name="check",
                    test_id="hide",
                ),
                class_name="toolbar",
            ),
            title=f"Password of {StaffTabState.password_for}",
            class_name="spaced stack",
        ),
    )


def _list() -> rx.Component:
    heads = [Column("Who", wide=True), Column("Role"), Column("Last seen", minor=True), Column("")]
    return data_table(heads, StaffTabState.rows, _cells, caption="Staff", test_id="staff")


def _cells(row: Any) -> list[Any]:
    def act(label: str, what: str) -> rx.Component:
        return button(
            label, on_click=StaffTabState.ask(what, row["id"], row["name"]), small=True,
            custom_attrs={"aria-label": f"{label}: {row['name']}", "data-testid": what},
        )  # fmt: skip

    return [
        two_lines(
            rx.el.span(row["name"], rx.cond(row["me"], rx.el.span(" (you)", class_name="sub")), class_name="strong"),
            row["email"],
        ),
        rx.cond(
            row["active"],
            bare_select(
                ROLES, name=f"role-{row['id']}", value=row["role"], on_change=StaffTabState.change_role(row["id"]),
                custom_attrs={"aria-label": f"Role of {row['name']}", "data-testid": "role"},
            ),
            chip("Closed", "neutral"),
        ),
        rx.el.span(row["seen"], class_name="nowrap"),
        rx.el.div(
            rx.cond(
                row["me"],
                rx.fragment(),
                rx.cond(
                    row["active"],
                    rx.fragment(act("New password", "password"), act("Close account", "close")),
                    act("Open account", "open"),
                ),
            ),
            class_name="row-action toolbar",
        ),
    ]  # fmt: skip


def _add() -> rx.Component:
    return card(
        rx.el.form(
            text_field("Name", name="name", error=error_of("name"), custom_attrs={"autoComplete": "off"}),
            text_field(
                "E-mail address", name="email", kind="email", error=error_of("email"),
                hint="They sign in with it.", custom_attrs={"autoComplete": "off"},
            ),
            select_field("Role", ROLES, name="role", error=error_of("role")),
            rx.el.p("A password is made and shown to you once.", class_name="sub"),
            rx.el.div(
                button("Add account", type="submit", variant="primary", icon_name="plus", test_id="add-user"),
                class_name="toolbar",
            ),
            on_submit=StaffTabState.add,
            class_name="stack",
            key=f"add-{StaffTabState.form_key}",
            no_validate=True,
        ),
        title="Add somebody",
    )  # fmt: skip
