"""What differs between two versions of a workflow document: one line per field, by step."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast


@dataclass(frozen=True, slots=True)
class Change:
    """One field that differs; `step` is an id of a step or segment, `field` a path in it.

    An added or removed step is one change with the field "" and the whole step; a step at another place is one
    with the field "place" (from 1).
    """

    part: str
    step: str
    field: str
    before: Any
    after: Any


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Change, ...]:
    """Every difference between two documents, in the order of the newer one, what was removed last."""
    return tuple(
        change for part in ("steps", "segments") for change in _parts(part, before.get(part), after.get(part))
    )


def _parts(part: str, before: object, after: object) -> Iterator[Change]:
    old, new = _by_id(before), _by_id(after)
    kept_old = [key for key in old if key in new]
    kept_new = [key for key in new if key in old]
    for key, step in new.items():
        if key not in old:
            yield Change(part, key, "", None, step)
            continue
        for path, was, now in _fields("", old[key], step):
            yield Change(part, key, path, was, now)
        if kept_old.index(key) != kept_new.index(key):
            yield Change(part, key, "place", kept_old.index(key) + 1, kept_new.index(key) + 1)
    for key, step in old.items():
        if key not in new:
            yield Change(part, key, "", step, None)


def _by_id(value: object) -> dict[str, Any]:
    items = cast("list[dict[str, Any]]", value) if isinstance(value, list) else []
    return {str(item["id"]): item for item in items}


def _fields(path: str, before: Any, after: Any) -> Iterator[tuple[str, Any, Any]]:
    """The smallest fields that differ; lists of the same length are compared item by item."""
    if before == after and type(before) is type(after):
        return
    if isinstance(before, dict) and isinstance(after, dict):
        was, now = cast("dict[str, Any]", before), cast("dict[str, Any]", after)
        for name in dict.fromkeys([*was, *now]):
            yield from _fields(f"{path}.{name}" if path else name, was.get(name), now.get(name))
    elif (
        isinstance(before, list)
        and isinstance(after, list)
        and len(cast("list[Any]", before)) == len(cast("list[Any]", after))
    ):
        pairs = zip(cast("list[Any]", before), cast("list[Any]", after), strict=True)
        for index, (was, now) in enumerate(pairs):
            yield from _fields(f"{path}[{index}]", was, now)
    else:
        yield path, before, after
