"""What others do while the wizard is open: shown in place, and nothing that is typed or ticked here is lost."""

from collections.abc import Sequence
from typing import cast

from medsync_app.auth.caller import Caller
from medsync_app.auth.guard import handler
from medsync_app.auth.permissions import Permission
from medsync_app.errors import MedSyncError, NotFound
from medsync_app.reads import enroll as reads
from medsync_app.reads.join import join_request
from medsync_app.ui import format as say
from medsync_app.ui.states import enroll_view as view
from medsync_app.ui.states.contact_form import ContactView
from medsync_app.ui.states.enroll import EnrollState


class EnrollWatchState(EnrollState):
    """Looks again while a step is open.

    What an enrollment can no longer go on with stands in `overtaken` and stays until the person looks; the rest is
    shown at once and said in `news`.
    """

    @handler(Permission.ENROLL, activity=False)
    async def poll(self, caller: Caller) -> None:
        """Look again when something changed."""
        if not self.loaded or self.overtaken or not await self._changed(caller):
            return
        if self.step == 0:
            enrollment_id = self.router.url.query_parameters.get("enrolled", "")
            self.done = view.done_view(await self._read(caller, reads.enrolled, enrollment_id))
        elif self.step == 1:
            await self._watch_start(caller)
        else:
            await self._watch_draft(caller)

    async def _watch_start(self, caller: Caller) -> None:
        await self._show_drafts(caller)
        if self.searched:
            await self._find(caller, self._searched_for)
        if self.join["id"]:
            request = await self._read(caller, join_request, self.join["id"])
            if request.handled_by:
                self._overtake(f"{request.handled_by} has handled this request meanwhile.", "/")
        if self._sought is not None:
            seen, self.alike = self.alike, await self._alike(caller, self._sought)
            if any(one not in seen for one in self.alike):
                self.news = "Somebody like this is known now: look below before you add anybody."

    async def _watch_draft(self, caller: Caller) -> None:
        try:
            draft = await self._read(caller, reads.draft_of, self.draft_id)
        except NotFound:
            self._overtake("This enrollment was thrown away meanwhile, and cannot be finished.", "/enroll")
            return
        person = draft.person.patient_id
        who = "You" if draft.by == caller.name else draft.by or "Somebody else"
        if draft.finished:
            self._overtake(f"{who} finished this enrollment meanwhile.", f"/patient/{person}")
        elif await self._read(caller, reads.enrolled_ids, [person]):
            self._overtake("This patient was enrolled meanwhile.", f"/patient/{person}")
        elif draft.version != self._version:
            step = view.STEPS[draft.step - 1]
            self._overtake(
                f"{who} went on with this enrollment meanwhile, up to the step {step}. What is typed here stays.",
                "",
            )
        else:
            await self._look_again(caller, draft)

    async def _look_again(self, caller: Caller, draft: reads.Draft) -> None:
        await self._show_mates(caller, draft)
        if self.step == 2:
            before, self.medicines = self.medicines, await self._medicines(caller, draft)
            self.news = medicine_news(before, self.medicines) or self.news
        elif self.step == 3:
            await self._watch_dates(caller, draft)
        elif self.step == 4:
            # The language chosen here, and the wordings in it, are not saved yet.
            here = {name: self.contact[name] for name in ("language", "wordings")}
            fresh = cast(ContactView, await self._contact(caller, draft) | here)
            if fresh != self.contact:
                self.contact, self.news = (
                    fresh,
                    "What is known of the patient's numbers and consent has changed.",
                )
        else:
            await self._watch_review(caller, draft)

    async def _watch_dates(self, caller: Caller, draft: reads.Draft) -> None:
        before, chosen = self.options, self.chosen
        reason = self.override_reason
        await self._show_dates(caller, draft)
        self.override_reason = reason
        was = next((one for one in before if one["key"] == chosen), None)
        same = [one["key"] for one in self.options if was and one["iso"] == was["iso"]]
        self._choose(chosen if chosen in same else same[0] if same else "")
        if was and not same:
            self.news = f"{was['day']} is not offered any more: choose a date again."
        elif self.options != before:
            self.news = "The dates changed because the data did: look at them again."

    async def _watch_review(self, caller: Caller, draft: reads.Draft) -> None:
        before = self.review
        try:
            self.review = await self._review(caller, draft)
        except MedSyncError as refused:
            self._overtake(refused.message, view.address(draft.draft_id, 3))
            return
        if self.review != before:
            self.news = "What will happen has changed: look at it again before you enroll."

    def _overtake(self, sentence: str, href: str) -> None:
        self.overtaken, self.overtaken_href = sentence, self._here(href) if href else ""


def medicine_news(before: Sequence[view.MedicineView], after: Sequence[view.MedicineView]) -> str:
    """Which medicines are new, gone or changed, in a sentence each; "" when none is."""
    old = {one["id"]: one for one in before}
    now = {one["id"]: one for one in after}
    told = (
        ("New", [one["name"] for key, one in now.items() if key not in old]),
        ("Changed", [one["name"] for key, one in now.items() if key in old and one != old[key]]),
        ("Not there any more", [one["name"] for key, one in old.items() if key not in now]),
    )
    return " ".join(f"{what}: {say.listed(names, most=5)}." for what, names in told if names)
