"""The account page: who may take over this workstation by PIN, and whether one has a PIN oneself."""

from typing import Final, TypedDict

from medsync_app.auth.caller import Caller
from medsync_app.auth.guard import handler
from medsync_app.auth.permissions import Permission
from medsync_app.auth.sessions import hash_secret, secret_from_cookies, station_cookie
from medsync_app.reads.account import account
from medsync_app.settings import get_settings
from medsync_app.ui.states.base import AppState

#: What the forms' route says -> in words, and the field it is said at: "" above both forms.
WRONG: Final = {
    "pin": ("The PIN does not fit. After three wrong ones the password is needed.", "pin-"),
    "password": ("The password does not fit. The PIN stays as it was.", "password"),
    "weak": ("Choose a PIN of 4 to 8 digits, not all the same and not in a row.", "pin"),
    "throttled": ("Too many passwords were wrong. Wait a few minutes and try again.", "password"),
    "busy": ("Many people are signing in at this moment. Try again in a few seconds.", ""),
}
DONE: Final = {"saved": "Your PIN is set.", "removed": "Your PIN is removed."}


class PersonView(TypedDict):
    """Somebody who signed in at this workstation today."""

    id: str
    name: str


class AccountState(AppState):
    """Nothing typed rests here: the forms are posted by the browser."""

    loaded: bool = False
    colleagues: list[PersonView] = []
    has_pin: bool = False
    #: What went well, and what did not with the field it concerns ("" when it is none that is shown).
    done: str = ""
    wrong: str = ""
    wrong_field: str = ""

    @handler(Permission.VIEW)
    async def load(self, caller: Caller) -> None:
        """Show who may switch, and what the last form did."""
        await self._show(caller)
        asked = self.router.url.query_parameters
        said = asked.get("said", "")
        self.done = DONE.get(said, "")
        self.wrong, self.wrong_field = WRONG.get(said, ("", ""))
        if self.wrong_field == "pin-":
            # After three wrong ones the colleague's field is there no more.
            who = asked.get("who", "")
            self.wrong_field = f"pin-{who}" if who in [one["id"] for one in self.colleagues] else ""
        self.loaded = True

    @handler(Permission.VIEW, activity=False)
    async def poll(self, caller: Caller) -> None:
        """Show who has signed in here since; sessions are no pharmacy's rows, so each time is a look."""
        await self._show(caller)

    async def _show(self, caller: Caller) -> None:
        settings = get_settings()
        cookies = str(self.router.headers.cookie)
        station = secret_from_cookies(cookies, settings, station_cookie(settings)) or ""
        found = await self._read(caller, account, caller.staff_id, hash_secret(station))
        colleagues: list[PersonView] = [{"id": key, "name": name} for key, name in found.colleagues]
        if (self.colleagues, self.has_pin) != (colleagues, found.has_pin):
            self.colleagues, self.has_pin = colleagues, found.has_pin
