"""Reads a workflow document; every error names the step and the field to correct."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, cast

from medsync_app.domain.document_fields import Kind, as_object
from medsync_app.domain.states import Channel
from medsync_app.domain.workflow_fields import CONDITION, MAX_STEPS, SEGMENT, STEP
from medsync_app.domain.workflow_model import (
    DEFAULT_SEGMENTS,
    Action,
    Condition,
    Segment,
    Step,
    Trigger,
    Usefulness,
    Workflow,
)
from medsync_app.errors import Invalid

_USUAL = Usefulness(hours=48)


def parse(document: object) -> Workflow:
    """The workflow a document describes. Raises Invalid with a field such as `steps[3].trigger.at`.

    A document without segments has the default ones: it was written before there were any.
    """
    raw = as_object(document, "document")
    for name in raw:
        if name not in ("steps", "segments"):
            raise Invalid("A workflow has steps and segments, and nothing else.", str(name))
    steps = _each(raw.get("steps"), "steps", STEP, 1)
    segments = _each(raw["segments"], "segments", SEGMENT, 0) if "segments" in raw else None
    return Workflow(
        tuple(_step(step) for step in steps),
        DEFAULT_SEGMENTS if segments is None else tuple(_segment(segment) for segment in segments),
    )


def parse_condition(raw: object, where: str = "condition") -> Condition:
    """One condition of a document; Invalid names what is wrong."""
    return _condition(CONDITION.read(raw, where))


def _each(value: object, where: str, kind: Kind, least: int) -> list[dict[str, Any]]:
    """The parts of a list, each with an id of its own; an error names the part by its id too."""
    if not isinstance(value, list):
        raise Invalid("This must be a list.", where)
    items = cast("list[object]", value)
    if not least <= len(items) <= MAX_STEPS:
        raise Invalid(f"Write {least} to {MAX_STEPS} {where}.", where)
    seen: set[str] = set()
    result: list[dict[str, Any]] = []
    for index, item in enumerate(items):
        here = f"{where}[{index}]"
        try:
            read = kind.read(item, here)
        except Invalid as error:
            raise Invalid(f"{_named(item)}{error.message}", error.field) from error
        if read["id"] in seen:
            raise Invalid(f"The id {read['id']} occurs twice: give each its own.", f"{here}.id")
        seen.add(read["id"])
        result.append(read)
    return result


def _named(item: object) -> str:
    """ "Step confirm_t3: " before an error, when the part has a readable id."""
    name = cast("dict[str, object]", item).get("id") if isinstance(item, dict) else None
    return f"{name}: " if isinstance(name, str) and 0 < len(name) <= 40 else ""


def _step(read: Mapping[str, Any]) -> Step:
    useful = read.get("useful")
    return Step(
        id=read["id"],
        number=read["step"],
        name=read["name"],
        trigger=Trigger(**read["trigger"]),
        conditions=_conditions(read.get("conditions", ())),
        actions=tuple(_action(raw) for raw in read["actions"]),
        useful=Usefulness(**useful) if useful is not None else _USUAL,
        cycles=frozenset(read.get("cycles", ("sync",))),
        needs_fresh_data=read.get("needs_fresh_data", False),
    )


def _segment(read: Mapping[str, Any]) -> Segment:
    channels = tuple(Channel(channel) for channel in read["channels"])
    return Segment(read["id"], read["name"], _conditions(read["conditions"]), channels)


def _conditions(read: Sequence[Mapping[str, Any]]) -> tuple[Condition, ...]:
    return tuple(_condition(raw) for raw in read)


def _condition(read: Mapping[str, Any]) -> Condition:
    return Condition(read["fact"], read["op"], read["value"])


def _action(read: Mapping[str, Any]) -> Action:
    options = {name: _plain(value) for name, value in read.items() if name != "do"}
    return Action(read["do"], MappingProxyType(options))


def _plain(value: Any) -> Any:
    """As JSON has it: options travel in the payload of what is queued."""
    return [str(item) for item in cast("tuple[object, ...]", value)] if isinstance(value, tuple) else value
