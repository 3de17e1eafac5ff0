"""Today: reads the queue, and does the one action of a line in place."""

from collections.abc import Callable
from typing import Any

from medsync_app.auth import runtime
from medsync_app.auth.caller import Caller
from medsync_app.auth.guard import handler
from medsync_app.auth.permissions import Permission
from medsync_app.errors import Invalid
from medsync_app.reads.call_sheet import call_sheet
from medsync_app.reads.setup import set_up
from medsync_app.reads.today import PAGE_SIZE, SORTS, cycle_version, today_queue
from medsync_app.services.approve_plan import approve
from medsync_app.services.confirm_pickup import confirm_pickup, undo_pickup
from medsync_app.services.exceptions import resolve_exception
from medsync_app.services.mark_ready import mark_all_ready, undo_ready
from medsync_app.services.record_call import NO_ANSWERS, CallOutcome, record_call
from medsync_app.services.return_to_stock import return_to_stock
from medsync_app.ui.states.base import AppState
from medsync_app.ui.states.form_fields import text_of
from medsync_app.ui.states.today_view import (
    NO_SHEET,
    RowView,
    SheetView,
    StepView,
    answers_of,
    row_view,
    sheet_view,
    steps_view,
)
from medsync_app.ui.states.viewing import page_number, page_or_last, turning, viewer

#: The patient was asked at the counter instead of by phone.
COUNTER = "counter"


class TodayState(AppState):
    """The queue of work, the call sheet that is open, and what can be undone."""

    rows: list[RowView] = []
    counts: dict[str, int] = dict.fromkeys(SORTS, 0)
    total: int = 0
    sort: str = ""
    pages: str = ""
    previous_href: str = ""
    next_href: str = ""
    loaded: bool = False
    steps: list[StepView] = []
    steps_left: int = 0
    steps_place: str = ""
    sheet: SheetView = NO_SHEET
    call_open: bool = False
    #: "ready" or "pickup" while the last act can be taken back.
    undo_kind: str = ""

    _page: int = 1
    _undo_cycle: str = ""

    @handler(Permission.VIEW_PATIENTS)
    async def load(self, caller: Caller) -> Any:
        """Show the part of the queue that the address names (`?work=call&page=2&over=call.ID`)."""
        asked = self.router.url.query_parameters
        sort = asked.get("work", "")
        self.sort = sort if sort in SORTS else ""
        self._page = page_number(asked.get("page", ""))
        self.undo_kind = ""
        await self._show(caller)
        over, task_id = self._over()
        return self._then("open_call", task_id) if over == "call" and not self.call_open else None

    @handler(Permission.VIEW_PATIENTS, activity=False)
    async def poll(self, caller: Caller) -> None:
        """Look again when something changed."""
        if await self._changed(caller):
            await self._show(caller)

    @handler(Permission.PREPARE)
    async def mark_ready(self, caller: Caller, cycle_id: str, version: int) -> None:
        """The whole batch (what does not wait for something) is ready."""
        await self._act(caller, None, mark_all_ready, cycle_id, expected_version=version)
        self.undo_kind, self._undo_cycle = "ready", cycle_id

    @handler(Permission.PREPARE)
    async def picked_up(self, caller: Caller, cycle_id: str, version: int) -> None:
        """The patient fetched what was ready."""
        await self._act(caller, "Picked up.", confirm_pickup, cycle_id, expected_version=version)
        self.undo_kind, self._undo_cycle = "pickup", cycle_id

    @handler(Permission.PREPARE)
    async def returned(self, caller: Caller, cycle_id: str, version: int) -> None:
        """The batch went back to stock."""
        await self._act(caller, "Returned to stock.", return_to_stock, cycle_id, expected_version=version)

    @handler(Permission.APPROVE_PLAN)
    async def approve(self, caller: Caller, cycle_id: str, version: int) -> None:
        """A pharmacist approves the plan."""
        await self._act(caller, "Plan approved.", approve, cycle_id, expected_version=version)

    @handler(Permission.HANDLE_EXCEPTIONS)
    async def done(self, caller: Caller, exception_id: str) -> None:
        """A task is done."""
        await self._act(caller, "Done.", resolve_exception, exception_id, outcome="Done.")

    @handler(Permission.PREPARE)
    async def undo(self, caller: Caller) -> None:
        """Take back the last ready or pickup."""
        kind, cycle_id = self.undo_kind, self._undo_cycle
        if kind not in ("ready", "pickup"):
            raise Invalid("There is nothing to take back.")
        version = await self._read(caller, cycle_version, cycle_id)
        take_back = undo_ready if kind == "ready" else undo_pickup
        await self._act(caller, "Taken back.", take_back, cycle_id, expected_version=version)

    @handler(Permission.HANDLE_EXCEPTIONS)
    async def open_call(self, caller: Caller, exception_id: str) -> None:
        """Open the call sheet of a task."""
        found = await self._read(caller, call_sheet, exception_id)
        self.sheet = sheet_view(found, runtime.clock().now())
        self.call_open = True

    @handler(Permission.VIEW)
    async def close_call(self, caller: Caller) -> None:
        """Close the call sheet without recording anything."""
        self.call_open = False

    @handler(Permission.HANDLE_EXCEPTIONS)
    async def save_call(self, caller: Caller, form: dict[str, Any]) -> None:
        """Record how the call went."""
        chosen = text_of(form, "outcome")
        if chosen not in (COUNTER, *CallOutcome):
            raise Invalid("Choose how the call went.", "outcome")
        outcome = CallOutcome.SPOKE if chosen == COUNTER else CallOutcome(chosen)
        how = "counter" if chosen == COUNTER else "call"
        note = text_of(form, "note")
        answers = answers_of(form) if outcome is CallOutcome.SPOKE else NO_ANSWERS
        settled = await self._command(
            caller, record_call, self.sheet["id"], outcome=outcome, note=note, answers=answers, how=how,
            number=text_of(form, "number"),
        )  # fmt: skip
        self.call_open = False
        self._say("Call recorded." if settled else "Call recorded; it is due again tomorrow.")
        await self._show(caller)

    async def _act(
        self, caller: Caller, said: str | None, fn: Callable[..., Any], *args: Any, **kwargs: Any
    ) -> None:
        self.undo_kind = ""
        await super()._act(caller, said, fn, *args, **kwargs)

    async def _show(self, caller: Caller) -> None:
        caller = viewer(caller)
        queue, self._page = await page_or_last(
            lambda page: self._read_here(caller, today_queue, sort=self.sort, page=page),
            self._page,
            PAGE_SIZE,
        )
        now = runtime.clock().now()
        several = len(queue.places) > 1
        self.rows = [
            row_view(work, queue.places[work.pharmacy_id], now, caller.may, several=several)
            for work in queue.rows
        ]
        self.counts = dict(queue.counts)
        self.total = queue.total
        base = f"/?work={self.sort}" if self.sort else "/"
        self.pages, self.previous_href, self.next_href = turning(base, self._page, PAGE_SIZE, queue.total)
        found = await self._read_here(caller, set_up) if caller.may(Permission.MANAGE_SETTINGS) else None
        self.steps = steps_view(found) if found else []
        self.steps_left = sum(not step["done"] for step in self.steps)
        self.steps_place = found.name if found else ""
        self.loaded = True
