"""Chips: a state as icon, word and colour, the same everywhere."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import reflex as rx

from medsync_app.domain.states import (
    ActionState,
    CycleState,
    EnrollmentState,
    ExceptionState,
    ItemState,
    RenewalState,
    Severity,
)
from medsync_app.ui.components.buttons import icon


@dataclass(frozen=True, slots=True)
class Look:
    """How one state is shown."""

    label: str
    tone: str
    icon: str


CYCLE: Final[Mapping[str, Look]] = {
    CycleState.PROPOSED: Look("Needs review", "review", "clipboard_check"),
    CycleState.PLANNED: Look("Planned", "neutral", "calendar"),
    CycleState.REQUESTING: Look("Requesting refills", "info", "file_question"),
    CycleState.PREPARING: Look("Preparing", "info", "package_open"),
    CycleState.PARTLY_READY: Look("Partly ready", "warn", "package"),
    CycleState.READY: Look("Ready", "good", "package_check"),
    CycleState.PARTLY_PICKED_UP: Look("Partly picked up", "warn", "shopping_bag"),
    CycleState.PICKED_UP: Look("Picked up", "good", "check"),
    CycleState.MISSED: Look("Missed", "bad", "circle_alert"),
    CycleState.RETURNED: Look("Returned to stock", "bad", "undo_2"),
    CycleState.CLOSED: Look("Done", "neutral", "check_check"),
    CycleState.CANCELLED: Look("Cancelled", "neutral", "ban"),
}
ITEM: Final[Mapping[str, Look]] = {
    ItemState.PLANNED: Look("Planned", "neutral", "calendar"),
    ItemState.WAITING: Look("Waiting", "warn", "hourglass"),
    ItemState.FILLING: Look("Filling", "info", "package_open"),
    ItemState.READY: Look("Ready", "good", "package_check"),
    ItemState.PICKED_UP: Look("Picked up", "good", "check"),
    ItemState.RETURNED: Look("Returned", "bad", "undo_2"),
    ItemState.SKIPPED: Look("Not this time", "neutral", "minus"),
}
ACTION: Final[Mapping[str, Look]] = {
    ActionState.QUEUED: Look("Coming", "neutral", "clock"),
    ActionState.HELD: Look("Held", "warn", "pause"),
    ActionState.CLAIMED: Look("Going out", "info", "send"),
    ActionState.CALLING: Look("Going out", "info", "send"),
    ActionState.SENT: Look("Sent", "good", "send"),
    ActionState.DELIVERED: Look("Delivered", "good", "check_check"),
    ActionState.UNDELIVERED: Look("Not delivered", "bad", "circle_alert"),
    ActionState.FAILED: Look("Failed", "bad", "circle_x"),
    ActionState.IN_DOUBT: Look("In doubt", "bad", "circle_help"),
    ActionState.SKIPPED: Look("Skipped", "neutral", "minus"),
    ActionState.SUPPRESSED: Look("Not sent", "neutral", "ban"),
    ActionState.MERGED: Look("Merged", "neutral", "merge"),
    ActionState.SUPERSEDED: Look("Replaced", "neutral", "rotate_ccw"),
}
ENROLLMENT: Final[Mapping[str, Look]] = {
    EnrollmentState.DRAFT: Look("Draft", "neutral", "pencil"),
    EnrollmentState.ACTIVE: Look("Enrolled", "good", "check"),
    EnrollmentState.PAUSED: Look("Paused", "warn", "pause"),
    EnrollmentState.WITHDRAWN: Look("Withdrawn", "neutral", "log_out"),
    EnrollmentState.TRANSFERRED: Look("Transferred", "neutral", "arrow_right"),
    EnrollmentState.DECEASED: Look("Deceased", "neutral", "minus"),
    EnrollmentState.INACTIVE: Look("Inactive", "neutral", "circle_off"),
    "none": Look("Not enrolled", "neutral", "minus"),
}
EXCEPTION: Final[Mapping[str, Look]] = {
    ExceptionState.OPEN: Look("Open", "warn", "circle_alert"),
    ExceptionState.RESOLVED: Look("Resolved", "good", "check"),
    ExceptionState.CLOSED: Look("Closed by itself", "neutral", "check_check"),
}
RENEWAL: Final[Mapping[str, Look]] = {
    RenewalState.OPEN: Look("To request", "warn", "file_question"),
    RenewalState.SENT: Look("Asked", "info", "send"),
    RenewalState.PENDING: Look("Prescriber is working on it", "info", "hourglass"),
    RenewalState.APPROVED: Look("Approved", "good", "check"),
    RenewalState.CHANGED: Look("Approved with changes", "good", "check"),
    RenewalState.DENIED: Look("Denied", "bad", "circle_x"),
    RenewalState.REPLACED: Look("Replaced", "info", "replace"),
    RenewalState.CLOSED: Look("Closed", "neutral", "check_check"),
}
SEVERITY: Final[Mapping[str, Look]] = {
    Severity.LOW: Look("Low", "neutral", "chevron_down"),
    Severity.NORMAL: Look("Normal", "neutral", "minus"),
    Severity.HIGH: Look("High", "warn", "chevron_up"),
    Severity.URGENT: Look("Urgent", "bad", "chevrons_up"),
}
KINDS: Final[Mapping[str, Mapping[str, Look]]] = {
    "cycle": CYCLE, "item": ITEM, "action": ACTION, "enrollment": ENROLLMENT, "exception": EXCEPTION,
    "renewal": RENEWAL, "severity": SEVERITY,
}  # fmt: skip
_TONE_ICONS: Final = {
    "neutral": "minus", "info": "info", "good": "check", "warn": "triangle_alert", "bad": "circle_alert",
    "review": "clipboard_check",
}  # fmt: skip


def state_label(kind: str, state: str) -> str:
    """The word for a state, for text made in Python ("Ready")."""
    look = KINDS[kind].get(state)
    return look.label if look else state.replace("_", " ")


def chip(label: Any, tone: Any = "neutral", *, icon_name: str = "", title: Any = "") -> rx.Component:
    """Any short fact as a chip; `tone` is one of theme.TONES and may be a Var, the icon follows it unless
    named.
    """
    if icon_name:
        drawn = icon(icon_name, 13)
    elif isinstance(tone, str):
        drawn = icon(_TONE_ICONS[tone], 13)
    else:
        drawn = rx.match(
            tone, *((name, icon(glyph, 13)) for name, glyph in _TONE_ICONS.items()), rx.fragment()
        )
    more = {"title": title} if not isinstance(title, str) or title else {}
    return rx.el.span(drawn, rx.el.span(label), class_name=f"chip tone-{tone}", **more)


def state_chip(state: Any, kind: str = "cycle", *, title: Any = "") -> rx.Component:
    """The chip of a state (a value or a Var): `kind` is a key of KINDS (cycle, item, action, enrollment,
    ...).
    """
    table = KINDS[kind]
    if isinstance(state, str):
        look = table.get(state, Look(state.replace("_", " "), "neutral", "minus"))
        return chip(look.label, look.tone, icon_name=look.icon, title=title)
    cases = [
        (str(value), chip(look.label, look.tone, icon_name=look.icon, title=title))
        for value, look in table.items()
    ]
    return rx.match(state, *cases, chip(state, "neutral", title=title))
