"""What the forms of the settings share: the error of a field, and a card around a form."""

from typing import Any

import reflex as rx

from medsync_app.ui.states.base import AppState


def field_problem(name: Any) -> Any:
    """The error of the field `name`, "" when it has none (a Var)."""
    return rx.cond(AppState.problem_field == name, AppState.problem, "")
