"""Settings: which tab of which location is shown; each tab has a state of its own."""

from collections.abc import Mapping
from typing import Any, Final, TypedDict

from medsync_app.auth.caller import Caller
from medsync_app.auth.guard import handler
from medsync_app.auth.permissions import Permission
from medsync_app.errors import Forbidden
from medsync_app.ui.states.base import AppState
from medsync_app.ui.states.settings_audit import AuditTabState
from medsync_app.ui.states.settings_channels import BackupTabState, ChannelsTabState
from medsync_app.ui.states.settings_closures import ClosuresTabState
from medsync_app.ui.states.settings_import import ImportTabState
from medsync_app.ui.states.settings_join import JoinTabState
from medsync_app.ui.states.settings_pharmacy import PharmacyTabState
from medsync_app.ui.states.settings_rules import RulesTabState
from medsync_app.ui.states.settings_staff import StaffTabState

#: Tab -> label, what it takes, the handler that fills it.
TABS: Final[Mapping[str, tuple[str, Permission, Any]]] = {
    "pharmacy": ("Pharmacy", Permission.MANAGE_SETTINGS, PharmacyTabState.open_tab),
    "closures": ("Closed days", Permission.MANAGE_SETTINGS, ClosuresTabState.open_tab),
    "rules": ("Rules", Permission.MANAGE_SETTINGS, RulesTabState.open_tab),
    "import": ("Import", Permission.IMPORT_DATA, ImportTabState.open_tab),
    "staff": ("Staff", Permission.MANAGE_STAFF, StaffTabState.open_tab),
    "join": ("Form for patients", Permission.MANAGE_SETTINGS, JoinTabState.open_tab),
    "connections": ("Connections", Permission.MANAGE_SETTINGS, ChannelsTabState.open_tab),
    "audit": ("Audit log", Permission.VIEW_AUDIT, AuditTabState.open_tab),
    "backup": ("Backup", Permission.MANAGE_SETTINGS, BackupTabState.open_tab),
}
#: Other names that links use.
ALIASES: Final = {"hours": "pharmacy", "holidays": "closures"}


class TabView(TypedDict):
    """One tab of the person's."""

    label: str
    href: str
    selected: bool


class PlaceChoice(TypedDict):
    """One location to choose."""

    name: str
    href: str


class SettingsState(AppState):
    """The tabs, and the locations to choose from while none is chosen."""

    tabs: list[TabView] = []
    tab: str = ""
    choices: list[PlaceChoice] = []
    place_name: str = ""
    loaded: bool = False

    @handler(Permission.IMPORT_DATA)
    async def load(self, caller: Caller) -> Any:
        """Show the tab that the address names (`?tab=import`), of the one location it names."""
        asked = self.router.url.query_parameters.get("tab", "")
        asked = ALIASES.get(asked, asked)
        mine = [tab for tab, (_, permission, _) in TABS.items() if caller.may(permission)]
        if asked in TABS and asked not in mine:
            self.tab, self.tabs, self.loaded = "", [], False
            raise Forbidden("Your role does not include this tab. Ask the owner of the pharmacy.")
        self.tab = asked if asked in mine else mine[0]
        self.tabs = [
            {"label": TABS[tab][0], "href": f"/settings?tab={tab}", "selected": tab == self.tab}
            for tab in mine
        ]
        several = len(caller.shown) > 1
        self.choices = [
            {"name": place.name, "href": f"/settings?tab={self.tab}&at={place.slug}"} for place in caller.shown
        ] if several else []  # fmt: skip
        self.place_name = "" if several else caller.shown[0].name
        self.loaded = True
        return None if several else TABS[self.tab][2]
