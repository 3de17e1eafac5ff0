"""What the panel of a step holds: the fields of its forms, as texts."""

from collections.abc import Mapping
from typing import Any, Final, TypedDict

from medsync_app.domain.condition_words import CHANNEL_NAMES, FACT_NAMES, LANGUAGE_NAMES
from medsync_app.domain.document_fields import OneOf, Truth, Whole
from medsync_app.domain.sms_text import measure
from medsync_app.domain.states import Channel
from medsync_app.domain.wordings import LANGUAGES
from medsync_app.domain.workflow_edit import CHOICES
from medsync_app.domain.workflow_fields import FACTS
from medsync_app.reads.workflow import WorkflowPage
from medsync_app.ui import format as say
from medsync_app.ui.states.workflow_words import (
    STEP_NAMES,
    TRIGGER_NAMES,
    does,
    only_when,
    when,
)

_PLACES: Final = ("First", "If that cannot be, then", "And last")
_BEST: Final = "as the patient is reached best"
_NONE: Final = "none"
_SINGLE: Final = {"GSM-7": 160, "UCS-2": 70}


class FieldView(TypedDict):
    """One select or input of a form."""

    name: str
    label: str
    value: str
    #: What choosing nothing means.
    nothing: str


class TaskView(TypedDict):
    """One task of a step."""

    summary: FieldView
    role: FieldView
    due: FieldView


class ConditionView(TypedDict):
    """One condition."""

    index: int
    words: str


class SaidView(TypedDict):
    """One wording of the step to look at."""

    label: str
    href: str
    selected: bool
    own: bool


class StepView(TypedDict):
    """The open step; a label that is "" says that the step has no such field."""

    id: str
    title: str
    name: str
    when: str
    on: str
    days_label: str
    days: str
    hours_label: str
    hours: str
    at_label: str
    at: str
    open_day_label: str
    open_day: bool
    age_label: str
    age: str
    channels: list[FieldView]
    tasks: list[TaskView]
    does: list[str]
    conditions: list[ConditionView]
    asks: bool
    changed: bool


NO_STEP: StepView = {
    "id": "", "title": "", "name": "", "when": "", "on": "", "days_label": "", "days": "", "hours_label": "",
    "hours": "", "at_label": "", "at": "", "open_day_label": "", "open_day": False, "age_label": "", "age": "",
    "channels": [], "tasks": [], "does": [], "conditions": [], "asks": False, "changed": False,
}  # fmt: skip


def step_view(step: Mapping[str, Any], found: WorkflowPage) -> StepView:
    """A step of the document as the panel shows it."""
    trigger = step["trigger"]
    before = {one["id"]: one for one in found.in_force["steps"]}
    number = int(step["step"])
    dated = "days" in trigger
    return {
        **NO_STEP,
        "id": step["id"],
        "title": f"{number} {STEP_NAMES[number]}: {step['name']}",
        "name": step["name"],
        "when": when(trigger),
        "on": trigger["on"],
        "days_label": TRIGGER_NAMES[trigger["on"]] if dated else "",
        "days": str(trigger.get("days", "")),
        "hours_label": TRIGGER_NAMES[trigger["on"]] if "hours" in trigger else "",
        "hours": str(trigger.get("hours", "")),
        "at_label": "Time" if "at" in trigger else "",
        "at": str(trigger.get("at", "")),
        "open_day_label": (
            "On a closed day: the last open day before" if trigger["on"] == "days_before" else ""
        ),
        "open_day": bool(trigger.get("open_day")),
        "channels": [
            field
            for index, action in enumerate(step["actions"])
            if action["do"] == "message"
            for field in channel_fields(action.get("channels", ()), f"channel_{index}", _BEST)
        ],
        "tasks": [
            _task(action, index) for index, action in enumerate(step["actions"]) if action["do"] == "task"
        ],
        "does": [does(action) for action in step["actions"]],
        "conditions": _conditions(step),
        "asks": True,
        "changed": before.get(step["id"]) != step,
    }


def segment_view(segment: Mapping[str, Any]) -> StepView:
    """Who is reached how, as the panel shows it."""
    age = next((one["value"] for one in segment["conditions"] if one["fact"] == "age"), None)
    return {
        **NO_STEP,
        "id": segment["id"],
        "title": segment["name"],
        "name": segment["name"],
        "age_label": "Age in years" if age is not None else "",
        "age": "" if age is None else str(age),
        "channels": channel_fields(segment["channels"], "channel"),
        "conditions": _conditions(segment),
    }


def channel_fields(channels: Any, prefix: str, first: str = _NONE) -> list[FieldView]:
    """The selects of the channels in the order in which they are tried; `first` says what choosing none means."""
    chosen = [*(str(one) for one in channels), *[""] * CHOICES]
    return [
        {
            "name": f"{prefix}_{place}",
            "label": _PLACES[place],
            "value": chosen[place],
            "nothing": _NONE if place else first,
        }
        for place in range(CHOICES)
    ]


def value_control(fact: str) -> tuple[str, list[list[str]]]:
    """How the value of a condition on that fact is given: yes_no, number, choice or text, and the choices."""
    if fact not in FACTS:
        return "", []
    kind = FACTS[fact][1]
    if isinstance(kind, Truth):
        return "choice", [["yes", "yes"], ["no", "no"]]
    if isinstance(kind, Whole):
        operators = [["at_least", "at least"], ["at_most", "at most"], ["is", "exactly"]]
        return "number", [one for one in operators if one[0] in FACTS[fact][0]]
    if isinstance(kind, OneOf):
        return "choice", [[value, _choice_words(value)] for value in sorted(kind.values)]
    return "text", []


def fact_choices() -> list[tuple[str, str]]:
    """Everything a condition may ask."""
    return [("", "Choose ..."), *((fact, FACT_NAMES.get(fact, fact)) for fact in FACTS)]


def is_said(step: Mapping[str, Any], asked: str) -> tuple[int, str, str]:
    """Which wording the address asks for: number of the action, language, channel."""
    messages = [index for index, action in enumerate(step["actions"]) if action["do"] == "message"]
    parts = asked.split("-")
    if len(parts) == 3 and parts[0] in {str(one) for one in messages}:
        index, language, channel = int(parts[0]), *parts[1:]
        if language in LANGUAGES and channel in list(Channel):
            return index, language, channel
    return (messages[0] if messages else 0), "en", Channel.SMS.value


def said_views(step: Mapping[str, Any], shown: tuple[int, str, str]) -> list[SaidView]:
    """A link to each wording of each message of the step."""
    messages = [index for index, action in enumerate(step["actions"]) if action["do"] == "message"]
    several = len(messages) > 1
    return [
        {
            "label": (f"Message {index + 1}: " if several else "")
            + f"{LANGUAGE_NAMES[language]}, {CHANNEL_NAMES[channel]}",
            "href": f"/workflow?step={step['id']}&say={index}-{language}-{channel.value}",
            "selected": (index, language, channel.value) == shown,
            "own": channel.value in step["actions"][index].get("wordings", {}).get(language, {}),
        }
        for index in messages
        for language in LANGUAGES
        for channel in Channel
    ]


def size_words(text: str) -> str:
    """Said as "1 text message, 152 of 160 characters"; names the characters that make it dear."""
    size = measure(text)
    many = say.plural(size.segments, "text message")
    if size.segments == 1:
        many += f", {size.units} of {_SINGLE[size.encoding]} characters"
    else:
        many += f", {size.units} characters"
    return f"{many}. These need twice the room: {size.outside}" if size.outside else many


def _conditions(item: Mapping[str, Any]) -> list[ConditionView]:
    return [{"index": index, "words": only_when(one)} for index, one in enumerate(item.get("conditions", ()))]


def _task(action: Mapping[str, Any], index: int) -> TaskView:
    def field(name: str, label: str) -> FieldView:
        return {"name": f"{name}_{index}", "label": label, "value": str(action.get(name, "")), "nothing": ""}

    return {
        "summary": field("summary", "What to do"),
        "role": field("role", "Who does it"),
        "due": field("due_hours", "Within hours"),
    }


def _choice_words(value: str) -> str:
    known = {**CHANNEL_NAMES, **LANGUAGE_NAMES}
    return known.get(value, value.replace("_", " "))
