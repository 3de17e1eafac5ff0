"""What a workflow document may hold: the description that both the parser and the published schema are made from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from medsync_app.domain.document_fields import (
    ClockTime,
    Either,
    Kind,
    OneOf,
    Record,
    Schema,
    Several,
    Text,
    Truth,
    Variants,
    Whole,
    as_object,
)
from medsync_app.domain.states import Channel, ContactBasis, CycleState, ExceptionKind, Role, Severity
from medsync_app.domain.wordings import LANGUAGES

MAX_STEPS = 100
#: Characters of one wording as it is written, placeholders included.
MAX_WORDING = 2_000
_DAYS, _HOURS = Whole(0, 120), Whole(0, 24 * 60)
_DATED = {"days": _DAYS, "at": ClockTime()}

#: Trigger -> its fields (the open day is a wish, the others are needed).
TRIGGERS: Mapping[str, Record] = {
    "enrolled": Record({}),
    "days_before": Record(_DATED, {"open_day": Truth()}),
    "days_after": Record(_DATED),
    "refill_status": Record({}),
    "prescriber_answered": Record({}),
    "ready": Record({}),
    "partly_ready": Record({}),
    "hours_after_ready": Record({"hours": _HOURS}),
    "before_return": Record(_DATED),
    "picked_up": Record({}),
    "replied": Record({}),
    "daily": Record({"at": ClockTime()}),
}

_NUMBER = Whole(-3650, 3650)
_CHANNEL, _LANGUAGE = OneOf(frozenset(Channel)), OneOf(frozenset(LANGUAGES))
_COMPARED = frozenset({"is", "at_least", "at_most"})
_CHOSEN = frozenset({"is", "in"})
_ASKED = frozenset({"is"})
#: Fact -> the operators it takes, and the kind of value it is compared with.
FACTS: Mapping[str, tuple[frozenset[str], Kind]] = {
    "age": (frozenset({"at_least", "at_most"}), _NUMBER),
    "channel": (_CHOSEN, _CHANNEL),
    "language": (_CHOSEN, _LANGUAGE),
    "consent": (_CHOSEN, OneOf(frozenset(ContactBasis))),
    "fulfilment": (_CHOSEN, OneOf(frozenset({"pickup", "delivery", "mail"}))),
    "days_to_sync": (_COMPARED, _NUMBER),
    "pa_ends_within": (frozenset({"at_most"}), _NUMBER),
    "refills_left": (_COMPARED, _NUMBER),
    #: The longest days supply in the batch: 90 for a patient with a 90-day drug.
    "days_supply": (_COMPARED, _NUMBER),
    "out_of_stock": (_ASKED, Truth()),
    "confirmed": (_ASKED, Truth()),
    "picked_up": (_ASKED, Truth()),
    "ready": (_ASKED, Truth()),
    "cycle_number": (_COMPARED, _NUMBER),
    "drug_class": (_CHOSEN, Text()),
}
#: What a segment may ask: what is known of a patient, whatever the batch.
SEGMENT_FACTS = frozenset({"age", "language", "consent", "fulfilment"})


@dataclass(frozen=True, slots=True)
class _Test(Kind):
    """A condition on one fact: the operator decides whether the value is one or a list."""

    operators: frozenset[str]
    value: Kind

    def read(self, value: object, where: str) -> dict[str, Any]:
        raw = as_object(value, where)
        op = OneOf(self.operators).read(raw.get("op"), f"{where}.op")
        return self._record(op).read(raw, where)

    def schema(self) -> Schema:
        return {"oneOf": [self._record(op).schema() for op in sorted(self.operators)]}

    def _record(self, op: str) -> Record:
        """The fields of a test with that operator (`fact` was read before)."""
        value = Several(self.value, most=30) if op == "in" else self.value
        return Record({"fact": Text(40), "op": OneOf(frozenset({op})), "value": value})


@dataclass(frozen=True, slots=True)
class Conditions(Kind):
    """One condition on one of these facts."""

    facts: frozenset[str]

    def read(self, value: object, where: str) -> dict[str, Any]:
        raw = as_object(value, where)
        fact = OneOf(self.facts).read(raw.get("fact"), f"{where}.fact")
        return _Test(*FACTS[fact]).read(raw, where)

    def schema(self) -> Schema:
        shapes: list[Schema] = []
        for fact in sorted(self.facts):
            for shape in _Test(*FACTS[fact]).schema()["oneOf"]:
                shapes.append({**shape, "properties": {**shape["properties"], "fact": {"const": str(fact)}}})
        return {"oneOf": shapes}


CONDITION = Conditions(frozenset(FACTS))
_CHANNELS = Several(_CHANNEL, most=len(Channel), unique=True)
_WORDS = Text(MAX_WORDING, words=f"Write a wording of 1 to {MAX_WORDING} characters.")
#: The wording of one step in one language; what is missing is taken from the template of that name.
_WORDING = Record({}, {"sms": _WORDS, "voice": _WORDS, "email": _WORDS, "email_subject": Text(200)}, least=1)
#: What a step may make of a batch: how far the pharmacy is with it, or that it was missed (all else follows from its
#: items).
SETTABLE = frozenset({CycleState.PLANNED, CycleState.REQUESTING, CycleState.PREPARING, CycleState.MISSED})
#: Programs that a task may be mirrored to.
BOARDS = ("slack", "asana", "trello")
ACTIONS: Mapping[str, Record] = {
    "message": Record(
        {"template": Text(60, r"[a-z][a-z0-9_]*", "Name a wording: small letters, digits and underscores.")},
        {
            "channels": _CHANNELS,
            "language": _LANGUAGE,
            "wordings": Record({}, dict.fromkeys(LANGUAGES, _WORDING), least=1),
            "asks": Truth(),
        },
    ),
    "task": Record(
        {"kind": OneOf(frozenset(ExceptionKind)), "role": OneOf(frozenset(Role)), "summary": Text()},
        {
            "due_hours": Whole(1, 24 * 60),
            "severity": OneOf(frozenset(Severity)),
            "mirror": Several(OneOf(frozenset(BOARDS)), most=len(BOARDS), unique=True),
        },
    ),
    "renewal": Record({"stage": OneOf(frozenset({"request", "resend", "phone", "escalate"}))}),
    "notify": Record({"event": Text(60, r"[a-z][a-z0-9_.]*", "Name an event: small letters, digits, dots.")}),
    "state": Record({"state": OneOf(SETTABLE)}),
    "check": Record({"what": OneOf(frozenset({"stock", "prepare", "exceptions"}))}),
}
_ID = Text(
    40, r"[A-Za-z0-9_]*[A-Za-z0-9][A-Za-z0-9_]*", "An id has up to 40 letters, digits and underscores."
)
STEP = Record(
    {
        "id": _ID,
        "step": Whole(1, 8),
        "name": Text(),
        "trigger": Variants("on", TRIGGERS),
        "actions": Several(Variants("do", ACTIONS), most=10),
    },
    {
        "conditions": Several(CONDITION, least=0, most=20),
        "useful": Either((
            Record({"hours": Whole(1, 24 * 60)}),
            Record({"days_after_sync": Whole(-60, 60), "at": ClockTime()}),
        )),
        "cycles": Several(OneOf(frozenset({"sync", "trip"})), most=2, unique=True),
        "needs_fresh_data": Truth(),
    },
)  # fmt: skip
SEGMENT = Record({
    "id": _ID, "name": Text(), "conditions": Several(Conditions(SEGMENT_FACTS), most=20), "channels": _CHANNELS,
})  # fmt: skip


def workflow_schema() -> Schema:
    """The JSON schema (2020-12) of a workflow document; ids that occur twice and wordings are checked beyond it."""
    document = Record(
        {"steps": Several(STEP, most=MAX_STEPS)}, {"segments": Several(SEGMENT, least=0, most=30)}
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema", "title": "MedSync workflow",
        "description": "The steps of a pharmacy's medication synchronization, and how patients are reached.",
        **document.schema(),
    }  # fmt: skip
