"""How a merge of two records is shown: who may be the same person, and what would happen."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Final, TypedDict

from medsync_app.reads.patient_merge import Candidate, PastMerge
from medsync_app.services.merge_facts import Coming, Merged
from medsync_app.ui import format as say
from medsync_app.ui.states.enroll_view import born
from medsync_app.ui.states.patient_record_views import NoteView

#: What moves in words, in the order in which it is said; other tables are internal.
_MOVES: Final[Mapping[str, tuple[str, str]]] = {
    "fill": ("fill", "fills"),
    "prescription": ("prescription", "prescriptions"),
    "therapy": ("medicine", "medicines"),
    "contact_point": ("number or address", "numbers and addresses"),
    "consent_event": ("consent record", "consent records"),
    "scheduled_action": ("message or step", "messages and steps"),
    "inbound_message": ("reply", "replies"),
    "cycle": ("batch", "batches"),
    "renewal_request": ("renewal request", "renewal requests"),
    "exception_case": ("task", "tasks"),
    "patient_note": ("note", "notes"),
    "patient_care": ("record of a stay", "records of stays"),
    "enrollment": ("enrollment", "enrollments"),
}
_MOST_LINES: Final = 12


class CandidateView(TypedDict):
    """A record that may be the same person."""

    id: str
    name: str
    facts: str


class DateChoice(TypedDict):
    """An enrollment that may be the one that goes on."""

    id: str
    label: str
    chosen: bool


class MergeView(TypedDict):
    """What a merge would do."""

    kept: str
    dropped: str
    moves: str
    same: str
    date: str
    choices: list[DateChoice]
    warnings: list[str]
    withdrawn: list[str]
    queued: list[str]
    unchanged: str


NO_MERGE: Final[MergeView] = {
    "kept": "", "dropped": "", "moves": "", "same": "", "date": "", "choices": [], "warnings": [], "withdrawn": [],
    "queued": [], "unchanged": "",
}  # fmt: skip


def candidate_view(one: Candidate) -> CandidateView:
    """One record with what tells it from others."""
    facts = [
        born(one.birth_date) or "no date of birth",
        say.plural(one.fills, "fill"),
        *(["takes part"] if one.enrolled else []),
    ]
    return {
        "id": one.patient_id,
        "name": say.patient_name(one.last_name, one.first_name),
        "facts": ", ".join(facts),
    }


def who(last_name: str, first_name: str, birth_date: date | None) -> str:
    """Said as "Example, Ada, born 05/01/1980"."""
    return ", ".join(part for part in (say.patient_name(last_name, first_name), born(birth_date)) if part)


def moves_words(moved: Mapping[str, int]) -> str:
    """Said as "12 fills, 3 medicines"."""
    said = [say.plural(moved[table], *words) for table, words in _MOVES.items() if moved.get(table)]
    return ", ".join(said) or "nothing but the name"


def merge_view(merged: Merged, names: Mapping[str, str], now: datetime, zone: str, today: date) -> MergeView:
    """The consequences in words; `names` are those of the two records by id."""
    return {
        "kept": names[merged.kept_id],
        "dropped": names[merged.dropped_id],
        "moves": moves_words(merged.moved),
        "same": ", ".join(merged.same_drugs),
        "date": _date_words(merged, today),
        "choices": _choices(merged, names, today),
        "warnings": list(merged.warnings),
        "withdrawn": _lines(merged.withdrawn, now, zone),
        "queued": _lines(merged.queued, now, zone),
        "unchanged": f"{say.plural(merged.unchanged, 'message or step', 'messages and steps')} stay as they are."
        if merged.unchanged
        else "",
    }


def merge_line(one: PastMerge, now: datetime, zone: str) -> NoteView:
    """The trace of a record that was merged, as the history shows it."""
    name = who(one.last_name, one.first_name, one.birth_date)
    return {
        "id": one.id,
        "head": f"{say.moment(one.at, now, zone)}, {one.by}",
        "text": f"Merged the record {name} into this one: {moves_words(one.moved)}. Reason: {one.reason}",
    }


def _date_words(merged: Merged, today: date) -> str:
    if merged.enrollment_id is None:
        return "Neither takes part in the programme afterwards."
    if merged.sync_date is None:
        return "The patient takes part; no pickup is planned."
    review = " A pharmacist must approve the plan first." if merged.needs_review else ""
    return f"The next pickup is on {say.day(merged.sync_date, today)}.{review}"


def _choices(merged: Merged, names: Mapping[str, str], today: date) -> list[DateChoice]:
    if len(merged.open_before) < 2:
        return []
    return [
        {
            "id": one.id,
            "label": f"{say.day(one.sync_date, today) or 'No date'} ({names[one.patient_id]}, {one.state.value})",
            "chosen": one.id == merged.enrollment_id,
        }
        for one in merged.open_before
    ]


def _lines(rows: Sequence[Coming], now: datetime, zone: str) -> list[str]:
    said = [f"{row.name}, {say.moment(row.at, now, zone)}" for row in rows[:_MOST_LINES]]
    more = len(rows) - len(said)
    return [*said, f"and {more} more"] if more > 0 else said
