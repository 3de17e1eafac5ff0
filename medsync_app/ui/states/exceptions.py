"""Exceptions: the board as the address filters it, and the case that is open."""

from typing import Any
from urllib.parse import urlencode

import reflex as rx

from medsync_app.auth import runtime
from medsync_app.auth.caller import Caller
from medsync_app.auth.guard import handler, selected_slug
from medsync_app.auth.permissions import Permission
from medsync_app.domain.states import ExceptionKind, Role
from medsync_app.errors import Invalid
from medsync_app.reads.exceptions import GROUPS, PAGE_SIZE, SHOWN, Board, BoardFilter, board, case_detail
from medsync_app.services.exceptions import assign, comment, resolve_exception
from medsync_app.services.renewals import record_renewal_answer
from medsync_app.ui.states.base import AppState
from medsync_app.ui.states.exceptions_view import (
    KIND_NAMES,
    NO_CASE,
    ROLE_NAMES,
    CaseDetailView,
    ChoiceView,
    ColumnView,
    case_view,
    columns_of,
    detail_view,
    group_key,
)
from medsync_app.ui.states.form_fields import text_of
from medsync_app.ui.states.viewing import last_page, page_number, turning, viewer

_SHOWN_NAMES = {"open": "Open", "mine": "Mine", "late": "Overdue", "settled": "Settled in 30 days"}
_GROUP_NAMES = {"due": "By due time", "kind": "By kind", "owner": "By owner"}


class ExceptionsState(AppState):
    """The board and the open case."""

    columns: list[ColumnView] = []
    shown_choices: list[ChoiceView] = []
    group_choices: list[ChoiceView] = []
    #: (value, label) of the two selects, and what is chosen.
    kind_options: list[list[str]] = []
    owner_options: list[list[str]] = []
    kind: str = ""
    owner: str = ""
    shown: str = "open"
    filtered: bool = False
    total: int = 0
    #: Leads from a column that is shown alone back to all of them.
    all_href: str = ""
    pages: str = ""
    previous_href: str = ""
    next_href: str = ""
    detail: CaseDetailView = NO_CASE
    panel_open: bool = False
    #: Counts up when a form of the panel was saved, so that it starts empty; the others keep what is typed.
    saved: dict[str, int] = {"answer": 0, "comment": 0, "outcome": 0}
    loaded: bool = False

    _group: str = "due"
    _column: str = ""
    _page: int = 1

    @handler(Permission.VIEW_PATIENTS)
    async def load(self, caller: Caller) -> None:
        """Show what the address names (`?show=mine&by=kind&kind=call&role=technician&column=call&page=2&open=ID`)."""
        asked = self.router.url.query_parameters
        self.shown = asked.get("show", "") if asked.get("show", "") in SHOWN else "open"
        self._group = asked.get("by", "") if asked.get("by", "") in GROUPS else "due"
        self.kind = asked.get("kind", "") if asked.get("kind", "") in list(ExceptionKind) else ""
        self.owner = asked.get("role", "") if asked.get("role", "") in list(Role) else ""
        self._column = str(asked.get("column", ""))[:40]
        self._page = page_number(asked.get("page", ""))
        await self._show(caller)
        await self._open(caller, asked.get("open", ""))

    @handler(Permission.VIEW_PATIENTS, activity=False)
    async def poll(self, caller: Caller) -> None:
        """Look again when something changed."""
        if await self._changed(caller):
            await self._show(caller)
            if self.panel_open:
                await self._open(caller, self.detail["id"])

    @handler(Permission.VIEW)
    async def close(self, caller: Caller) -> rx.event.EventSpec:
        """Close the case: its id leaves the address."""
        self.panel_open = False
        return self._go(page=self._page)

    @handler(Permission.VIEW)
    async def choose_kind(self, caller: Caller, kind: str) -> rx.event.EventSpec:
        """Show one kind, or ("") all."""
        return self._go(kind=kind if kind in list(ExceptionKind) else "")

    @handler(Permission.VIEW)
    async def choose_owner(self, caller: Caller, role: str) -> rx.event.EventSpec:
        """Show what one role owns, or ("") all."""
        return self._go(role=role if role in list(Role) else "")

    @handler(Permission.HANDLE_EXCEPTIONS)
    async def take(self, caller: Caller) -> None:
        """Assign the open case to me."""
        await self._command(caller, assign, self.detail["id"], caller.staff_id)
        self._say("Assigned to you.")
        await self._again(caller)

    @handler(Permission.HANDLE_EXCEPTIONS)
    async def give_to(self, caller: Caller, staff_id: str) -> None:
        """Assign the open case to somebody who works at its pharmacy, or ("") to nobody."""
        await self._command(caller, assign, self.detail["id"], staff_id or None)
        await self._again(caller)
        self._say(f"Assigned to {self.detail['assigned']}." if staff_id else "Assigned to nobody.")

    @handler(Permission.HANDLE_EXCEPTIONS)
    async def give_back(self, caller: Caller) -> None:
        """Assign the open case to nobody."""
        await self._command(caller, assign, self.detail["id"], None)
        self._say("Assigned to nobody.")
        await self._again(caller)

    @handler(Permission.HANDLE_EXCEPTIONS)
    async def write_comment(self, caller: Caller, form: dict[str, Any]) -> None:
        """Add a comment to the open case."""
        await self._command(caller, comment, self.detail["id"], text_of(form, "text"))
        self.saved["comment"] += 1
        self._say("Comment added.")
        await self._again(caller)

    @handler(Permission.HANDLE_EXCEPTIONS)
    async def resolve(self, caller: Caller, form: dict[str, Any]) -> None:
        """Settle the open case with an outcome."""
        await self._command(caller, resolve_exception, self.detail["id"], outcome=text_of(form, "outcome"))
        self.saved["outcome"] += 1
        self._say("Settled.")
        await self._again(caller)

    @handler(Permission.HANDLE_EXCEPTIONS)
    async def record_answer(self, caller: Caller, form: dict[str, Any]) -> None:
        """Keep what the prescriber answered by phone, fax or portal."""
        answer, note = text_of(form, "answer"), text_of(form, "note")
        if not answer:
            raise Invalid("Choose what the prescriber answered.", "answer")
        await self._command(caller, record_renewal_answer, self.detail["renewal_id"], answer, note=note)
        self.saved["answer"] += 1
        self._say("Answer recorded.")
        await self._again(caller)

    async def _again(self, caller: Caller) -> None:
        await self._show(caller)
        await self._open(caller, self.detail["id"])

    async def _open(self, caller: Caller, exception_id: str) -> None:
        self.panel_open = False
        if not exception_id:
            return
        found = await self._read(viewer(caller), case_detail, exception_id)
        may = caller.may(Permission.HANDLE_EXCEPTIONS, found.case.pharmacy_id)
        self.detail = detail_view(found, runtime.clock().now(), staff_id=caller.staff_id, may_handle=may)
        self.panel_open = True

    async def _board(self, caller: Caller) -> Board:
        wanted = BoardFilter(
            self.shown,
            self._group,
            ExceptionKind(self.kind) if self.kind else None,
            Role(self.owner) if self.owner else None,
            self._column,
            self._page,
        )
        return await self._read_here(viewer(caller), board, wanted)

    async def _show(self, caller: Caller) -> None:
        found = await self._board(caller)
        last = last_page(found.groups[found.column], PAGE_SIZE) if found.column else self._page
        if self._page > last:
            self._page = last
            found = await self._board(caller)
        now, several = runtime.clock().now(), len(found.places) > 1
        here = self._address(page=self._page)
        joined = f"{here}&" if "?" in here else f"{here}?"
        self.columns = columns_of(
            found,
            self._group,
            [
                (
                    group_key(case, self._group),
                    case_view(
                        case,
                        found.places[case.pharmacy_id],
                        now,
                        href=f"{joined}open={case.id}",
                        several=several,
                    ),
                )
                for case in found.cases
            ],
            lambda column: self._address(column=column),
        )
        self._fill_filters(found)
        self.total = found.total
        self.filtered = bool(self.kind or self.owner or self.shown != "open")
        self.all_href = self._address(column="") if found.column and len(found.groups) > 1 else ""
        self.pages, self.previous_href, self.next_href = ("", "", "")
        if found.column:
            self.pages, self.previous_href, self.next_href = turning(
                self._address(), self._page, PAGE_SIZE, found.groups[found.column]
            )
        self.loaded = True

    def _fill_filters(self, found: Board) -> None:
        self.shown_choices = [
            {
                "label": _SHOWN_NAMES[name], "href": self._address(show=name), "count": f"{found.shown[name]:,}",
                "selected": name == self.shown,
            }
            for name in SHOWN
        ]  # fmt: skip
        self.group_choices = [
            {"label": label, "href": self._address(by=name), "count": "", "selected": name == self._group}
            for name, label in _GROUP_NAMES.items()
        ]
        kinds = [
            [kind.value, f"{KIND_NAMES[kind]} ({found.kinds.get(kind, 0)})"]
            for kind in sorted(KIND_NAMES, key=lambda one: KIND_NAMES[one])
            if found.kinds.get(kind, 0) or kind.value == self.kind
        ]
        self.kind_options = [["", "All kinds"], *kinds]
        self.owner_options = [
            ["", "All owners"],
            *[[role.value, f"{name} ({found.owners.get(role, 0)})"] for role, name in ROLE_NAMES.items()],
        ]

    def _address(self, *, page: int = 1, **changes: str) -> str:
        """The address of this board with some of its filters changed; with another filter all columns are shown."""
        column = "" if changes else self._column
        parts = {
            "show": self.shown,
            "by": self._group,
            "kind": self.kind,
            "role": self.owner,
            "column": column,
        }
        parts |= changes
        usual = {"show": "open", "by": "due"}
        query = {name: value for name, value in parts.items() if value and usual.get(name) != value}
        if page > 1:
            query["page"] = str(page)
        return f"/exceptions?{urlencode(query)}" if query else "/exceptions"

    def _go(self, *, page: int = 1, **changes: str) -> rx.event.EventSpec:
        here = self._address(page=page, **changes)
        slug = selected_slug(self)
        if slug:
            here += f"{'&' if '?' in here else '?'}at={slug}"
        return rx.redirect(here, replace=True)
