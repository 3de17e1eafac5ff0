"""Reads the JSON that other programs post: an object of texts, truths, lists and objects that can be kept as it is."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NoReturn, cast

from medsync_app.errors import Unreadable

_DEEPEST = 20
_MOST_WORDS = 2_000


def read_object(body: bytes) -> dict[str, Any]:
    """The JSON object of a body, numbers as they are written; Unreadable for anything else."""
    try:
        # A number becomes a text: an id must not lose its zeros, nor a float its digits.
        document: object = json.loads(body, parse_float=str, parse_int=str, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise Unreadable("The body is not JSON. Send one JSON object in UTF-8.") from None
    if not isinstance(document, dict):
        raise Unreadable("The body must be one JSON object.")
    return storable(cast("dict[str, Any]", document))


def storable(document: dict[str, Any]) -> dict[str, Any]:
    """The document without what no database keeps; Unreadable when it is nested too deep."""
    return cast("dict[str, Any]", _storable(document, 0))


def text_at(document: Mapping[str, Any], name: str, *, most: int = 200) -> str:
    """The text of a field, "" when there is none; Unreadable when it is too long or no text."""
    value = document.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > most:
        raise Unreadable(f"{name} must be a text of at most {most} characters.")
    return value.strip()


def words_at(document: Mapping[str, Any], name: str) -> str:
    """The text of a field that is only shown, cut where it is too long; "" when there is none."""
    value = document.get(name)
    return value.strip()[:_MOST_WORDS] if isinstance(value, str) else ""


def fields_at(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The object of a field that need not be there."""
    value = document.get(name)
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def object_at(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The object of a field; Unreadable when there is none."""
    value = document.get(name)
    if not isinstance(value, dict):
        raise Unreadable(f"{name} is missing: it must be an object.")
    return cast("dict[str, Any]", value)


def objects_at(document: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """The objects of a list; Unreadable when it is something else, empty when there is none."""
    value: object = document.get(name) or []
    items = cast("list[object]", value) if isinstance(value, list) else None
    if items is None or not all(isinstance(item, dict) for item in items):
        raise Unreadable(f"{name} must be a list of objects.")
    return cast("list[dict[str, Any]]", items)


def instant_at(document: Mapping[str, Any], name: str) -> datetime | None:
    """The instant of a field in ISO 8601 with its zone, None when there is none; Unreadable for anything else."""
    text = text_at(document, name)
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
        return found.astimezone(UTC) if found.tzinfo is not None else _no_zone(name)
    except (ValueError, OverflowError):
        return _no_zone(name)


def _no_zone(name: str) -> NoReturn:
    raise Unreadable(f"{name} must be an instant with its zone, such as 2026-11-27T15:04:05Z.")


def _refuse(_: str) -> NoReturn:
    raise ValueError


def _storable(value: object, depth: int) -> object:
    """Without what no database keeps: NUL characters and halves of surrogate pairs."""
    if depth > _DEEPEST:
        raise Unreadable(f"The body is nested deeper than {_DEEPEST} levels.")
    if isinstance(value, str):
        return value.replace("\x00", "").encode("utf-8", "replace").decode()
    if isinstance(value, list):
        return [_storable(item, depth + 1) for item in cast("list[object]", value)]
    if isinstance(value, dict):
        items = cast("dict[str, object]", value).items()
        return {str(_storable(key, 0)): _storable(item, depth + 1) for key, item in items}
    return value
