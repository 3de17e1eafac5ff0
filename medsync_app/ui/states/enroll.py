"""The enrollment wizard: each step is saved in a draft that its address names, so that it can be left and resumed."""

from dataclasses import replace
from datetime import date
from typing import Any, Final, cast

import reflex as rx

from medsync_app.auth import runtime
from medsync_app.auth.caller import Caller
from medsync_app.auth.guard import handler
from medsync_app.auth.permissions import Permission
from medsync_app.domain.plan_model import Strategy
from medsync_app.errors import Conflict, Invalid
from medsync_app.reads import enroll as reads
from medsync_app.reads.join import join_request
from medsync_app.reads.search import MIN_LENGTH, search
from medsync_app.services.add_patient import add_patient
from medsync_app.services.draft_answers import Answers, command_of
from medsync_app.services.enroll import enroll
from medsync_app.services.join_requests import accept_request, put_aside
from medsync_app.services.override import check_override
from medsync_app.services.save_draft import LAST_STEP, discard_draft, save_draft, start_draft
from medsync_app.ui.states import enroll_view as view
from medsync_app.ui.states.base import AppState
from medsync_app.ui.states.contact_form import (
    NO_CONTACT,
    ContactView,
    contact_view,
    spoken,
    wordings,
)
from medsync_app.ui.states.enroll_contact import contact_answers, contact_start
from medsync_app.ui.states.enroll_forms import (
    MAX_LINES,
    field_of_drug,
    medicine_choices,
    new_patient,
    rhythm,
)
from medsync_app.ui.states.enroll_options import (
    ImpossibleView,
    OptionView,
    impossible_views,
    left_aside,
    option_views,
)
from medsync_app.ui.states.enroll_review import NO_REVIEW, ReviewView, foreseen, review_view
from medsync_app.ui.states.form_fields import day_or_none, text_of

_FIRST_LINES: Final = 2


class EnrollState(AppState):
    """What the wizard shows of the step in the address."""

    loaded: bool = False
    step: int = 1
    reached: int = 1
    draft_id: str = ""
    person: view.PersonView = view.NOBODY
    done: view.DoneView = view.NOT_DONE

    # Patient
    drafts: list[view.DraftView] = []
    hits: list[view.PersonView] = []
    searched: bool = False
    adding: bool = False
    lines: list[int] = list(range(_FIRST_LINES))
    shops: list[list[str]] = []
    alike: list[view.PersonView] = []
    join: view.JoinView = view.NO_JOIN

    # Medicines
    medicines: list[view.MedicineView] = []
    mates: list[view.MateView] = []

    # Sync date
    options: list[OptionView] = []
    impossible: list[ImpossibleView] = []
    chosen: str = ""
    asked: str = ""
    breaks: str = ""
    may_override: bool = False
    override_reason: str = ""
    rhythm: str = "30"
    rhythms: list[list[str]] = []
    aside: str = ""

    # Contact
    contact: ContactView = NO_CONTACT

    review: ReviewView = NO_REVIEW

    _version: int = 0
    _asked_alike: str = ""

    @handler(Permission.ENROLL)
    async def load(self, caller: Caller) -> Any:
        """Show the step that the address names.

        ?draft=ID&step=3, ?patient=ID&on=DAY, ?new=1, ?join=ID, ?enrolled=ID.
        """
        asked = self.router.url.query_parameters
        # Stays so when reading fails: then the error stands in the page's place, not beside another patient.
        self.loaded = False
        self.done, self.join = view.NOT_DONE, view.NO_JOIN
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
        found = await self._read_here(caller, search, text)
        taking_part = await self._read(caller, reads.enrolled_ids, [one.patient_id for one in found])
        self.hits = [view.hit_view(one, enrolled=one.patient_id in taking_part) for one in found]
        self.searched = True

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
        mark = _mark(new.first_name, new.last_name, new.birth_date)
        if mark != self._asked_alike:
            alike = await self._read(
                caller, reads.likely_duplicates, first_name=new.first_name, last_name=new.last_name,
                birth_date=new.birth_date, phone="",
            )  # fmt: skip
            self._asked_alike = mark
            self.alike = [view.person_view(person) for person in alike]
            if alike:
                return None
        try:
            patient_id = await self._command(caller, add_patient, new)
        except Invalid as error:
            raise Invalid(error.message, field_of_drug(error.field or "", form, len(self.lines))) from None
        # Sent twice, the form finds whom it has just added.
        self._asked_alike = ""
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

    async def _draft(self, caller: Caller) -> reads.Draft:
        if not self.draft_id:
            raise Invalid("Choose a patient first.")
        return await self._read(caller, reads.draft_of, self.draft_id)

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

    async def _show_start(self, caller: Caller, *, adding: bool) -> None:
        self.step, self.draft_id, self.person = 1, "", view.NOBODY
        self.reached = 1
        self.hits, self.searched, self.alike, self._asked_alike = [], False, [], ""
        self.adding, self.lines = adding, list(range(_FIRST_LINES))
        drafts = await self._read_here(caller, reads.open_drafts)
        now = runtime.clock().now()
        zone = caller.shown[0].zone if caller.shown else "UTC"
        self.drafts = [view.draft_view(draft, now, zone) for draft in drafts]
        shops = [place for place in caller.shown if caller.scope.sees(place.id)]
        self.shops = [[place.id, place.name] for place in shops] if len(shops) > 1 else []

    async def _show_join(self, caller: Caller, request_id: str) -> None:
        request = await self._read(caller, join_request, request_id)
        if request.handled_by:
            raise Conflict(f"{request.handled_by} has handled this request already.")
        place = next(place for place in caller.places if place.id == request.pharmacy_id)
        self.lines = list(range(max(_FIRST_LINES, len(request.medicines))))
        self.join = view.join_view(request, runtime.clock().now(), place.zone, MAX_LINES)
        self.shops = [[place.id, place.name]] if self.shops else []
        alike = await self._read(
            caller, reads.likely_duplicates, first_name=request.first_name, last_name=request.last_name,
            birth_date=request.birth_date, phone=request.phone,
        )  # fmt: skip
        known = request.known.patient_id if request.known else ""
        self.alike = [view.person_view(person) for person in alike if person.patient_id != known]
        self._asked_alike = _mark(request.first_name, request.last_name, request.birth_date)

    async def _show_draft(self, caller: Caller, draft_id: str, wanted: int) -> None:
        draft = await self._read(caller, reads.draft_of, draft_id)
        if draft.finished:
            raise Conflict("This enrollment is finished already. Open the patient's page.")
        self.draft_id, self._version = draft.draft_id, draft.version
        self.person, self.reached = view.head_of(draft), draft.step
        step = min(wanted or draft.step, draft.step, LAST_STEP)
        if step == 5 and draft.answers.sync_date is None:
            step = 3
        self.mates = [
            view.mate_view(mate, draft.place.today)
            for mate in await self._read(caller, reads.household_of, draft.person.patient_id)
        ]
        if step == 2:
            drugs = await self._read(caller, reads.medicines_of, draft)
            may_tick = caller.may(Permission.OVERRIDE, draft.place.id)
            self.medicines = [
                view.medicine_view(drug, draft.place.today, may_tick=may_tick) for drug in drugs
            ]
        elif step == 3:
            await self._show_dates(caller, draft)
        elif step == 4:
            known = await self._read(caller, reads.contacts_of, draft.person.patient_id)
            self.contact = contact_view(contact_start(draft, known))
        else:
            found = await self._read(caller, foreseen, draft)
            self.review = review_view(draft, found, runtime.clock().now())
        self.step = step

    async def _show_dates(self, caller: Caller, draft: reads.Draft) -> None:
        proposal = await self._read(caller, reads.proposal_of, draft)
        self.options, self.impossible = option_views(proposal), impossible_views(proposal)
        self.aside = left_aside(proposal)
        self.asked = draft.answers.requested.isoformat() if draft.answers.requested else ""
        days = proposal.policy.cycle_days
        choices = sorted({28, 30, 84, 90, days})
        self.rhythms = [
            *([str(n), f"Every {n} days"] for n in choices),
            ["monthly", "The same day each month"],
        ]
        self.rhythm = "monthly" if draft.answers.cadence == "monthly" else str(days)
        self.may_override = caller.may(Permission.OVERRIDE, draft.place.id)
        self.override_reason = draft.answers.override_reason
        chosen = draft.answers.sync_date or draft.answers.requested
        wanted = chosen.isoformat() if chosen else ""
        found = next((option["key"] for option in self.options if option["iso"] == wanted), "")
        self._choose(found or (self.options[0]["key"] if self.options else ""))

    def _choose(self, key: str) -> None:
        self.chosen = key
        self.breaks = next((option["breaks"] for option in self.options if option["key"] == key), "")


def _mark(first: str, last: str, born: date | None) -> str:
    """For whom the likely duplicates were shown."""
    return f"{first}|{last}|{born}".casefold()
