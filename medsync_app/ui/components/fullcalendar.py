"""FullCalendar wrapped for Reflex: month, week and list of whole-day chips that can be clicked and
dragged."""

from typing import Any

import reflex as rx
from reflex_base.utils.imports import ImportDict, ImportVar

from medsync_app.ui import packages

_PACKAGE = "@fullcalendar/react"
_PLUGINS = {
    "dayGridPlugin": "/daygrid",
    "listPlugin": "/list",
    "interactionPlugin": "/interaction",
    "classicTheme": "/themes/classic",
}
#: Chips in a cell; the others appear on a click.
SHOWN = 4
_STYLES = ("/skeleton.css", "/themes/classic/theme.css", "/themes/classic/palette.css")

# A dropped chip always goes back first: the page asks before anything is saved, and only a saved change moves
# it.
_DROPPED_DAY = """
const calendarDroppedDay = (info) => {
  const day = info.event.startStr.slice(0, 10);
  info.revert();
  return day;
};
"""
# The head of a day comes from the page's state (load against capacity, a holiday's name), not from an event.
_DAY_HEAD = """
const calendarDayOf = (info, days) => (days || {})[info.date.toISOString().slice(0, 10)];
const calendarDayText = (info, days) => {
  const note = calendarDayOf(info, days);
  if (!note || !note.text) return info.dayNumberText;
  return jsx("span", { className: "cal-day" }, info.dayNumberText,
    jsx("span", { className: "cal-note", title: note.text }, note.text));
};
"""

# A week has no cell for the day's number: all of it stands in the head of its column.
_WEEK_HEAD = """
const calendarHeadText = (info, days) => {
  if (info.view.type !== "dayGridWeek") return info.text;
  const note = calendarDayOf(info, days);
  return jsx("span", { className: "cal-head" },
    jsx("span", {}, info.isNarrow ? `${info.weekdayText} ${info.date.getUTCDate()}` : info.text),
    note && note.text ? jsx("span", { className: "cal-load", title: note.text }, note.text) : null);
};
"""

# A day of many chips is sent with the first ones only, so that a number would name fewer than there are.
_MORE = """
const calendarMore = (info, most) => (info.num <= most ? info.text : info.isNarrow ? "more" : "more ...");
"""

# A month of seven columns cannot be read on a phone.
_FITTING_VIEW = """
const calendarFittingView = () =>
  typeof window !== "undefined" && window.innerWidth < 640 ? "listAhead" : "dayGridMonth";
"""

# A chip: the sign of its state, the name, a number; what the sign means is said to screen readers.
_CHIP = """
const calendarChip = (info) => {
  const { sign, name, count, words } = info.event.extendedProps;
  if (!name) return info.event.title;
  return jsx("span", { className: "cal-content", title: words },
    sign ? jsx("span", { className: "cal-sign", "aria-hidden": "true" }, sign) : null,
    jsx("span", { className: "cal-name" }, name),
    count ? jsx("span", { className: "cal-count", "aria-hidden": "true" }, count) : null,
    jsx("span", { className: "sr-only" }, ", " + words));
};
"""


def _dropped(info: rx.Var[Any]) -> tuple[rx.Var[str], rx.Var[str]]:
    return (rx.Var(f"{info}.event.id").to(str), rx.Var(f"calendarDroppedDay({info})").to(str))


def _clicked_event(info: rx.Var[Any]) -> tuple[rx.Var[str]]:
    return (rx.Var(f"{info}.event.id").to(str),)


def _clicked_day(info: rx.Var[Any]) -> tuple[rx.Var[str]]:
    return (rx.Var(f"{info}.dateStr.slice(0, 10)").to(str),)


def _range(info: rx.Var[Any]) -> tuple[rx.Var[str], rx.Var[str], rx.Var[str], rx.Var[str], rx.Var[str]]:
    return (
        rx.Var(f"{info}.startStr.slice(0, 10)").to(str),
        rx.Var(f"{info}.endStr.slice(0, 10)").to(str),
        rx.Var(f"{info}.view.type").to(str),
        rx.Var(f"{info}.view.currentStart.toISOString().slice(0, 10)").to(str),
        # Read when it happens: a value of the page's state would be the one of when the handler was made.
        rx.Var('(document.querySelector("[data-drawn]")?.dataset.drawn || "")').to(str),
    )


class FullCalendar(rx.NoSSRComponent):
    """The calendar; use `calendar()`.

    Whole days only, and the calendar's time zone is UTC: a day is a label, never an instant, so no browser's
    zone can move a chip to the day before. Event fields are named without "on" because FullCalendar's own
    props are.
    """

    library = packages.FULLCALENDAR
    lib_dependencies: list[str] = [packages.TEMPORAL]
    tag = "FullCalendar"
    is_default = True

    events: rx.Var[list[dict[str, Any]]]
    initial_view: rx.Var[str]
    initial_date: rx.Var[str]
    first_day: rx.Var[int]
    editable: rx.Var[bool]
    day_max_events: rx.Var[int]
    fixed_week_count: rx.Var[bool]
    color_scheme: rx.Var[str]
    height: rx.Var[str]
    header_toolbar: rx.Var[dict[str, str]]
    views: rx.Var[dict[str, dict[str, Any]]]
    time_zone: rx.Var[str]
    today_hint: rx.Var[str]
    no_events_text: rx.Var[str]
    event_duration_editable: rx.Var[bool]
    event_start_editable: rx.Var[bool]
    event_interactive: rx.Var[bool]
    event_order: rx.Var[str]
    event_content: rx.Var[Any]
    day_cell_class: rx.Var[Any]
    day_cell_top_content: rx.Var[Any]
    day_header_content: rx.Var[Any]
    more_link_content: rx.Var[Any]
    plugins: rx.Var[list[Any]]

    event_drop: rx.EventHandler[_dropped]
    event_click: rx.EventHandler[_clicked_event]
    date_click: rx.EventHandler[_clicked_day]
    dates_set: rx.EventHandler[_range]

    def _get_dynamic_imports(self) -> str:
        # Reflex hands every component `children`, even undefined; FullCalendar warns about options it does
        # not know.
        return (
            f"const {self.tag} = ClientSide(() => import('{_PACKAGE}').then((mod) => {{"
            " const Calendar = mod.default.default ?? mod.default;"
            " return ({ children, ...options }) => jsx(Calendar, options); }), "
            f'"{self.tag}")'
        )

    def add_imports(self) -> ImportDict:
        imports: ImportDict = {
            f"{_PACKAGE}{path}": ImportVar(tag=name, is_default=True, install=False)
            for name, path in _PLUGINS.items()
        }
        imports[""] = [f"{_PACKAGE}{path}" for path in _STYLES]
        return imports

    def add_custom_code(self) -> list[str]:
        return [_DROPPED_DAY, _DAY_HEAD, _WEEK_HEAD, _MORE, _FITTING_VIEW, _CHIP]


def calendar(
    events: rx.Var[list[dict[str, Any]]] | list[dict[str, Any]],
    *,
    days: rx.Var[dict[str, dict[str, str]]] | dict[str, dict[str, str]] | None = None,
    view: rx.Var[str] | str = "",
    first_day: int = 0,
    most: int = 1000,
    **props: Any,
) -> rx.Component:
    """A calendar of whole-day chips.

    `events`: dicts with `id`, `title`, `start` ("2026-12-01"), and optionally `className` (space-separated
    classes of our own, for colour by state), `editable` (False pins one chip), `extendedProps`; of these `sign`,
    `name`, `count` and `words` (all that the chip says, in words) are drawn instead of the title.
    `days`: by ISO date, `{"text": shown beside the day's number, "className": put on the day's cell}`.
    `view`: what it starts with; "" is a list below 640 px and the month above. `first_day`: 0 is Sunday.
    `most`: chips of a day that `events` holds at most; of a day with more no number is said.
    `props`: any field of `FullCalendar`, above all

    - `event_drop(id, day)`: the chip was dropped on another day; it has already gone back to where it was,
    - `event_click(id)`, `date_click(day)`,
    - `dates_set(first, end, view, current, drawn)`: the visible days (`end` exclusive), the view's name, and the
      first day of the month or week shown, which `initial_date` takes back, and the `data-drawn` of the element
      around the calendar. Fires when the page opens and after each move.

    Views: dayGridMonth, dayGridWeek, listAhead (31 days from `initial_date`, today at first). There is no dragging by
    keyboard: a page offers "Move..." beside it.
    """
    day_notes = rx.Var.create(days if days is not None else {})
    options: dict[str, Any] = {
        "initial_view": rx.Var(f"({rx.Var.create(view)} || calendarFittingView())"),
        "header_toolbar": {
            "left": "prev,next today",
            "center": "title",
            "right": "dayGridMonth,dayGridWeek,listAhead",
        },
        # A list is read from today on: who stands in a shop at the end of a month needs the next one too.
        "views": {"listAhead": {"type": "list", "duration": {"days": 31}}},
        "editable": True,
        "event_start_editable": True,
        "event_duration_editable": False,
        "event_interactive": True,
        "day_max_events": SHOWN,
        "fixed_week_count": False,
        "height": "auto",
        "time_zone": "UTC",
        # Its own name of that button is not what stands on it.
        "today_hint": "Today",
        "color_scheme": rx.color_mode_cond("light", "dark"),
    }
    return FullCalendar.create(
        events=events,
        first_day=first_day,
        plugins=rx.Var(f"[{', '.join(_PLUGINS)}]"),
        day_cell_class=rx.Var(f'(info) => (calendarDayOf(info, {day_notes}) || {{}}).className || ""'),
        event_content=rx.Var("calendarChip"),
        more_link_content=rx.Var(f"(info) => calendarMore(info, {most - SHOWN})"),
        day_header_content=rx.Var(f"(info) => calendarHeadText(info, {day_notes})"),
        day_cell_top_content=rx.Var(f"(info) => calendarDayText(info, {day_notes})"),
        **(options | props),
    )


class CalendarAhead(rx.Fragment):
    """Fetches what the calendar is drawn with while the browser has nothing to do, so that its page opens sooner."""

    def add_imports(self) -> ImportDict:
        return {"react": "useEffect"}

    def add_hooks(self) -> list[str | rx.Var[Any]]:
        parts = [_PACKAGE, *(f"{_PACKAGE}{path}" for path in (*_PLUGINS.values(), *_STYLES))]
        fetched = ", ".join(f'import("{part}")' for part in parts)
        return [
            rx.Var(f"""
useEffect(() => {{
    const later = window.requestIdleCallback ?? ((run) => setTimeout(run, 1000));
    // What could not be fetched is fetched by the calendar itself.
    later(() => {{ Promise.all([{fetched}]).catch(() => {{}}); }});
}}, []);
""")
        ]
