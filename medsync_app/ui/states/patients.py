"""Patients: the list as the address says; what is typed into the search never reaches it."""

from typing import TypedDict

from medsync_app.auth.caller import Caller
from medsync_app.auth.guard import handler
from medsync_app.auth.permissions import Permission
from medsync_app.reads.patients import GROUPS, PAGE_SIZE, SORTS, PatientRow, patient_list
from medsync_app.reads.places import Here
from medsync_app.ui import format as say
from medsync_app.ui.states.base import AppState
from medsync_app.ui.states.viewing import page_number, page_or_last, turning


class PatientRowView(TypedDict):
    """One line."""

    id: str
    name: str
    born: str
    age: str
    phone: str
    state: str
    next: say.DueText
    cycle_state: str
    drugs: str
    place: str


class PatientsState(AppState):
    """The list with its filter, order and page."""

    rows: list[PatientRowView] = []
    counts: dict[str, int] = dict.fromkeys(("", *GROUPS), 0)
    group: str = ""
    sort: str = "name"
    text: str = ""
    summary: str = ""
    previous_href: str = ""
    next_href: str = ""
    #: Where each head leads, by sort key.
    heads: dict[str, str] = dict.fromkeys(SORTS, "")
    #: Where each filter leads, by group.
    filters: dict[str, str] = dict.fromkeys(("", *GROUPS), "")
    loaded: bool = False

    _page: int = 1

    @handler(Permission.VIEW_PATIENTS)
    async def load(self, caller: Caller) -> None:
        """Show what the address names (`?show=enrolled&sort=-next&page=2`)."""
        asked = self.router.url.query_parameters
        show = asked.get("show", "")
        self.group = show if show in GROUPS else ""
        sort = asked.get("sort", "name")
        self.sort = sort if sort.removeprefix("-") in SORTS else "name"
        self._page = page_number(asked.get("page", ""))
        await self._show(caller)

    @handler(Permission.VIEW_PATIENTS, activity=False)
    async def poll(self, caller: Caller) -> None:
        """Look again when something changed."""
        if await self._changed(caller):
            await self._show(caller)

    @handler(Permission.VIEW_PATIENTS)
    async def search(self, caller: Caller, text: str) -> None:
        """Only patients that fit; starts at the first page."""
        self.text = text[:80]
        self._page = 1
        await self._show(caller)

    async def _show(self, caller: Caller) -> None:
        found, self._page = await page_or_last(
            lambda page: self._read_here(
                caller, patient_list, text=self.text, group=self.group, sort=self.sort, page=page
            ),
            self._page,
            PAGE_SIZE,
        )
        several = len(found.places) > 1
        self.rows = [_view(row, found.places[row.pharmacy_id], several=several) for row in found.rows]
        self.counts = dict(found.counts)
        self.heads = {key: _address(self.group, _turned(self.sort, key)) for key in SORTS}
        self.filters = {group: _address(group, self.sort) for group in ("", *GROUPS)}
        here = _address(self.group, self.sort)
        self.summary, self.previous_href, self.next_href = turning(here, self._page, PAGE_SIZE, found.total)
        self.loaded = True


def _turned(sort: str, key: str) -> str:
    return f"-{key}" if sort == key else key


def _address(group: str, sort: str) -> str:
    parts = [f"show={group}"] if group else []
    parts += [f"sort={sort}"] if sort != "name" else []
    return f"/patients?{'&'.join(parts)}" if parts else "/patients"


def _view(row: PatientRow, place: Here, *, several: bool) -> PatientRowView:
    born = row.birth_date
    return {
        "id": row.id,
        "name": say.patient_name(row.last_name, row.first_name),
        "born": born.strftime("%m/%d/%Y") if born else "",
        "age": say.age(born, place.today),
        "phone": say.phone(row.phone),
        "state": row.state.value if row.state else "none",
        "next": say.due(row.next_sync, place.today, soon_days=0),
        "cycle_state": row.cycle_state.value if row.cycle_state else "",
        "drugs": str(row.drugs),
        "place": place.name if several else "",
    }
