"""The forms of the Patient page for a medicine told at the counter, and for another dose."""

from typing import Any

from medsync_app.auth.caller import Caller
from medsync_app.auth.guard import handler
from medsync_app.auth.permissions import Permission
from medsync_app.domain.supply import MAX_DAYS_SUPPLY
from medsync_app.errors import Invalid
from medsync_app.services.change_drugs import change_dose
from medsync_app.services.drug_by_hand import add_drug_by_hand
from medsync_app.ui.states.base import AppState
from medsync_app.ui.states.contact_form import text_of
from medsync_app.ui.states.enroll_forms import (
    day_or_none,
    decimal_of,
    drug_of_line,
    field_of_drug,
    whole_number,
)
from medsync_app.ui.states.patient import PatientState


class PatientDrugsState(AppState):
    """Which form is open ("add", "dose" or ""), and about which medicine."""

    drug_form: str = ""
    asked_name: str = ""

    _patient_id: str = ""
    _therapy_id: str = ""

    @handler(Permission.CHANGE_DRUGS)
    async def ask_add(self, caller: Caller, patient_id: str) -> None:
        """Open the form of a new medicine."""
        self._patient_id, self.drug_form = patient_id, "add"

    @handler(Permission.CHANGE_DRUGS)
    async def ask_dose(self, caller: Caller, therapy_id: str, name: str) -> None:
        """Open the form of another dose."""
        self._therapy_id, self.asked_name, self.drug_form = therapy_id, name, "dose"

    @handler(Permission.VIEW)
    async def leave_drug(self, caller: Caller) -> None:
        """Close the form; nothing changes."""
        self.drug_form = ""

    @handler(Permission.CHANGE_DRUGS)
    async def add_drug(self, caller: Caller, form: dict[str, Any]) -> Any:
        """Keep the new medicine; where the patient takes part it is planned in, or a pharmacist is asked."""
        if not text_of(form, "drug-0-name"):
            raise Invalid("Enter the medicine's name and strength.", "drug-0-name")
        drug = drug_of_line(form, 0)
        try:
            await self._command(caller, add_drug_by_hand, self._patient_id, drug)
        except Invalid as error:
            raise Invalid(error.message, field_of_drug(error.field or "", form, 1)) from None
        return self._done("Added.")

    @handler(Permission.CHANGE_DRUGS)
    async def save_dose(self, caller: Caller, form: dict[str, Any]) -> Any:
        """Keep the new dose; the supply in hand and the coming batch follow."""
        units = decimal_of(text_of(form, "units_per_day"), "units_per_day")
        since = text_of(form, "on")
        on = day_or_none(since) if since else None
        if since and on is None:
            raise Invalid("This is not a date. Pick one from the calendar.", "on")
        days = whole_number(form, "usual_days", 1, MAX_DAYS_SUPPLY, "days supply")
        changed = await self._command(
            caller, change_dose, self._therapy_id, units_per_day=units, on=on, usual_days=days
        )
        return self._done("The dose is changed." if changed else "The dose was so already.")

    def _done(self, said: str) -> Any:
        self.drug_form = ""
        self._say(said)
        return PatientState.poll
