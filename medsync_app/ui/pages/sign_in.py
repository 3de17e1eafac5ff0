"""Sign-in: a plain form that the browser posts, so that no password rests in a page's state."""

from typing import Any, Final

import reflex as rx

from medsync_app.ui.components.buttons import icon
from medsync_app.ui.components.forms import text_field
from medsync_app.ui.components.layout import lone_card
from medsync_app.ui.components.post_form import post_form

PROBLEMS: Final = (
    ("credentials", "The e-mail address and password do not fit together. Check both and try again."),
    ("throttled", "Too many sign-ins failed. Wait a few minutes and try again."),
    ("busy", "Many people are signing in at this moment. Try again in a few seconds."),
)
HINTS: Final = (
    ("idle", "You were signed out, or your time ran out. Sign in to go on where you were."),
    ("signed_out", "You are signed out."),
)


def sign_in_page() -> rx.Component:
    """The form; `?problem=` says what went wrong, `?next=` where to go then: neither names the person."""
    query: Any = rx.State.router.url.query_parameters
    return lone_card(
        "pill",
        "Sign in to MedSync",
        rx.el.div(
            rx.el.div(
                _said(query["problem"], PROBLEMS, "field-error", "circle_alert"),
                role="alert",
                custom_attrs={"data-testid": "sign-in-problem"},
            ),
            rx.el.div(_said(query["problem"], HINTS, "muted", "info"), role="status"),
        ),
        post_form(
            text_field(
                "E-mail address", name="email", kind="email", required=True, auto_complete="username",
                auto_focus=True, max_length=254,
            ),
            text_field(
                "Password", name="password", kind="password", required=True,
                auto_complete="current-password", max_length=256,
            ),
            rx.el.input(
                type="hidden", name="next", read_only=True,
                value=rx.cond(query["next"], query["next"], "/"),
            ),
            rx.el.button(
                "Sign in", type="submit", class_name="btn btn-primary",
                custom_attrs={"data-testid": "sign-in"},
            ),
            action="/api/v1/session",
            class_name="stack",
        ),
        rx.el.p(
            "Forgotten your password? The owner of the pharmacy can set a new one.", class_name="sub"
        ),
    )  # fmt: skip


def _said(problem: Any, texts: tuple[tuple[str, str], ...], look: str, glyph: str) -> rx.Component:
    said: Any = rx.fragment()
    for code, text in texts:
        said = rx.cond(
            problem == code, rx.el.p(icon(glyph), rx.el.span(text), class_name=f"{look} with-icon"), said
        )
    return said
