"""Where a mistake is said: at its field, or above the form when it concerns none that is shown."""

from typing import Any

import reflex as rx

from medsync_app.ui.states.base import AppState


def error_of(field: Any) -> Any:
    """The error of one field, "" when it has none (a Var)."""
    return rx.cond(AppState.problem_field == field, AppState.problem, "")


def other_problem(*fields: str) -> Any:
    """The error that is said at none of these fields, "" when there is none."""
    said: Any = rx.Var.create(list(fields))
    return rx.cond(said.contains(AppState.problem_field), "", AppState.problem)
