"""Collects what the wording of a message about a cycle may say."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from typing import Any, Protocol

from medsync_app.clock import local_day
from medsync_app.domain.contact_rules import SHORT_TEXT
from medsync_app.domain.cycle import is_missing_on
from medsync_app.domain.states import Channel, ContactBasis, ItemState
from medsync_app.domain.voice_words import spoken_day, spoken_phone
from medsync_app.domain.wordings import (
    LANGUAGES,
    QUESTIONS,
    WAYS,
    written_day,
    written_medicines,
    written_phone,
    written_time,
)
from medsync_app.errors import Invalid
from medsync_app.services.cycle_facts import age_on, return_days
from medsync_app.services.render_message import NO_WORDINGS, Text, render
from medsync_app.store.repositories.messaging import BatchLine, batch, template_bodies
from medsync_app.store.repositories.pharmacies import closed_days
from medsync_app.store.session import Tx
from medsync_app.store.tables import Cycle, Pharmacy

_OUT = frozenset({ItemState.SKIPPED, ItemState.RETURNED, ItemState.PICKED_UP})
_NAMES_UP_TO = 120
#: So many characters of a pharmacy's name stay where the whole would make such a text too long.
SHORT_NAME = 20
#: Wordings for several pickups, with one question at most.
_FOR_SEVERAL = ("household", "household_ready", "several")
#: Messages about a batch that waits to be fetched: their wordings say "today".
_FETCH_NOW = frozenset({"ready", "partly_ready", "not_picked_up"})


#: Messages of the day before: what is known not to be there is not counted.
LAST_REMINDERS = frozenset({"confirm_t1", "trip_t1"})


class Listener(Protocol):
    """What a wording depends on of whoever hears it: a patient, or what a patient is about to become."""

    @property
    def birth_date(self) -> date | None: ...
    @property
    def language(self) -> str: ...
    @property
    def drug_names_wanted(self) -> bool: ...
    @property
    def fulfilment(self) -> str: ...


@dataclass(frozen=True, slots=True)
class BatchWords:
    """What a message says of a batch."""

    sync_date: date
    lines: Sequence[BatchLine]
    claimed_on: date | None = None
    ready_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Part:
    """What can be said of one batch: what is ready and what is not, from when, until when."""

    ready: Sequence[BatchLine]
    missing: Sequence[BatchLine]
    #: The patient wishes to see the names, and agreed to be written to.
    named: bool
    since: date
    until: date


@dataclass(frozen=True, slots=True)
class Share:
    """One batch of a message that tells a household of all it can fetch."""

    cycle: Cycle
    patient: Listener
    #: On what this patient is written to at that number.
    basis: ContactBasis
    #: Only a part of it is ready.
    part: bool = False


@dataclass(frozen=True, slots=True)
class Topic:
    """What a message is about."""

    template: str
    cycle: Cycle | None = None
    #: Days of a household's pickups, and how many people they are for.
    days: Sequence[date] = ()
    people: int = 1
    #: The batches of a household that are ready.
    shares: Sequence[Share] = ()
    #: The one question of a message for several: its wording, and the day of the pickup it is about.
    question: tuple[str, date] | None = None
    #: The step's own wordings by language, and the language it insists on.
    wordings: Mapping[str, Mapping[str, str]] = field(default_factory=lambda: NO_WORDINGS)
    language: str = ""
    #: All it speaks for beside the first have agreed to be written to at that number.
    others_agreed: bool = True
    #: A batch that is not there yet, in place of `cycle`.
    planned: BatchWords | None = None


def topic_of(payload: Mapping[str, Any], cycle: Cycle | None) -> Topic:
    """What a queued message is about, as its step says."""
    action = payload.get("action", {})
    return Topic(
        str(action.get("template", "")), cycle, wordings=action.get("wordings", NO_WORDINGS),
        language=str(action.get("language", "")),
    )  # fmt: skip


def can_ask(tx: Tx, pharmacy_id: str) -> bool:
    """Whether every own wording of a pharmacy for several pickups has room for a question."""
    names = [f"{name}{more}" for name in _FOR_SEVERAL for more in ("", "_short")]
    return all("question" in body for body in template_bodies(tx, pharmacy_id, names).values())


def compose(
    tx: Tx, pharmacy: Pharmacy, patient: Listener | None, topic: Topic, channel: Channel, basis: ContactBasis
) -> Text:
    """The text of one message. Invalid when its wording cannot be used."""
    wanted = topic.language or (patient.language if patient else "")
    language = wanted if wanted in LANGUAGES else "en"
    # What tells of several people keeps to the bounds of each.
    express = basis is ContactBasis.EXPRESS and topic.others_agreed
    variables = _variables(tx, pharmacy, patient, topic, channel, language, express=express)
    most = SHORT_TEXT if not express and channel is Channel.SMS else None

    def say() -> Text:
        return render(
            tx, pharmacy.id, topic.template, language, channel, variables, most=most, wordings=topic.wordings
        )

    try:
        return say()
    except Invalid:
        if most is None:
            raise
    # A long name of the pharmacy is what can be shortened: number and way to stop must stay.
    variables["pharmacy"] = pharmacy.name[:SHORT_NAME].strip()
    return say()


def _variables(
    tx: Tx,
    pharmacy: Pharmacy,
    patient: Listener | None,
    topic: Topic,
    channel: Channel,
    language: str,
    *,
    express: bool,
) -> dict[str, object]:
    about = topic.planned or (_words(tx, topic.cycle) if topic.cycle else None)
    if about is not None and topic.template in LAST_REMINDERS:
        about = replace(
            about, lines=[line for line in about.lines if not is_missing_on(line, about.sync_date)]
        )
    aloud = channel is Channel.VOICE
    say_day = spoken_day if aloud else written_day
    today = local_day(tx.now, pharmacy.zone)
    variables = _place(pharmacy) | _person(patient, today, language, channel)
    variables |= {
        "days": ", ".join(say_day(day, language) for day in sorted(set(topic.days))),
        "hours": _hours(tx, pharmacy, _opening_day(topic, about, today), language), "people": topic.people, "count": 0,
        "missing": "", "medicines": "", "day": "", "since": "", "until": "", "question": "",
    }  # fmt: skip
    if topic.question is not None:
        asked, day = topic.question
        variables["question"] = QUESTIONS[asked][language, channel].format(day=say_day(day, language))
    if about is not None:
        names = express and patient is not None and patient.drug_names_wanted
        part = _part_of(pharmacy, about, today, named=names, part=topic.template in _FETCH_NOW)
        variables |= _batch(part, about, language, say_day)
    if topic.shares:
        named = not aloud or topic.people == 1  # who answers is one of them
        variables |= _shared(tx, pharmacy, topic.shares, today, language, say_day, named=named)
    if aloud:
        variables["phone"] = spoken_phone(pharmacy.phone)
    return variables


def _place(pharmacy: Pharmacy) -> dict[str, object]:
    return {
        "pharmacy": pharmacy.name[:40], "phone": written_phone(pharmacy.phone), "place": pharmacy.address[:60],
    }  # fmt: skip


def _words(tx: Tx, cycle: Cycle) -> BatchWords:
    return BatchWords(cycle.sync_date, batch(tx, cycle.id), cycle.claimed_on, cycle.ready_at)


def _opening_day(topic: Topic, about: BatchWords | None, today: date) -> date:
    """The day whose hours matter: that of a pickup to come, or today when the batch may be fetched now."""
    if about is None or topic.template in _FETCH_NOW:
        return today
    return max(about.sync_date, today)


def _hours(tx: Tx, pharmacy: Pharmacy, day: date, language: str) -> str:
    """From when till when a pharmacy is open on a day; nothing for one on which it is closed."""
    hours = pharmacy.hours.get(str(day.weekday()))
    if not isinstance(hours, list) or len(hours) != 2 or day in closed_days(tx, pharmacy.id, day):  # pyright: ignore[reportUnknownArgumentType]
        return ""
    opens, closes = (time.fromisoformat(str(at)) for at in hours)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return f"{written_time(opens, language)}-{written_time(closes, language)}"


def _person(patient: Listener | None, today: date, language: str, channel: Channel) -> dict[str, object]:
    fulfilment = _fulfilment(patient)
    age = age_on(patient.birth_date, today) if patient else None
    return {
        "age": age or 0, "language": language, "channel": channel.value, "fulfilment": fulfilment,
        "way": WAYS[fulfilment][language],
    }  # fmt: skip


def _fulfilment(patient: Listener | None) -> str:
    return patient.fulfilment if patient and patient.fulfilment in WAYS else "pickup"


def _shared(
    tx: Tx,
    pharmacy: Pharmacy,
    shares: Sequence[Share],
    today: date,
    language: str,
    say_day: Callable[[date, str], str],
    *,
    named: bool,
) -> dict[str, object]:
    """What is ready of several batches: names of whose patient wishes them, from when all are, until when the first."""
    parts = [
        _part_of(
            pharmacy, _words(tx, share.cycle), today, part=share.part,
            named=named and share.basis is ContactBasis.EXPRESS and share.patient.drug_names_wanted,
        )
        for share in shares
    ]  # fmt: skip
    ways = dict.fromkeys(_fulfilment(share.patient) for share in shares)
    return {
        "count": sum(len(part.ready) for part in parts),
        "medicines": _of_all([(part.ready, part.named) for part in parts], language),
        "missing": _of_all([(part.missing, part.named) for part in parts], language),
        "since": say_day(max(part.since for part in parts), language),
        "until": say_day(min(part.until for part in parts), language),
        "way": "/".join(WAYS[way][language] for way in ways),
        "fulfilment": "pickup" if "pickup" in ways else next(iter(ways)),
    }


def _batch(
    part: _Part, about: BatchWords, language: str, say_day: Callable[[date, str], str]
) -> dict[str, object]:
    return {
        "count": len(part.ready),
        "medicines": _medicines(part.ready, language, named=part.named),
        "missing": _medicines(part.missing, language, named=part.named),
        "day": say_day(about.sync_date, language),
        "since": say_day(part.since, language),
        "until": say_day(part.until, language),
    }


def _part_of(pharmacy: Pharmacy, about: BatchWords, today: date, *, named: bool, part: bool) -> _Part:
    lines = [line for line in about.lines if line.state not in _OUT]
    # Before anything is ready (a preview) all of it counts.
    ready = ([line for line in lines if line.state is ItemState.READY] if part else []) or lines
    return _Part(
        ready=ready,
        missing=[line for line in lines if line not in ready],
        named=named,
        since=local_day(about.ready_at, pharmacy.zone) if about.ready_at else today,
        until=(about.claimed_on or today) + timedelta(days=return_days(pharmacy)),
    )


def _of_all(parts: Sequence[tuple[Sequence[BatchLine], bool]], language: str) -> str:
    """Medicines of several patients: the names of those who wish to see them, and how many the others are."""
    lines = [line for lines, _ in parts for line in lines]
    names = ", ".join(line.drug_name for lines, named in parts if named for line in lines)
    unnamed = sum(len(lines) for lines, named in parts if not named)
    if not lines:
        return ""
    if not names or len(names) > _NAMES_UP_TO:
        return written_medicines(len(lines), language)
    return f"{names}; {written_medicines(unnamed, language)}" if unnamed else names


def _medicines(lines: Sequence[BatchLine], language: str, *, named: bool) -> str:
    """Their names when the patient wishes to see them, else their number (HIPAA minimum necessary)."""
    names = ", ".join(line.drug_name for line in lines)
    if named and names and len(names) <= _NAMES_UP_TO:
        return names
    return written_medicines(len(lines), language)
