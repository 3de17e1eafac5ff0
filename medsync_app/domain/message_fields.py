"""What the wording of a message may name: each field with its kind and with values that a wording must cope with."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class MessageField:
    """One field: texts and words are written, numbers can be compared; the first sample is the usual one."""

    kind: type[str] | type[int]
    means: str
    samples: tuple[str | int, ...]


def _text(means: str, sample: str, *, may_lack: bool = False) -> MessageField:
    return MessageField(str, means, (sample, "") if may_lack else (sample,))


FIELDS: Mapping[str, MessageField] = MappingProxyType({
    "pharmacy": _text("The pharmacy's name", "Peachtree Pharmacy"),
    "phone": _text("The pharmacy's telephone number", "404-555-0100"),
    "place": _text("The pharmacy's address", "12 Peachtree St", may_lack=True),
    "hours": _text("Opening hours of the sync date; today's once the batch is ready", "9am-6pm", may_lack=True),
    "medicines": _text("The medicines' names when the patient wants them, else how many", "2 medicines"),
    "missing": _text("The medicines that are not ready yet, written like medicines", "1 medicine"),
    "count": MessageField(int, "How many medicines", (2, 1, 12)),
    "day": _text("The sync date", "Tue Oct 20"),
    "days": _text("The dates of several pickups", "Tue Oct 20, Thu Oct 22"),
    "question": _text(
        "The one question in a message about several pickups", "For Tue Oct 20 reply 1 to confirm.", may_lack=True
    ),
    "people": MessageField(int, "For how many people", (1, 3)),
    "since": _text("Since when the batch is ready", "Mon Oct 19"),
    "until": _text("Until when it is kept", "Thu Oct 29"),
    "way": _text("pickup, delivery or mailing, in the message's language", "pickup"),
    "fulfilment": MessageField(str, "pickup, delivery or mail", ("pickup", "delivery", "mail")),
    "age": MessageField(int, "The patient's age in years, 0 when it is not known", (45, 80, 0)),
    "language": MessageField(str, "The message's language: en or es", ("en", "es")),
    "channel": MessageField(str, "sms, voice or email", ("sms", "email", "voice")),
})  # fmt: skip
#: Fields on which a wording will likely depend: all their samples are tried with each other, the rest one by one.
_CROSSED = ("age", "language", "channel", "fulfilment", "count")


def sample_values() -> Iterator[Mapping[str, str | int]]:
    """Sets of values for all fields that a wording must work with."""
    usual = {name: field.samples[0] for name, field in FIELDS.items()}
    for values in product(*(FIELDS[name].samples for name in _CROSSED)):
        yield {**usual, **dict(zip(_CROSSED, values, strict=True))}
    for name, field in FIELDS.items():
        for value in field.samples[1:]:
            yield {**usual, name: value}
