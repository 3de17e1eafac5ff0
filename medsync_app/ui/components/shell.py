"""The frame of every page: rail, top bar with search, notices, the page's head, and one live region."""

from dataclasses import dataclass
from typing import Any, Final

import reflex as rx
from reflex.style import color_mode, set_color_mode
from reflex_components_core.core.banner import has_connection_errors

from medsync_app.auth.permissions import Permission
from medsync_app.ui.components.buttons import icon, icon_button, link, plain_link
from medsync_app.ui.components.feedback import banner, loaded_or, problem_line
from medsync_app.ui.components.fullcalendar import CalendarAhead
from medsync_app.ui.components.layout import page_header
from medsync_app.ui.components.live import every
from medsync_app.ui.components.post_form import post_form
from medsync_app.ui.components.text import number
from medsync_app.ui.states.base import AppState
from medsync_app.ui.states.shell import ShellState

#: What somebody else or the loop has changed is shown within five seconds.
POLL_SECONDS: Final = 4
OFFLINE: Final = "The connection is lost. What you do now is not saved; it comes back by itself."
NO_BACKUP: Final = "There is no backup younger than 26 hours. Tell whoever looks after this computer."
NOBODY: Final = "Nobody fits. Type the beginning of a name, an Rx number, or the end of a phone number."


@dataclass(frozen=True, slots=True)
class Place:
    """One entry of the rail: shown to those who hold the permission."""

    label: str
    route: str
    icon: str
    permission: Permission


RAIL: Final = (
    Place("Today", "/", "sun", Permission.VIEW_PATIENTS),
    Place("Calendar", "/calendar", "calendar_days", Permission.VIEW_PATIENTS),
    Place("Patients", "/patients", "users", Permission.VIEW_PATIENTS),
    Place("Candidates", "/candidates", "user_search", Permission.VIEW_PATIENTS),
    Place("Exceptions", "/exceptions", "circle_alert", Permission.VIEW_PATIENTS),
    Place("Messages", "/messages", "message_square", Permission.VIEW_PATIENTS),
    Place("Adherence", "/adherence", "chart_line", Permission.VIEW_ADHERENCE),
    Place("Workflow", "/workflow", "workflow", Permission.EDIT_WORKFLOW),
    Place("Settings", "/settings", "settings", Permission.IMPORT_DATA),
)


def may(permission: Permission) -> Any:
    """A Var: true when the person may do this at a location shown. It hides; the guard is what refuses."""
    return AppState.permissions.contains(permission.value)


def shell(
    *children: Any, title: Any, active: str = "", actions: tuple[Any, ...] = (), subtitle: Any = None,
    loaded: Any = None, retry: Any = None, notice_action: Any = None, poll: Any = None,
) -> rx.Component:  # fmt: skip
    """A whole page.

    `active` is the route of its entry in the rail. With `loaded` (a bool Var) and `retry` (the load handler)
    the children wait behind a skeleton, or an error with a retry. `notice_action` stands in the live region
    beside the confirmation (an Undo). `poll` is a handler asked every POLL_SECONDS while the page is visible.
    """
    body: Any = rx.fragment(*children)
    problem: Any = problem_line(AppState.problem)
    if loaded is not None:
        body = loaded_or(body, loaded=loaded, problem=AppState.problem, retry=retry)
        problem = rx.cond(loaded, problem, rx.fragment())
    return rx.el.div(
        rx.el.nav(
            plain_link("Skip to the page", href="#page", class_name="skip"),
            custom_attrs={"aria-label": "Skip"},
        ),
        rx.el.aside(_rail(active), class_name="rail", custom_attrs={"aria-label": "MedSync"}),
        _top_bar(active),
        rx.el.main(
            _notices(problem),
            page_header(title, *actions, subtitle=subtitle),
            body,
            class_name="main",
            id="page",
            custom_attrs={"tabIndex": "-1"},
        ),
        _confirmation(notice_action),
        every(POLL_SECONDS, AppState.poll_frame.temporal),
        every(POLL_SECONDS, poll.temporal) if poll is not None else rx.fragment(),
        CalendarAhead.create(),
        class_name="shell",
    )


def _rail(active: str, *, drawer: bool = False) -> rx.Component:
    return rx.fragment(
        link(icon("pill", 20), rx.el.span("MedSync", class_name="label"), href="/", class_name="brand"),
        rx.cond(
            may(Permission.ENROLL),
            link(
                icon("plus"), rx.el.span("Enroll patient"),
                href="/enroll", class_name="btn btn-primary enroll",
                test_id="enroll-drawer" if drawer else "enroll", title="Enroll patient",
            ),
        ),
        rx.el.nav(
            rx.el.ul(*[_entry(place, active) for place in RAIL]),
            custom_attrs={"aria-label": "Pages in the drawer" if drawer else "Pages"},
        ),
    )  # fmt: skip


def _entry(place: Place, active: str) -> rx.Component:
    attrs: dict[str, Any] = {"aria-current": "page"} if place.route == active else {}
    count: Any = rx.fragment()
    if place.route == "/exceptions":
        count = rx.cond(
            AppState.open_exceptions > 0,
            rx.el.span(
                number(AppState.open_exceptions),
                rx.el.span(" open", class_name="sr-only"),
                class_name="nav-count",
            ),
        )
    drawn = link(
        icon(place.icon, 18), rx.el.span(place.label, class_name="label"), count,
        href=place.route, class_name="nav-link", custom_attrs=attrs, title=place.label,
    )  # fmt: skip
    return rx.cond(may(place.permission), rx.el.li(drawn))


def _top_bar(active: str) -> rx.Component:
    return rx.el.header(
        rx.el.details(
            rx.el.summary(
                icon("menu", 20), rx.el.span("Pages", class_name="sr-only"), class_name="icon-btn"
            ),
            rx.el.div(_rail(active, drawer=True), class_name="drawer"),
            class_name="menu menu-button",
            custom_attrs={"data-testid": "drawer"},
        ),
        _search(),
        rx.el.div(class_name="spacer hide-phone"),
        rx.cond(
            AppState.opened & AppState.sandbox,
            rx.el.span(
                icon("flask_conical", 14),
                rx.el.span("Sandbox", rx.el.span(": nothing is sent", class_name="hide-phone")),
                class_name="sandbox", title="Messages are recorded and shown, nothing leaves this computer.",
                custom_attrs={"data-testid": "sandbox"},
            ),
        ),
        _locations(),
        _account(),
        class_name="topbar",
    )  # fmt: skip


def _search() -> rx.Component:
    def result(hit: Any) -> rx.Component:
        return rx.el.li(
            link(
                rx.el.span(hit["name"], class_name="strong"), rx.el.span(hit["detail"], class_name="sub num"),
                href=f"/patient/{hit['id']}", class_name="result",
                custom_attrs={"data-roving-item": "", "data-testid": "hit"},
            ),
            key=hit["id"],
        )  # fmt: skip

    field = rx.el.input(
        name="search", id="search", type="search", placeholder="Patient, Rx or phone", class_name="input",
        on_change=ShellState.search.debounce(100), key=AppState.router.url.path,
        custom_attrs={
            "aria-label": "Search for a patient by name, Rx number or phone", "autoComplete": "off",
            "data-hotkey": "search", "data-testid": "search", "aria-keyshortcuts": "Control+K",
        },
    )  # fmt: skip
    results = rx.cond(
        ShellState.searching,
        rx.el.div(
            rx.el.ul(rx.foreach(ShellState.hits, result)),
            rx.cond(
                ShellState.nothing_found,
                rx.el.p(NOBODY, class_name="hint"),
            ),
            class_name="popover",
        ),
    )  # fmt: skip
    return rx.el.div(
        icon("search"), field, rx.el.kbd("Ctrl K", class_name="key hide-phone"),
        rx.el.div(
            rx.cond(
                ShellState.searching,
                rx.cond(ShellState.nothing_found, "Nobody fits.", f"{ShellState.hits.length()} found"),
                "",
            ),
            class_name="sr-only", role="status",
        ),
        results,
        class_name="search", role="search",
        custom_attrs={"data-roving": "", "data-enter-first": "", "data-for": ShellState.searched_for},
    )  # fmt: skip


def _locations() -> rx.Component:
    """Nothing for those who work at one location only."""

    def choice(label: Any, slug: Any, key: Any) -> rx.Component:
        view = AppState.elsewhere
        joined = rx.cond(view.contains("?"), f"{view}&at={slug}", f"{view}?at={slug}")
        return link(
            label, href=rx.cond(slug != "", joined, view), keep_location=False,
            class_name="menu-item", key=key,
            custom_attrs={"aria-current": rx.cond(AppState.at == slug, "true", "false")},
        )  # fmt: skip

    return rx.cond(
        AppState.places.length() > 1,
        rx.el.details(
            rx.el.summary(
                icon("store"),
                rx.el.span(AppState.at_name, class_name="hide-phone"),
                icon("chevron_down", 14, class_name="hide-phone"),
                custom_attrs={"data-testid": "location", "aria-label": f"Location: {AppState.at_name}"},
            ),
            rx.el.div(
                choice("All locations", "", "all"),
                rx.foreach(AppState.places, lambda one: choice(one["name"], one["slug"], one["id"])),
                class_name="popover",
            ),
            class_name="menu",
        ),
    )  # fmt: skip


def _account() -> rx.Component:
    def mode(label: str, value: Any, glyph: str) -> rx.Component:
        return rx.el.button(
            icon(glyph), label, type="button", on_click=set_color_mode(value), class_name="menu-item",
            custom_attrs={
                "aria-current": rx.cond(color_mode == value, "true", "false"), "data-testid": f"mode-{value}",
            },
        )  # fmt: skip

    return rx.cond(
        AppState.opened,
        rx.el.details(
            rx.el.summary(
                rx.el.span(icon("user", 15), class_name="avatar"),
                icon("chevron_down", 14, class_name="hide-phone"),
                custom_attrs={"data-testid": "account", "aria-label": "Your account"},
            ),
            rx.el.div(
                rx.el.div(
                    rx.el.div(AppState.who, class_name="strong"),
                    rx.el.div(AppState.role, class_name="sub"),
                    class_name="hint",
                ),
                rx.el.div(class_name="menu-sep"),
                mode("Light", "light", "sun"),
                mode("Dark", "dark", "moon"),
                mode("As the system", "system", "monitor"),
                rx.el.div(class_name="menu-sep"),
                link(icon("repeat"), "Switch person, your PIN", href="/account", class_name="menu-item",
                     custom_attrs={"data-testid": "switch"}),
                # A plain form: signing out ends with a full page load, so that nothing stays in the browser.
                post_form(
                    rx.el.button(
                        icon("log_out"), "Sign out", type="submit", class_name="menu-item",
                        custom_attrs={"data-testid": "sign-out"},
                    ),
                    action="/api/v1/session/end",
                ),
                class_name="popover",
            ),
            class_name="menu",
        ),
    )  # fmt: skip


def _notices(problem: Any) -> rx.Component:
    return rx.el.div(
        rx.cond(
            has_connection_errors,
            banner(OFFLINE, tone="bad", icon_name="wifi_off", test_id="offline"),
        ),
        rx.cond(
            AppState.data_stale != "",
            banner(AppState.data_stale, tone="warn", icon_name="clock_alert", test_id="stale",
                   action=link("Import", href="/settings?tab=import")),
        ),
        rx.cond(
            ShellState.backup_late,
            banner(NO_BACKUP, tone="warn", icon_name="database_backup", test_id="backup-late"),
        ),
        problem,
        class_name="notices",
    )  # fmt: skip


def _confirmation(action: Any) -> rx.Component:
    """The one live region. It leaves by itself (medsync.css), not while it is hovered or focused."""
    return rx.el.div(
        rx.cond(
            AppState.notice != "",
            rx.el.div(
                icon("check"),
                rx.el.span(AppState.notice),
                action if action is not None else rx.fragment(),
                icon_button("Close", "x", on_click=AppState.dismiss_notice),
                class_name="confirmation",
                key=AppState.notice_number.to_string(),
                custom_attrs={"data-testid": "notice"},
            ),
        ),
        role="status",
        custom_attrs={"aria-live": "polite"},
    )
