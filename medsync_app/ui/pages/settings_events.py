"""Events of the pharmacy system that could not be used, on the tab of connections."""

from typing import Any

import reflex as rx

from medsync_app.ui.components.buttons import button
from medsync_app.ui.components.chips import chip
from medsync_app.ui.components.layout import card
from medsync_app.ui.components.live import every
from medsync_app.ui.components.shell import POLL_SECONDS
from medsync_app.ui.components.text import facts
from medsync_app.ui.states.settings_events import EventsState


def events_card() -> rx.Component:
    """Each event with the reason, and what can be done about it."""
    return card(
        rx.el.p(
            "What the pharmacy system has sent and MedSync could not use is kept here. What waits is tried again by "
            "itself when its patient or Rx number arrives.",
            class_name="muted",
        ),
        rx.cond(
            EventsState.events.length() > 0,
            rx.el.ul(rx.foreach(EventsState.events, _line), class_name="lines"),
            rx.el.p(
                "Nothing is left over: all that came was used.", custom_attrs={"data-testid": "no-events"}
            ),
        ),
        rx.cond(EventsState.more != "", rx.el.p(EventsState.more, class_name="sub")),
        every(POLL_SECONDS, EventsState.poll_events.temporal),
        title="Events that could not be used",
        test_id="unused-events",
    )


def _line(row: Any) -> rx.Component:
    opened = EventsState.looked_at == row["id"]
    return rx.el.li(
        rx.el.div(
            rx.el.span(row["kind"], class_name="strong wrap-anywhere"),
            chip(row["state"], rx.cond(row["state"] == "Waits", "info", "warn")),
            class_name="with-icon",
        ),
        rx.el.p(row["problem"]),
        facts(
            ("From", row["sender"]),
            ("Its id", rx.el.code(row["external_id"], class_name="num wrap-anywhere")),
            ("Received", row["received"]),
        ),
        rx.el.div(
            _act("Try again", EventsState.try_again(row["id"].to(str)), "rotate_ccw", row, "retry-event"),
            _act("Put aside", EventsState.put_aside(row["id"].to(str)), "archive", row, "put-event-aside"),
            button(
                rx.cond(opened, "Hide what it says", "Show what it says"),
                on_click=EventsState.look(row["id"].to(str)), small=True, icon_name="list_checks",
                custom_attrs={"data-testid": "look-at-event", "aria-expanded": rx.cond(opened, "true", "false")},
            ),
            class_name="toolbar",
        ),
        rx.cond(
            opened,
            rx.el.dl(
                rx.foreach(
                    EventsState.said,
                    lambda one: rx.el.div(
                        rx.el.dt(one["place"]), rx.el.dd(one["value"], class_name="wrap-anywhere")
                    ),
                ),
                class_name="facts",
                custom_attrs={"data-testid": "event-says"},
            ),
        ),
        class_name="stack tight",
        key=row["id"],
        custom_attrs={"data-testid": "unused-event"},
    )  # fmt: skip


def _act(words: str, on_click: Any, icon_name: str, row: Any, test_id: str) -> rx.Component:
    return button(
        words, on_click=on_click, small=True, icon_name=icon_name,
        custom_attrs={"data-testid": test_id, "aria-label": f"{words}: {row['kind']} {row['external_id']}"},
    )  # fmt: skip
