"""A workflow in words: when a step is due, what it does, on which conditions, and what changed."""

from collections.abc import Mapping, Sequence
from datetime import time
from typing import Any, Final, cast

from medsync_app.domain.states import Channel
from medsync_app.domain.workflow_diff import Change
from medsync_app.ui import format as say

#: The eight steps of the programme.
STEP_NAMES: Final[Mapping[int, str]] = {
    1: "Enroll", 2: "Sync date", 3: "Refill requests", 4: "First reminder", 5: "Confirm", 6: "Exceptions",
    7: "Prepare and ready", 8: "Pickup",
}  # fmt: skip
CHANNEL_NAMES: Final[Mapping[str, str]] = {
    Channel.SMS: "text message", Channel.VOICE: "phone call", Channel.EMAIL: "e-mail",
}  # fmt: skip
LANGUAGE_NAMES: Final[Mapping[str, str]] = {"en": "English", "es": "Spanish"}
ROLE_NAMES: Final[Mapping[str, str]] = {
    "technician": "technician", "pharmacist": "pharmacist", "owner": "owner",
}  # fmt: skip
FACT_NAMES: Final[Mapping[str, str]] = {
    "age": "age in years",
    "channel": "preferred channel",
    "language": "language",
    "consent": "consent",
    "fulfilment": "how the batch reaches the patient",
    "days_to_sync": "days until the sync date",
    "pa_ends_within": "prior authorization ends within so many days",
    "refills_left": "refills left",
    "days_supply": "longest days supply in the batch",
    "out_of_stock": "out of stock",
    "confirmed": "confirmed",
    "picked_up": "picked up",
    "ready": "ready",
    "cycle_number": "number of the pickup",
    "drug_class": "drug class",
}
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
_OPERATORS: Final[Mapping[str, str]] = {
    "is": "is", "in": "is", "at_least": "is at least", "at_most": "is at most",
}  # fmt: skip
_FIELDS: Final[Mapping[str, str]] = {
    "name": "name", "trigger.days": "days", "trigger.hours": "hours", "trigger.at": "time",
    "trigger.open_day": "moved back to an open day", "conditions": "conditions", "channels": "channels",
    "step": "step of the programme", "useful": "how long it is useful", "cycles": "kinds of pickups",
    "summary": "what the task says", "role": "who does the task", "due_hours": "hours to do it in",
    "place": "place in the list", "template": "wording's name",
}  # fmt: skip


def when(trigger: Mapping[str, Any]) -> str:
    """A trigger of the document in words: "3 days before the sync date, 10:00 am"."""
    on, days = str(trigger["on"]), int(trigger.get("days", 0))
    at = f", {clock_words(str(trigger['at']))}" if trigger.get("at") else ""
    count = say.plural(days, "day")
    if on == "days_before":
        moved = " (moved back to an open day)" if trigger.get("open_day") else ""
        return f"{count} before the sync date{at}{moved}" if days else f"On the sync date{at}"
    if on == "days_after":
        return f"{count} after the sync date{at}"
    if on == "before_return":
        return f"{count} before the return to stock{at}" if days else f"On the day of return to stock{at}"
    if on == "hours_after_ready":
        return f"{say.plural(int(trigger.get('hours', 0)), 'hour')} after ready and the sync date"
    if on == "daily":
        return f"Daily{at}"
    return _EVENTS.get(on, say.code_words(on))


def clock_words(text: str) -> str:
    """Said as "9:05 am" of a time of the document ("09:05")."""
    at = time.fromisoformat(text)
    return f"{at.hour % 12 or 12}:{at.minute:02d} {'am' if at.hour < 12 else 'pm'}"


def does(action: Mapping[str, Any]) -> str:
    """An action in words."""
    if action["do"] == "message":
        channels = [CHANNEL_NAMES[one] for one in action.get("channels", ())]
        ways = ", else ".join(channels) if channels else "as the patient is reached best"
        return f"Message to the patient: {ways}"
    if action["do"] == "task":
        return f"Task for the {action.get('role', 'technician')}: {action.get('summary', '')}"
    if action["do"] == "renewal":
        return _STAGES.get(str(action.get("stage", "")), "Renewal")
    return _CHECKS.get(str(action.get("what", "")), "Check")


def condition_words(condition: Mapping[str, Any]) -> str:
    """Said as "only when not picked up", "only when age in years is at least 65"."""
    fact, value = str(condition["fact"]), condition["value"]
    name = FACT_NAMES.get(fact, fact.replace("_", " "))
    if isinstance(value, bool):
        return f"only when {name}" if value else f"only when not {name}"
    if fact == "pa_ends_within":
        return f"only when a prior authorization ends within {value} days"
    values = cast("list[object]", value) if isinstance(value, list) else [value]
    said = " or ".join(_said(one) for one in values)
    return f"only when {name} {_OPERATORS[str(condition['op'])]} {said}"


def change_words(change: Change) -> str:
    """One change in words: "days: 3, was 2"."""
    if not change.field:
        return "new" if change.before is None else "left out"
    return f"{_field(change.field)}: {_said(change.after) or 'none'}, was {_said(change.before) or 'none'}"


def _field(path: str) -> str:
    if ".wordings" in path:
        return _wording_field(path.partition(".wordings")[2])
    if path.startswith("conditions"):
        return "conditions"
    return _FIELDS.get(path, _FIELDS.get(path.rpartition(".")[2], path))


def _wording_field(rest: str) -> str:
    parts = [part for part in rest.split(".") if part]
    language = LANGUAGE_NAMES.get(parts[0], parts[0]) if parts else ""
    channel = CHANNEL_NAMES.get(parts[1], "e-mail subject") if len(parts) > 1 else ""
    return " ".join(part for part in ("wording", f"in {language}" if language else "", channel) if part)


def _said(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        items: Mapping[str, Any] = value  # pyright: ignore[reportUnknownVariableType]
        if "fact" in items:
            return condition_words(items).removeprefix("only when ")
        return "; ".join(_said(one) for one in items.values())
    if isinstance(value, Sequence) and not isinstance(value, str):
        listed: Sequence[Any] = value  # pyright: ignore[reportUnknownVariableType]
        return ", ".join(_said(one) for one in listed)
    text = str(value)
    return f"“{text}”" if " " in text else CHANNEL_NAMES.get(text, LANGUAGE_NAMES.get(text, text))
