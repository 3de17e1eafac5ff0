"""The agreements on the tab of connections: with whom one was signed, and when."""

from collections.abc import Mapping
from typing import Any, Final, TypedDict

from medsync_app.auth.caller import Caller
from medsync_app.auth.guard import handler
from medsync_app.auth.permissions import Permission
from medsync_app.errors import Invalid
from medsync_app.reads.settings import agreements
from medsync_app.services.agreements import Carrier, set_agreement
from medsync_app.ui.states.base import AppState
from medsync_app.ui.states.form_fields import optional_day, text_of
from medsync_app.ui.states.settings_place import one_place

_CARRIES: Final[Mapping[Carrier, tuple[str, str]]] = {
    Carrier.TWILIO: ("Twilio", "Texts and calls to patients"),
    Carrier.MAIL: ("E-mail provider", "E-mails to patients, and renewal requests by e-mail"),
    Carrier.RINGCENTRAL: ("RingCentral", "Renewal requests by fax"),
    Carrier.PORTAL: ("Prescriber portal", "Renewal requests"),
}


class AgreementView(TypedDict):
    """One carrier; `field` is the name of its input, `day` what it starts with."""

    id: str
    name: str
    carries: str
    field: str
    day: str
    key: str


class AgreementsState(AppState):
    """Without an agreement nothing of a patient leaves that way."""

    carriers: list[AgreementView] = []

    @handler(Permission.MANAGE_SETTINGS)
    async def load_agreements(self, caller: Caller) -> None:
        """Show them; nothing while no location is chosen."""
        if self.router.url.query_parameters.get("tab", "") == "connections" and len(caller.shown) == 1:
            await self._show(caller)

    @handler(Permission.MANAGE_SETTINGS, activity=False)
    async def poll(self, caller: Caller) -> None:
        """Look again when something changed; a day that is being typed stays."""
        if len(caller.shown) == 1 and await self._changed(caller):
            await self._show(caller)

    @handler(Permission.MANAGE_SETTINGS)
    async def save_agreement(self, caller: Caller, form: dict[str, Any]) -> None:
        """Record the day; an empty one says that there is no agreement."""
        chosen = text_of(form, "carrier")
        if chosen not in list(Carrier):
            raise Invalid("There is no such connection. Reload the page.")
        carrier = Carrier(chosen)
        on = optional_day(form, f"signed_{carrier.value}")
        said = (
            "The agreement is on record." if on else "No agreement is on record: nothing goes out that way."
        )
        await self._act(caller, said, set_agreement, one_place(caller), carrier, on)

    async def _show(self, caller: Caller) -> None:
        found = await self._read(caller, agreements, one_place(caller))
        self.carriers = [
            {
                "id": carrier.value, "name": name, "carries": carries, "field": f"signed_{carrier.value}",
                "day": (day.isoformat() if day else ""), "key": f"{carrier.value}-{day}",
            }
            for carrier, (name, carries) in _CARRIES.items()
            for day in (found[carrier],)
        ]  # fmt: skip
