"""Checks what arrives over the socket against a handler's annotations: it may be any JSON whatever the page
sends.
"""

import inspect
import math
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Any, Union, cast, get_args, get_origin, get_type_hints, is_typeddict

from medsync_app.errors import Invalid

MAX_TEXT = 20_000
MAX_ITEMS = 5_000
MAX_DEPTH = 8
_BIGGEST_INT = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a handler: its annotation and whether it may be left out."""

    name: str
    kind: Any
    required: bool


def arguments_of(function: Callable[..., Any], skip: int) -> tuple[Argument, ...]:
    """The arguments of a handler after the first `skip` (self, caller); TypeError for one that cannot be
    checked.
    """
    hints = get_type_hints(function)
    found: list[Argument] = []
    for parameter in list(inspect.signature(function).parameters.values())[skip:]:
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise TypeError(f"{function.__qualname__}: a handler names each of its arguments.")
        if parameter.name not in hints:
            raise TypeError(
                f"{function.__qualname__}: annotate {parameter.name}, it is checked by its annotation."
            )
        _check_supported(hints[parameter.name], f"{function.__qualname__}.{parameter.name}")
        found.append(
            Argument(parameter.name, hints[parameter.name], parameter.default is inspect.Parameter.empty)
        )
    return tuple(found)


def parse(arguments: tuple[Argument, ...], payload: Mapping[str, Any]) -> dict[str, Any]:
    """The payload with every value checked and converted; Invalid names the first argument that is wrong."""
    known = {argument.name: argument for argument in arguments}
    for name in payload:
        if name not in known:
            raise Invalid("The page sent something this action does not take. Reload the page.", _short(name))
    result: dict[str, Any] = {}
    for argument in arguments:
        if argument.name in payload:
            result[argument.name] = convert(payload[argument.name], argument.kind, argument.name)
        elif argument.required:
            raise Invalid("The page left something out. Reload the page.", argument.name)
    return result


def convert(value: Any, kind: Any, field: str) -> Any:
    """`value` as `kind` (str, int, float, bool, date, an enum, list[...], dict[str, ...], TypedDict, X |
    None, Any).
    """
    if kind is Any:
        _check_plain(value, field, MAX_DEPTH)
        return value
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        if value is None and type(None) in get_args(kind):
            return None
        inner = [part for part in get_args(kind) if part is not type(None)]
        return convert(value, inner[0], field)
    if is_typeddict(kind) or kind is dict:
        return _dict(value, Any, field)
    if origin is dict:
        return _dict(value, get_args(kind)[1], field)
    if kind is list or origin is list:
        return _list(value, get_args(kind)[0] if origin is list else Any, field)
    return _scalar(value, kind, field)


def _scalar(value: Any, kind: Any, field: str) -> Any:
    if kind is bool and isinstance(value, bool):
        return value
    if kind is int and isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _BIGGEST_INT:
        return value
    if (
        kind is float
        and isinstance(value, int | float)
        and not isinstance(value, bool)
        and math.isfinite(value)
    ):
        return float(value)
    if kind is str and isinstance(value, str):
        return _text(value, field)
    if kind is date:
        if isinstance(value, date):
            return value
        if isinstance(value, str):
            try:
                return date.fromisoformat(value)
            except ValueError:
                raise Invalid("This is not a date. Pick one from the calendar.", field) from None
    if isinstance(kind, type) and issubclass(kind, Enum) and isinstance(value, str):
        try:
            return kind(value)
        except ValueError:
            raise Invalid("This is not one of the choices. Reload the page.", field) from None
    raise Invalid("The page sent a value of the wrong kind. Reload the page.", field)


def _text(value: str, field: str) -> str:
    if len(value) > MAX_TEXT:
        raise Invalid(f"This text is too long: {MAX_TEXT} characters at most.", field)
    # No database keeps these: a NUL ends a text, a lone surrogate has no encoding.
    if "\x00" in value or any("\ud800" <= letter <= "\udfff" for letter in value):
        raise Invalid("This text holds a character that cannot be kept.", field)
    return value


def _list(value: Any, kind: Any, field: str) -> list[Any]:
    if not isinstance(value, list):
        raise Invalid("The page sent a value of the wrong kind. Reload the page.", field)
    items = cast("list[Any]", value)
    if len(items) > MAX_ITEMS:
        raise Invalid(f"These are too many at once: {MAX_ITEMS} at most.", field)
    return [convert(item, kind, f"{field}[{index}]") for index, item in enumerate(items)]


def _dict(value: Any, kind: Any, field: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Invalid("The page sent a value of the wrong kind. Reload the page.", field)
    pairs = cast("dict[Any, Any]", value)
    if len(pairs) > MAX_ITEMS:
        raise Invalid(f"These are too many at once: {MAX_ITEMS} at most.", field)
    return {_key(name, field): convert(item, kind, f"{field}.{_short(name)}") for name, item in pairs.items()}


def _key(name: Any, field: str) -> str:
    if not isinstance(name, str):
        raise Invalid("The page sent a value of the wrong kind. Reload the page.", field)
    return _text(name, field)


def _check_plain(value: Any, field: str, depth: int) -> None:
    """Any JSON, but neither huge nor deep."""
    if depth == 0:
        raise Invalid("The page sent something too deeply nested. Reload the page.", field)
    if isinstance(value, str):
        _text(value, field)
    elif isinstance(value, float) and not math.isfinite(value):
        raise Invalid("This is not a number.", field)
    elif isinstance(value, dict | list):
        items = cast("dict[Any, Any] | list[Any]", value)
        if len(items) > MAX_ITEMS:
            raise Invalid(f"These are too many at once: {MAX_ITEMS} at most.", field)
        for item in items.values() if isinstance(items, dict) else items:
            _check_plain(item, field, depth - 1)


def _check_supported(kind: Any, where: str) -> None:
    origin = get_origin(kind)
    if kind in (Any, str, int, float, bool, date, dict, list) or is_typeddict(kind):
        return
    if isinstance(kind, type) and issubclass(kind, Enum):
        return
    if origin in (Union, types.UnionType):
        inner = [part for part in get_args(kind) if part is not type(None)]
        if len(inner) == 1:
            return _check_supported(inner[0], where)
    elif origin is list:
        return _check_supported(get_args(kind)[0], where)
    elif origin is dict and get_args(kind)[0] is str:
        return _check_supported(get_args(kind)[1], where)
    raise TypeError(
        f"{where}: {kind} cannot be checked; use str, int, float, bool, date, an enum, list or dict."
    )


def _short(name: object) -> str:
    """A name the client chose, as far as it can be repeated safely."""
    text = str(name)
    return text if text.isidentifier() and len(text) <= 40 else "?"
