"""Events that a pharmacy system posts: a patient who takes part, or wants no more messages."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from medsync_app.connections.payload import instant_at, object_at, text_at
from medsync_app.domain.form_mapping import Answer, Submission
from medsync_app.errors import Unreadable

Event = Literal["patient.enrolled", "patient.opted_out"]
#: These are taken at once; all others are kept for the loop.
EVENTS: tuple[Event, ...] = ("patient.enrolled", "patient.opted_out")


@dataclass(frozen=True, slots=True)
class PatientEvent:
    """One event; its answers are named by their paths, such as patient.first_name."""

    event: Event
    told: Submission


def name_and_id(document: Mapping[str, Any]) -> tuple[str, str]:
    """What is told, and the id by which it is known when it is sent again; Unreadable without either."""
    name, event_id = text_at(document, "event", most=100), text_at(document, "id")
    if not name:
        raise Unreadable("event is missing: the name of what happened, such as rx.sold.")
    if not event_id:
        raise Unreadable(
            "id is missing: give each event an id of its own, the same one when it is sent again."
        )
    return name, event_id


def event_of(document: Mapping[str, Any]) -> PatientEvent:
    """The event; Unreadable says what is missing."""
    name, event_id = name_and_id(document)
    if name not in EVENTS:
        raise Unreadable(f"event must be one of: {', '.join(EVENTS)}.")
    object_at(document, "patient")
    told = {key: value for key, value in document.items() if key not in ("event", "id", "occurred_at")}
    answers = tuple(_answers(told, ""))
    return PatientEvent(name, Submission((event_id,), instant_at(document, "occurred_at"), answers))


def _answers(value: Mapping[str, object], where: str) -> Iterable[Answer]:
    for name, part in value.items():
        path = f"{where}.{name}" if where else name
        if isinstance(part, dict):
            yield from _answers(cast("dict[str, object]", part), path)
        else:
            texts = tuple(_texts(part))
            if texts:
                yield Answer(path, "", texts)


def _texts(value: object) -> Iterable[str]:
    if isinstance(value, list):
        for item in cast("list[object]", value):
            yield from _medicine(cast("dict[str, object]", item)) if isinstance(item, dict) else _texts(item)
    elif isinstance(value, bool):
        yield "Yes" if value else "No"
    elif value is not None and str(value).strip():
        yield str(value).strip()


def _medicine(item: Mapping[str, object]) -> Iterable[str]:
    """A medicine as people write it, or whatever the object holds."""
    name, left = item.get("name"), item.get("days_left")
    if isinstance(name, str) and name.strip():
        yield f"{name.strip()}, {left} days left" if left is not None else name.strip()
    else:
        yield "; ".join(f"{key}: {part}" for key, part in item.items())
