"""Changes a person makes to one step or segment in a form: texts in, a changed part of the document out."""

from collections.abc import Collection, Mapping
from copy import deepcopy
from itertools import count
from typing import Any

from medsync_app.domain.document_fields import Kind, OneOf, Text, Truth, Whole
from medsync_app.domain.states import Channel
from medsync_app.domain.workflow_fields import ACTIONS, FACTS, STEP, TRIGGERS
from medsync_app.errors import Invalid

Part = dict[str, Any]
#: How many channels a message may try one after another.
CHOICES = len(Channel)
_TASK_FIELDS = ("role", "summary", "due_hours")
#: What a trigger of another kind begins with, where the one before had no such field.
_BEGINS: Mapping[str, Any] = {"days": 3, "hours": 24, "at": "10:00"}
#: The longest name of a step, for the form.
NAME_LENGTH = Text().most
_COPY, _ID_ROOT = " (copy)", 36


def edited_step(step: Mapping[str, Any], form: Mapping[str, str]) -> Part:
    """The step with name, time, channels and tasks as typed; Invalid names the form's field.

    Fields: `name`; of the trigger `days`, `hours`, `at`, `open_day`; per action (counted from 0) `channel_0_0`,
    `channel_0_1` ... in the order in which they are tried ("" for none), `role_0`, `summary_0`, `due_hours_0`. What
    the form does not hold stays as it is, but a tick that is missing is taken away.
    """
    after = deepcopy(dict(step))
    after["name"] = _read(STEP.required["name"], form.get("name", after["name"]), "name")
    trigger = after["trigger"]
    record = TRIGGERS[str(trigger["on"])]
    for name, kind in {**record.required, **record.optional}.items():
        if isinstance(kind, Truth):
            _set(trigger, name, form.get(name, "") not in ("", "false"))
        elif name in form:
            trigger[name] = _read(kind, form[name], name)
    for index, action in enumerate(after["actions"]):
        if action["do"] == "message":
            _set(action, "channels", _channels(form, f"channel_{index}", action))
        elif action["do"] == "task":
            known = {**ACTIONS["task"].required, **ACTIONS["task"].optional}
            for name in _TASK_FIELDS:
                if f"{name}_{index}" in form:
                    action[name] = _read(known[name], form[f"{name}_{index}"], f"{name}_{index}")
    return after


def edited_segment(segment: Mapping[str, Any], form: Mapping[str, str]) -> Part:
    """The segment with its channels as typed (`channel_0`, `channel_1` ...) and, when it asks for one, the `age`."""
    after = deepcopy(dict(segment))
    chosen = _channels(form, "channel", after)
    if not chosen:
        raise Invalid("Choose the channel that is tried first.", "channel_0")
    after["channels"] = chosen
    after["name"] = _read(STEP.required["name"], form.get("name", after["name"]), "name")
    for condition in after["conditions"]:
        if condition["fact"] == "age" and "age" in form:
            condition["value"] = _read(FACTS["age"][1], form["age"], "age")
    return after


def with_trigger(step: Mapping[str, Any], on: str) -> Part:
    """The step due by another kind of trigger; days, hours and time stay where it has them too. Invalid names "on"."""
    kind = OneOf(frozenset(TRIGGERS)).read(on, "on")
    after = deepcopy(dict(step))
    before = after["trigger"]
    fields = {name: before.get(name, _BEGINS[name]) for name in TRIGGERS[kind].required}
    after["trigger"] = {"on": kind, **fields}
    return after


def copied_step(step: Mapping[str, Any], taken: Collection[str]) -> Part:
    """A copy of a step to be changed, with an id that is not `taken`."""
    after = deepcopy(dict(step))
    root = str(step["id"])[:_ID_ROOT]
    after["id"] = next(name for name in (f"{root}_{number}" for number in count(2)) if name not in taken)
    after["name"] = f"{str(step['name'])[: NAME_LENGTH - len(_COPY)]}{_COPY}"
    return after


def with_condition(step: Mapping[str, Any], form: Mapping[str, str]) -> Part:
    """The step with one more condition: `fact`, `value` (several words with commas between), `op` for numbers."""
    fact = OneOf(frozenset(FACTS)).read(form.get("fact", ""), "fact")
    operators, kind = FACTS[fact]
    if isinstance(kind, Truth):
        condition: Part = {"op": "is", "value": form.get("value", "") == "yes"}
    elif isinstance(kind, Whole):
        op = OneOf(operators).read(form.get("op", ""), "op")
        condition = {"op": op, "value": _read(kind, form.get("value", ""), "value")}
    else:
        words = [word.strip() for word in form.get("value", "").split(",")]
        values = [_read(kind, word, "value") for word in dict.fromkeys(words)]
        condition = {"op": "in", "value": values} if len(values) > 1 else {"op": "is", "value": values[0]}
    after = deepcopy(dict(step))
    after["conditions"] = [*after.get("conditions", []), {"fact": fact, **condition}]
    return after


def without_condition(step: Mapping[str, Any], index: int) -> Part:
    """The step without one of its conditions; Invalid when there is none of that number."""
    after = deepcopy(dict(step))
    kept = list(after.get("conditions", []))
    if not 0 <= index < len(kept):
        raise Invalid("This condition is gone already. Look at the step again.")
    del kept[index]
    _set(after, "conditions", kept)
    return after


def with_wording(step: Mapping[str, Any], index: int, language: str, name: str, text: str) -> Part:
    """The step whose action `index` says `text` in that language (`name`: sms, voice, email or email_subject).

    An empty text takes the step's own wording away, so that the usual one is said again.
    """
    after = deepcopy(dict(step))
    action = after["actions"][index]
    wordings = dict(action.get("wordings", {}))
    texts = dict(wordings.get(language, {}))
    _set(texts, name, text.strip())
    _set(wordings, language, texts)
    _set(action, "wordings", wordings)
    return after


def _set(holder: Part, name: str, value: Any) -> None:
    """Put a value in, or leave the field out when it is empty: the document holds nothing that says nothing."""
    if value:
        holder[name] = value
    else:
        holder.pop(name, None)


def _channels(form: Mapping[str, str], prefix: str, known: Mapping[str, Any]) -> list[str]:
    """The chosen channels in their order; what stands in the document when the form does not ask."""
    names = [f"{prefix}_{place}" for place in range(CHOICES)]
    if names[0] not in form:
        return list(known.get("channels", []))
    chosen: list[str] = []
    for name in names:
        word = form.get(name, "")
        if not word:
            continue
        channel = OneOf(frozenset(Channel)).read(word, name)
        if channel in chosen:
            raise Invalid("Each channel is tried once: choose another one, or none.", name)
        chosen.append(channel)
    return chosen


def _read(kind: Kind, typed: str, field: str) -> Any:
    """What was typed, as the document holds it, when the document may hold it."""
    text = typed.strip()
    value: Any = int(text) if isinstance(kind, Whole) and text.removeprefix("-").isdecimal() else text
    kind.read(value, field)
    return value
