"""Your account: hand the workstation to a colleague by PIN, and set one's own PIN."""

from typing import Any

import reflex as rx

from medsync_app.ui.components.buttons import icon
from medsync_app.ui.components.chips import chip
from medsync_app.ui.components.feedback import empty_state, problem_line
from medsync_app.ui.components.forms import field, text_field
from medsync_app.ui.components.layout import card, columns, stack
from medsync_app.ui.components.post_form import post_form
from medsync_app.ui.components.shell import shell
from medsync_app.ui.states.account import AccountState
from medsync_app.ui.states.base import AppState


def account_page() -> rx.Component:
    """The page."""
    return shell(
        rx.el.div(
            rx.cond(
                AccountState.done != "",
                rx.el.p(
                    icon("check"), rx.el.span(AccountState.done), class_name="with-icon",
                    custom_attrs={"data-testid": "done"},
                ),
            ),
            role="status",
        ),
        problem_line(rx.cond(AccountState.wrong_field == "", AccountState.wrong, "")),
        columns(_switch(), _pin()),
        title="Your account",
        subtitle=rx.cond(AppState.who != "", f"{AppState.who}, {AppState.role}", ""),
        loaded=AccountState.loaded,
        poll=AccountState.poll,
        retry=AccountState.load,
    )  # fmt: skip


def _error(name: Any) -> Any:
    return rx.cond(AccountState.wrong_field == name, AccountState.wrong, "")


def _switch() -> rx.Component:
    return card(
        rx.cond(
            AccountState.colleagues.length() > 0,
            rx.el.ul(rx.foreach(AccountState.colleagues, _person), class_name="lines"),
            empty_state(
                "Nobody else can switch to this workstation. It takes a PIN, and one sign-in here with the password "
                "in the last 12 hours.",
                icon_name="users",
            ),
        ),
        title="Switch person",
        test_id="switch-person",
    )


def _person(one: Any) -> rx.Component:
    name = f"pin-{one['id']}"
    error = _error(name)
    control = rx.el.input(
        type="password", name="pin", id=name, class_name="input", required=True, max_length=8, auto_complete="off",
        custom_attrs={
            "inputMode": "numeric", "data-testid": "switch-pin", "aria-describedby": f"{name}-error",
            "aria-invalid": rx.cond(error != "", "true", "false"),
        },
    )  # fmt: skip
    return rx.el.li(
        post_form(
            rx.el.input(type="hidden", name="staff", value=one["id"], read_only=True),
            rx.el.input(type="hidden", name="next", value="/", read_only=True),
            field(f"PIN of {one['name']}", control, name=name, error=error),
            rx.el.button(
                f"Switch to {one['name']}", type="submit", class_name="btn btn-primary",
                custom_attrs={"data-testid": "switch-to"},
            ),
            action="/api/v1/session/switch",
            class_name="stack tight narrow",
        ),
        key=one["id"],
    )  # fmt: skip


def _pin() -> rx.Component:
    return card(
        stack(
            rx.el.p(
                "With a PIN you take over a workstation where you signed in today, from a colleague and back, without "
                "the password. What you do is recorded under your own name.",
                class_name="muted",
            ),
            _pin_form(),
        ),
        title="Your PIN",
        class_name="gap",
        actions=rx.cond(AccountState.has_pin, chip("Set", "good"), chip("Not set", "neutral")),
    )


def _pin_form() -> rx.Component:
    return post_form(
        text_field(
            "Your password", name="password", kind="password", required=True,
            auto_complete="current-password", max_length=256, error=_error("password"),
        ),
        text_field(
            rx.cond(AccountState.has_pin, "New PIN", "PIN"), name="pin", kind="password", auto_complete="off",
            max_length=8, custom_attrs={"inputMode": "numeric"},
            hint="4 to 8 digits. Left empty, your PIN is removed.", error=_error("pin"),
        ),
        rx.el.button(
            "Save PIN", type="submit", class_name="btn btn-primary", custom_attrs={"data-testid": "save-pin"},
        ),
        action="/api/v1/session/pin",
        class_name="stack narrow",
    )  # fmt: skip
