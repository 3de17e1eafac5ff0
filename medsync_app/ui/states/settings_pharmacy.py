"""The tab of the pharmacy's own settings."""

from collections.abc import Mapping
from typing import Any, Final, TypedDict

from medsync_app.auth.caller import Caller
from medsync_app.auth.guard import handler
from medsync_app.auth.permissions import Permission
from medsync_app.reads.settings import PharmacyFacts, pharmacy_facts
from medsync_app.services.update_pharmacy import (
    FLAGS,
    PLAN_FLAGS,
    RULES,
    WEEKDAYS,
    read_settings,
    update_pharmacy,
)
from medsync_app.ui import format as say
from medsync_app.ui.states.base import AppState
from medsync_app.ui.states.settings_place import one_place

#: What each field of the form is called.
LABELS: Final[Mapping[str, str]] = {
    "name": "Name", "phone": "Phone", "address": "Address", "reply_to_email": "E-mail for replies",
    "contact_from": "Messages from", "contact_until": "Messages until", "daily_capacity": "Batches a day",
    **{name: words[0] for name, words in (*RULES.items(), *FLAGS.items(), *PLAN_FLAGS.items())},
}  # fmt: skip


class DayView(TypedDict):
    """The hours of one weekday."""

    name: str
    opens_name: str
    closes_name: str
    opens: str
    closes: str


class PharmacyTabState(AppState):
    """The form as it was last read or saved; what is being typed stays in the browser."""

    values: dict[str, str] = {}
    days: list[DayView] = []
    zone: str = ""
    #: Another value starts the form anew.
    form_key: str = ""
    #: What somebody else changed while the form was open; "" while nobody did.
    changed: str = ""
    ready: bool = False

    _saved: int = 0
    #: Tells the settings that the form began with from later ones.
    _seen_as: str = ""

    @handler(Permission.MANAGE_SETTINGS)
    async def open_tab(self, caller: Caller) -> None:
        """Fill the form."""
        self.ready = False
        await self._fill(caller)

    @handler(Permission.MANAGE_SETTINGS, activity=False)
    async def poll(self, caller: Caller) -> None:
        """Say what somebody else has changed, and show it in the fields that nobody has touched here."""
        if not self.ready or not await self._changed(caller):
            return
        found = await self._read(caller, pharmacy_facts, one_place(caller))
        if found.mark != self._seen_as:
            self.changed = self._different(found)
            self._show_facts(found)

    @handler(Permission.MANAGE_SETTINGS)
    async def save(self, caller: Caller, form: dict[str, Any]) -> None:
        """Check and keep the settings."""
        changed = await self._command(
            caller, update_pharmacy, one_place(caller), read_settings(form), seen=self._seen_as
        )
        self._saved += 1
        self._say("Settings saved." if changed else "Nothing was different.")
        await self._fill(caller)

    async def _fill(self, caller: Caller) -> None:
        found = await self._read(caller, pharmacy_facts, one_place(caller))
        self._show_facts(found)
        self.form_key, self.changed = f"{found.id}-{self._saved}", ""
        self.ready = True

    def _show_facts(self, found: PharmacyFacts) -> None:
        self.values, self._seen_as = _values(found), found.mark
        self.days = [_day(found, day) for day in range(7)]
        self.zone = found.zone

    def _different(self, found: PharmacyFacts) -> str:
        """The labels of what is not as the form has it."""
        values, days = _values(found), [_day(found, day) for day in range(7)]
        names = [LABELS[name] for name, value in values.items() if value != self.values[name]]
        return ", ".join(names + [WEEKDAYS[day] for day in range(7) if days[day] != self.days[day]])


def _values(found: PharmacyFacts) -> dict[str, str]:
    return {
        "name": found.name, "phone": say.phone(found.phone), "address": found.address,
        "reply_to_email": found.reply_to_email, "contact_from": found.contact_from,
        "contact_until": found.contact_until,
        "daily_capacity": "" if found.daily_capacity is None else str(found.daily_capacity),
        **{name: str(value) for name, value in found.rules.items()},
    }  # fmt: skip


def _day(found: PharmacyFacts, day: int) -> DayView:
    opens, closes = found.hours.get(day, ("", ""))
    return {
        "name": WEEKDAYS[day], "opens_name": f"opens_{day}", "closes_name": f"closes_{day}", "opens": opens,
        "closes": closes,
    }  # fmt: skip
