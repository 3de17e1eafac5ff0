"""The calendar: reads the visible days, opens a batch beside them, and moves it after showing what changes."""

from collections.abc import Callable
from datetime import date
from typing import Any, Final

import reflex as rx

from medsync_app.auth import runtime
from medsync_app.auth.caller import Caller
from medsync_app.auth.guard import handler
from medsync_app.auth.permissions import Permission
from medsync_app.clock import local_day
from medsync_app.errors import Invalid, NotFound
from medsync_app.reads.batch import BatchView, batch_view
from medsync_app.reads.calendar import GROUPS, calendar_days
from medsync_app.services.approve_plan import approve
from medsync_app.services.confirm_pickup import confirm_pickup, undo_pickup
from medsync_app.services.mark_ready import mark_all_ready, mark_ready, undo_ready
from medsync_app.services.pause import pause
from medsync_app.services.reschedule import preview_move, reschedule
from medsync_app.ui.states.base import AppState
from medsync_app.ui.states.batch_panel import NO_PANEL, PanelView, panel_view
from medsync_app.ui.states.calendar_view import MOST_IN_MONTH, VIEWS, day_views, event_views, month_days
from medsync_app.ui.states.form_fields import day_or_none
from medsync_app.ui.states.move_dialog import NO_MOVE, MoveView, move_view
from medsync_app.ui.states.ready_part import parts_ready
from medsync_app.ui.states.viewing import viewer

_MONTH: Final = VIEWS[0]


class CalendarState(AppState):
    """The visible days, the open batch, and the dialogs over them."""

    loaded: bool = False
    events: list[dict[str, Any]] = []
    days: dict[str, dict[str, str]] = {}
    total: int = 0
    #: False until the visible days could be read: an empty calendar must not look like one without batches.
    days_read: bool = False
    group: str = ""
    #: Filter -> where it leads, with the days that are shown.
    group_hrefs: dict[str, str] = dict.fromkeys(("", *GROUPS), "/calendar")
    #: What the calendar starts with ("": what suits the screen); a new `shown_key` makes it start anew.
    start_view: str = ""
    start_date: str = ""
    shown_key: int = 0

    panel: PanelView = NO_PANEL
    panel_open: bool = False
    part_open: bool = False
    pause_open: bool = False
    pause_reason: str = ""
    pause_other: str = ""
    #: "ready" or "pickup" while the last act can be taken back.
    undo_kind: str = ""

    move_open: bool = False
    moving_id: str = ""
    moving_name: str = ""
    moving_day: str = ""
    move_from: str = ""
    move_reason: str = ""
    move: MoveView = NO_MOVE

    _first: str = ""
    _end: str = ""
    _kind: str = ""
    _view: str = _MONTH
    _current: str = ""
    _move_version: int = 0
    _enrollment_version: int = 0
    #: What the chips were read for, so that following the address does not read them twice.
    _shown_for: tuple[str, ...] = ()
    _undo_cycle: str = ""
    #: Why the batch in the address could not be opened.
    _not_found: str = ""

    @handler(Permission.VIEW_PATIENTS)
    async def load(self, caller: Caller) -> Any:
        """Show what the address names: ?d=2026-12-01&view=listAhead&state=ready&cycle=ID."""
        asked = self.router.url.query_parameters
        group = asked.get("state", "")
        self.group = group if group in GROUPS else ""
        view, day = asked.get("view", ""), day_or_none(asked.get("d", ""))
        view = view if view in VIEWS else ""
        kind = view or _MONTH
        current = day.isoformat() if day else ""
        if not self.loaded or (kind, current) != (self._view, self._current):
            self.start_view, self.start_date = view, current or self._today(caller)
            self._view, self._current = kind, current
            self._guess_days(kind)
            self.shown_key += 1
        self._link_groups()
        self._not_found = ""
        try:
            await self._open(caller, asked.get("cycle", ""))
        except NotFound as error:
            self._not_found, self.loaded = error.message, True
            raise
        if await self._changed(caller) or self._shown_for != self._wanted(caller):
            await self._show(caller)
        self.loaded = True
        return self._reopened()

    @handler(Permission.VIEW_PATIENTS)
    async def show_days(
        self, caller: Caller, first: str, end: str, kind: str, current: str, drawn: str = ""
    ) -> Any:
        """The calendar shows other days: read them, and let the address say so.

        `drawn` is the `shown_key` it was drawn with: what an earlier drawing says, of a page that was opened before in
        this tab, must not lead away from the days that the address names.
        """
        if drawn not in ("", str(self.shown_key)):
            return None
        days = [day_or_none(day) for day in (first, end, current)]
        if kind not in VIEWS or None in days:
            raise Invalid("The calendar has no such days. Reload the page.")
        self._first, self._end, self._kind = first, end, kind
        if self._shown_for != self._wanted(caller):
            self.days_read = False
        if await self._changed(caller) or not self.days_read:
            await self._show(caller)
        by_itself = kind == _MONTH and current[:7] == self._today(caller)[:7]
        asked = "" if by_itself else current
        moved = (kind, asked) != (self._view, self._current)
        # The calendar calls by itself when it is drawn: that must not wipe off what the address was told.
        self.problem = "" if moved else self._not_found
        self._view, self._current = kind, asked
        # For a reload: a calendar that is drawn already does not look at where it started.
        self.start_view, self.start_date = "" if kind == _MONTH else kind, current
        self._link_groups()
        return rx.redirect(self._address(), replace=True) if moved else None

    @handler(Permission.VIEW_PATIENTS, activity=False)
    async def poll(self, caller: Caller) -> None:
        """Look again when something changed."""
        if await self._changed(caller):
            await self._show(caller)
            if self.panel_open and not self.part_open:
                await self._open(caller, self.panel["id"])

    @handler(Permission.VIEW_PATIENTS)
    async def open_batch(self, caller: Caller, chip_id: str) -> Any:
        """A chip was clicked: open its batch, or the sheet of a day with many."""
        if chip_id.startswith("day:"):
            return rx.redirect(self._with_place(f"/calendar/day?d={chip_id.removeprefix('day:')}"))
        await self._open(caller, chip_id)
        return rx.redirect(self._address(cycle=chip_id), replace=True)

    @handler(Permission.VIEW)
    async def close_batch(self, caller: Caller) -> Any:
        """Close the panel."""
        self.panel_open, self.part_open = False, False
        return rx.redirect(self._address(), replace=True)

    @handler(Permission.APPROVE_PLAN)
    async def approve(self, caller: Caller) -> None:
        """A pharmacist approves the plan of the open batch."""
        await self._act_on(caller, "Plan approved.", approve, self.panel["id"], self.panel["version"])

    @handler(Permission.PREPARE)
    async def ready(self, caller: Caller) -> None:
        """The whole batch is ready."""
        cycle_id = self.panel["id"]
        await self._act_on(caller, None, mark_all_ready, cycle_id, self.panel["version"])
        self.undo_kind, self._undo_cycle = "ready", cycle_id

    @handler(Permission.VIEW)
    async def toggle_part(self, caller: Caller) -> None:
        """Open or close the form for a part."""
        self.part_open = not self.part_open

    @handler(Permission.PREPARE)
    async def ready_part(self, caller: Caller, form: dict[str, Any]) -> None:
        """Part of the batch is ready; the rest says what is missing."""
        items, problems = parts_ready(form, self.panel)
        cycle_id = self.panel["id"]
        await self._act_on(
            caller, "Saved what is ready.", mark_ready, cycle_id, self.panel["version"], items=items,
            problems=problems,
        )  # fmt: skip
        self.part_open = False
        self.undo_kind, self._undo_cycle = ("ready", cycle_id) if items else ("", "")

    @handler(Permission.PREPARE)
    async def picked_up(self, caller: Caller) -> None:
        """The patient fetched what was ready."""
        cycle_id = self.panel["id"]
        await self._act_on(caller, "Picked up.", confirm_pickup, cycle_id, self.panel["version"])
        self.undo_kind, self._undo_cycle = "pickup", cycle_id

    @handler(Permission.PREPARE)
    async def undo(self, caller: Caller) -> None:
        """Take back the last ready or pickup."""
        kind, cycle_id = self.undo_kind, self._undo_cycle
        if kind not in ("ready", "pickup"):
            raise Invalid("There is nothing to take back.")
        found = await self._read(caller, batch_view, cycle_id)
        take_back = undo_ready if kind == "ready" else undo_pickup
        await self._act_on(caller, "Taken back.", take_back, cycle_id, found.version)

    @handler(Permission.VIEW)
    async def ask_pause(self, caller: Caller) -> None:
        """Ask before pausing."""
        self.pause_reason, self.pause_other = "", ""
        self.pause_open = True

    @handler(Permission.VIEW)
    async def keep_active(self, caller: Caller) -> None:
        """Do not pause after all."""
        self.pause_open = False

    @handler(Permission.ENROLL)
    async def say_why(self, caller: Caller, reason: str) -> None:
        """Why the patient pauses: one of the choices, or "other" for words of one's own."""
        self.pause_reason = reason

    @handler(Permission.ENROLL)
    async def say_why_else(self, caller: Caller, text: str) -> None:
        """The reason in words of one's own."""
        self.pause_other = text.strip()

    @handler(Permission.ENROLL)
    async def pause(self, caller: Caller) -> None:
        """Pause the enrollment of the open batch."""
        reason = self.pause_other if self.pause_reason == "other" else self.pause_reason
        found = await self._read(caller, batch_view, self.panel["id"])
        await self._command(
            caller, pause, found.enrollment_id, expected_version=self._enrollment_version, reason=reason
        )
        self.pause_open = False
        self._say("Paused: nothing is prepared or sent until the patient goes on.")
        await self._open(caller, found.cycle_id)
        await self._show(caller)

    @handler(Permission.MOVE_CYCLE)
    async def drop(self, caller: Caller, chip_id: str, day: str) -> None:
        """A chip was dropped on another day (it has gone back): show what moving it would change."""
        wanted = day_or_none(day)
        found = await self._read(caller, batch_view, chip_id)
        if wanted is not None and found.day != wanted:
            self._begin_move(found)
            await self._look_at_day(caller, wanted)

    @handler(Permission.MOVE_CYCLE)
    async def ask_move(self, caller: Caller) -> None:
        """Move by keyboard: ask for the day."""
        self._begin_move(await self._read(caller, batch_view, self.panel["id"]))

    @handler(Permission.MOVE_CYCLE)
    async def try_day(self, caller: Caller, day: str) -> None:
        """Another day was chosen in the dialog."""
        wanted = day_or_none(day)
        if wanted is None:
            self.move = NO_MOVE
            return
        await self._look_at_day(caller, wanted)

    @handler(Permission.VIEW)
    async def cancel_move(self, caller: Caller) -> None:
        """Leave the batch where it is."""
        self.move_open = False

    @handler(Permission.MOVE_CYCLE)
    async def give_reason(self, caller: Caller, text: str) -> None:
        """Why a rule is broken."""
        self.move_reason = text.strip()

    @handler(Permission.MOVE_CYCLE)
    async def confirm_move(self, caller: Caller) -> None:
        """Move the batch to the day that the dialog shows."""
        day, reason = day_or_none(self.moving_day), self.move_reason
        if day is None:
            raise Invalid("Choose a day.", "new_date")
        await self._command(
            caller, reschedule, self.moving_id, day, expected_version=self._move_version,
            override_reason=reason or None,
        )  # fmt: skip
        self.move_open = False
        self._say(f"Moved to {self.move['day']}." if self.move["day"] else "Moved.")
        if self.panel_open:
            await self._open(caller, self.moving_id)
        await self._show(caller)

    def _reopened(self) -> Any:
        """What the address says lies over the calendar."""
        over, about = self._over()
        cycle_id, _, day = about.partition(".")
        if over in ("part", "pause") and self.panel_open and not (self.part_open or self.pause_open):
            return self._then("toggle_part" if over == "part" else "ask_pause")
        if over == "move" and not self.move_open and (day or self.panel_open):
            return self._then("drop", cycle_id, day) if day else self._then("ask_move")
        return None

    def _begin_move(self, found: BatchView) -> None:
        view = panel_view(found, runtime.clock().now(), _NOTHING)
        self.moving_id, self._move_version = found.cycle_id, found.version
        self.moving_name, self.move_from = view["name"], view["day"]
        self.moving_day, self.move_reason, self.move = "", "", NO_MOVE
        self.move_open = True

    async def _look_at_day(self, caller: Caller, day: date) -> None:
        self.moving_day, self.move = day.isoformat(), NO_MOVE
        found = await self._read(caller, batch_view, self.moving_id)
        preview = await self._read(caller, preview_move, self.moving_id, day)
        self.move = move_view(preview, found.place.today, found.place.zone)

    async def _act_on(
        self,
        caller: Caller,
        said: str | None,
        fn: Callable[..., Any],
        cycle_id: str,
        version: int,
        **more: Any,
    ) -> None:
        """Run a command on a batch, say so (None: in its own words), and show everything as it is then.

        Also when it was refused.
        """
        self.undo_kind = ""
        try:
            done = await self._command(caller, fn, cycle_id, expected_version=version, **more)
            self._say(str(done) if said is None else said)
        finally:
            if self.panel_open:
                await self._open(caller, cycle_id)
            await self._show(caller)

    async def _open(self, caller: Caller, cycle_id: str) -> None:
        """Fill the panel, or close it for ""."""
        if not cycle_id:
            self.panel_open, self.part_open = False, False
            return
        if cycle_id != self.panel["id"]:
            self.part_open = False
        found = await self._read(viewer(caller), batch_view, cycle_id)
        may = {
            name: caller.may(permission, found.place.id)
            for name, permission in (
                ("approve", Permission.APPROVE_PLAN), ("prepare", Permission.PREPARE),
                ("move", Permission.MOVE_CYCLE), ("enroll", Permission.ENROLL),
            )
        }  # fmt: skip
        self.panel = panel_view(found, runtime.clock().now(), may)
        self._enrollment_version = found.enrollment_version
        self.panel_open = True

    def _guess_days(self, kind: str) -> None:
        """The days a month begins with, so that they are read before the calendar is drawn and asks for them."""
        self._first, self._end, self._kind = "", "", kind
        if kind == _MONTH:
            first, end = month_days(date.fromisoformat(self.start_date))
            self._first, self._end = first.isoformat(), end.isoformat()

    async def _show(self, caller: Caller) -> None:
        if not self._first:
            return
        first, end = date.fromisoformat(self._first), date.fromisoformat(self._end)
        most = MOST_IN_MONTH if self._kind == _MONTH else None
        month = await self._read_here(viewer(caller), calendar_days, first, end, group=self.group, most=most)
        self.events = event_views(month, may_move=caller.may(Permission.MOVE_CYCLE))
        self.days = day_views(month)
        self.total = month.total
        self._shown_for = self._wanted(caller)
        self.days_read = True

    def _wanted(self, caller: Caller) -> tuple[str, ...]:
        return (
            self.group,
            caller.selected.slug if caller.selected else "",
            self._first,
            self._end,
            self._kind,
        )

    def _today(self, caller: Caller) -> str:
        zone = caller.shown[0].zone if caller.shown else "UTC"
        return local_day(runtime.clock().now(), zone).isoformat()

    def _link_groups(self) -> None:
        view = self._view if self._view != _MONTH else ""
        # `filter_link` adds the location itself.
        self.group_hrefs = {
            group: _joined(d=self._current, view=view, state=group) for group in ("", *GROUPS)
        }

    def _address(self, cycle: str = "") -> str:
        return _joined(
            d=self._current,
            view=self._view if self._view != _MONTH else "",
            state=self.group,
            cycle=cycle or (self.panel["id"] if self.panel_open else ""),
            at=self.at,
        )

    def _with_place(self, address: str) -> str:
        return f"{address}&at={self.at}" if self.at else address


_NOTHING: Final = {"approve": False, "prepare": False, "move": False, "enroll": False}


def _joined(**parts: str) -> str:
    query = "&".join(f"{name}={value}" for name, value in parts.items() if value)
    return f"/calendar?{query}" if query else "/calendar"
