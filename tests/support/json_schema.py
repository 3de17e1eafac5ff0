"""As much of JSON schema (2020-12) as our published schemas use; an unknown keyword is an error, never ignored."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

_SAYS_NOTHING = frozenset({"$schema", "title", "description"})
_TYPES = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool}


def fits(schema: Mapping[str, Any], value: Any) -> bool:
    """True when the value is valid by the schema."""
    return all(
        _meets(key, wanted, schema, value) for key, wanted in schema.items() if key not in _SAYS_NOTHING
    )


def _meets(key: str, wanted: Any, schema: Mapping[str, Any], value: Any) -> bool:
    match key:
        case "type":
            return isinstance(value, _TYPES[wanted]) and (wanted == "boolean" or not isinstance(value, bool))
        case "enum":
            return any(_same(value, one) for one in wanted)
        case "const":
            return _same(value, wanted)
        case "oneOf":
            return sum(fits(one, value) for one in wanted) == 1
        case "minimum" | "maximum":
            return not isinstance(value, int) or (value >= wanted if key == "minimum" else value <= wanted)
        case "maxLength":
            return not isinstance(value, str) or len(value) <= wanted
        case "pattern":
            return not isinstance(value, str) or re.search(wanted.replace("$", r"\Z"), value) is not None
        case "items" | "minItems" | "maxItems" | "uniqueItems":
            return not isinstance(value, list) or _list_meets(key, wanted, value)
        case "properties" | "required" | "additionalProperties" | "minProperties":
            return not isinstance(value, dict) or _object_meets(key, wanted, schema, value)
        case _:
            raise AssertionError(f"unknown keyword {key}")


def _same(value: Any, one: Any) -> bool:
    return type(value) is type(one) and value == one


def _list_meets(key: str, wanted: Any, value: Sequence[Any]) -> bool:
    if key == "items":
        return all(fits(wanted, item) for item in value)
    if key == "uniqueItems":
        return all(item not in value[:index] for index, item in enumerate(value))
    return len(value) >= wanted if key == "minItems" else len(value) <= wanted


def _object_meets(key: str, wanted: Any, schema: Mapping[str, Any], value: Mapping[str, Any]) -> bool:
    if key == "properties":
        return all(fits(kind, value[name]) for name, kind in wanted.items() if name in value)
    if key == "required":
        return all(name in value for name in wanted)
    if key == "minProperties":
        return len(value) >= wanted
    assert wanted is False
    return all(name in schema["properties"] for name in value)
