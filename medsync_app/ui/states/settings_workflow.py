"""The tab that lists the steps of the workflow in force, with their times and wordings."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Final, TypedDict, cast

from medsync_app.auth import runtime
from medsync_app.auth.caller import Caller
from medsync_app.auth.guard import handler
from medsync_app.auth.permissions import Permission
from medsync_app.domain.workflow_model import Action, Step, Trigger
from medsync_app.reads.settings import WorkflowFacts, workflow_facts
from medsync_app.ui import format as say
from medsync_app.ui.states.base import AppState
from medsync_app.ui.states.settings_place import one_place, zone_of

_EVENTS: Final[Mapping[str, str]] = {
    "enrolled": "When the patient is enrolled",
    "refill_status": "When a refill's state changes",
    "prescriber_answered": "When the prescriber has answered",
    "ready": "When the batch is ready",
    "partly_ready": "When part of the batch is ready",
    "picked_up": "When it is picked up",
    "replied": "When the patient replies",
}
_CHECKS: Final[Mapping[str, str]] = {
    "stock": "Checks the stock", "prepare": "Task: prepare the batch", "exceptions": "Looks for problems",
}  # fmt: skip
_STAGES: Final[Mapping[str, str]] = {
    "request": "Renewal request to the prescriber", "resend": "Renewal request once more",
    "phone": "Task: phone the prescriber", "escalate": "Task for the pharmacist",
}  # fmt: skip


class StepView(TypedDict):
    """One step."""

    id: str
    number: str
    name: str
    when: str
    does: str
    unless: str
    wording: str
    spanish: str


class WorkflowTabState(AppState):
    """The steps, read only."""

    rows: list[StepView] = []
    version: str = ""
    ready: bool = False

    @handler(Permission.EDIT_WORKFLOW)
    async def open_tab(self, caller: Caller) -> None:
        """List the steps."""
        place = one_place(caller)
        found = await self._read(caller, workflow_facts, place)
        since = say.moment(found.since, runtime.clock().now(), zone_of(caller, place))
        self.version = (
            f"Version {found.number}, in force since {since}" if found.number else "The default workflow"
        )
        self.rows = [_view(step, found) for step in found.workflow.steps]
        self.ready = True


def _view(step: Step, found: WorkflowFacts) -> StepView:
    template = next((str(a.options.get("template", "")) for a in step.actions if a.do == "message"), "")
    return {
        "id": step.id,
        "number": str(step.number),
        "name": step.name,
        "when": when(step.trigger),
        "does": say.listed([_does(action) for action in step.actions], most=3),
        "unless": ", ".join(_condition(c.fact, c.op, c.value) for c in step.conditions),
        "wording": found.wordings.get((template, "en", "sms"), ""),
        "spanish": found.wordings.get((template, "es", "sms"), ""),
    }


def when(trigger: Trigger) -> str:
    """A trigger in words: "3 days before the sync date, 10:00 am"."""
    at = f", {say.clock_time(datetime.combine(date.min, trigger.at))}" if trigger.at else ""
    days = say.plural(trigger.days, "day")
    if trigger.on == "days_before":
        moved = " (moved back to an open day)" if trigger.open_day else ""
        return f"{days} before the sync date{at}{moved}" if trigger.days else f"On the sync date{at}"
    if trigger.on == "days_after":
        return f"{days} after the sync date{at}"
    if trigger.on == "before_return":
        return (
            f"{days} before the return to stock{at}" if trigger.days else f"On the day of return to stock{at}"
        )
    if trigger.on == "hours_after_ready":
        return f"{say.plural(trigger.hours, 'hour')} after ready and the sync date"
    if trigger.on == "daily":
        return f"Daily{at}"
    return _EVENTS.get(trigger.on, say.code_words(trigger.on))


def _does(action: Action) -> str:
    options = action.options
    if action.do == "message":
        return "Message to the patient: text, else e-mail, else a call task"
    if action.do == "task":
        return f"Task for the {options.get('role', 'technician')}"
    if action.do == "renewal":
        return _STAGES.get(str(options.get("stage", "")), "Renewal")
    return _CHECKS.get(str(options.get("what", "")), "Check")


def _condition(fact: str, op: str, value: object) -> str:
    words = fact.replace("_", " ")
    if isinstance(value, bool):
        return f"only when {words}" if value else f"only when not {words}"
    if isinstance(value, list | tuple):
        value = " or ".join(str(one) for one in cast("list[object]", value))
    said = {"is": "is", "in": "is", "at_least": "is at least", "at_most": "is at most"}[op]
    return f"only when {words} {said} {value}"
