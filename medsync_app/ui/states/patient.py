"""Patient: everything about one person, and the acts on the enrollment and its batches."""

from collections.abc import Callable
from typing import Any, Final

import reflex as rx

from medsync_app.auth import runtime
from medsync_app.auth.caller import Caller
from medsync_app.auth.guard import handler
from medsync_app.auth.permissions import Permission
from medsync_app.domain.states import EnrollmentState, SameDrug
from medsync_app.errors import Invalid, NotFound
from medsync_app.reads.drug_questions import drug_questions
from medsync_app.reads.patient import PatientFacts, patient_facts
from medsync_app.reads.patient_history import conversation, history
from medsync_app.reads.patient_merge import kept_id, past_merges
from medsync_app.reads.patient_supply import patient_supply
from medsync_app.services.answer_drug_questions import answer_same_drug, decide_new_drug
from medsync_app.services.approve_plan import approve
from medsync_app.services.change_drugs import discontinue
from medsync_app.services.confirm_pickup import confirm_pickup, undo_pickup
from medsync_app.services.mark_ready import mark_all_ready, undo_ready
from medsync_app.services.pause import pause, resume
from medsync_app.services.propose import propose
from medsync_app.services.view_patient import view_patient
from medsync_app.services.withdraw import withdraw
from medsync_app.services.write_note import write_note
from medsync_app.ui import format as say
from medsync_app.ui.components.timeline import EMPTY, Timeline
from medsync_app.ui.states.base import AppState
from medsync_app.ui.states.form_fields import day_of, text_of
from medsync_app.ui.states.patient_merge_views import merge_line
from medsync_app.ui.states.patient_record_views import (
    MeasureView,
    NoteView,
    QuestionView,
    TaskView,
    UtteranceView,
    act_view,
    measure_view,
    question_view,
    task_view,
    utterance_view,
)
from medsync_app.ui.states.patient_views import (
    NO_HEAD,
    NOT_TAKING,
    ContactView,
    CycleView,
    DrugView,
    HeadView,
    TakingView,
    contact_view,
    cycle_view,
    drug_view,
    head_view,
    taking_view,
    timeline_of,
)
from medsync_app.ui.states.viewing import patient_in_address, viewer

QUESTIONS: Final = ("pause", "resume", "withdraw", "discontinue")


class PatientState(AppState):
    """One patient; the address holds the random id only."""

    loaded: bool = False
    patient_id: str = ""
    head: HeadView = NO_HEAD
    contacts: list[ContactView] = []
    taking: TakingView = NOT_TAKING
    picture: Timeline = EMPTY
    drugs: list[DrugView] = []
    cycles: list[CycleView] = []
    coming: list[UtteranceView] = []
    past: list[UtteranceView] = []
    drug_questions: list[QuestionView] = []
    measures: list[MeasureView] = []
    tasks: list[TaskView] = []
    notes: list[NoteView] = []
    history: list[NoteView] = []
    #: Which question is open: pause, resume, withdraw, discontinue or "".
    asking: str = ""
    #: The drug a question is about, and the day a resumption would start with.
    asked_drug: str = ""
    asked_id: str = ""
    asked_day: str = ""
    #: Starts the note's field anew after a note was kept.
    note_key: int = 0

    @handler(Permission.VIEW_PATIENTS)
    async def load(self, caller: Caller) -> Any:
        """Show the patient that the address names; opening the page is written into the audit log.

        An old link to a record that was merged leads to the one that stayed.
        """
        asked = patient_in_address(self)
        if asked != self.patient_id:
            self._clear()
            self.patient_id = asked
        try:
            await self._command(viewer(caller), view_patient, asked)
        except NotFound as missing:
            return await self._follow(caller, missing)
        await self._show(caller)
        over, about = self._over()
        if over not in QUESTIONS or self.asking:
            return None
        return self._then("ask_discontinue", about) if over == "discontinue" else self._then("ask", over)

    @handler(Permission.VIEW_PATIENTS, activity=False)
    async def poll(self, caller: Caller) -> Any:
        """Look again when something changed; a colleague may have merged this record into another."""
        if not self.loaded or not await self._changed(caller):
            return None
        try:
            await self._show(caller)
        except NotFound as missing:
            return await self._follow(caller, missing)
        return None

    async def _follow(self, caller: Caller, missing: NotFound) -> Any:
        """Go to the record that this one was merged into; what was missing when it was not."""
        kept = await self._read(viewer(caller), kept_id, self.patient_id)
        if not kept:
            raise missing
        self._say("This record was merged: this is the one that stayed.")
        return rx.redirect(f"/patient/{kept}", replace=True)

    @handler(Permission.PREPARE)
    async def mark_ready(self, caller: Caller, cycle_id: str, version: int) -> None:
        """The batch is ready."""
        await self._act(caller, None, mark_all_ready, cycle_id, expected_version=version)

    @handler(Permission.PREPARE)
    async def picked_up(self, caller: Caller, cycle_id: str, version: int) -> None:
        """The batch was fetched."""
        await self._act(caller, "Picked up.", confirm_pickup, cycle_id, expected_version=version)

    @handler(Permission.PREPARE)
    async def not_ready(self, caller: Caller, cycle_id: str, version: int) -> None:
        """Ready by mistake."""
        await self._act(caller, "Not ready any more.", undo_ready, cycle_id, expected_version=version)

    @handler(Permission.PREPARE)
    async def not_picked_up(self, caller: Caller, cycle_id: str, version: int) -> None:
        """Not picked up after all."""
        await self._act(caller, "The pickup was taken back.", undo_pickup, cycle_id, expected_version=version)

    @handler(Permission.APPROVE_PLAN)
    async def approve(self, caller: Caller, cycle_id: str, version: int) -> None:
        """A pharmacist approves the plan."""
        await self._act(caller, "Plan approved.", approve, cycle_id, expected_version=version)

    @handler(Permission.VIEW_PATIENTS)
    async def ask(self, caller: Caller, question: str) -> None:
        """Open a question about the enrollment."""
        if question not in QUESTIONS:
            raise Invalid("The page asked for something unknown. Reload it.")
        if question == "resume":
            found = await self._read(viewer(caller), propose, self.patient_id)
            days = [option.sync_date for option in found.plan.options if option.sync_date is not None]
            self.asked_day = days[0].isoformat() if days else ""
        self.asking = question

    @handler(Permission.CHANGE_DRUGS)
    async def ask_discontinue(self, caller: Caller, therapy_id: str) -> None:
        """Open the question whether a drug has been stopped."""
        name = next((drug["name"] for drug in self.drugs if drug["id"] == therapy_id), "")
        if not name:
            raise Invalid("This medicine is not this patient's. Reload the page.")
        self.asked_id, self.asked_drug, self.asking = therapy_id, name, "discontinue"

    @handler(Permission.VIEW)
    async def keep(self, caller: Caller) -> None:
        """Close the question; nothing changes."""
        self.asking = ""

    @handler(Permission.ENROLL)
    async def pause(self, caller: Caller, form: dict[str, Any]) -> None:
        """Pause the enrollment."""
        await self._change(caller, "Paused.", pause, reason=text_of(form, "reason"))

    @handler(Permission.ENROLL)
    async def resume(self, caller: Caller, form: dict[str, Any]) -> None:
        """Go on with the enrollment from a day."""
        why, day = text_of(form, "override_reason"), day_of(form, "sync_date")
        await self._change(caller, "Resumed.", resume, sync_date=day, override_reason=why)

    @handler(Permission.ENROLL)
    async def withdraw(self, caller: Caller, form: dict[str, Any]) -> None:
        """End the enrollment."""
        chosen = text_of(form, "state")
        if chosen not in list(EnrollmentState):
            raise Invalid("Choose why the enrollment ends.", "state")
        reason = text_of(form, "reason") or say.code_words(chosen)
        await self._change(caller, "Ended.", withdraw, reason=reason, state=EnrollmentState(chosen))

    @handler(Permission.CHANGE_DRUGS)
    async def discontinue(self, caller: Caller, form: dict[str, Any]) -> None:
        """A drug has been stopped."""
        reason = text_of(form, "reason")
        await self._act(caller, "Stopped.", discontinue, self.asked_id, reason=reason)
        self.asking = ""

    @handler(Permission.OVERRIDE)
    async def answer_same_drug(self, caller: Caller, therapy_id: str, answer: str) -> None:
        """A drug beside a newer one of its ingredient is replaced by it, or taken together with it."""
        if answer not in list(SameDrug):
            raise Invalid("The page asked for something unknown. Reload it.")
        await self._act(caller, "Answered.", answer_same_drug, therapy_id, SameDrug(answer))

    @handler(Permission.OVERRIDE)
    async def decide_new_drug(self, caller: Caller, therapy_id: str, takes_part: bool) -> None:
        """A new drug that waits for a pharmacist takes part, or does not."""
        await self._act(caller, "Decided.", decide_new_drug, therapy_id, takes_part=takes_part)

    @handler(Permission.VIEW_PATIENTS)
    async def add_note(self, caller: Caller, form: dict[str, Any]) -> None:
        """Keep a note."""
        await self._act(caller, "Note kept.", write_note, self.patient_id, text_of(form, "text"))
        self.note_key += 1

    async def _change(self, caller: Caller, said: str, fn: Callable[..., Any], **kwargs: Any) -> None:
        """A command on the enrollment as it was shown."""
        version = self.taking["version"]
        await self._act(caller, said, fn, self.taking["id"], expected_version=version, **kwargs)
        self.asking = ""

    async def _show(self, caller: Caller) -> None:
        caller = viewer(caller)
        facts = await self._read(caller, patient_facts, self.patient_id)
        supply = await self._read(caller, patient_supply, self.patient_id)
        said = await self._read(caller, conversation, self.patient_id)
        acts = await self._read(caller, history, self.patient_id)
        now, zone, today = runtime.clock().now(), facts.place.zone, facts.place.today
        self._show_facts(caller, facts)
        self.picture = timeline_of(supply, facts)
        self.drugs = [drug_view(drug, today) for drug in supply.drugs]
        asked = await self._read(caller, drug_questions, self.patient_id)
        self.drug_questions = [question_view(one) for one in asked]
        self.measures = [measure_view(one, today) for one in supply.measures]
        self.coming = [utterance_view(one, now, zone) for one in said.coming]
        self.past = [utterance_view(one, now, zone) for one in said.past]
        merges = await self._read(caller, past_merges, self.patient_id)
        self.history = [
            *(merge_line(one, now, zone) for one in merges),
            *(act_view(act, now, zone) for act in acts if act.act != "merge_patients"),
        ]
        self.loaded = True

    def _show_facts(self, caller: Caller, facts: PatientFacts) -> None:
        now, zone, place = runtime.clock().now(), facts.place.zone, facts.place.id
        may_prepare = caller.may(Permission.PREPARE, place)
        may_approve = caller.may(Permission.APPROVE_PLAN, place)
        self.head = head_view(facts)
        self.contacts = [contact_view(contact, facts) for contact in facts.contacts]
        self.taking = taking_view(facts.taking, facts, now)
        self.cycles = [
            cycle_view(cycle, facts, now, may_prepare=may_prepare, may_approve=may_approve)
            for cycle in facts.cycles
        ]
        self.tasks = [task_view(task, now, zone) for task in facts.tasks]
        self.notes = [
            {"id": note.id, "head": f"{say.moment(note.at, now, zone)}, {note.by}", "text": note.text}
            for note in facts.notes
        ]

    def _clear(self) -> None:
        """Nothing of the patient before stays while another one is read."""
        self.loaded = False
        self.asking = ""
        self.head, self.taking, self.picture = NO_HEAD, NOT_TAKING, EMPTY
        self.contacts, self.drugs, self.cycles, self.tasks = [], [], [], []
        self.drug_questions = []
        self.coming, self.past, self.measures, self.notes, self.history = [], [], [], [], []
