"""Messages: the tab, page and open message that the address names, and what can be done with it."""

from typing import Any
from urllib.parse import urlencode

import reflex as rx

from medsync_app.auth import runtime
from medsync_app.auth.caller import Caller
from medsync_app.auth.guard import handler, selected_slug
from medsync_app.auth.permissions import Permission
from medsync_app.errors import Invalid, MedSyncError
from medsync_app.reads.messages import PAGE_SIZE, TABS, message_detail, message_list
from medsync_app.services.edit_message import cancel_message, reword_message, send_again
from medsync_app.services.look_up_doubt import settle_by_person
from medsync_app.ui.states.base import AppState
from medsync_app.ui.states.form_fields import text_of
from medsync_app.ui.states.messages_view import (
    NO_DETAIL,
    DetailView,
    MessageView,
    ReplyView,
    detail_view,
    message_view,
    reply_view,
)
from medsync_app.ui.states.viewing import page_number, page_or_last, turning, viewer

#: What may be asked about before it is done.
QUESTIONS = ("cancel", "again", "arrived", "lost")


class MessagesState(AppState):
    """One tab of messages and the one that is open."""

    rows: list[MessageView] = []
    replies: list[ReplyView] = []
    counts: dict[str, int] = dict.fromkeys(TABS, 0)
    tab: str = "coming"
    total: int = 0
    pages: str = ""
    previous_href: str = ""
    next_href: str = ""
    detail: DetailView = NO_DETAIL
    panel_open: bool = False
    editing: bool = False
    #: What the person typed, kept when it is refused.
    draft: str = ""
    question: str = ""
    loaded: bool = False

    _page: int = 1

    @handler(Permission.VIEW_PATIENTS)
    async def load(self, caller: Caller) -> None:
        """Show what the address names (`?tab=held&page=2&open=ID`, with `&edit=1` while it is reworded)."""
        asked = self.router.url.query_parameters
        tab = asked.get("tab", "")
        self.tab = tab if tab in TABS else "coming"
        self._page = page_number(asked.get("page", ""))
        self.question = ""
        await self._show(caller)
        await self._open(caller, asked.get("open", ""))
        self.editing = self.panel_open and self.detail["can_edit"] and asked.get("edit", "") == "1"
        if self.editing:
            self.draft = self.detail["body"]

    @handler(Permission.VIEW_PATIENTS, activity=False)
    async def poll(self, caller: Caller) -> None:
        """Look again when something changed; what somebody is writing stays."""
        if await self._changed(caller):
            await self._show(caller)
            if self.panel_open and not self.editing:
                await self._open(caller, self.detail["id"])

    @handler(Permission.VIEW)
    async def close(self, caller: Caller) -> rx.event.EventSpec:
        """Close the message: its id leaves the address."""
        self.panel_open = self.editing = False
        return self._go()

    @handler(Permission.SEND_MESSAGES)
    async def ask(self, caller: Caller, what: str) -> None:
        """Say what would happen before it is done; "" takes the question back."""
        self.question = what if what in QUESTIONS else ""

    @handler(Permission.SEND_MESSAGES)
    async def confirm(self, caller: Caller) -> None:
        """Do what was asked about."""
        action_id, what = self.detail["id"], self.question
        self.question = ""
        try:
            await self._do(caller, what, action_id)
        except MedSyncError:
            await self._again(caller, action_id)
            raise
        await self._again(caller, action_id)

    @handler(Permission.SEND_MESSAGES)
    async def edit(self, caller: Caller) -> rx.event.EventSpec:
        """Start to reword the open message."""
        self.draft = self.detail["body"]
        self.editing = True
        return self._go(open=self.detail["id"], edit="1")

    @handler(Permission.VIEW)
    async def stop_editing(self, caller: Caller) -> rx.event.EventSpec:
        """Leave the wording as it is."""
        self.editing = False
        return self._go(open=self.detail["id"])

    @handler(Permission.SEND_MESSAGES)
    async def save_wording(self, caller: Caller, form: dict[str, Any]) -> rx.event.EventSpec:
        """Keep the wording for this one message."""
        self.draft = text_of(form, "wording")
        if not self.draft.strip():
            raise Invalid("Write the message first.", "wording")
        await self._reword(caller, self.draft, "The wording is kept for this message.")
        return self._go(open=self.detail["id"])

    @handler(Permission.SEND_MESSAGES)
    async def usual_wording(self, caller: Caller) -> None:
        """Go back to the usual wording."""
        await self._reword(caller, "", "The usual wording is back.")

    async def _reword(self, caller: Caller, text: str, said: str) -> None:
        await self._command(caller, reword_message, self.detail["id"], text)
        self.editing = False
        self._say(said)
        await self._again(caller, self.detail["id"])

    async def _do(self, caller: Caller, what: str, action_id: str) -> None:
        if what == "cancel":
            await self._command(caller, cancel_message, action_id)
            self._say("Cancelled: the message does not go out.")
        elif what == "again":
            await self._command(caller, send_again, action_id)
            self._say("A new message is queued.")
        elif what in ("arrived", "lost"):
            await self._command(caller, settle_by_person, action_id, was_sent=what == "arrived")
            self._say("Noted as sent." if what == "arrived" else "Noted: it is sent once more.")
        else:
            raise Invalid("There is nothing to confirm.")

    def _go(self, **more: str) -> rx.event.EventSpec:
        """The same list, with what is open over it; the chosen location stays in the address."""
        here, slug = _address(self.tab, self._page), selected_slug(self)
        query = urlencode(more | ({"at": slug} if slug else {}))
        return rx.redirect(f"{here}{'&' if '?' in here else '?'}{query}" if query else here, replace=True)

    async def _again(self, caller: Caller, action_id: str) -> None:
        await self._show(caller)
        await self._open(caller, action_id)

    async def _open(self, caller: Caller, action_id: str) -> None:
        self.panel_open = False
        if not action_id:
            return
        found = await self._read(viewer(caller), message_detail, action_id)
        may = caller.may(Permission.SEND_MESSAGES, found.message.pharmacy_id)
        self.detail = detail_view(found, runtime.clock().now(), may_change=may)
        self.panel_open = True

    async def _show(self, caller: Caller) -> None:
        found, self._page = await page_or_last(
            lambda page: self._read_here(viewer(caller), message_list, tab=self.tab, page=page),
            self._page,
            PAGE_SIZE,
        )
        now = runtime.clock().now()
        several = len(found.places) > 1
        base = _address(self.tab, self._page)
        joined = f"{base}&" if "?" in base else f"{base}?"
        self.rows = [
            message_view(
                row, found.places[row.pharmacy_id], now, href=f"{joined}open={row.id}", several=several
            )
            for row in found.rows
        ]
        self.replies = [
            reply_view(row, found.places[row.pharmacy_id], now, several=several) for row in found.replies
        ]
        self.counts = dict(found.counts)
        self.total = found.total
        self.pages, self.previous_href, self.next_href = turning(
            _address(self.tab, 1), self._page, PAGE_SIZE, found.total
        )
        self.loaded = True


def _address(tab: str, page: int) -> str:
    parts = [f"tab={tab}"] if tab != "coming" else []
    parts += [f"page={page}"] if page > 1 else []
    return f"/messages?{'&'.join(parts)}" if parts else "/messages"
