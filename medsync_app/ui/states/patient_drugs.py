"""The forms of the Patient page for a medicine told at the counter, and for another dose or payer's rule."""

from datetime import date
from decimal import Decimal
from typing import Any, Final, TypedDict

from medsync_app.auth.caller import Caller
from medsync_app.auth.guard import handler
from medsync_app.auth.permissions import Permission
from medsync_app.domain.supply import MAX_DAYS_SUPPLY
from medsync_app.errors import Invalid
from medsync_app.reads.planning_rules import DrugTerms, drug_terms
from medsync_app.services.change_drugs import change_dose
from medsync_app.services.drug_by_hand import add_drug_by_hand
from medsync_app.services.planning_rules import set_drug_threshold, typed_share
from medsync_app.store.session import Tx
from medsync_app.ui import format as say
from medsync_app.ui.states.base import AppState
from medsync_app.ui.states.enroll_forms import (
    decimal_of,
    drug_of_line,
    field_of_drug,
    whole_number,
)
from medsync_app.ui.states.form_fields import optional_day, text_of
from medsync_app.ui.states.patient import PatientState
from medsync_app.ui.states.viewing import patient_in_address


class TermsView(TypedDict):
    """A medicine as its form begins with it."""

    name: str
    units: str
    days: str
    share: str
    usual_share: str


NO_TERMS: Final[TermsView] = {"name": "", "units": "", "days": "", "share": "", "usual_share": ""}


class PatientDrugsState(AppState):
    """Which form is open ("add", "dose" or ""), and about which medicine."""

    drug_form: str = ""
    terms: TermsView = NO_TERMS
    therapy_id: str = ""

    _patient_id: str = ""

    @handler(Permission.VIEW_PATIENTS)
    async def load_form(self, caller: Caller) -> Any:
        """Another patient's page has opened: the form of the one before must not stand over it."""
        here = patient_in_address(self)
        if self._patient_id != here:
            self.drug_form = ""
        over, about = self._over()
        if over not in ("add", "dose") or self.drug_form:
            return None
        return self._then("ask_add", here) if over == "add" else self._then("ask_dose", about, "")

    @handler(Permission.CHANGE_DRUGS)
    async def ask_add(self, caller: Caller, patient_id: str) -> None:
        """Open the form of a new medicine."""
        self._patient_id, self.drug_form = patient_id, "add"

    @handler(Permission.CHANGE_DRUGS)
    async def ask_dose(self, caller: Caller, therapy_id: str, name: str) -> None:
        """Open the form of another dose with what is known."""
        found, here = await self._read(caller, drug_terms, therapy_id), patient_in_address(self)
        if found.patient_id != here:
            raise Invalid("This medicine is not this patient's. Reload the page.")
        self._patient_id, self.therapy_id = here, therapy_id
        self.terms, self.drug_form = _terms(found, name or found.name), "dose"

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
        """Keep the new dose and the payer's rule; the supply in hand and the coming batch follow."""
        typed = text_of(form, "units_per_day")
        # A dose that nobody knows need not be told to change the payer's rule alone.
        told = typed or self.terms["units"] or text_of(form, "usual_days") or text_of(form, "on")
        units = decimal_of(typed, "units_per_day") if told else None
        on = optional_day(form, "on")
        days = whole_number(form, "usual_days", 1, MAX_DAYS_SUPPLY, "days supply")
        share = typed_share(text_of(form, "share"))
        changed = await self._command(caller, _change, self.therapy_id, share, units, on, days)
        return self._done("Changed." if changed else "It was so already.")

    def _done(self, said: str) -> Any:
        self.drug_form = ""
        self._say(said)
        return PatientState.poll


def _change(
    tx: Tx, therapy_id: str, share: Decimal | None, units: Decimal | None, on: date | None, days: int | None
) -> bool:
    """The payer's rule and the dose, both or neither; False when they were so already."""
    changed = set_drug_threshold(tx, therapy_id, share)
    if units is not None:
        changed |= change_dose(tx, therapy_id, units_per_day=units, on=on, usual_days=days)
    return changed


def _terms(found: DrugTerms, name: str) -> TermsView:
    return {
        "name": name,
        "units": _number(found.units_per_day),
        "days": _number(found.usual_days),
        "share": "" if found.own_share is None else _number(found.own_share * 100),
        "usual_share": say.percent(found.usual_share),
    }


def _number(value: Decimal | int | None) -> str:
    return "" if value is None else f"{Decimal(value).normalize():f}"
