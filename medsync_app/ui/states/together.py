"""Candidates planned together: a date for each, chosen so that the days of one location fill evenly."""

from datetime import date
from typing import Final, TypedDict

from medsync_app.auth.caller import Caller
from medsync_app.auth.guard import handler
from medsync_app.auth.permissions import Permission
from medsync_app.reads.plan_mark import plan_mark
from medsync_app.reads.together import NewDate, Together, together
from medsync_app.ui import format as say
from medsync_app.ui.states.base import AppState
from medsync_app.ui.states.level import LoadRow, PlaceLink, cost_words, load_rows, place_links

#: Candidates shown at once; those enrolled leave the list, and the next ones follow.
MOST_ROWS: Final = 100


class NewDateRow(TypedDict):
    """One candidate; `other` is the day the patient alone would get, where it differs."""

    id: str
    name: str
    drugs: str
    day: say.DueText
    other: str
    cost: str
    href: str
    label: str


class TogetherState(AppState):
    """The dates of all candidates of the location in the address."""

    loaded: bool = False
    choose: list[PlaceLink] = []
    rows: list[NewDateRow] = []
    load: list[LoadRow] = []
    more: str = ""
    without: str = ""
    patients: str = ""
    peak_before: str = ""
    peak_after: str = ""
    capacity: str = ""
    #: True when something has changed since the dates were worked out.
    outdated: bool = False

    _pharmacy: str = ""
    _mark: str = ""

    @handler(Permission.ENROLL)
    async def look(self, caller: Caller) -> None:
        """Plan the candidates; nothing is written."""
        here = caller.shown
        self.rows, self.load = [], []
        self.choose = place_links(here, "/candidates/together") if len(here) != 1 else []
        self._pharmacy, self.outdated, self.loaded = "", False, False
        if not self.choose:
            self._mark = await self._read_here(caller, plan_mark, here[0].id)
            self._fill(await self._read_here(caller, together, here[0].id))
            self._pharmacy = here[0].id
        self.loaded = True

    @handler(Permission.ENROLL, activity=False)
    async def poll(self, caller: Caller) -> None:
        """Say when the dates were worked out from what is old now."""
        if self._pharmacy and await self._changed(caller):
            self.outdated = await self._read_here(caller, plan_mark, self._pharmacy) != self._mark

    def _fill(self, found: Together) -> None:
        proposal = found.proposal
        dated = [row for row in found.rows if row.sync_date is not None]
        self.rows = [_row(row, row.sync_date, proposal.today) for row in dated[:MOST_ROWS] if row.sync_date]
        more, without = len(dated) - len(self.rows), len(found.rows) - len(dated)
        self.more = f"{say.plural(more, 'more candidate')} will be shown after these." if more else ""
        self.without = (
            f"{say.plural(without, 'candidate')} without a date: no day as good has room, or no medicine takes part."
            if without
            else ""
        )
        self.patients = f"{len(dated):,}"
        after = dict(proposal.load)
        self.load = load_rows(found.before, after, proposal.today)
        self.peak_before, self.peak_after = (
            f"{max(load.values(), default=0):,}" for load in (found.before, after)
        )
        self.capacity = "" if proposal.capacity is None else f"room for {proposal.capacity:,} a day"


def _row(row: NewDate, day: date, today: date) -> NewDateRow:
    name = say.patient_name(row.last_name, row.first_name)
    return {
        "id": row.patient_id,
        "name": name,
        "drugs": str(row.drugs),
        "day": say.plain_date(day, today),
        "other": f"alone: {say.day(row.alone, today)}" if row.alone not in (None, day) else "",
        "cost": cost_words(row.cost) if row.cost is not None else "",
        "href": f"/enroll?patient={row.patient_id}&on={day.isoformat()}",
        "label": f"Enroll {name} on {say.day(day)}",
    }
