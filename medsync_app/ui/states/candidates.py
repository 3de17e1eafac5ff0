"""Candidates: the list as the address says; the next common date of each follows once the list is there."""

from collections.abc import AsyncGenerator
from datetime import date
from typing import Any, TypedDict

from medsync_app.auth.caller import Caller
from medsync_app.auth.guard import handler
from medsync_app.auth.permissions import Permission
from medsync_app.reads.candidates import (
    FIRST_SORT,
    GROUPS,
    PAGE_SIZE,
    SORTS,
    Candidate,
    CandidateList,
    candidate_list,
    with_windows,
)
from medsync_app.services.record_offer import record_offer
from medsync_app.ui import format as say
from medsync_app.ui.states.base import AppState
from medsync_app.ui.states.viewing import page_number, page_or_last, turning

#: Columns that are read from the top down first.
_LARGEST_FIRST = frozenset({"drugs", "visits"})


class CandidateView(TypedDict):
    """One line."""

    id: str
    name: str
    place: str
    count: str
    drugs: str
    all_drugs: str
    visits: str
    pdc: str
    low: bool
    #: "asked 3 Nov" or "said no 4 Nov", else "".
    offer: str
    may_decline: bool
    planned: bool
    next: say.DueText


class CandidatesState(AppState):
    """The list with its filter, order and page."""

    rows: list[CandidateView] = []
    counts: dict[str, int] = dict.fromkeys(GROUPS, 0)
    group: str = ""
    sort: str = FIRST_SORT
    text: str = ""
    summary: str = ""
    previous_href: str = ""
    next_href: str = ""
    heads: dict[str, str] = dict.fromkeys(SORTS, "")
    filters: dict[str, str] = dict.fromkeys(GROUPS, "")
    export: str = "/api/v1/exports/candidates.csv"
    loaded: bool = False

    _page: int = 1

    @handler(Permission.VIEW_PATIENTS)
    async def load(self, caller: Caller) -> AsyncGenerator[Any, None]:
        """Show what the address names (`?show=low&sort=pdc&page=2`)."""
        asked = self.router.url.query_parameters
        show = asked.get("show", "")
        self.group = show if show in GROUPS else ""
        sort = asked.get("sort", FIRST_SORT)
        self.sort = sort if sort.removeprefix("-") in SORTS else FIRST_SORT
        self._page = page_number(asked.get("page", ""))
        async for step in self._fill(caller):
            yield step

    @handler(Permission.VIEW_PATIENTS, activity=False)
    async def poll(self, caller: Caller) -> AsyncGenerator[Any, None]:
        """Look again when something changed."""
        if await self._changed(caller):
            async for step in self._fill(caller):
                yield step

    @handler(Permission.VIEW_PATIENTS)
    async def search(self, caller: Caller, text: str) -> AsyncGenerator[Any, None]:
        """Only patients whose name fits; starts at the first page."""
        self.text = text[:80]
        self._page = 1
        async for step in self._fill(caller):
            yield step

    @handler(Permission.ENROLL)
    async def ask(self, caller: Caller, patient_id: str) -> AsyncGenerator[Any, None]:
        """Note that the patient was asked to take part."""
        await self._command(caller, record_offer, patient_id, declined=False)
        self._say("Noted: asked.")
        async for step in self._fill(caller):
            yield step

    @handler(Permission.ENROLL)
    async def decline(self, caller: Caller, patient_id: str) -> AsyncGenerator[Any, None]:
        """Note that the patient said no."""
        await self._command(caller, record_offer, patient_id, declined=True)
        self._say("Noted: said no.")
        async for step in self._fill(caller):
            yield step

    async def _fill(self, caller: Caller) -> AsyncGenerator[Any, None]:
        found, self._page = await page_or_last(
            lambda page: self._read_here(
                caller, candidate_list, text=self.text, group=self.group, sort=self.sort, page=page
            ),
            self._page,
            PAGE_SIZE,
        )
        known = {row["id"]: row for row in self.rows if row["planned"]}
        self.rows = [_view(row, found, known.get(row.patient_id)) for row in found.rows]
        self.counts = dict(found.counts)
        self.heads = {key: _address(self.group, _turned(self.sort, key)) for key in SORTS}
        self.filters = {group: _address(group, self.sort) for group in GROUPS}
        here = _address(self.group, self.sort)
        self.summary, self.previous_href, self.next_href = turning(here, self._page, PAGE_SIZE, found.total)
        self.loaded = True
        if not found.rows:
            return
        # Planning fifty patients takes half a second: the list is there before.
        yield
        planned = await self._read_here(caller, with_windows, found.rows)
        shown = [row.patient_id for row in found.rows]
        if [row["id"] for row in self.rows] == shown:
            self.rows = [_view(row, found, None) for row in planned]


def _turned(sort: str, key: str) -> str:
    """The other way round when sorted by it already; the telling end first otherwise."""
    first = f"-{key}" if key in _LARGEST_FIRST else key
    if sort.removeprefix("-") != key:
        return first
    return key if sort.startswith("-") else f"-{key}"


def _address(group: str, sort: str) -> str:
    parts = [f"show={group}"] if group else []
    parts += [f"sort={sort}"] if sort != FIRST_SORT else []
    return f"/candidates?{'&'.join(parts)}" if parts else "/candidates"


def offer_words(row: Candidate, today: date) -> str:
    """Said as "asked Tue 3 Nov" or "said no Wed 4 Nov"; "" when nobody has asked."""
    if row.declined_on is not None:
        return f"said no {say.day(row.declined_on, today)}"
    return f"asked {say.day(row.asked_on, today)}" if row.asked_on is not None else ""


def _view(row: Candidate, found: CandidateList, known: CandidateView | None) -> CandidateView:
    place = found.places[row.pharmacy_id]
    return {
        "id": row.patient_id,
        "name": say.patient_name(row.last_name, row.first_name),
        "place": place.name if len(found.places) > 1 else "",
        "count": str(len(row.drugs)),
        "drugs": say.listed(dict.fromkeys(row.ingredients)),
        "all_drugs": ", ".join(row.drugs),
        "visits": f"{row.visits:.1f}",
        "pdc": say.percent(row.pdc),
        "low": row.pdc < 0.8,
        "offer": offer_words(row, place.today),
        "may_decline": row.declined_on is None,
        "planned": row.planned or known is not None,
        "next": known["next"] if known is not None else say.due(row.next_window, place.today, soon_days=-1),
    }
