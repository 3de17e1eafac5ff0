"""Events of pharmacy systems in our own words: what there is, and the mapping document that reads a vendor's body.

A mapping names, for each of our fields, the places in the body that may hold it. Names are compared without case.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final, cast

from medsync_app.domain.document_fields import Record, Several, Text
from medsync_app.domain.states import FillStatus


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
#: Fields of the event itself; all others are those of a row of an export.
OWN: Final = ("event", "id", "occurred_at", "renewal_id", "answer", "note")
FIELDS: Final = (*OWN, "patient_id", "patient_name", *_PATIENT, *_RX,
                 *(f"prescriber_{name}" for name in ("name", "npi", "phone", "fax")))  # fmt: skip
_PLACE = Text(most=200, words="Name each place in 1 to 200 characters, such as Rx.Number.")
_DOCUMENT = Record(
    required={
        "fields": Record({}, {field: Several(_PLACE, least=0, most=10) for field in FIELDS}),
        "events": Record({}, {kind.value: Several(_PLACE, least=0, most=20) for kind in EventKind}),
    }
)


@dataclass(frozen=True, slots=True)
class PharmacyEvent:
    """One event: `kind` None when its `name` is not known, `values` as they were written."""

    kind: EventKind | None
    name: str
    external_id: str
    values: Mapping[str, str]
    #: Places of the body that no field uses.
    unused: tuple[str, ...]

    def said(self, field: str) -> str:
        return self.values.get(field, "")


@dataclass(frozen=True, slots=True)
class EventMapping:
    """Our field -> places that may hold it, the first that does counts; our event -> the sender's words for it."""

    fields: Mapping[str, tuple[str, ...]]
    events: Mapping[str, tuple[str, ...]]

    def read(self, document: Mapping[str, Any]) -> PharmacyEvent:
        """What a body says; nothing is refused here, what no field uses is listed."""
        told = dict(leaves(document))
        by_name = {path.casefold(): path for path in told}
        found: dict[str, str] = {}
        used: set[str] = set()
        for field, places in self.fields.items():
            for place in places:
                path = by_name.get(place.casefold())
                if path is not None:
                    used.add(path)
                    if told[path]:
                        found.setdefault(field, told[path])
        name = found.pop("event", "")
        kinds = {word.casefold(): EventKind(kind) for kind, words in self.events.items() for word in words}
        unused = tuple(path for path in told if path not in used and told[path])
        return PharmacyEvent(
            kinds.get(name.casefold()), name, found.pop("id", ""), MappingProxyType(found), unused
        )


def parse_mapping(document: object) -> EventMapping:
    """A mapping from its document; Invalid names the field."""
    read = _DOCUMENT.read(document, "")
    return EventMapping(MappingProxyType(read["fields"]), MappingProxyType(read["events"]))


def to_document(mapping: EventMapping) -> dict[str, Any]:
    """The document of a mapping, as it is kept and edited."""
    return {
        "fields": {field: list(places) for field, places in mapping.fields.items()},
        "events": {kind: list(words) for kind, words in mapping.events.items()},
    }


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
)
