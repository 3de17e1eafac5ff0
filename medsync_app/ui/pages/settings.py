"""Settings: the tabs, and the choice of a location where somebody works at several."""

from typing import Any

import reflex as rx

from medsync_app.ui.components.feedback import loaded_or
from medsync_app.ui.components.forms import filter_link
from medsync_app.ui.components.live import every
from medsync_app.ui.components.locations import choose_location
from medsync_app.ui.components.shell import POLL_SECONDS, shell
from medsync_app.ui.pages.settings_audit import audit_tab
from medsync_app.ui.pages.settings_channels import backup_tab, channels_tab
from medsync_app.ui.pages.settings_closures import closures_tab
from medsync_app.ui.pages.settings_import import import_tab
from medsync_app.ui.pages.settings_join import join_tab
from medsync_app.ui.pages.settings_pharmacy import pharmacy_tab
from medsync_app.ui.pages.settings_rules import rules_tab
from medsync_app.ui.pages.settings_staff import staff_tab
from medsync_app.ui.states.base import AppState
from medsync_app.ui.states.settings import SettingsState
from medsync_app.ui.states.settings_audit import AuditTabState
from medsync_app.ui.states.settings_channels import BackupTabState, ChannelsTabState
from medsync_app.ui.states.settings_closures import ClosuresTabState
from medsync_app.ui.states.settings_import import ImportTabState
from medsync_app.ui.states.settings_join import JoinTabState
from medsync_app.ui.states.settings_pharmacy import PharmacyTabState
from medsync_app.ui.states.settings_rules import RulesTabState
from medsync_app.ui.states.settings_staff import StaffTabState

_TABS: dict[str, tuple[Any, Any]] = {
    "pharmacy": (PharmacyTabState, pharmacy_tab),
    "closures": (ClosuresTabState, closures_tab),
    "rules": (RulesTabState, rules_tab),
    "import": (ImportTabState, import_tab),
    "staff": (StaffTabState, staff_tab),
    "join": (JoinTabState, join_tab),
    "connections": (ChannelsTabState, channels_tab),
    "audit": (AuditTabState, audit_tab),
    "backup": (BackupTabState, backup_tab),
}


def settings_page() -> rx.Component:
    """The page."""
    return shell(
        rx.el.nav(
            rx.foreach(
                SettingsState.tabs,
                lambda tab: filter_link(tab["label"], href=tab["href"], selected=tab["selected"]),
            ),
            class_name="filter-bar",
            custom_attrs={"aria-label": "Settings", "data-testid": "tabs"},
        ),
        rx.cond(
            SettingsState.choices.length() > 0,
            choose_location(SettingsState.choices, "Settings belong to one pharmacy. Which one?"),
            _tab(),
        ),
        title="Settings",
        subtitle=SettingsState.place_name,
        active="/settings",
        loaded=SettingsState.loaded,
        retry=SettingsState.load,
    )


def _tab() -> rx.Component:
    tabs = ((name, _drawn(state, draw)) for name, (state, draw) in _TABS.items())
    return rx.match(SettingsState.tab, *tabs, rx.fragment())


def _drawn(state: Any, draw: Any) -> rx.Component:
    """What others change in it shows by itself."""
    shown = loaded_or(draw(), loaded=state.ready, problem=_unread(), retry=state.open_tab)
    return rx.fragment(shown, every(POLL_SECONDS, state.poll.temporal))


def _unread() -> Any:
    """What went wrong is said at the top of the page already."""
    return rx.cond(AppState.problem != "", "This could not be read.", "")
