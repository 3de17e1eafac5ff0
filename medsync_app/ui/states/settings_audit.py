"""The tab of the audit log: who did what, and whether the log is whole."""

import json
import re
from collections.abc import Mapping
from datetime import date
from typing import Any, Final, TypedDict, cast
from urllib.parse import urlencode

import reflex as rx

from medsync_app.auth import runtime
from medsync_app.auth.caller import Caller
from medsync_app.auth.guard import handler, selected_slug
from medsync_app.auth.permissions import Permission
from medsync_app.reads.audit import PAGE_SIZE, AuditRow, audit_page
from medsync_app.services.verify_audit import note_check, verify_audit
from medsync_app.store.ids import looks_like_id
from medsync_app.ui import format as say
from medsync_app.ui.states.base import AppState
from medsync_app.ui.states.exceptions_view import KIND_NAMES
from medsync_app.ui.states.settings_place import one_place
from medsync_app.ui.states.viewing import page_number, page_or_last, turning

#: Codes with words of their own, and how any other code is written.
_CODES: Final = {kind.value: name for kind, name in KIND_NAMES.items()} | {
    "sms": "text message", "voice": "phone call", "part_d": "Medicare Part D", "express": "agreed",
}  # fmt: skip
_PAIR: Final = re.compile("[a-z_]+:[a-z_]+")
_CODE: Final = re.compile("[a-z]+(_[a-z]+)+")


class AuditRowView(TypedDict):
    """One act."""

    id: str
    when: str
    who: str
    act: str
    subject: str
    patient_href: str
    detail: str


class AuditTabState(AppState):
    """One page of the log, its filters, and the outcome of the last check."""

    rows: list[AuditRowView] = []
    act_options: list[list[str]] = []
    people_options: list[list[str]] = []
    act: str = ""
    person: str = ""
    pages: str = ""
    previous_href: str = ""
    next_href: str = ""
    total: int = 0
    verdict: str = ""
    verdict_tone: str = "neutral"
    checking: bool = False
    ready: bool = False

    @handler(Permission.VIEW_AUDIT)
    async def open_tab(self, caller: Caller) -> None:
        """Show what the address names (`?tab=audit&act=enroll&by=ID&page=2`)."""
        self.verdict, self.checking = "", False
        await self._fill(caller)

    @handler(Permission.VIEW_AUDIT, activity=False)
    async def poll(self, caller: Caller) -> None:
        """Look again when something changed; what is being typed stays."""
        if await self._changed(caller):
            await self._fill(caller)

    @handler(Permission.VIEW_AUDIT)
    async def choose_act(self, caller: Caller, act: str) -> rx.event.EventSpec:
        """Show one kind of act, or ("") all."""
        return self._go(act=act[:60], by=self.person)

    @handler(Permission.VIEW_AUDIT)
    async def choose_person(self, caller: Caller, person: str) -> rx.event.EventSpec:
        """Show what one person did, or ("") all."""
        return self._go(act=self.act, by=person[:60])

    @handler(Permission.VIEW_AUDIT)
    async def verify(self, caller: Caller) -> Any:
        """Check every row of the log."""
        self.checking = True
        yield
        try:
            found = await self._read(caller, verify_audit, one_place(caller))
            await self._command(caller, note_check, one_place(caller), found)
        finally:
            self.checking = False
        if found.ok:
            self.verdict = f"The log is whole: {say.plural(found.rows, 'row')} checked."
            self.verdict_tone = "good"
        else:
            self.verdict = (
                f"The log is not whole: {found.problem}. Keep this database, and tell who looks after it."
            )
            self.verdict_tone = "bad"
        await self._fill(caller)

    async def _fill(self, caller: Caller) -> None:
        asked = self.router.url.query_parameters
        self.act, self.person = asked.get("act", "")[:60], asked.get("by", "")[:60]
        found, page = await page_or_last(
            lambda page: self._read(
                caller, audit_page, one_place(caller), act=self.act, actor_id=self.person, page=page
            ),
            page_number(asked.get("page", "")),
            PAGE_SIZE,
        )
        now = runtime.clock().now()
        self.rows = [_view(row, say.moment(row.at, now, found.zone)) for row in found.rows]
        self.total = found.total
        self.act_options = [["", "Every act"], *[[act, say_act(act)] for act in found.acts]]
        self.people_options = [["", "Everybody"], *[[key, name] for key, name in found.people.items()]]
        self.pages, self.previous_href, self.next_href = turning(
            _address(self.act, self.person), page, PAGE_SIZE, found.total
        )
        self.ready = True

    def _go(self, *, act: str, by: str) -> rx.event.EventSpec:
        slug = selected_slug(self)
        return rx.redirect(_address(act, by) + (f"&at={slug}" if slug else ""), replace=True)


def _address(act: str, person: str) -> str:
    query = {"tab": "audit", "act": act, "by": person}
    return f"/settings?{urlencode({name: value for name, value in query.items() if value})}"


def say_act(act: str) -> str:
    """An act's code in words: "message.send_again" -> "Message: send again"."""
    first, _, rest = act.partition(".")
    return f"{say.code_words(first)}: {rest.replace('_', ' ')}" if rest else say.code_words(act)


def _view(row: AuditRow, when: str) -> AuditRowView:
    patient = row.subject_kind == "patient" and row.subject_id
    return {
        "id": str(row.sequence),
        "when": when,
        "who": row.actor_name,
        "act": say_act(row.act),
        "subject": say.code_words(row.subject_kind),
        "patient_href": f"/patient/{row.subject_id}" if patient else "",
        "detail": detail_words(row.detail),
    }


def detail_words(detail: Mapping[str, Any]) -> str:
    """What an act's row keeps beside the act: "items: 2; on: Thu 26 Nov 2026"."""
    said = {name.replace("_", " "): _value(value) for name, value in detail.items()}
    return "; ".join(f"{name}: {value}" for name, value in said.items() if value)[:300]


def _words(text: str) -> str:
    """A day as people say it, a code as words, anything else as it is."""
    try:
        return say.day(date.fromisoformat(text), date.min)
    except ValueError:
        if _PAIR.fullmatch(text):
            return ": ".join(_words(part) for part in text.split(":"))
        return _CODES.get(text) or (text.replace("_", " ") if _CODE.fullmatch(text) else text)


def _value(value: Any) -> str:
    """A value as people read it: of ids only how many there are, they say nothing to anybody."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return "" if looks_like_id(value) else _words(value)
    if isinstance(value, list | dict):
        inside = [str(one) for one in cast("list[object]", value)]
        if inside and all(looks_like_id(one) for one in inside):
            return str(len(inside))
        if isinstance(value, list):
            return ", ".join(_words(one) for one in inside)
    return "" if value in (None, {}) else json.dumps(value).strip("{}").replace('"', "")
