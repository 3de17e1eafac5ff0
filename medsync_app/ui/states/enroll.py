"""The enrollment wizard: each step is saved in a draft that its address names, so that it can be left and resumed."""

from dataclasses import replace
from datetime import date
from typing import Any, Final, cast

import reflex as rx

from medsync_app.auth.caller import Caller
from medsync_app.auth.guard import handler
from medsync_app.auth.permissions import Permission
from medsync_app.domain.plan_model import Strategy
from medsync_app.errors import Conflict, Invalid
from medsync_app.reads import enroll as reads
from medsync_app.reads.search import MIN_LENGTH
from medsync_app.services.add_patient import add_patient
from medsync_app.services.draft_answers import Answers, command_of
from medsync_app.services.enroll import enroll
from medsync_app.services.join_requests import accept_request, put_aside
from medsync_app.services.override import check_override
from medsync_app.services.save_draft import discard_draft, save_draft, start_draft
from medsync_app.ui.states import enroll_view as view
from medsync_app.ui.states.contact_form import (
    ContactView,
    spoken,
    wordings,
)
from medsync_app.ui.states.enroll_contact import contact_answers
from medsync_app.ui.states.enroll_forms import (
    MAX_LINES,
    field_of_drug,
    medicine_choices,
    new_patient,
    rhythm,
)
from medsync_app.ui.states.enroll_shown import EnrollShownState, Sought
from medsync_app.ui.states.form_fields import day_or_none, text_of

_FIRST_LINES: Final = 2


class EnrollState(EnrollShownState):
    """The acts of the wizard."""

    @handler(Permission.ENROLL)
    async def load(self, caller: Caller) -> Any:
        """Show the step that the address names.

        ?draft=ID&step=3, ?patient=ID&on=DAY, ?new=1, ?join=ID, ?enrolled=ID.
        """
        asked = self.router.url.query_parameters
        # Stays so when reading fails: then the error stands in the page's place, not beside another patient.
        self.loaded = False
        self.done, self.join = view.NOT_DONE, view.NO_JOIN
        self.overtaken, self.overtaken_href, self.news = "", "", ""
        if asked.get("enrolled"):
            found = await self._read(caller, reads.enrolled, asked.get("enrolled", ""))
            self.done, self.step = view.done_view(found), 0
        elif asked.get("draft"):
            wanted = asked.get("step", "")
            await self._show_draft(
                caller, asked.get("draft", ""), int(wanted) if wanted in "2345" and wanted else 0
            )
        elif asked.get("patient"):
            on = day_or_none(asked.get("on", ""))
            return await self._begin(caller, asked.get("patient", ""), on)
        else:
            await self._show_start(caller, adding=asked.get("new", "") == "1" or bool(asked.get("join")))
            if asked.get("join"):
                await self._show_join(caller, asked.get("join", ""))
        self.loaded = True
        return None

    @handler(Permission.ENROLL)
    async def search(self, caller: Caller, text: str) -> None:
        """Find imported patients by name, Rx number or phone."""
        if len(text.strip()) < MIN_LENGTH:
            self.hits, self.searched = [], False
            return
        await self._find(caller, text)

    @handler(Permission.ENROLL)
    async def pick(self, caller: Caller, patient_id: str) -> Any:
        """Enroll this patient: begin a draft, or go on with the one there is."""
        return await self._begin(caller, patient_id)

    @handler(Permission.ENROLL)
    async def add_line(self, caller: Caller) -> None:
        """One more line for a medicine by hand."""
        if len(self.lines) < MAX_LINES:
            self.lines = list(range(len(self.lines) + 1))

    @handler(Permission.ENROLL)
    async def add(self, caller: Caller, form: dict[str, Any]) -> Any:
        """Add a patient by hand; likely duplicates are shown first, the same form again adds anyway."""
        pharmacy_id = text_of(form, "pharmacy") or self._only_shop(caller)
        if not caller.scope.sees(pharmacy_id):
            raise Invalid("Choose the location.", "pharmacy")
        new = new_patient(form, pharmacy_id, len(self.lines))
        sought = Sought(new.first_name, new.last_name, new.birth_date)
        seen = [one["id"] for one in self.alike] if sought.is_same(self._sought) else []
        self._sought, self.alike = sought, await self._alike(caller, sought)
        if any(one["id"] not in seen for one in self.alike):
            return None
        try:
            patient_id = await self._command(caller, add_patient, new)
        except Invalid as error:
            raise Invalid(error.message, field_of_drug(error.field or "", form, len(self.lines))) from None
        # Sent twice, the form finds whom it has just added.
        self._sought = None
        return await self._begin(caller, patient_id)

    @handler(Permission.ENROLL)
    async def save_medicines(self, caller: Caller, form: dict[str, Any]) -> Any:
        """Keep what was ticked and typed, and go on to the dates."""
        draft = await self._draft(caller)
        drugs = await self._read(caller, reads.medicines_of, draft)
        may_tick = caller.may(Permission.OVERRIDE, draft.place.id)
        answers = medicine_choices(form, drugs, draft.answers, may_tick=may_tick)
        # What is left must give a plan; said here, where it can be corrected.
        proposal = await self._read(caller, reads.proposal_of, replace(draft, answers=answers))
        if all(option.sync_date is None for option in proposal.plan.options):
            raise Invalid(
                proposal.plan.recommended.reason or "No medicine takes part in the plan.", "medicines"
            )
        return await self._save(caller, answers, 3)

    @handler(Permission.ENROLL)
    async def choose(self, caller: Caller, key: str) -> None:
        """Look at another option; nothing is saved yet."""
        if key not in [option["key"] for option in self.options]:
            raise Invalid("Choose one of the dates.", "strategy")
        self._choose(key)

    @handler(Permission.ENROLL)
    async def ask_for_day(self, caller: Caller, day: str) -> None:
        """Offer the day a person picked as one more option."""
        if not day:
            return
        wanted = day_or_none(day)
        if wanted is None:
            raise Invalid("This is not a date. Pick one from the calendar.", "day")
        draft = await self._draft(caller)
        await self._keep(caller, replace(draft.answers, requested=wanted, sync_date=None), 3)
        await self._show_dates(caller, await self._draft(caller))
        found = next((option["key"] for option in self.options if option["iso"] == day), "")
        if not found:
            why = next((one["reason"] for one in self.impossible if one["label"] == "Requested date"), "")
            raise Invalid(why or "This day is not possible.", "day")
        self._choose(found)

    @handler(Permission.ENROLL)
    async def set_rhythm(self, caller: Caller, value: str) -> None:
        """Choose how the dates follow each other; the options are worked out anew."""
        chosen = rhythm(value)
        draft = await self._draft(caller)
        answers = replace(draft.answers, cadence=chosen.cadence, cycle_days=chosen.cycle_days, sync_date=None)
        await self._keep(caller, answers, 3)
        await self._show_dates(caller, await self._draft(caller))

    @handler(Permission.ENROLL)
    async def save_date(self, caller: Caller, form: dict[str, Any]) -> Any:
        """Keep the chosen date, and go on to the contact."""
        draft = await self._draft(caller)
        proposal = await self._read(caller, reads.proposal_of, draft)
        option = proposal.plan.option(cast(Strategy, self.chosen))
        if option is None or option.sync_date is None:
            raise Invalid("Choose one of the dates.", "strategy")
        shown = next((one["iso"] for one in self.options if one["key"] == self.chosen), "")
        if shown != option.sync_date.isoformat():
            await self._show_dates(caller, draft)
            raise Conflict("The dates changed because the data did. Look at them again.")
        reason = text_of(form, "override_reason")
        await self._read(caller, check_override, draft.place.id, option.breaks, reason)
        answers = replace(
            draft.answers, strategy=option.strategy, sync_date=option.sync_date,
            override_reason=reason if option.breaks else "",
        )  # fmt: skip
        return await self._save(caller, answers, 4)

    @handler(Permission.ENROLL)
    async def speak(self, caller: Caller, language: str) -> None:
        """Show the consent in the patient's language."""
        draft = await self._draft(caller)
        words = wordings(language, draft.place.name)
        self.contact = cast(ContactView, self.contact | {"wordings": words, "language": spoken(language)})

    @handler(Permission.ENROLL)
    async def save_contact(self, caller: Caller, form: dict[str, Any]) -> Any:
        """Keep how the patient may be reached, and go on to the review."""
        draft = await self._draft(caller)
        known = await self._read(caller, reads.contacts_of, draft.person.patient_id)
        return await self._save(caller, contact_answers(form, draft, known), 5)

    @handler(Permission.ENROLL)
    async def finish(self, caller: Caller) -> Any:
        """Enroll the patient."""
        draft = await self._draft(caller)
        if draft.version != self._version:
            raise Conflict("Somebody else went on with this enrollment in the meantime. Look at it again.")
        command = command_of(draft.draft_id, draft.person.patient_id, draft.answers)
        enrollment_id = await self._command(caller, enroll, command)
        self._say("Enrolled.")
        return rx.redirect(self._here(f"/enroll?enrolled={enrollment_id}"), replace=True)

    @handler(Permission.ENROLL)
    async def discard(self, caller: Caller) -> Any:
        """Throw the draft away."""
        await self._command(caller, discard_draft, self.draft_id, expected_version=self._version)
        self._say("The draft was thrown away.")
        return rx.redirect(self._here("/enroll"), replace=True)

    @handler(Permission.ENROLL)
    async def put_aside(self, caller: Caller) -> Any:
        """Nobody to enroll behind this request."""
        await self._command(caller, put_aside, self.join["id"])
        self._say("Put aside.")
        return rx.redirect(self._here("/"), replace=True)

    async def _begin(self, caller: Caller, patient_id: str, on: date | None = None) -> Any:
        if self.join["id"]:
            saved = await self._command(caller, accept_request, self.join["id"], patient_id)
        else:
            saved = await self._command(caller, start_draft, patient_id, requested=on)
        step = saved.step if saved.resumed else 2
        return rx.redirect(self._here(view.address(saved.draft_id, step)))

    async def _keep(self, caller: Caller, answers: Answers, step: int) -> None:
        saved = await self._command(
            caller, save_draft, self.draft_id, expected_version=self._version, step=step, answers=answers
        )
        self._version, self.reached = saved.version, saved.step

    async def _save(self, caller: Caller, answers: Answers, step: int) -> Any:
        await self._keep(caller, answers, step)
        return rx.redirect(self._here(view.address(self.draft_id, step)))

    def _here(self, address: str) -> str:
        joined = "&" if "?" in address else "?"
        return f"{address}{joined}at={self.at}" if self.at else address

    def _only_shop(self, caller: Caller) -> str:
        shops = [place.id for place in caller.shown if caller.scope.sees(place.id)]
        return shops[0] if len(shops) == 1 else ""
