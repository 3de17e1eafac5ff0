"""Reads the fields of a submitted form: text, a day, one of a few choices."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from medsync_app.errors import Invalid

Form = Mapping[str, Any]


def text_of(form: Form, name: str) -> str:
    """What was typed, "" for a field that is not there: the browser sends null for one that is not drawn."""
    value = form.get(name)
    return value.strip() if isinstance(value, str) else ""


def day_or_none(text: str) -> date | None:
    """The day an address or field names, None when it is no date."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def optional_day(form: Form, field: str) -> date | None:
    """The day in a field that may stay empty; `Invalid`, naming the field, for anything that is no date."""
    text = text_of(form, field)
    day = day_or_none(text)
    if text and day is None:
        raise Invalid("This is not a date. Pick one from the calendar.", field)
    return day


def day_of(form: Form, field: str, missing: str = "Choose a day.") -> date:
    """The day in a field that must not stay empty; `Invalid`, naming the field, says `missing` when it does."""
    day = optional_day(form, field)
    if day is None:
        raise Invalid(missing, field)
    return day
