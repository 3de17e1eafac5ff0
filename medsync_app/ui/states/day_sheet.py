"""The day sheet: what is picked up on one day, to print."""

from dataclasses import replace
from datetime import date, timedelta
from typing import TypedDict
from zoneinfo import ZoneInfo

from medsync_app.auth import runtime
from medsync_app.auth.caller import Caller
from medsync_app.auth.guard import handler
from medsync_app.auth.permissions import Permission
from medsync_app.clock import local_day
from medsync_app.domain.states import FillKind, ItemState
from medsync_app.errors import Invalid
from medsync_app.reads.batch import BatchDrug
from medsync_app.reads.day_sheet import DaySheet, SheetBatch, day_sheet
from medsync_app.services.view_day_sheet import view_day_sheet
from medsync_app.ui import format as say
from medsync_app.ui.components.chips import state_label
from medsync_app.ui.states.base import AppState
from medsync_app.ui.states.enroll_view import born


class SheetLine(TypedDict):
    """One drug on the sheet."""

    name: str
    fill: str
    state: str


class SheetRow(TypedDict):
    """One batch on the sheet."""

    id: str
    patient_id: str
    name: str
    born: str
    phone: str
    place: str
    state: str
    note: str
    drugs: list[SheetLine]


class DaySheetState(AppState):
    """The sheet of the day in the address (`?d=2026-12-01`, today without)."""

    loaded: bool = False
    day: str = ""
    heading: str = ""
    summary: str = ""
    rows: list[SheetRow] = []
    previous_href: str = ""
    next_href: str = ""
    back_href: str = "/calendar"
    pdf_href: str = ""
    #: When what is shown last changed while the sheet was open, "" when it did not.
    changed: str = ""

    @handler(Permission.VIEW_PATIENTS)
    async def load(self, caller: Caller) -> None:
        """Read the sheet; that is recorded in the audit log."""
        self.loaded = False
        today = local_day(runtime.clock().now(), _zone(caller))
        day = _day(self.router.url.query_parameters.get("d", ""), today)
        found = await self._command(replace(caller, scope=caller.scope_here), view_day_sheet, day)
        self.changed = ""
        self._show_sheet(caller, day, found)

    @handler(Permission.VIEW_PATIENTS, activity=False)
    async def poll(self, caller: Caller) -> None:
        """Show what has changed since, and that a printed sheet is old; the audit log keeps who is new on it."""
        if not self.loaded or not await self._changed(caller):
            return
        day, before = date.fromisoformat(self.day), self.rows
        found = await self._read_here(caller, day_sheet, day)
        known = [row["id"] for row in before]
        if any(batch.cycle_id not in known for batch in found.batches):
            here = replace(caller, scope=caller.scope_here)
            found = await self._command(here, view_day_sheet, day, known=known)
        self._show_sheet(caller, day, found)
        if self.rows != before:
            at = say.clock_time(runtime.clock().now().astimezone(ZoneInfo(_zone(caller))))
            self.changed = f"Changed at {at}. A sheet that was printed before is out of date."

    def _show_sheet(self, caller: Caller, day: date, found: DaySheet) -> None:
        several = len(caller.shown) > 1
        self.rows = [_row(batch, several=several) for batch in found.batches]
        self.day, self.heading = day.isoformat(), say.full_day(day)
        units = sum(len(row["drugs"]) for row in self.rows)
        self.summary = f"{say.plural(found.total, 'pickup')}, {say.plural(units, 'medicine')}"
        if found.total > len(self.rows):
            self.summary += f"; the first {len(self.rows)} are listed: choose one location to see all"
        self.previous_href = f"/calendar/day?d={(day - timedelta(days=1)).isoformat()}"
        self.next_href = f"/calendar/day?d={(day + timedelta(days=1)).isoformat()}"
        self.pdf_href = f"/api/v1/print/day.pdf?d={day.isoformat()}"
        self.back_href = f"/calendar?d={day.replace(day=1).isoformat()}"
        self.loaded = True


def _zone(caller: Caller) -> str:
    return caller.shown[0].zone if caller.shown else "UTC"


def _day(text: str, today: date) -> date:
    if not text:
        return today
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = date.min
    if not date(2000, 1, 1) <= day <= date(2200, 1, 1):
        raise Invalid("This address names no day. Open the sheet from the calendar.", "d")
    return day


def _row(batch: SheetBatch, *, several: bool) -> SheetRow:
    notes = [
        "plan not approved" if batch.unapproved else "",
        "confirmed" if batch.confirmed else "",
        "short supply" if batch.kind == "trip" else "",
    ]
    return {
        "id": batch.cycle_id,
        "patient_id": batch.patient_id,
        "name": say.patient_name(batch.last_name, batch.first_name),
        "born": born(batch.birth_date),
        "phone": say.phone(batch.phone),
        "place": batch.place.name if several else "",
        "state": batch.state.value,
        "note": ", ".join(note for note in notes if note),
        "drugs": [_line(drug) for drug in batch.drugs if drug.state is not ItemState.SKIPPED],
    }


def _line(drug: BatchDrug) -> SheetLine:
    kind = "short fill" if drug.fill_kind is FillKind.SHORT else "full fill"
    code = f", {say.claim_code(drug.claim_code)}" if drug.claim_code else ""
    return {
        "name": drug.name,
        "fill": f"{say.units(drug.quantity)}{say.plural(drug.days_supply, 'day')}, {kind}{code}",
        "state": state_label("item", drug.state.value),
    }
