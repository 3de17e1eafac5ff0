"""The card of the Patient page with what adherence leaves out: hospice, kidney failure, stays, disenrolment."""

from typing import Any, Final, TypedDict

from medsync_app.auth.caller import Caller
from medsync_app.auth.guard import handler
from medsync_app.auth.permissions import Permission
from medsync_app.domain.care import CARE_LABELS, WITH_END, CareKind
from medsync_app.errors import Invalid
from medsync_app.reads.patient_care import CareLine, CareSheet, care_sheet
from medsync_app.services.record_care import correct_care, record_care, remove_care
from medsync_app.ui import format as say
from medsync_app.ui.states.base import AppState
from medsync_app.ui.states.form_fields import day_of, optional_day, text_of
from medsync_app.ui.states.patient import PatientState
from medsync_app.ui.states.viewing import patient_in_address, viewer


class CareView(TypedDict):
    """One record in words, and the dates its form starts with."""

    id: str
    kind: str
    label: str
    days: str
    by: str
    start: str
    end: str


NOTHING: Final[CareView] = {
    "id": "", "kind": "", "label": "", "days": "", "by": "", "start": "", "end": "",
}  # fmt: skip


class PatientCareState(AppState):
    """The records of the patient whose page is open, and the one whose form is open."""

    care: list[CareView] = []
    care_open: bool = False
    asked: CareView = NOTHING

    _patient_id: str = ""

    @handler(Permission.VIEW_PATIENTS)
    async def load_care(self, caller: Caller) -> Any:
        """Show the records of the patient that the address names."""
        self._patient_id = patient_in_address(self)
        self.care, self.care_open = [], False
        await self._show(caller)
        over, care_id = self._over()
        if over != "care":
            return None
        return self._then("ask_correction", care_id) if care_id else self._then("ask_new")

    @handler(Permission.VIEW_PATIENTS, activity=False)
    async def poll(self, caller: Caller) -> None:
        """Look again when something changed."""
        if await self._changed(caller):
            await self._show(caller)

    @handler(Permission.HANDLE_EXCEPTIONS)
    async def ask_new(self, caller: Caller) -> None:
        """Open the form for a new record."""
        self.asked, self.care_open = NOTHING, True

    @handler(Permission.HANDLE_EXCEPTIONS)
    async def ask_correction(self, caller: Caller, care_id: str) -> None:
        """Open the form of a record."""
        found = next((one for one in self.care if one["id"] == care_id), None)
        if found is None:
            raise Invalid("This record is not there any more. Reload the page.")
        self.asked, self.care_open = found, True

    @handler(Permission.VIEW)
    async def keep_care(self, caller: Caller) -> None:
        """Close the form; nothing changes."""
        self.care_open = False

    @handler(Permission.HANDLE_EXCEPTIONS)
    async def save_care(self, caller: Caller, form: dict[str, Any]) -> Any:
        """Keep a new record, or correct the one whose form is open."""
        start, end = day_of(form, "start", "Choose the first day."), optional_day(form, "end")
        if self.asked["id"]:
            await self._command(caller, correct_care, self.asked["id"], start, end)
        else:
            kind = text_of(form, "kind")
            if kind not in list(CareKind):
                raise Invalid("Choose what to record.", "kind")
            await self._command(caller, record_care, self._patient_id, CareKind(kind), start, end)
        return await self._done(caller, "Recorded.")

    @handler(Permission.HANDLE_EXCEPTIONS)
    async def remove_care(self, caller: Caller) -> Any:
        """Take out the record whose form is open: it was a mistake."""
        await self._command(caller, remove_care, self.asked["id"])
        return await self._done(caller, "Removed.")

    async def _done(self, caller: Caller, said: str) -> Any:
        self.care_open = False
        await self._show(caller)
        self._say(said)
        return PatientState.poll

    async def _show(self, caller: Caller) -> None:
        sheet = await self._read(viewer(caller), care_sheet, self._patient_id)
        self.care = [_view(line, sheet) for line in sheet.lines]


def _view(line: CareLine, sheet: CareSheet) -> CareView:
    first = say.day(line.start, sheet.today)
    last = f"to {say.day(line.end, sheet.today)}" if line.end else "until now"
    return {
        "id": line.id,
        "kind": line.kind.value,
        "label": CARE_LABELS[line.kind],
        "days": f"{first} {last}" if line.kind in WITH_END else f"since {first}",
        "by": line.by,
        "start": line.start.isoformat(),
        "end": line.end.isoformat() if line.end else "",
    }
