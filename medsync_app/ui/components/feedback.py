"""What a page says about itself: empty, loading, failed, noticed."""

from typing import Any

import reflex as rx

from medsync_app.ui.components.buttons import button, icon


def empty_state(
    sentence: Any, action: rx.Component | None = None, *, icon_name: str = "inbox", test_id: str = "empty"
) -> rx.Component:
    """One sentence that says why there is nothing, and the action that fills the page (a button or
    link_button).
    """
    return rx.el.div(
        icon(icon_name, 28),
        rx.el.p(sentence),
        action if action is not None else rx.fragment(),
        class_name="empty",
        custom_attrs={"data-testid": test_id},
    )


def error_state(message: Any, retry: Any) -> rx.Component:
    """What went wrong in words, with a button that runs the handler `retry`."""
    return rx.el.div(
        icon("circle_alert", 28),
        rx.el.p(message),
        button("Try again", on_click=retry, icon_name="rotate_ccw", test_id="retry"),
        class_name="empty tone-bad-text",
        role="alert",
        custom_attrs={"data-testid": "error"},
    )


def skeleton(lines: int = 6, *, label: str = "Loading") -> rx.Component:
    """Grey lines in the place of a list that is being read; still where motion is not wanted."""
    return rx.el.div(
        rx.el.span(label, class_name="sr-only"),
        *[rx.el.div(class_name="skeleton-line") for _ in range(lines)],
        class_name="skeleton",
        role="status",
        custom_attrs={"data-testid": "skeleton"},
    )


def loaded_or(
    content: rx.Component, *, loaded: Any, problem: Any, retry: Any, lines: int = 8
) -> rx.Component:
    """The content once `loaded`; before that a skeleton, or the `problem` (text, "" when none) with a retry.

    Once something is shown it stays: a later problem belongs in the page's error region, not in its place.
    """
    return rx.cond(loaded, content, rx.cond(problem != "", error_state(problem, retry), skeleton(lines)))


def banner(message: Any, *, tone: str = "info", icon_name: str = "info", action: rx.Component | None = None,
           test_id: str = "") -> rx.Component:  # fmt: skip
    """A line across the page: `tone` is one of theme.TONES."""
    return rx.el.div(
        icon(icon_name),
        rx.el.span(message, class_name="grow"),
        action if action is not None else rx.fragment(),
        class_name=f"banner tone-{tone}",
        role="status",
        custom_attrs={"data-testid": test_id} if test_id else {},
    )


def changed_by_others(message: Any, action: rx.Component | None = None) -> rx.Component:
    """What changed under the person's hands, in words ("" for nothing); a screen reader says it."""
    told = banner(message, tone="warn", icon_name="refresh_cw", action=action, test_id="changed")
    return rx.el.div(rx.cond(message != "", told), class_name="no-print")


def problem_line(message: Any, *, test_id: str = "problem") -> rx.Component:
    """The error of the page's last action, in its place; nothing while `message` is ""."""
    return rx.el.div(
        rx.cond(
            message != "",
            rx.el.div(icon("circle_alert"), rx.el.span(message), class_name="banner tone-bad"),
        ),
        role="alert",
        custom_attrs={"data-testid": test_id},
    )
