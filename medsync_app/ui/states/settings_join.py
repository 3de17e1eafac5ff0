"""The tab of the public form: its address as a link and a QR code, made anew or closed."""

from medsync_app.auth import runtime
from medsync_app.auth.caller import Caller
from medsync_app.auth.guard import handler
from medsync_app.auth.permissions import Permission
from medsync_app.qr import qr_code
from medsync_app.reads.join import join_link
from medsync_app.services.join import close_link, rotate_link
from medsync_app.settings import get_settings
from medsync_app.ui import format as say
from medsync_app.ui.states.base import AppState
from medsync_app.ui.states.settings_place import one_place, zone_of


class JoinTabState(AppState):
    """The form's address; "" while the form is closed."""

    address: str = ""
    since: str = ""
    qr_path: str = ""
    qr_box: str = "0 0 1 1"
    asking: bool = False
    ready: bool = False

    @handler(Permission.MANAGE_SETTINGS)
    async def open_tab(self, caller: Caller) -> None:
        """Show the address."""
        self.asking = False
        await self._show(caller)

    @handler(Permission.MANAGE_SETTINGS, activity=False)
    async def poll(self, caller: Caller) -> None:
        """Look again when something changed; what is being typed stays."""
        if await self._changed(caller):
            await self._show(caller)

    @handler(Permission.MANAGE_SETTINGS)
    async def make(self, caller: Caller) -> None:
        """Open the form at a new address."""
        said = "The form has a new address." if self.address else "The form is open."
        self.asking = False
        await self._act(caller, said, rotate_link, one_place(caller))

    @handler(Permission.MANAGE_SETTINGS)
    async def ask(self, caller: Caller) -> None:
        """Ask before the printed codes stop working."""
        self.asking = True

    @handler(Permission.MANAGE_SETTINGS)
    async def keep(self, caller: Caller) -> None:
        """Keep the address."""
        self.asking = False

    @handler(Permission.MANAGE_SETTINGS)
    async def shut(self, caller: Caller) -> None:
        """Close the form."""
        await self._act(caller, "The form is closed.", close_link, one_place(caller))

    async def _show(self, caller: Caller) -> None:
        place = one_place(caller)
        found = await self._read(caller, join_link, place)
        self.address, self.since, self.qr_path = "", "", ""
        if found is not None:
            self.address = f"{get_settings().medsync_public_url.rstrip('/')}/join/{found.token}"
            made = say.moment(found.created_at, runtime.clock().now(), zone_of(caller, place))
            self.since = f"Since {made}, by {found.created_by}."
            code = qr_code(self.address)
            self.qr_path, self.qr_box = code.path, f"0 0 {code.size} {code.size}"
        self.ready = True
