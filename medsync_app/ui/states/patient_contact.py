"""The panel of the Patient page that changes how somebody may be reached, and decides about held messages."""

from datetime import UTC, datetime
from typing import Any, cast

from medsync_app.auth.caller import Caller
from medsync_app.auth.guard import handler
from medsync_app.auth.permissions import Permission
from medsync_app.errors import Conflict
from medsync_app.reads.contact_sheet import ContactSheet, contact_sheet
from medsync_app.services.change_contact import ContactChange, change_contacts, decide_hold, end_messages
from medsync_app.services.enroll_contacts import Wishes
from medsync_app.services.wrong_number import call_it_wrong, confirm_number
from medsync_app.ui.states.base import AppState
from medsync_app.ui.states.contact_form import (
    CHANNELS,
    NO_CONTACT,
    ContactView,
    Start,
    caregiver_of,
    contact_view,
    own_point,
    read_contacts,
    spoken,
    wordings,
)
from medsync_app.ui.states.patient import PatientState
from medsync_app.ui.states.viewing import patient_in_address


class PatientContactState(AppState):
    """The form as it was opened; what is being typed stays in the browser."""

    contact: ContactView = NO_CONTACT
    contact_open: bool = False
    #: The number or address that is to be stopped, "" when nobody is asked about one.
    stopping: str = ""

    _patient_id: str = ""
    _stopping: str = ""
    _pharmacy: str = ""
    _seen_at: datetime = datetime.min.replace(tzinfo=UTC)

    @handler(Permission.VIEW_PATIENTS)
    async def load_form(self, caller: Caller) -> Any:
        """Another patient's page has opened: the form of the one before must not stand over it."""
        here = patient_in_address(self)
        if self._patient_id != here:
            self.contact_open = False
            self.stopping = ""
        reopens = self._over()[0] == "contact" and not self.contact_open
        return self._then("open_contact", here) if reopens else None

    @handler(Permission.ENROLL)
    async def open_contact(self, caller: Caller, patient_id: str) -> None:
        """Open the form with what is known."""
        sheet = await self._read(caller, contact_sheet, patient_id)
        self._patient_id, self._pharmacy, self._seen_at = patient_id, sheet.pharmacy, sheet.changed_at
        self.contact = contact_view(_start(sheet))
        self.contact_open = True

    @handler(Permission.VIEW)
    async def close_contact(self, caller: Caller) -> None:
        """Leave everything as it is."""
        self.contact_open = False

    @handler(Permission.ENROLL)
    async def speak(self, caller: Caller, language: str) -> None:
        """Show the consent in the patient's language."""
        words = wordings(language, self._pharmacy)
        self.contact = cast(ContactView, self.contact | {"wordings": words, "language": spoken(language)})

    @handler(Permission.ENROLL)
    async def save_contact(self, caller: Caller, form: dict[str, Any]) -> Any:
        """Record what was agreed; a number that was changed replaces the one the form began with."""
        sheet = await self._read(caller, contact_sheet, self._patient_id)
        if sheet.changed_at != self._seen_at:
            raise Conflict("Somebody else changed this patient in the meantime. Close this, and look again.")
        filled = read_contacts(form, sheet.pharmacy, sheet.contacts, how="asked anew")
        change = ContactChange(
            contacts=filled.contacts,
            wishes=Wishes(language=filled.language, drug_names_wanted=filled.drug_names),
            preferred_channel=filled.preferred,
            replaced=_shown(sheet),
        )
        await self._command(caller, change_contacts, sheet.patient_id, change, seen_at=self._seen_at)
        self.contact_open = False
        self._say("The contact is changed.")
        return PatientState.poll

    @handler(Permission.ENROLL)
    async def let_go_on(self, caller: Caller, point_id: str) -> Any:
        """The reply was no refusal: what was held goes out."""
        await self._command(caller, decide_hold, point_id, stop=False)
        self._say("Messages to this number go on.")
        return PatientState.poll

    @handler(Permission.ENROLL)
    async def stop_messages(self, caller: Caller, point_id: str) -> Any:
        """The reply was a refusal: nobody at that number gets automated messages any more."""
        await self._command(caller, decide_hold, point_id, stop=True)
        self._say("No more automated messages to this number.")
        return PatientState.poll

    @handler(Permission.ENROLL)
    async def call_it_wrong(self, caller: Caller, point_id: str) -> Any:
        """The reply came from somebody else: nothing automated goes there, whoever has the number is asked."""
        await self._command(caller, call_it_wrong, point_id)
        self._say("Nothing automated goes to this number any more.")
        return PatientState.poll

    @handler(Permission.ENROLL)
    async def confirm_number(self, caller: Caller, point_id: str) -> Any:
        """A number that was taken for a wrong one is the patient's."""
        await self._command(caller, confirm_number, point_id)
        self._say("Messages for this patient go to this number again.")
        return PatientState.poll

    @handler(Permission.ENROLL)
    async def ask_stop(self, caller: Caller, point_id: str, address: str) -> None:
        """Ask before messages to a number or address are stopped."""
        self._stopping, self.stopping = point_id, address

    @handler(Permission.VIEW)
    async def keep_messages(self, caller: Caller) -> None:
        """Stop nothing."""
        self.stopping = ""

    @handler(Permission.ENROLL)
    async def end_messages(self, caller: Caller) -> Any:
        """The patient has asked for no more automated messages."""
        await self._command(caller, end_messages, self._stopping)
        self.stopping = ""
        self._say("No more automated messages go there.")
        return PatientState.poll


def _start(sheet: ContactSheet) -> Start:
    return Start(
        key=f"{sheet.patient_id}-{sheet.changed_at.isoformat()}",
        pharmacy=sheet.pharmacy,
        language=spoken(sheet.language),
        preferred=sheet.preferred_channel,
        drug_names=sheet.drug_names_wanted,
        points=sheet.contacts,
    )


def _shown(sheet: ContactSheet) -> list[tuple[Any, str]]:
    """The numbers and addresses that stand in the form: others of the patient are not touched."""
    shown = [own_point(channel, sheet.contacts) for channel in CHANNELS]
    return [(one.channel, one.address) for one in (*shown, caregiver_of(sheet.contacts)) if one is not None]
