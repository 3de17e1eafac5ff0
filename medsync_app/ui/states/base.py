"""The state all pages share, and the helpers that every page state is built on."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Concatenate, ParamSpec, TypedDict, TypeVar, cast

import reflex as rx
from reflex.istate.proxy import StateProxy

from medsync_app.auth import runtime
from medsync_app.auth.caller import Caller
from medsync_app.auth.guard import handler
from medsync_app.auth.incidents import message_for
from medsync_app.auth.permissions import Permission
from medsync_app.errors import Invalid, MedSyncError
from medsync_app.reads.frame import Frame, frame, revision
from medsync_app.settings import get_settings
from medsync_app.store.scope import Scope
from medsync_app.store.session import Tx
from medsync_app.ui.states.viewing import view_elsewhere

P = ParamSpec("P")
T = TypeVar("T")

MAX_INCIDENT_ID = 16
#: The age of data is said in days from so many hours on.
_DAYS_FROM_HOURS = 72
#: As long as a confirmation is seen (medsync.css); the page that comes next may still show it.
NOTICE_STAYS = timedelta(seconds=12)


class PlaceView(TypedDict):
    """A location the person works at."""

    id: str
    slug: str
    name: str
    role: str


class AppState(rx.State):
    """What the frame shows; page states derive from it.

    How to write a page state::

        class TodayState(AppState):
            rows: list[RowView] = []      # display values only: str, int, bool, TypedDict; never a table row
            loading: bool = True

            @handler(Permission.VIEW_PATIENTS)                    # on_load=[AppState.open_page, TodayState.load]
            async def load(self, caller: Caller) -> None:
                await self._show(caller)

            @handler(Permission.VIEW, activity=False)             # polling: never counts as activity
            async def poll(self, caller: Caller) -> None:
                if await self._changed(caller):
                    await self._show(caller)

            @handler(Permission.PREPARE)
            async def mark_ready(self, caller: Caller, cycle_id: str, version: int) -> None:
                await self._act(caller, "Marked ready.", mark_ready, cycle_id, expected_version=version)

            async def _show(self, caller: Caller) -> None:        # helpers start with "_": anything else is public
                rows = await self._read_here(caller, today_rows, today=...)
                self.rows = [_view(row) for row in rows]
                self.loading = False

    - `caller` is put in by the guard; the page writes `on_click=TodayState.mark_ready(row.id, row.version)`.
    - Annotate every argument (str, int, float, bool, date, an enum, list, dict, X | None): it is checked by
    that.
    - Raise or let through a MedSyncError: the guard puts its message into `problem` (and `problem_field`).
    - `_read` and `_command` call `fn(tx, *args, **kwargs)` in a thread. The scope holds only the pharmacies
    where the handler's permission holds; rows of others are NotFound. `_read_here` narrows it to the location
    in the address.
    - `caller.scope_for(...)`, `caller.may(...)` answer for other permissions; `runtime.clock().now()` is the
    time.
    - A long piece of work: `@handler(..., background=True)`, state changes inside `async with self:`.
    """

    who: str = ""
    places: list[PlaceView] = []
    #: Slug and name of the location in the address (`?at=slug`); "" and "All locations" for all.
    at: str = ""
    at_name: str = ""
    #: This view at another location, but for its `at`.
    elsewhere: str = "/"
    #: What the person may do at the locations shown: `AppState.permissions.contains("import_data")`.
    permissions: list[str] = []
    #: The roles held at the locations shown, such as "Pharmacist".
    role: str = ""
    sandbox: bool = True
    open_exceptions: int = 0
    #: A warning when imported data is old, else "".
    data_stale: str = ""
    #: The error of the last action and the field it concerns; shown where the mistake is.
    problem: str = ""
    problem_field: str = ""
    #: The confirmation of the last action, for the one live region; its number makes equal texts be read
    #: again.
    notice: str = ""
    notice_number: int = 0
    #: True once `open_page` has filled the frame.
    opened: bool = False

    _said_at: datetime = datetime.min.replace(tzinfo=UTC)
    _session_hash: str = ""
    _seen: dict[str, int] = {}
    #: The state that could not be read, and what was said of it.
    _unread: tuple[str, str] = ("", "")

    @handler(Permission.VIEW)
    async def open_page(self, caller: Caller) -> None:
        """Fill the frame; the first on_load handler of every page. What was said long ago is not said again there."""
        if self.notice and runtime.clock().now() - self._said_at > NOTICE_STAYS:
            self.notice = ""
        await self._fill_frame(caller)

    @handler(Permission.VIEW, activity=False)
    async def poll_frame(self, caller: Caller) -> None:
        """Refresh the frame when something changed; also notices an idle session. Polled by the shell."""
        if await self._changed(caller, "frame"):
            await self._fill_frame(caller)

    @handler(Permission.VIEW)
    async def dismiss_problem(self, caller: Caller) -> None:
        """Close the error region (the guard cleared it)."""

    @handler(Permission.VIEW)
    async def dismiss_notice(self, caller: Caller) -> None:
        """Empty the live region."""
        self.notice = ""

    @handler(Permission.VIEW, activity=False)
    async def show_incident(self, caller: Caller, incident_id: str) -> None:
        """Show the id of an error that no handler answered for (ui/failures.py), in the page's error region."""
        if len(incident_id) > MAX_INCIDENT_ID or not incident_id.isalnum():
            raise Invalid("This is no id of an error.")
        self.problem = message_for(incident_id)
        self.problem_field = ""

    async def _fill_frame(self, caller: Caller) -> None:
        facts = await self._read_here(caller, frame)
        self.who = caller.name
        self.places = [
            PlaceView(id=place.id, slug=place.slug, name=place.name, role=place.role.value)
            for place in caller.places
        ]
        self.at = caller.selected.slug if caller.selected else ""
        self.at_name = caller.selected.name if caller.selected else "All locations"
        self.elsewhere = view_elsewhere(str(self.router.url.path), self.router.url.query_parameters)
        self.permissions = [permission.value for permission in Permission if caller.may(permission)]
        self.role = ", ".join(sorted({place.role.value.capitalize() for place in caller.shown}))
        self.sandbox = not get_settings().live
        self.open_exceptions = facts.open_exceptions
        self.data_stale = _stale(facts, runtime.clock().now())
        self.opened = True

    async def _read(
        self, caller: Caller, fn: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """`fn(tx, ...)` in a reading transaction, in a thread."""
        return await asyncio.to_thread(_reading, caller.scope, fn, *args, **kwargs)

    async def _read_here(
        self, caller: Caller, fn: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Like `_read`, of the location in the address only; Forbidden when the permission does not hold
        there.
        """
        return await asyncio.to_thread(_reading, caller.scope_here, fn, *args, **kwargs)

    async def _command(
        self, caller: Caller, fn: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """`fn(tx, ...)` in a writing transaction, in a thread; committed when it returns, undone when it
        raises.
        """
        return await asyncio.to_thread(_writing, caller.scope, fn, *args, **kwargs)

    async def _changed(self, caller: Caller, what: str = "") -> bool:
        """True when something changed since this state last asked (`what` tells two askers of one state
        apart).
        """
        name = what or self.__class__.__name__
        now = await self._read(caller, revision)
        before = self._seen.get(name)
        if before != now:
            self._seen = {**self._seen, name: now}
        return before != now

    async def _show(self, caller: Caller) -> None:
        """Read and show the page anew; a page that acts on what it shows has its own."""
        raise NotImplementedError

    async def _act(
        self,
        caller: Caller,
        said: str | None,
        fn: Callable[Concatenate[Tx, P], object],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> None:
        """Run a command, say so (None: in the command's own words), and show the page as it is then.

        A refusal shows it too, for somebody else may have changed it, but not a mistake in a form: what was typed
        stays.
        """
        try:
            done = await self._command(caller, fn, *args, **kwargs)
        except MedSyncError as refused:
            if not isinstance(refused, Invalid):
                await self._show(caller)
            raise
        self._say(str(done) if said is None else said)
        await self._show(caller)

    def _over(self) -> tuple[str, str]:
        """What lies over the page by its address (`?over=call.ID`; assets/drafts.js writes it): its name and the id."""
        name, _, about = str(self.router.url.query_parameters.get("over", "")).partition(".")
        return name, about

    def _then(self, name: str, *args: str) -> Any:
        """The event that runs another handler of this state after this one, with all its checks."""
        return getattr(type(self), name)(*args)

    def _say(self, text: str) -> None:
        """Confirm what was done in the live region."""
        self.notice, self._said_at = text, runtime.clock().now()
        self.notice_number += 1

    def _bind(self, session_hash: str) -> None:
        """Remember whose session fills this state; what another one left is emptied first."""
        if self._session_hash != session_hash:
            if self._session_hash:
                self._forget()
            self._session_hash = session_hash

    def _fail(self, problem: str, field: str, *, polled: bool, unread: bool) -> None:
        """Show what went wrong; a poll overwrites nothing that is said already.

        What could not be read (`unread`) is read by the next poll, whether it changed or not.
        """
        if unread:
            self._seen = {}
        if not (polled and self.problem):
            self.problem, self.problem_field = problem, field
            self._unread = (self.__class__.__name__, problem) if unread else ("", "")

    def _poll_went_well(self) -> None:
        """Take back what was said when this state could not be read."""
        if self._unread == (self.__class__.__name__, self.problem) and getattr(self, "loaded", True):
            self.problem, self._unread = "", ("", "")

    def _forget(self) -> None:
        """Empty every state of this browser tab, so that nothing stays for who comes next."""
        _empty_tree(self)


def _empty_tree(state: Any) -> None:
    inside = state.__wrapped__ if isinstance(cast(object, state), StateProxy) else state
    root = inside._get_root_state()
    hydrated = root.is_hydrated
    root.reset()
    root.is_hydrated = hydrated


def _reading(scope: Scope, fn: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    with runtime.database().reading(scope, runtime.clock()) as tx:
        return fn(tx, *args, **kwargs)


def _writing(scope: Scope, fn: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    with runtime.database().transaction(scope, runtime.clock()) as tx:
        return fn(tx, *args, **kwargs)


def _stale(facts: Frame, now: datetime) -> str:
    """The warning about old data, "" when none is."""
    ages = [now - item.data_as_of for item in facts.freshness if item.stale and item.data_as_of is not None]
    if not ages:
        return ""
    hours = int(max(ages).total_seconds() // 3600)
    age = f"{hours} hours" if hours < _DAYS_FROM_HOURS else f"{hours // 24} days"
    return (
        f"The dispensing data is {age} old: pickup follow-ups are held. "
        "Import a new export before you rely on what is shown."
    )
