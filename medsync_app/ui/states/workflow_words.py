"""A workflow in words: when a step is due, what it does, on which conditions, and what changed."""

from collections.abc import Mapping, Sequence
from datetime import time
from typing import Any, Final

from medsync_app.domain.condition_words import CHANNEL_NAMES, LANGUAGE_NAMES, condition_words, value_words
from medsync_app.domain.workflow_diff import Change
from medsync_app.ui import format as say

#: The eight steps of the programme.
STEP_NAMES: Final[Mapping[int, str]] = {
    1: "Enroll", 2: "Sync date", 3: "Refill requests", 4: "First reminder", 5: "Confirm", 6: "Exceptions",
    7: "Prepare and ready", 8: "Pickup",
}  # fmt: skip
ROLE_NAMES: Final[Mapping[str, str]] = {
    "technician": "technician", "pharmacist": "pharmacist", "owner": "owner",
}  # fmt: skip
_EVENTS: Final[Mapping[str, str]] = {
    "enrolled": "When the patient is enrolled",
    "refill_status": "When a refill's state changes",
    "prescriber_answered": "When the prescriber has answered",
    "ready": "When the batch is ready",
    "partly_ready": "When part of the batch is ready",
    "picked_up": "When it is picked up",
    "replied": "When the patient replies",
}
#: Every kind of trigger, as a person chooses it.
TRIGGER_NAMES: Final[Mapping[str, str]] = {
    "days_before": "Days before the sync date",
    "days_after": "Days after the sync date",
    "hours_after_ready": "Hours after ready and the sync date",
    "before_return": "Days before the return to stock",
    "daily": "Daily",
    **_EVENTS,
}
_CHECKS: Final[Mapping[str, str]] = {
    "stock": "Checks the stock", "prepare": "Task: prepare the batch", "exceptions": "Looks for problems",
}  # fmt: skip
_STAGES: Final[Mapping[str, str]] = {
    "request": "Renewal request to the prescriber", "resend": "Renewal request once more",
    "phone": "Task: phone the prescriber", "escalate": "Task for the pharmacist",
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
        hours = int(trigger.get("hours", 0))
        after = say.plural(hours, "hour") if hours < 48 or hours % 24 else say.plural(hours // 24, "day")
        return f"{after} after ready and the sync date"
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
    if action["do"] == "notify":
        return f"The pharmacy system is told: {action.get('event', '')}"
    if action["do"] == "state":
        return f"The batch becomes {say.code_words(str(action.get('state', ''))).lower()}"
    return _CHECKS.get(str(action.get("what", "")), "Check")


def only_when(condition: Mapping[str, Any]) -> str:
    """Said as "only when not picked up"."""
    return f"only when {condition_words(str(condition['fact']), str(condition['op']), condition['value'])}"


def change_words(change: Change) -> str:
    """One change in words: "days: 3, was 2"."""
    if not change.field:
        return "new" if change.before is None else "left out"
    if change.field == "trigger.on":
        after, before = (TRIGGER_NAMES.get(str(one), "none") for one in (change.after, change.before))
        return f"due: {after}, was {before}"
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
            return condition_words(str(items["fact"]), str(items["op"]), items["value"])
        return "; ".join(_said(one) for one in items.values())
    if isinstance(value, Sequence) and not isinstance(value, str):
        listed: Sequence[Any] = value  # pyright: ignore[reportUnknownVariableType]
        return ", ".join(_said(one) for one in listed)
    return value_words(str(value))
