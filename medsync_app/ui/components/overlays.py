"""What opens over a page: a side panel and a confirmation; focus stays inside, Escape closes, focus goes
back.
"""

from typing import Any

import reflex as rx
from reflex_components_radix.primitives.dialog import (
    DialogContent,
    DialogOverlay,
    DialogPortal,
    DialogRoot,
    DialogTitle,
)

from medsync_app.ui.components.buttons import button, icon_button


def _overlay(content: rx.Component, *, open: Any, on_open_change: Any) -> rx.Component:
    return DialogRoot.create(
        DialogPortal.create(DialogOverlay.create(class_name="overlay"), content),
        open=open,
        on_open_change=on_open_change,
    )


def side_panel(
    *children: Any, open: Any, on_close: Any, title: Any, footer: Any = None, test_id: str = "side-panel",
    side: str = "right", over: Any = "",
) -> rx.Component:  # fmt: skip
    """A panel at the edge of the page (the whole width on a phone).

    `open` is a bool Var; `on_close` a handler without arguments, called by the button, Escape and a click
    outside. `over` is what the address says while it is open (`AppState._over`), "" for nothing.
    """
    content = DialogContent.create(
        rx.el.div(
            DialogTitle.create(title, class_name="panel-title"),
            icon_button("Close", "x", on_click=on_close, test_id=f"{test_id}-close"),
            class_name="panel-head",
        ),
        # Focusable, so that the keyboard can scroll it also when nothing in it can be focused.
        rx.el.div(
            *children,
            class_name="panel-body",
            role="region",
            custom_attrs={"tabIndex": "0", "aria-label": "Details"},
        ),
        rx.el.div(footer, class_name="panel-foot") if footer is not None else rx.fragment(),
        class_name=f"panel panel-{side}",
        custom_attrs={"data-testid": test_id, "data-over": over, "aria-describedby": ""},
    )
    return _overlay(content, open=open, on_open_change=lambda _open: on_close)


def _refusal(problem: Any) -> rx.Component:
    words = (
        rx.fragment()
        if problem is None
        else rx.cond(problem != "", rx.el.p(problem, class_name="field-error"))
    )
    return rx.el.div(words, role="alert")


def confirm_dialog(
    *consequences: Any, open: Any, title: Any, confirm_label: Any, on_confirm: Any, on_cancel: Any,
    danger: bool = False, problem: Any = None, test_id: str = "confirm", confirm_off: Any = False,
    over: Any = "",
) -> rx.Component:  # fmt: skip
    """Asks before something that cannot simply be undone; `consequences` say what will happen (text, lists,
    fields).

    `problem` is a text Var shown inside ("" when none): errors stay where the mistake is. `confirm_off` (a bool
    Var) keeps the confirming button from being pressed.
    """
    content = DialogContent.create(
        DialogTitle.create(title, class_name="panel-title"),
        rx.el.div(*consequences, class_name="dialog-body"),
        _refusal(problem),
        rx.el.div(
            button("Keep as it is", on_click=on_cancel, test_id=f"{test_id}-no"),
            button(
                confirm_label,
                on_click=on_confirm,
                variant="danger" if danger else "primary",
                test_id=f"{test_id}-yes",
                disabled=confirm_off,
            ),
            class_name="dialog-foot",
        ),
        class_name="dialog",
        custom_attrs={"data-testid": test_id, "data-over": over, "aria-describedby": ""},
    )
    return _overlay(content, open=open, on_open_change=lambda _open: on_cancel)


def form_dialog(
    *fields: Any, open: Any, title: Any, submit_label: Any, on_submit: Any, on_cancel: Any, danger: bool = False,
    problem: Any = None, test_id: str = "form-dialog", over: Any = "",
) -> rx.Component:  # fmt: skip
    """A dialog with fields; `on_submit` gets them as a dict by their `name`. `problem` as in `confirm_dialog`."""
    content = DialogContent.create(
        DialogTitle.create(title, class_name="panel-title"),
        rx.el.form(
            rx.el.div(*fields, class_name="dialog-body"),
            _refusal(problem),
            rx.el.div(
                button("Cancel", on_click=on_cancel, test_id=f"{test_id}-no"),
                button(
                    submit_label,
                    type="submit",
                    variant="danger" if danger else "primary",
                    test_id=f"{test_id}-yes",
                ),
                class_name="dialog-foot",
            ),
            on_submit=on_submit,
            class_name="stack",
        ),
        class_name="dialog",
        custom_attrs={"data-testid": test_id, "data-over": over, "aria-describedby": ""},
    )
    return _overlay(content, open=open, on_open_change=lambda _open: on_cancel)
