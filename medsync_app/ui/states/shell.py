"""The frame's own doings: the search for a patient and the backup warning."""

from typing import TypedDict

from medsync_app.auth.caller import Caller
from medsync_app.auth.guard import handler
from medsync_app.auth.permissions import Permission
from medsync_app.reads.search import MIN_LENGTH, Found, search
from medsync_app.reads.shell import backup_overdue
from medsync_app.ui import format as say
from medsync_app.ui.states.base import AppState


class HitView(TypedDict):
    """One search result."""

    id: str
    name: str
    detail: str


class ShellState(AppState):
    """The search of the top bar; what is typed never reaches an address."""

    hits: list[HitView] = []
    searching: bool = False
    nothing_found: bool = False
    #: The text that the results are of.
    searched_for: str = ""
    backup_late: bool = False

    @handler(Permission.VIEW)
    async def open_frame(self, caller: Caller) -> None:
        """Close the last search and look after the backups; runs when a page opens."""
        self._close()
        self.backup_late = await self._read(caller, backup_overdue)

    @handler(Permission.VIEW_PATIENTS)
    async def search(self, caller: Caller, text: str) -> None:
        """Find patients by name, Rx number or phone."""
        if len(text.strip()) < MIN_LENGTH:
            self._close()
            return
        found = await self._read_here(caller, search, text)
        self.hits = [_hit(one) for one in found]
        self.searched_for = text.strip()
        self.searching = True
        self.nothing_found = not found

    @handler(Permission.VIEW)
    async def close_search(self, caller: Caller) -> None:
        """Close the results."""
        self._close()

    def _close(self) -> None:
        self.hits = []
        self.searching = False
        self.searched_for = ""
        self.nothing_found = False


def _hit(one: Found) -> HitView:
    born = one.birth_date.strftime("%m/%d/%Y") if one.birth_date else ""
    detail = " · ".join(part for part in (f"born {born}" if born else "", say.phone(one.why)) if part)
    return {"id": one.patient_id, "name": say.patient_name(one.last_name, one.first_name), "detail": detail}
