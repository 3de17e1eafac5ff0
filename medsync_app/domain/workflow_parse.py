"""Reads a workflow document; every error names the step and the field to correct."""

from collections.abc import Mapping
from datetime import time
from types import MappingProxyType
from typing import Any, cast

from medsync_app.domain.states import Channel, ContactBasis, ExceptionKind, Role, Severity
from medsync_app.domain.workflow_model import Action, Condition, Step, Trigger, Usefulness, Workflow
from medsync_app.errors import Invalid

#: Trigger -> the fields it needs.
TRIGGERS: Mapping[str, frozenset[str]] = {
    "enrolled": frozenset(),
    "days_before": frozenset({"days", "at"}),
    "days_after": frozenset({"days", "at"}),
    "refill_status": frozenset(),
    "prescriber_answered": frozenset(),
    "ready": frozenset(),
    "partly_ready": frozenset(),
    "hours_after_ready": frozenset({"hours"}),
    "before_return": frozenset({"days", "at"}),
    "picked_up": frozenset(),
    "replied": frozenset(),
    "daily": frozenset({"at"}),
}
#: Fact -> the operators and the kind of value it takes.
FACTS: Mapping[str, tuple[frozenset[str], type]] = {
    "age": (frozenset({"at_least", "at_most"}), int),
    "channel": (frozenset({"is", "in"}), str),
    "language": (frozenset({"is", "in"}), str),
    "consent": (frozenset({"is", "in"}), str),
    "days_to_sync": (frozenset({"is", "at_least", "at_most"}), int),
    "pa_ends_within": (frozenset({"at_most"}), int),
    "refills_left": (frozenset({"is", "at_least", "at_most"}), int),
    "out_of_stock": (frozenset({"is"}), bool),
    "confirmed": (frozenset({"is"}), bool),
    "picked_up": (frozenset({"is"}), bool),
    "ready": (frozenset({"is"}), bool),
    "cycle_number": (frozenset({"is", "at_least", "at_most"}), int),
    "drug_class": (frozenset({"is", "in"}), str),
}
_VALUES: Mapping[str, frozenset[str]] = {
    "channel": frozenset(Channel),
    "consent": frozenset(ContactBasis),
    "language": frozenset({"en", "es"}),
}
_ACTIONS: Mapping[str, frozenset[str]] = {
    "message": frozenset({"template"}),
    "task": frozenset({"kind", "role", "summary"}),
    "renewal": frozenset({"stage"}),
    "check": frozenset({"what"}),
}
_CHOICES: Mapping[str, frozenset[str]] = {
    "kind": frozenset(ExceptionKind),
    "role": frozenset(Role),
    "severity": frozenset(Severity),
    "stage": frozenset({"request", "resend", "phone", "escalate"}),
    "what": frozenset({"stock", "prepare", "exceptions"}),
}
MAX_STEPS = 100


def parse(document: object) -> Workflow:
    """The workflow a document describes. Raises Invalid with a field such as `steps[3].trigger.at`."""
    steps = _list(_dict(document, "document").get("steps"), "steps")
    if not 1 <= len(steps) <= MAX_STEPS:
        raise Invalid(f"A workflow has 1 to {MAX_STEPS} steps.", "steps")
    seen: set[str] = set()
    result: list[Step] = []
    for index, raw in enumerate(steps):
        where = f"steps[{index}]"
        step = _step(_dict(raw, where), where)
        if step.id in seen:
            raise Invalid(f"Two steps have the id {step.id}: give each its own.", f"{where}.id")
        seen.add(step.id)
        result.append(step)
    return Workflow(tuple(result))


def _step(raw: Mapping[str, Any], where: str) -> Step:
    actions = _list(raw.get("actions"), f"{where}.actions")
    if not actions:
        raise Invalid("A step needs at least one action.", f"{where}.actions")
    cycles = frozenset(
        _text(kind, f"{where}.cycles") for kind in _list(raw.get("cycles", ["sync"]), f"{where}.cycles")
    )
    if not cycles or not cycles <= {"sync", "trip"}:
        raise Invalid("Name the kinds of cycles: sync, trip.", f"{where}.cycles")
    step_id = _text(raw.get("id"), f"{where}.id")
    if len(step_id) > 40 or not step_id.replace("_", "").isalnum() or not step_id.isascii():
        raise Invalid("An id has up to 40 letters, digits and underscores.", f"{where}.id")
    return Step(
        id=step_id,
        number=_int(raw.get("step"), f"{where}.step", 1, 8),
        name=_text(raw.get("name"), f"{where}.name"),
        trigger=_trigger(_dict(raw.get("trigger"), f"{where}.trigger"), f"{where}.trigger"),
        conditions=tuple(
            _condition(_dict(c, f"{where}.conditions[{i}]"), f"{where}.conditions[{i}]")
            for i, c in enumerate(_list(raw.get("conditions", []), f"{where}.conditions"))
        ),
        actions=tuple(
            _action(_dict(a, f"{where}.actions[{i}]"), f"{where}.actions[{i}]") for i, a in enumerate(actions)
        ),
        useful=_useful(_dict(raw.get("useful", {"hours": 48}), f"{where}.useful"), f"{where}.useful"),
        cycles=cycles,
        needs_fresh_data=_bool(raw.get("needs_fresh_data", False), f"{where}.needs_fresh_data"),
    )


def _trigger(raw: Mapping[str, Any], where: str) -> Trigger:
    on = _one_of(raw.get("on"), frozenset(TRIGGERS), f"{where}.on")
    for name in sorted(TRIGGERS[on]):
        if name not in raw:
            raise Invalid(f"A trigger {on} needs {name}.", f"{where}.{name}")
    return Trigger(
        on=on,
        days=_int(raw.get("days", 0), f"{where}.days", 0, 120),
        hours=_int(raw.get("hours", 0), f"{where}.hours", 0, 24 * 60),
        at=_time(raw["at"], f"{where}.at") if "at" in raw else None,
        open_day=_bool(raw.get("open_day", False), f"{where}.open_day"),
    )


def parse_condition(raw: object, where: str = "condition") -> Condition:
    """One condition of a document; Invalid names what is wrong."""
    return _condition(_dict(raw, where), where)


def _condition(raw: Mapping[str, Any], where: str) -> Condition:
    fact = _one_of(raw.get("fact"), frozenset(FACTS), f"{where}.fact")
    operators, kind = FACTS[fact]
    op = _one_of(raw.get("op"), operators, f"{where}.op")
    value: Any = raw.get("value")
    if op == "in":
        values = tuple(_value(v, fact, kind, f"{where}.value") for v in _list(value, f"{where}.value"))
        return Condition(fact, op, values)
    return Condition(fact, op, _value(value, fact, kind, f"{where}.value"))


def _value(value: Any, fact: str, kind: type, where: str) -> Any:
    if kind is bool:
        return _bool(value, where)
    if kind is int:
        return _int(value, where, -3650, 3650)
    allowed = _VALUES.get(fact)
    return _one_of(value, allowed, where) if allowed else _text(value, where)


def _action(raw: Mapping[str, Any], where: str) -> Action:
    do = _one_of(raw.get("do"), frozenset(_ACTIONS), f"{where}.do")
    for name in sorted(_ACTIONS[do]):
        _text(raw.get(name), f"{where}.{name}")
    for name, allowed in _CHOICES.items():
        if name in raw:
            _one_of(raw[name], allowed, f"{where}.{name}")
    if "due_hours" in raw:
        _int(raw["due_hours"], f"{where}.due_hours", 1, 24 * 60)
    return Action(do, MappingProxyType({name: value for name, value in raw.items() if name != "do"}))


def _useful(raw: Mapping[str, Any], where: str) -> Usefulness:
    if "hours" in raw:
        return Usefulness(hours=_int(raw["hours"], f"{where}.hours", 1, 24 * 60))
    return Usefulness(
        days_after_sync=_int(raw.get("days_after_sync"), f"{where}.days_after_sync", -60, 60),
        at=_time(raw.get("at"), f"{where}.at"),
    )


def _dict(value: object, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise Invalid("This must be an object with named fields.", where)
    return cast("Mapping[str, Any]", value)


def _list(value: object, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise Invalid("This must be a list.", where)
    return cast("list[Any]", value)


def _text(value: object, where: str) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > 500:
        raise Invalid("Write a text of 1 to 500 characters.", where)
    return value


def _int(value: object, where: str, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise Invalid(f"Write a whole number from {low} to {high}.", where)
    return value


def _bool(value: object, where: str) -> bool:
    if not isinstance(value, bool):
        raise Invalid("Write true or false.", where)
    return value


def _time(value: object, where: str) -> time:
    try:
        return time.fromisoformat(cast(str, value)).replace(tzinfo=None, second=0, microsecond=0)
    except (TypeError, ValueError) as error:
        raise Invalid("Write a time of day as HH:MM.", where) from error


def _one_of(value: object, allowed: frozenset[str], where: str) -> str:
    if not isinstance(value, str) or value not in allowed:
        raise Invalid(f"Choose one of: {', '.join(sorted(allowed))}.", where)
    return value
