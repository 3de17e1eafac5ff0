"""Merging a duplicate into the patient whose page is open: who it may be, what would happen, and the act."""

import asyncio
from typing import Any, Final

import reflex as rx

from medsync_app.auth import runtime
from medsync_app.auth.caller import Caller
from medsync_app.auth.guard import handler
from medsync_app.auth.permissions import Permission
from medsync_app.errors import Conflict, Invalid, MedSyncError
from medsync_app.reads.patient import patient_facts
from medsync_app.reads.patient_merge import candidates
from medsync_app.services.merge_patients import merge_patients, try_merge
from medsync_app.ui.states.base import AppState
from medsync_app.ui.states.patient import PatientState
from medsync_app.ui.states.patient_merge_views import (
    NO_MERGE,
    CandidateView,
    MergeView,
    candidate_view,
    merge_view,
    who,
)
from medsync_app.ui.states.viewing import patient_in_address, viewer

#: The record whose page is open stays, or the other one does.
THIS: Final = "this"
OTHER: Final = "other"


class PatientMergeState(AppState):
    """The panel: first the records that may be the same person, then what merging one would do."""

    merge_open: bool = False
    searched: bool = False
    found: list[CandidateView] = []
    #: True once one was chosen; what would happen is empty while that cannot be merged as chosen.
    looking: bool = False
    stays: str = THIS
    #: The two records by name and date of birth.
    this_one: str = ""
    other_one: str = ""
    what: MergeView = NO_MERGE
    merge_key: int = 0
    other_id: str = ""

    _this_id: str = ""
    _enrollment_id: str = ""
    _seen_as: str = ""

    @handler(Permission.VIEW_PATIENTS)
    async def load_merge(self, caller: Caller) -> Any:
        """Another patient's page has opened: the panel of the one before must not stand over it."""
        here = patient_in_address(self)
        if self._this_id != here:
            self._close()
        over, other_id = self._over()
        if over != "merge" or self.merge_open:
            return None
        again = [self._then("ask_merge", here)]
        return [*again, self._then("look", other_id)] if other_id else again

    @handler(Permission.OVERRIDE)
    async def ask_merge(self, caller: Caller, patient_id: str) -> None:
        """Open the panel with the likely duplicates."""
        self._this_id, self.other_id = patient_id, ""
        self.merge_open, self.looking, self.what = True, False, NO_MERGE
        await self._find(caller, "")

    @handler(Permission.OVERRIDE)
    async def search_duplicate(self, caller: Caller, text: str) -> None:
        """Look for another record by name, Rx number or phone."""
        await self._find(caller, text[:80])

    @handler(Permission.OVERRIDE)
    async def look(self, caller: Caller, patient_id: str) -> None:
        """Show what merging that record would do."""
        self.other_id, self._enrollment_id, self.stays = patient_id, "", THIS
        self.looking, self.merge_key = True, self.merge_key + 1
        await self._try(caller)

    @handler(Permission.OVERRIDE)
    async def choose_record(self, caller: Caller, which: str) -> None:
        """Let this record stay, or the other one."""
        if which not in (THIS, OTHER):
            raise Invalid("The page asked for something unknown. Reload it.")
        self.stays = which
        await self._try(caller)

    @handler(Permission.OVERRIDE)
    async def choose_date(self, caller: Caller, enrollment_id: str) -> None:
        """Let the date of that enrollment stay."""
        self._enrollment_id = enrollment_id
        try:
            await self._try(caller)
        except MedSyncError:
            self._enrollment_id = ""
            await self._try(caller)
            raise

    @handler(Permission.OVERRIDE)
    async def another(self, caller: Caller) -> None:
        """Back to the records that may be the same person."""
        self.looking, self.what = False, NO_MERGE

    @handler(Permission.VIEW)
    async def keep_apart(self, caller: Caller) -> None:
        """Close the panel; nothing changes."""
        self._close()

    @handler(Permission.OVERRIDE)
    async def merge(self, caller: Caller, form: dict[str, Any]) -> Any:
        """Merge as shown; when something has changed since, it is shown anew and nothing is saved."""
        kept, dropped = self._pair()
        try:
            await self._command(
                caller, merge_patients, kept, dropped, reason=str(form.get("reason") or ""), seen=self._seen_as,
                enrollment_id=self._enrollment_id or None,
            )  # fmt: skip
        except Conflict:
            await self._try(caller)
            raise
        self._close()
        self._say("Merged. Everything is on one record now.")
        return PatientState.poll if kept == self._this_id else rx.redirect(f"/patient/{kept}", replace=True)

    def _close(self) -> None:
        self.merge_open, self.looking, self.what, self.found = False, False, NO_MERGE, []
        self.this_one = self.other_one = ""

    async def _find(self, caller: Caller, text: str) -> None:
        rows = await self._read(caller, candidates, self._this_id, text)
        self.found, self.searched = [candidate_view(one) for one in rows], bool(text.strip())

    def _pair(self) -> tuple[str, str]:
        """The record that stays, and the one that goes."""
        here = self.stays == THIS
        return (self._this_id, self.other_id) if here else (self.other_id, self._this_id)

    async def _try(self, caller: Caller) -> None:
        self.what, self._seen_as = NO_MERGE, ""
        kept, dropped = self._pair()
        facts = {key: await self._read(viewer(caller), patient_facts, key) for key in (kept, dropped)}
        self.this_one, self.other_one = (
            who(facts[key].last_name, facts[key].first_name, facts[key].birth_date)
            for key in (self._this_id, self.other_id)
        )
        merged = await asyncio.to_thread(
            try_merge, runtime.database(), runtime.clock(), caller.scope, kept, dropped,
            enrollment_id=self._enrollment_id or None,
        )  # fmt: skip
        names = {self._this_id: "this record", self.other_id: "the other record"}
        place = facts[kept].place
        self.what = merge_view(merged, names, runtime.clock().now(), place.zone, place.today)
        self._seen_as = merged.seen
