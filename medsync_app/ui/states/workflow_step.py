"""The panel of one step of the workflow, or of who is reached how: what may be edited, and its wording tried out."""

from collections.abc import Mapping
from typing import Any, TypedDict
from urllib.parse import urlencode

import reflex as rx

from medsync_app.auth.caller import Caller
from medsync_app.auth.guard import handler, selected_slug
from medsync_app.auth.permissions import Permission
from medsync_app.domain.states import Channel
from medsync_app.domain.workflow_edit import (
    edited_segment,
    edited_step,
    with_condition,
    with_trigger,
    with_wording,
    without_condition,
)
from medsync_app.domain.workflow_fields import FACTS
from medsync_app.reads.step_wordings import Usual, usual_wording, with_samples
from medsync_app.reads.workflow import ComingPatient, WorkflowPage, coming_patients, workflow_page
from medsync_app.services.templates import preview_wording
from medsync_app.services.workflow_draft import Part, copy_step, leave_out, part_of, put_in_draft
from medsync_app.ui import format as say
from medsync_app.ui.states.base import AppState
from medsync_app.ui.states.settings_place import one_place
from medsync_app.ui.states.workflow import WorkflowState
from medsync_app.ui.states.workflow_step_view import (
    NO_STEP,
    SaidView,
    StepView,
    is_said,
    said_views,
    segment_view,
    size_words,
    step_view,
    value_control,
)


class PersonView(TypedDict):
    """Somebody on whom the wording can be tried."""

    id: str
    name: str
    day: str


class WorkflowStepState(AppState):
    """The open step."""

    open: bool = False
    step: StepView = NO_STEP
    says: list[SaidView] = []
    #: The fact chosen for a new condition, with the control its value needs and that control's choices.
    fact: str = ""
    value_kind: str = ""
    value_choices: list[list[str]] = []
    wording: str = ""
    subject: str = ""
    usual: str = ""
    own_wording: bool = False
    shown_text: str = ""
    shown_subject: str = ""
    shown_for: str = ""
    shown_size: str = ""
    #: True when the rules do not let this wording go to this patient.
    replaced: bool = False
    people: list[PersonView] = []
    #: Forms start anew when what they show is new.
    form_key: int = 0

    _part: Part = "steps"
    _spoken: tuple[int, str, str] = (0, "en", "sms")
    _template: str = ""
    _typed: str = ""
    _typed_subject: str = ""

    @handler(Permission.EDIT_WORKFLOW)
    async def load(self, caller: Caller) -> None:
        """Open the step the address names (`?step=confirm_t3&say=0-es-sms`, `?segment=older`)."""
        asked = self.router.url.query_parameters
        self._part = "segments" if asked.get("segment") else "steps"
        item_id = str(asked.get("segment", "") or asked.get("step", ""))
        self.open = False
        if item_id and len(caller.shown) == 1:
            await self._open(caller, item_id, str(asked.get("say", "")))

    @handler(Permission.EDIT_WORKFLOW)
    async def close(self, caller: Caller) -> rx.event.EventSpec:
        """Close the panel: its step leaves the address."""
        self.open = False
        return rx.redirect(_address(self), replace=True)

    @handler(Permission.EDIT_WORKFLOW)
    async def save(self, caller: Caller, form: dict[str, Any]) -> Any:
        """Keep time, channels and tasks among the changes."""
        typed = _typed(form)
        edit = edited_segment if self._part == "segments" else edited_step
        return await self._put(caller, edit(await self._item(caller), typed))

    @handler(Permission.EDIT_WORKFLOW)
    async def choose_trigger(self, caller: Caller, on: str) -> Any:
        """Let the step be due by another kind of event or day."""
        return await self._put(caller, with_trigger(await self._item(caller), on))

    @handler(Permission.EDIT_WORKFLOW)
    async def copy_it(self, caller: Caller) -> Any:
        """A step of the pharmacy's own begins as the copy of another; the copy is opened."""
        made = await self._command(caller, copy_step, one_place(caller), self.step["id"])
        self._say("Copied. Give it a name and a time of its own; it applies once you publish.")
        await self._open(caller, made, "")
        return [rx.redirect(_address(self, made), replace=True), WorkflowState.load]

    @handler(Permission.EDIT_WORKFLOW)
    async def choose_fact(self, caller: Caller, fact: str) -> None:
        """Choose what a new condition asks."""
        self.fact = fact if fact in FACTS else ""
        self.value_kind, self.value_choices = value_control(self.fact)

    @handler(Permission.EDIT_WORKFLOW)
    async def add_condition(self, caller: Caller, form: dict[str, Any]) -> Any:
        """One more condition."""
        typed = _typed(form)
        done = await self._put(caller, with_condition(await self._item(caller), typed))
        self.fact, self.value_kind = "", ""
        return done

    @handler(Permission.EDIT_WORKFLOW)
    async def remove_condition(self, caller: Caller, index: int) -> Any:
        """One condition less."""
        return await self._put(caller, without_condition(await self._item(caller), index))

    @handler(Permission.EDIT_WORKFLOW)
    async def leave_out(self, caller: Caller) -> Any:
        """Take the step out of the workflow."""
        await self._command(caller, leave_out, one_place(caller), self._part, self.step["id"])
        self._say("Left out. It applies once you publish.")
        self.open = False
        return [rx.redirect(_address(self), replace=True), WorkflowState.load]

    @handler(Permission.EDIT_WORKFLOW)
    async def typed_wording(self, caller: Caller, text: str) -> None:
        """Note what is typed (when the field is left): it is measured, and can be tried."""
        self._typed = text
        self._show_sample()

    @handler(Permission.EDIT_WORKFLOW)
    async def typed_subject(self, caller: Caller, text: str) -> None:
        """Note the subject as typed."""
        self._typed_subject = text

    @handler(Permission.EDIT_WORKFLOW)
    async def save_wording(self, caller: Caller, form: dict[str, Any]) -> Any:
        """Keep the wording among the changes."""
        return await self._reword(caller, form)

    @handler(Permission.EDIT_WORKFLOW)
    async def usual_wording(self, caller: Caller) -> Any:
        """Go back to the usual wording."""
        return await self._reword(caller, {"wording": "", "subject": ""})

    async def _reword(self, caller: Caller, form: Mapping[str, Any]) -> Any:
        """Keep a wording; the usual one (or none) is not kept as the step's own."""
        index, language, channel = self._spoken
        step = await self._item(caller)
        usual = await self._usual(caller)
        for name, known in (("wording", usual.body), ("subject", usual.subject)):
            if name in form:
                text = str(form[name]).strip()
                field = channel if name == "wording" else "email_subject"
                step = with_wording(step, index, language, field, "" if text == known else text)
        return await self._put(caller, step)

    @handler(Permission.EDIT_WORKFLOW)
    async def find(self, caller: Caller, text: str) -> None:
        """Look for a patient to try the wording on."""
        found = await self._read(caller, coming_patients, one_place(caller), text)
        self.people = [_person(one) for one in found]

    @handler(Permission.EDIT_WORKFLOW)
    async def show_for(self, caller: Caller, patient_id: str) -> None:
        """The wording as one patient would get it."""
        _, language, channel = self._spoken
        found = await self._command(
            caller, preview_wording, patient_id, self._template, language, Channel(channel), self._typed,
            subject=self._typed_subject,
        )  # fmt: skip
        self.shown_text, self.shown_subject = found.text.body, found.text.subject
        # The usual wording is not replaced by itself.
        self.replaced = found.replaced and self._typed.strip() != self.usual.strip()
        self.shown_for = next((one["name"] for one in self.people if one["id"] == patient_id), "")
        self.shown_size = size_words(found.text.body) if channel == Channel.SMS else ""

    async def _item(self, caller: Caller) -> dict[str, Any]:
        """The open step or segment with the changes made so far."""
        found = await self._page(caller)
        return part_of(found.document, self._part, self.step["id"])

    async def _page(self, caller: Caller) -> WorkflowPage:
        return await self._read(caller, workflow_page, one_place(caller))

    async def _put(self, caller: Caller, changed: Mapping[str, Any]) -> Any:
        """Keep a changed step, show it, and let the page show it too."""
        await self._command(caller, put_in_draft, one_place(caller), self._part, changed)
        self._say("Kept among the changes. It applies once you publish.")
        await self._open(caller, self.step["id"], "-".join(str(part) for part in self._spoken))
        return WorkflowState.load

    def _say_done(self, text: str) -> None:
        AppState._say(self, text)  # pyright: ignore[reportArgumentType]

    async def _open(self, caller: Caller, item_id: str, asked: str) -> None:
        found = await self._page(caller)
        item = part_of(found.document, self._part, item_id)
        self.form_key += 1
        self.fact, self.value_kind, self.value_choices = "", "", []
        if self._part == "segments":
            self.step, self.says = segment_view(item), []
        else:
            self.step = step_view(item, found)
            self._spoken = is_said(item, asked)
            self.says = said_views(item, self._spoken)
        self.open = True
        if self.says:
            await self._show_wording(caller, item)

    async def _usual(self, caller: Caller) -> Usual:
        _, language, channel = self._spoken
        return await self._read(caller, usual_wording, one_place(caller), self._template, language, channel)

    async def _show_wording(self, caller: Caller, item: Mapping[str, Any]) -> None:
        index, language, channel = self._spoken
        action = item["actions"][index]
        self._template = str(action["template"])
        usual = await self._usual(caller)
        own = action.get("wordings", {}).get(language, {})
        self.own_wording = channel in own or (channel == Channel.EMAIL and "email_subject" in own)
        self.wording, self.usual = own.get(channel, usual.body), usual.body
        self.subject = own.get("email_subject", usual.subject)
        self._typed, self._typed_subject = self.wording, self.subject
        self._show_sample()
        if not self.people:
            self.people = [
                _person(one) for one in await self._read(caller, coming_patients, one_place(caller))
            ]

    def _show_sample(self) -> None:
        _, language, channel = self._spoken
        self.shown_text, self.shown_for, self.replaced = (
            with_samples(self._typed, language, channel),
            "",
            False,
        )
        self.shown_subject = ""
        self.shown_size = size_words(self.shown_text) if channel == Channel.SMS and self.shown_text else ""


def _address(state: WorkflowStepState, step_id: str = "") -> str:
    """The page with that step open, or with none; the chosen location stays in the address."""
    asked = {"at": selected_slug(state), "step": step_id}
    query = urlencode({name: value for name, value in asked.items() if value})
    return f"/workflow?{query}" if query else "/workflow"


def _typed(form: Mapping[str, Any]) -> dict[str, str]:
    """The form's fields as texts; a box without its tick is not in it."""
    return {name: str(value) for name, value in form.items() if value is not None and value is not False}


def _person(one: ComingPatient) -> PersonView:
    return {
        "id": one.patient_id,
        "name": say.patient_name(one.last_name, one.first_name),
        "day": say.day(one.sync_date),
    }
