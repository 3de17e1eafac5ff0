"""Events of the pharmacy system that could not be used, on the tab of connections."""

from typing import Final, TypedDict

from medsync_app.auth import runtime
from medsync_app.auth.caller import Caller
from medsync_app.auth.guard import handler
from medsync_app.auth.permissions import Permission
from medsync_app.reads.unused_events import UnusedEvent, unused_events
from medsync_app.services.unused_event import look_at_event, put_event_aside, try_event_again
from medsync_app.ui import format as say
from medsync_app.ui.states.base import AppState
from medsync_app.ui.states.settings_place import one_place, zone_of

_SENDERS: Final = {"pharmacy_system": "Pharmacy system", "pioneerrx": "PioneerRx"}


class EventView(TypedDict):
    """One event; nothing of a patient stands here."""

    id: str
    kind: str
    sender: str
    external_id: str
    received: str
    problem: str
    state: str


class SaidView(TypedDict):
    """One value of the event that is looked at, and where it stood."""

    place: str
    value: str


class EventsState(AppState):
    """The list, and what the event says that is looked at ("" none)."""

    events: list[EventView] = []
    more: str = ""
    looked_at: str = ""
    said: list[SaidView] = []

    @handler(Permission.MANAGE_SETTINGS)
    async def load_events(self, caller: Caller) -> None:
        """Show them; nothing while no location is chosen."""
        self.looked_at, self.said = "", []
        if self.router.url.query_parameters.get("tab", "") == "connections" and len(caller.shown) == 1:
            await self._show(caller)

    @handler(Permission.MANAGE_SETTINGS, activity=False)
    async def poll_events(self, caller: Caller) -> None:
        """What comes, and what the loop works, appears by itself."""
        if len(caller.shown) == 1 and await self._changed(caller):
            await self._show(caller)

    @handler(Permission.MANAGE_SETTINGS)
    async def look(self, caller: Caller, event_id: str) -> None:
        """Show what an event says, or hide it again."""
        opened = self.looked_at != event_id
        self.looked_at, self.said = "", []
        if opened:
            said = await self._command(caller, look_at_event, one_place(caller), event_id)
            self.looked_at = event_id
            self.said = [{"place": place, "value": value} for place, value in said]

    @handler(Permission.MANAGE_SETTINGS)
    async def try_again(self, caller: Caller, event_id: str) -> None:
        """Let the loop work it anew."""
        await self._act(
            caller, "It is tried again now. Should it fail, it comes back with the reason.",
            try_event_again, one_place(caller), event_id,
        )  # fmt: skip

    @handler(Permission.MANAGE_SETTINGS)
    async def put_aside(self, caller: Caller, event_id: str) -> None:
        """It is of no use."""
        await self._act(caller, "Put aside.", put_event_aside, one_place(caller), event_id)

    async def _show(self, caller: Caller) -> None:
        place = one_place(caller)
        found = await self._read(caller, unused_events, place)
        now, zone = runtime.clock().now(), zone_of(caller, place)
        self.events = [_view(one, say.moment(one.received_at, now, zone)) for one in found.rows]
        more = found.count - len(found.rows)
        self.more = f"{more} older ones are not shown." if more else ""
        if all(one.id != self.looked_at for one in found.rows):
            self.looked_at, self.said = "", []


def _view(one: UnusedEvent, received: str) -> EventView:
    return {
        "id": one.id, "kind": one.kind, "sender": _SENDERS.get(one.source, one.source),
        "external_id": one.external_id, "received": received, "problem": one.problem,
        "state": "Waits" if one.waits else "Not used",
    }  # fmt: skip
