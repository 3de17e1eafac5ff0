"""The kinds of fields a document is made of: one description that reads a document and gives its JSON schema."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time
from typing import Any, cast

from medsync_app.errors import Invalid

Schema = dict[str, Any]

#: A character that every database can keep, as a class of regular expressions.
STORABLE = r"[^\u0000\uD800-\uDFFF]"


class Kind:
    """What a value may be. `read` gives it back, or raises Invalid that names the field."""

    def read(self, value: object, where: str) -> Any:
        raise NotImplementedError

    def schema(self) -> Schema:
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Text(Kind):
    """A text that is not blank; `pattern` must match all of it, `words` says so to a person."""

    most: int = 500
    #: Without what no database keeps: the character zero, and halves of a pair that stand alone.
    pattern: str = rf"(?=[\s\S]*\S){STORABLE}*"
    words: str = ""

    def read(self, value: object, where: str) -> str:
        if isinstance(value, str) and not re.fullmatch(f"{STORABLE}*", value):
            raise Invalid("This text holds a character that cannot be kept: write it anew.", where)
        # Some spaces of Unicode are none in JSON schemas: both sides judge by the pattern.
        if not isinstance(value, str) or len(value) > self.most or not re.fullmatch(self.pattern, value):
            raise Invalid(self.words or f"Write a text of 1 to {self.most} characters.", where)
        return value

    def schema(self) -> Schema:
        return {"type": "string", "maxLength": self.most, "pattern": f"^(?:{self.pattern})$"}


@dataclass(frozen=True, slots=True)
class Whole(Kind):
    """A whole number."""

    low: int
    high: int

    def read(self, value: object, where: str) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not self.low <= value <= self.high:
            raise Invalid(f"Write a whole number from {self.low} to {self.high}.", where)
        return value

    def schema(self) -> Schema:
        return {"type": "integer", "minimum": self.low, "maximum": self.high}


@dataclass(frozen=True, slots=True)
class Truth(Kind):
    def read(self, value: object, where: str) -> bool:
        if not isinstance(value, bool):
            raise Invalid("Write true or false.", where)
        return value

    def schema(self) -> Schema:
        return {"type": "boolean"}


_CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]"


@dataclass(frozen=True, slots=True)
class ClockTime(Kind):
    """A time of day, HH:MM."""

    def read(self, value: object, where: str) -> time:
        if not isinstance(value, str) or not re.fullmatch(_CLOCK, value):
            raise Invalid("Write a time of day as HH:MM, such as 09:30.", where)
        return time.fromisoformat(value)

    def schema(self) -> Schema:
        return {"type": "string", "pattern": f"^{_CLOCK}$"}


@dataclass(frozen=True, slots=True)
class OneOf(Kind):
    """One of some words."""

    values: frozenset[str]

    def read(self, value: object, where: str) -> str:
        if not isinstance(value, str) or value not in self.values:
            raise Invalid(f"Choose one of: {', '.join(sorted(self.values))}.", where)
        return str(value)

    def schema(self) -> Schema:
        return {"enum": sorted(str(value) for value in self.values)}


@dataclass(frozen=True, slots=True)
class Several(Kind):
    """A list of one kind; `unique` lists name each thing once."""

    of: Kind
    least: int = 1
    most: int = 100
    unique: bool = False

    def read(self, value: object, where: str) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise Invalid("This must be a list.", where)
        items = cast("list[object]", value)
        if not self.least <= len(items) <= self.most:
            raise Invalid(f"List {self.least} to {self.most} of them.", where)
        read = tuple(self.of.read(item, f"{where}[{index}]") for index, item in enumerate(items))
        if self.unique and len(set(read)) != len(read):
            raise Invalid("Name each only once.", where)
        return read

    def schema(self) -> Schema:
        found: Schema = {
            "type": "array",
            "items": self.of.schema(),
            "minItems": self.least,
            "maxItems": self.most,
        }
        return {**found, "uniqueItems": True} if self.unique else found


@dataclass(frozen=True, slots=True)
class Record(Kind):
    """An object with named fields and no others: a field that is spelled wrong is an error, not ignored."""

    required: Mapping[str, Kind]
    optional: Mapping[str, Kind] = field(default_factory=lambda: dict[str, Kind]())
    #: At least so many fields.
    least: int = 0

    def read(self, value: object, where: str) -> dict[str, Any]:
        raw = as_object(value, where)
        for name in self.required:
            if name not in raw:
                raise Invalid(f"{name} is missing: write it.", at(where, name))
        known = {**self.required, **self.optional}
        for name in raw:
            if name not in known:
                raise Invalid(
                    f"There is no such field. Known are: {', '.join(sorted(known))}.", at(where, name)
                )
        if len(raw) < self.least:
            raise Invalid(f"Write at least one of: {', '.join(sorted(known))}.", where)
        return {name: known[name].read(item, at(where, name)) for name, item in raw.items()}

    def schema(self) -> Schema:
        known = {**self.required, **self.optional}
        found: Schema = {
            "type": "object", "additionalProperties": False,
            "properties": {name: kind.schema() for name, kind in known.items()},
        }  # fmt: skip
        if self.required:
            found["required"] = sorted(self.required)
        return {**found, "minProperties": self.least} if self.least else found


@dataclass(frozen=True, slots=True)
class Variants(Kind):
    """An object whose field `key` says which other fields it has."""

    key: str
    records: Mapping[str, Record]

    def read(self, value: object, where: str) -> dict[str, Any]:
        raw = as_object(value, where)
        name = OneOf(frozenset(self.records)).read(raw.get(self.key), at(where, self.key))
        rest = {field: item for field, item in raw.items() if field != self.key}
        return {self.key: name, **self.records[name].read(rest, where)}

    def schema(self) -> Schema:
        return {"oneOf": [_tagged(record.schema(), self.key, name) for name, record in self.records.items()]}


@dataclass(frozen=True, slots=True)
class Either(Kind):
    """An object of one of several shapes: the first that has one of its required fields in it."""

    shapes: tuple[Record, ...]

    def read(self, value: object, where: str) -> dict[str, Any]:
        raw = as_object(value, where)
        fits = (shape for shape in self.shapes if shape.required.keys() & raw.keys())
        return next(fits, self.shapes[-1]).read(raw, where)

    def schema(self) -> Schema:
        return {"oneOf": [shape.schema() for shape in self.shapes]}


def _tagged(schema: Schema, key: str, name: str) -> Schema:
    """The schema of a record that also has the field which names it."""
    properties = {key: {"const": name}, **schema["properties"]}
    return {**schema, "properties": properties, "required": sorted([key, *schema.get("required", [])])}


def as_object(value: object, where: str) -> Mapping[str, Any]:
    """A JSON object; Invalid for anything else."""
    if not isinstance(value, dict):
        raise Invalid("This must be an object with named fields.", where)
    return cast("Mapping[str, Any]", value)


def at(where: str, name: str) -> str:
    """The path of a field."""
    return f"{where}.{name}" if where else str(name)
