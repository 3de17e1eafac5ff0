"""A condition of the workflow in words, for whoever reads the flow, a difference, or why a step was not needed."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from medsync_app.domain.states import Channel

CHANNEL_NAMES: Final[Mapping[str, str]] = {
    Channel.SMS: "text message", Channel.VOICE: "phone call", Channel.EMAIL: "e-mail",
}  # fmt: skip
LANGUAGE_NAMES: Final[Mapping[str, str]] = {"en": "English", "es": "Spanish"}
FACT_NAMES: Final[Mapping[str, str]] = {
    "age": "age in years",
    "channel": "preferred channel",
    "language": "language",
    "consent": "consent",
    "fulfilment": "how the batch reaches the patient",
    "days_to_sync": "days until the sync date",
    "pa_ends_within": "prior authorization ends within so many days",
    "refills_left": "refills left",
    "days_supply": "longest days supply in the batch",
    "out_of_stock": "out of stock",
    "confirmed": "confirmed",
    "picked_up": "picked up",
    "ready": "ready",
    "cycle_number": "number of the pickup",
    "drug_class": "drug class",
}
_OPERATORS: Final[Mapping[str, str]] = {
    "is": "is", "in": "is", "at_least": "is at least", "at_most": "is at most",
}  # fmt: skip


def condition_words(fact: str, op: str, value: Any) -> str:
    """Said as "not picked up", "age in years is at least 65"."""
    name = FACT_NAMES.get(fact, fact.replace("_", " "))
    if isinstance(value, bool):
        return name if value else f"not {name}"
    if fact == "pa_ends_within":
        return f"a prior authorization ends within {value} days"
    values = cast("Sequence[object]", value) if isinstance(value, list | tuple) else (value,)
    return f"{name} {_OPERATORS[op]} {' or '.join(value_words(str(one)) for one in values)}"


def value_words(text: str) -> str:
    """A value of the document as people call it; words of its own in quotes."""
    return f"“{text}”" if " " in text else CHANNEL_NAMES.get(text, LANGUAGE_NAMES.get(text, text))
