"""The calendar: month, week and list of batches, with a panel for one batch and a dialog before a move."""

import reflex as rx

from medsync_app.auth.permissions import Permission
from medsync_app.reads.calendar import GROUPS
from medsync_app.ui.components.buttons import button, link_button
from medsync_app.ui.components.chips import chip
from medsync_app.ui.components.feedback import empty_state
from medsync_app.ui.components.forms import filter_bar, filter_link, select_field, text_area, text_field
from medsync_app.ui.components.fullcalendar import calendar
from medsync_app.ui.components.overlays import confirm_dialog
from medsync_app.ui.components.shell import may, shell
from medsync_app.ui.pages.calendar_panel import batch_panel
from medsync_app.ui.states.base import AppState
from medsync_app.ui.states.calendar import CalendarState
from medsync_app.ui.states.calendar_view import GROUP_LABELS, MOST_IN_MONTH

#: What the signs on the chips mean: sign, tone, words.
LEGEND = (
    ("?", "review", "Needs review"),
    ("", "neutral", "Planned"),
    ("\u21bb", "info", "Requesting refills"),
    ("\u2026", "info", "Preparing"),
    ("\u25d0", "warn", "Partly ready"),
    ("\u25cf", "good", "Ready"),
    ("\u25d1", "warn", "Partly picked up"),
    ("\u2713", "good", "Picked up"),
    ("!", "bad", "Missed"),
    ("\u21a9", "bad", "Returned to stock"),
)
PAUSE_REASONS = (
    ("", "Choose a reason"),
    ("hospitalised", "In hospital or nursing home"),
    ("travelling", "Travelling"),
    ("patient asked", "The patient asked for it"),
    ("other", "Another reason"),
)


def calendar_page() -> rx.Component:
    """The page."""
    return shell(
        _filters(),
        rx.el.div(
            calendar(
                CalendarState.events,
                days=CalendarState.days,
                view=CalendarState.start_view,
                most=MOST_IN_MONTH,
                initial_date=CalendarState.start_date,
                event_order="order,name",
                editable=may(Permission.MOVE_CYCLE),
                dates_set=CalendarState.show_days,
                event_click=CalendarState.open_batch,
                event_drop=CalendarState.drop,
                no_events_text=rx.cond(
                    CalendarState.days_read, "No batches in these days.", "These days are not read yet."
                ),
                key=CalendarState.shown_key.to_string(),
            ),
            class_name="calendar-frame",
            custom_attrs={"data-testid": "calendar", "data-drawn": CalendarState.shown_key.to_string()},
        ),
        _legend(),
        rx.cond(
            CalendarState.days_read & (CalendarState.total == 0) & (CalendarState.group == ""), _nothing()
        ),
        batch_panel(),
        _move_dialog(),
        _pause_dialog(),
        title="Calendar",
        active="/calendar",
        actions=(
            rx.cond(
                may(Permission.MOVE_CYCLE),
                link_button(
                    "Level", href="/calendar/level", icon_name="chart_no_axes_column", test_id="level"
                ),
            ),
            link_button("Order list", href="/calendar/order", icon_name="list_checks", test_id="order-list"),
            link_button("Day sheet", href="/calendar/day", icon_name="printer", test_id="day-sheet"),
        ),
        loaded=CalendarState.loaded,
        retry=CalendarState.load,
        poll=CalendarState.poll,
        notice_action=rx.cond(
            CalendarState.undo_kind != "",
            button("Undo", on_click=CalendarState.undo, small=True, test_id="undo"),
        ),
    )


def _filters() -> rx.Component:
    def one(group: str, label: str) -> rx.Component:
        href = CalendarState.group_hrefs[group]
        return filter_link(
            label, href=href, selected=CalendarState.group == group, test_id=f"state-{group or 'all'}"
        )

    return filter_bar(one("", "All"), *(one(group, GROUP_LABELS[group]) for group in GROUPS), label="State")


def _legend() -> rx.Component:
    """What signs and colours mean; each chip says its state in words to screen readers too."""
    return rx.el.div(
        *(
            rx.el.span(
                rx.el.span(sign, class_name=f"cal-sign tone-{tone}", custom_attrs={"aria-hidden": "true"}),
                words,
            )
            for sign, tone, words in LEGEND
        ),
        rx.el.span(
            rx.el.span(class_name="cal-key-trip", custom_attrs={"aria-hidden": "true"}), "Short supply"
        ),
        rx.el.span(rx.el.span(class_name="cal-key-closed", custom_attrs={"aria-hidden": "true"}), "Closed"),
        rx.el.span("Beside a day's number: pickups planned, of how many there is room for"),
        class_name="cal-legend",
    )


def _nothing() -> rx.Component:
    return empty_state(
        "No pickup is planned in these days.",
        rx.cond(
            may(Permission.ENROLL),
            link_button("Enroll a patient", href="/enroll", icon_name="plus"),
        ),
        icon_name="calendar_days",
    )


def _move_dialog() -> rx.Component:
    move = CalendarState.move

    def block(title: str, lines: rx.Var[list[str]], tone: str = "") -> rx.Component:
        return rx.cond(
            lines.length() > 0,
            rx.el.div(
                rx.el.h3(title),
                rx.el.ul(rx.foreach(lines, lambda line: rx.el.li(line))),
                class_name=f"move-block {tone}",
            ),
        )

    def folded(title: str, lines: rx.Var[list[str]]) -> rx.Component:
        return rx.cond(
            lines.length() > 0,
            rx.el.details(
                rx.el.summary(f"{lines.length()} {title}"),
                rx.el.ul(rx.foreach(lines, lambda line: rx.el.li(line))),
                class_name="more",
            ),
        )

    def lines(name: str) -> rx.Var[list[str]]:
        return move[name].to(list[str])

    field_error = rx.cond(AppState.problem_field == "new_date", AppState.problem, move["blocked"].to(str))
    reason_error = rx.cond(AppState.problem_field == "override_reason", AppState.problem, "")
    general = (AppState.problem_field != "new_date") & (AppState.problem_field != "override_reason")
    return confirm_dialog(
        text_field(
            "To which day?",
            name="move_day",
            kind="date",
            default_value=CalendarState.moving_day,
            on_change=CalendarState.try_day.debounce(250),
            error=field_error,
            hint=f"Now on {CalendarState.move_from}",
        ),
        rx.el.div(
            rx.cond(
                move["ready"],
                rx.el.div(
                    rx.el.p(move["load"]),
                    block("Take care", lines("warnings"), "tone-bad-text"),
                    block("The medicines", lines("changes")),
                    rx.cond(
                        (lines("changes").length() == 0) & (lines("warnings").length() == 0),
                        rx.el.p(
                            "All medicines stay together: no short fill, nothing too soon, no day without supply."
                        ),
                    ),
                    rx.cond(
                        move["review"],
                        rx.el.p(chip("A pharmacist must approve the plan again", "review")),
                    ),
                    folded("messages and tasks are withdrawn", lines("withdrawn")),
                    folded("are queued for the new day", lines("queued")),
                    class_name="stack tight",
                ),
            ),
            role="status",
            custom_attrs={"data-testid": "move-changes"},
        ),
        rx.cond(
            move["needs_reason"] != "",
            rx.cond(
                may(Permission.OVERRIDE),
                text_area(
                    "Reason for breaking the rule",
                    name="override_reason",
                    rows=2,
                    hint=move["needs_reason"].to(str),
                    error=reason_error,
                    on_blur=CalendarState.give_reason,
                ),
                rx.el.p(
                    chip("Only a pharmacist may move it there", "review"),
                ),
            ),
        ),
        open=CalendarState.move_open,
        title=f"Move the pickup of {CalendarState.moving_name}",
        confirm_label=rx.cond(move["ready"], f"Move to {move['day']}", "Move"),
        on_confirm=CalendarState.confirm_move,
        confirm_off=~move["ready"].to(bool) | ((move["needs_reason"] != "") & ~may(Permission.OVERRIDE)),
        on_cancel=CalendarState.cancel_move,
        problem=rx.cond(general, AppState.problem, ""),
        test_id="move",
        over=f"move.{CalendarState.moving_id}.{CalendarState.moving_day}",
    )


def _pause_dialog() -> rx.Component:
    error = rx.cond(AppState.problem_field == "reason", AppState.problem, "")
    return confirm_dialog(
        rx.el.ul(
            rx.el.li("Every message that is still to come is withdrawn."),
            rx.el.li("Batches that are not filled yet are cancelled; a ready one can still be picked up."),
            rx.el.li("In two weeks a task asks whether the patient wants to go on."),
        ),
        select_field(
            "Why?",
            PAUSE_REASONS,
            name="pause_reason",
            on_change=CalendarState.say_why,
            error=rx.cond(CalendarState.pause_reason == "other", "", error),
        ),
        rx.cond(
            CalendarState.pause_reason == "other",
            text_field("Which?", name="pause_other", on_blur=CalendarState.say_why_else, error=error),
        ),
        open=CalendarState.pause_open,
        title=f"Pause the programme for {CalendarState.panel['name']}",
        confirm_label="Pause",
        on_confirm=CalendarState.pause,
        on_cancel=CalendarState.keep_active,
        problem=rx.cond(AppState.problem_field == "", AppState.problem, ""),
        danger=True,
        test_id="pause",
        over="pause",
    )
