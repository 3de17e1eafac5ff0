"""The tab of staff accounts: who works here, with which role."""

from typing import Any, TypedDict

from medsync_app.auth import runtime
from medsync_app.auth.caller import Caller
from medsync_app.auth.guard import handler
from medsync_app.auth.passwords import hash_soon, new_password
from medsync_app.auth.permissions import Permission
from medsync_app.domain.states import Role
from medsync_app.errors import Invalid, MedSyncError
from medsync_app.reads.settings import Member, members
from medsync_app.services.add_user import NewUser, add_user, set_active, set_password, set_role
from medsync_app.ui import format as say
from medsync_app.ui.states.base import AppState
from medsync_app.ui.states.form_fields import text_of
from medsync_app.ui.states.settings_place import one_place, zone_of


class MemberView(TypedDict):
    """One account."""

    id: str
    name: str
    email: str
    role: str
    active: bool
    me: bool
    seen: str


class StaffTabState(AppState):
    """The accounts, and a password that is shown once."""

    rows: list[MemberView] = []
    #: Whose account is asked about, and what would be done (close, open, password).
    asked_id: str = ""
    asked_name: str = ""
    asked: str = ""
    #: A new password and whose it is: shown until the tab is left or closed by hand, kept nowhere else.
    password: str = ""
    password_for: str = ""
    form_key: int = 0
    ready: bool = False

    @handler(Permission.MANAGE_STAFF)
    async def open_tab(self, caller: Caller) -> None:
        """List the accounts."""
        self._clear()
        await self._fill(caller)

    @handler(Permission.MANAGE_STAFF, activity=False)
    async def poll(self, caller: Caller) -> None:
        """Look again when something changed; what is being typed stays."""
        if await self._changed(caller):
            await self._fill(caller)

    @handler(Permission.MANAGE_STAFF)
    async def add(self, caller: Caller, form: dict[str, Any]) -> None:
        """Add an account with a new password."""
        role = text_of(form, "role")
        if role not in list(Role):
            raise Invalid("Choose a role.", "role")
        password = new_password()
        name = text_of(form, "name")
        user = NewUser(text_of(form, "email"), name, Role(role), await hash_soon(password))
        await self._command(caller, add_user, one_place(caller), user)
        self.password, self.password_for = password, " ".join(name.split())
        self.form_key += 1
        self._say("The account is added.")
        await self._fill(caller)

    @handler(Permission.MANAGE_STAFF)
    async def change_role(self, caller: Caller, staff_id: str, role: str) -> None:
        """Give somebody another role; it counts from the next click on."""
        if role not in list(Role):
            raise Invalid("Choose a role.", "role")
        try:
            await self._command(caller, set_role, one_place(caller), staff_id, Role(role))
        except MedSyncError:
            await self._fill(caller)
            raise
        self._say("The role is changed.")
        await self._fill(caller)

    @handler(Permission.MANAGE_STAFF)
    async def ask(self, caller: Caller, what: str, staff_id: str, name: str) -> None:
        """Say what would happen before it is done."""
        self.asked = what if what in ("close", "open", "password") else ""
        self.asked_id, self.asked_name = staff_id, name[:120]

    @handler(Permission.MANAGE_STAFF)
    async def confirm(self, caller: Caller) -> None:
        """Do what was asked about."""
        what, staff_id, name = self.asked, self.asked_id, self.asked_name
        self.asked = ""
        if what == "password":
            password = new_password()
            await self._command(caller, set_password, one_place(caller), staff_id, await hash_soon(password))
            self.password, self.password_for = password, name
            self._say("The password is replaced.")
        elif what in ("close", "open"):
            await self._command(caller, set_active, one_place(caller), staff_id, what == "open")
            self._say("The account is open again." if what == "open" else "The account is closed.")
        await self._fill(caller)

    @handler(Permission.MANAGE_STAFF)
    async def cancel(self, caller: Caller) -> None:
        """Take the question back."""
        self.asked = ""

    @handler(Permission.MANAGE_STAFF)
    async def hide_password(self, caller: Caller) -> None:
        """Forget the password that is shown."""
        self._clear()

    def _clear(self) -> None:
        self.password, self.password_for, self.asked = "", "", ""

    async def _fill(self, caller: Caller) -> None:
        place = one_place(caller)
        found = await self._read(caller, members, place)
        now, zone = runtime.clock().now(), zone_of(caller, place)
        self.rows = [_view(one, caller.staff_id, say.moment(one.last_seen, now, zone)) for one in found]
        self.ready = True


def _view(one: Member, me: str, seen: str) -> MemberView:
    return {
        "id": one.staff_id, "name": one.name, "email": one.email, "role": one.role.value, "active": one.active,
        "me": one.staff_id == me, "seen": seen or "never",
    }  # fmt: skip
