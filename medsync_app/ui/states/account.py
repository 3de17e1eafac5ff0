"""The account page: who may take over this workstation by PIN, and whether one has a PIN oneself."""

from typing import Final, TypedDict

from medsync_app.auth.caller import Caller
from medsync_app.auth.guard import handler
from medsync_app.auth.permissions import Permission
from medsync_app.auth.sessions import hash_secret, secret_from_cookies, station_cookie
from medsync_app.reads.account import account
from medsync_app.settings import get_settings
from medsync_app.ui.states.base import AppState

#: What the forms' route says -> in words, and whether it went well.
SAID: Final = {
    "pin": ("The PIN does not fit. After three wrong ones the password is needed.", False),
    "password": ("The password does not fit. The PIN stays as it was.", False),
    "weak": ("Choose a PIN of 4 to 8 digits, not all the same and not in a row.", False),
    "throttled": ("Too many passwords were wrong. Wait a few minutes and try again.", False),
    "busy": ("Many people are signing in at this moment. Try again in a few seconds.", False),
    "saved": ("Your PIN is set.", True),
    "removed": ("Your PIN is removed.", True),
}


class PersonView(TypedDict):
    """Somebody who signed in at this workstation today."""

    id: str
    name: str


class AccountState(AppState):
    """Nothing typed rests here: the forms are posted by the browser."""

    loaded: bool = False
    colleagues: list[PersonView] = []
    has_pin: bool = False
    said: str = ""
    said_well: bool = False

    @handler(Permission.VIEW)
    async def load(self, caller: Caller) -> None:
        """Show who may switch, and what the last form did."""
        settings = get_settings()
        cookies = str(self.router.headers.cookie)
        station = secret_from_cookies(cookies, settings, station_cookie(settings)) or ""
        found = await self._read(caller, account, caller.staff_id, hash_secret(station))
        self.colleagues = [{"id": key, "name": name} for key, name in found.colleagues]
        self.has_pin = found.has_pin
        self.said, self.said_well = SAID.get(self.router.url.query_parameters.get("said", ""), ("", True))
        self.loaded = True
