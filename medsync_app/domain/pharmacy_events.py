"""Events of pharmacy systems in our own words: what there is, and the mapping that reads a sender's body.

A mapping names, for each of our fields, the places in the body that may hold it. Names are compared without case.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final, cast

from medsync_app.domain.document_fields import Record, Several, Text
from medsync_app.domain.local_time import local
from medsync_app.domain.states import FillStatus
from medsync_app.errors import Invalid


class EventKind(StrEnum):
    """What may be told (DOMAIN.md section 7); delivered and reversed are the ends of a fill that imports know too."""

    PATIENT = "patient.upsert"
    ENROLLED = "patient.enrolled"
    OPTED_OUT = "patient.opted_out"
    NEW = "rx.new"
    FILLED = "rx.filled"
    READY = "rx.ready"
    SOLD = "rx.sold"
    DELIVERED = "rx.delivered"
    RETURNED = "rx.returned_to_stock"
    REVERSED = "rx.reversed"
    CANCELLED = "rx.cancelled"
    TRANSFERRED = "rx.transferred"
    RENEWAL = "renewal.response"


#: What an event says of a fill, as a row of an export would.
STATUS_OF: Final[Mapping[EventKind, FillStatus]] = MappingProxyType(
    {
        EventKind.FILLED: FillStatus.WAITING,
        EventKind.READY: FillStatus.WAITING,
        EventKind.SOLD: FillStatus.SOLD,
        EventKind.DELIVERED: FillStatus.SOLD,
        EventKind.RETURNED: FillStatus.RETURNED,
        EventKind.REVERSED: FillStatus.REVERSED,
    }
)
#: Our field of a dispensing -> its place in our own body.
_RX = {
    "rx_number": "number", "sig": "directions", **{
        name: name for name in (
            "fill_number", "written_on", "filled_on", "sold_on", "drug_name", "ndc", "form", "quantity", "days_supply",
            "refills_left", "schedule", "plan", "plan_type", "copay", "pa_ends_on", "claim_code", "stopped_on",
        )
    },
}  # fmt: skip
_PATIENT = (
    "last_name", "first_name", "birth_date", "cell", "home", "email", "address", "city", "state", "postal_code",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class PharmacyEvent:
    """One event: `kind` None when its `name` is not known, `values` as they were written."""

    kind: EventKind | None
    name: str
    external_id: str
    values: Mapping[str, str]
    #: The sender's word says nothing of interest: that an Rx is being entered, for instance.
    ignored: bool = False
    #: Fields that only find or describe what is not known yet (`EventMapping.only_new`).
    only_new: tuple[str, ...] = ()

    def said(self, field: str) -> str:
        return self.values.get(field, "")

    def saying(self, **values: str) -> "PharmacyEvent":
        """The same with other values."""
        return replace(self, values=MappingProxyType({**self.values, **values}))

    def happened_at(self, received: datetime) -> "PharmacyEvent":
        """What does not say when it happened, happened when it came, however late it is worked."""
        return self if self.said("occurred_at") else self.saying(occurred_at=received.isoformat())


@dataclass(frozen=True, slots=True)
class EventMapping:
    """Our field -> places that may hold it, the first that does counts; our event -> the sender's words for it.

    `ignored` are words that say nothing of interest, `instants` fields that are instants and mean a day. `only_new` are
    fields that an export may word otherwise: of what is known already they are no news.
    """

    fields: Mapping[str, tuple[str, ...]]
    events: Mapping[str, tuple[str, ...]]
    ignored: tuple[str, ...] = ()
    instants: tuple[str, ...] = ()
    only_new: tuple[str, ...] = ()

    def to_document(self) -> dict[str, Any]:
        """What a pharmacy may change of it."""
        return {
            "fields": {field: list(places) for field, places in self.fields.items() if field in PLACED},
            "events": {kind: list(words) for kind, words in self.events.items()},
            "ignored": list(self.ignored),
        }

    def read(self, document: Mapping[str, Any]) -> PharmacyEvent:
        """What a body says; nothing is refused here."""
        told = dict(leaves(document))
        by_name = {path.casefold(): path for path in told}
        found: dict[str, str] = {}
        for field, places in self.fields.items():
            for place in places:
                path = by_name.get(place.casefold())
                if path is not None and told[path]:
                    found.setdefault(field, told[path])
        name = found.pop("event", "")
        kinds = {_word(word): EventKind(kind) for kind, words in self.events.items() for word in words}
        return PharmacyEvent(
            kinds.get(_word(name)), name, found.pop("id", ""), MappingProxyType(found),
            ignored=_word(name) in {_word(word) for word in self.ignored}, only_new=self.only_new,
        )  # fmt: skip


def in_days(event: PharmacyEvent, instants: Iterable[str], zone: str) -> PharmacyEvent:
    """The event with its instants as calendar days of the pharmacy; those without a zone are UTC.

    Midnight without a zone is a day that was written as an instant.
    """
    days = {field: _day_at(event.said(field), zone) for field in instants if event.said(field)}
    return event.saying(**days)


def _day_at(text: str, zone: str) -> str:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return text  # a day alone, or nothing that is one: who reads it says so
    if "T" not in text.upper():
        return text
    if at.tzinfo is None and at.time() == time.min:
        return at.date().isoformat()
    return local(at if at.tzinfo else at.replace(tzinfo=UTC), zone).date().isoformat()


def _word(text: str) -> str:
    """A word as compared: letters, digits and dots, in lower case ("Ready For Pickup" is "readyforpickup")."""
    return "".join(letter for letter in text.casefold() if letter.isalnum() or letter == ".")


def leaves(value: object, where: str = "") -> Iterable[tuple[str, str]]:
    """Every value with its path; the parts of a list are counted from 0, those of a list of one are not."""
    if isinstance(value, Mapping):
        for name, part in cast("Mapping[str, object]", value).items():
            yield from leaves(part, f"{where}.{name}" if where else name)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        parts = cast("Sequence[object]", value)
        for index, part in enumerate(parts):
            yield from leaves(part, where if len(parts) == 1 else f"{where}.{index}")
    elif value is not None and where:
        yield where, str(value).strip()


#: Our own body (docs/events.md).
CANONICAL: Final = EventMapping(
    MappingProxyType(
        {name: (name,) for name in ("event", "id", "occurred_at")}
        | {"renewal_id": ("renewal.id",), "answer": ("renewal.answer",), "note": ("renewal.note",)}
        | {"patient_id": ("patient.id",), "patient_name": ("patient.name",)}
        | {name: (f"patient.{name}",) for name in _PATIENT}
        | {"cell": ("patient.cell", "patient.phone")}
        | {field: (f"rx.{name}",) for field, name in _RX.items()}
        | {f"prescriber_{name}": (f"prescriber.{name}",) for name in ("name", "npi", "phone", "fax")}
    ),
    MappingProxyType({kind.value: (kind.value,) for kind in EventKind}),
    instants=("written_on", "filled_on", "sold_on", "stopped_on"),
)

#: Our fields whose places a pharmacy may change, those it must name, and the events whose words it may change.
PLACED: Final = tuple(
    field for field in CANONICAL.fields if field not in ("id", "renewal_id", "answer", "note")
)
_NEEDED: Final = ("event", "rx_number")
WORDED: Final = tuple(
    kind.value
    for kind in EventKind
    if kind not in (EventKind.ENROLLED, EventKind.OPTED_OUT, EventKind.RENEWAL)
)
_NAMES: Final = Several(Text(most=300, words="Write each in 1 to 300 characters."), least=0, most=30)
_DOCUMENT = Record({
    "fields": Record({}, dict.fromkeys(PLACED, _NAMES)), "events": Record({}, dict.fromkeys(WORDED, _NAMES)),
    "ignored": _NAMES,
})  # fmt: skip


def parse_event_mapping(document: object, preset: EventMapping) -> EventMapping:
    """The preset with what a pharmacy has changed of it; Invalid names the field."""
    read = _DOCUMENT.read(document, "")
    for field in _NEEDED:
        if not read["fields"].get(field):
            raise Invalid("Nothing can be understood without it: name a place.", f"fields.{field}")
    taken: dict[str, str] = {}
    meanings = {f"events.{kind}": words for kind, words in read["events"].items()} | {
        "ignored": read["ignored"]
    }
    for meaning, words in meanings.items():
        for word in words:
            if taken.setdefault(_word(word), meaning) != meaning:
                raise Invalid("This word has another meaning already: name it once.", meaning)
    fields = MappingProxyType({"id": preset.fields["id"], **read["fields"]})
    return replace(preset, fields=fields, events=MappingProxyType(read["events"]), ignored=read["ignored"])
