"""What two records of one person hold before they are merged, and what a merge did: shown before it is saved."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from typing import Any

from medsync_app.domain.cycle import FETCHABLE
from medsync_app.domain.states import EnrollmentState
from medsync_app.domain.step_names import step_name
from medsync_app.store.repositories import cycles, merging
from medsync_app.store.repositories.contact import contact_points
from medsync_app.store.session import Tx
from medsync_app.store.tables import Cycle, Enrollment, Patient, ScheduledAction


@dataclass(frozen=True, slots=True)
class Coming:
    """A message or step that is ahead: what is done, and when; the key stays the same when it is only queued anew."""

    key: str
    step: str
    name: str
    kind: str
    at: datetime


@dataclass(frozen=True, slots=True)
class OpenEnrollment:
    """An enrollment that has not ended, with the date of its coming batch."""

    id: str
    patient_id: str
    state: EnrollmentState
    reason: str
    sync_date: date | None
    #: A batch of it can be fetched now: it cannot be the one that ends.
    fetchable: bool


@dataclass(frozen=True, slots=True)
class Merged:
    """What a merge does, or did. `seen` stands for everything it was decided on: any change makes another.

    `moved` counts rows by table. `warnings` are conflicts in plain words, with how each was decided.
    """

    kept_id: str
    dropped_id: str
    seen: str
    moved: Mapping[str, int]
    same_drugs: tuple[str, ...]
    told_twice: int
    warnings: tuple[str, ...]
    open_before: tuple[OpenEnrollment, ...]
    enrollment_id: str | None
    sync_date: date | None
    needs_review: bool
    withdrawn: tuple[Coming, ...]
    queued: tuple[Coming, ...]
    #: How many stay as they are.
    unchanged: int


def seen_of(tx: Tx, patients: Sequence[Patient]) -> str:
    """A digest of what is known of the records but for messages, which come and go by themselves."""
    parts: list[Any] = []
    for patient in patients:
        counts = merging.counts(tx, patient.id)
        counts.pop("scheduled_action", None)
        parts += [patient.id, patient.updated_at.isoformat(), sorted(counts.items())]
        parts += [(point.id, point.basis.value, point.rank) for point in contact_points(tx, patient.id)]
        parts += [(row.id, row.version) for row in merging.versioned(tx, patient.id)]
    return sha256(repr(parts).encode()).hexdigest()[:32]


def open_enrollment(tx: Tx, row: Enrollment) -> OpenEnrollment:
    """An enrollment as it is chosen by."""
    next_batch = coming_of(tx, row.id)
    fetchable = any(cycle.state in FETCHABLE for cycle in cycles.open_of_enrollment(tx, row.id))
    return OpenEnrollment(
        row.id, row.patient_id, row.state, row.end_reason, next_batch.sync_date if next_batch else None,
        fetchable,
    )  # fmt: skip


def coming_of(tx: Tx, enrollment_id: str) -> Cycle | None:
    """The coming batch of an enrollment."""
    return next(iter(cycles.open_of_enrollment(tx, enrollment_id, "sync")), None)


def coming(rows: Sequence[ScheduledAction]) -> list[Coming]:
    """What is ahead, as it is shown."""
    return [
        Coming(row.idempotency_key, row.step, step_name(row.step, row.payload), row.kind, row.due_at)
        for row in rows
    ]


def difference(
    before: Sequence[Coming], after: Sequence[Coming]
) -> tuple[tuple[Coming, ...], tuple[Coming, ...], int]:
    """What is withdrawn, what is queued, and how many are there before and after."""
    known, left = {one.key for one in before}, {one.key for one in after}
    return (
        tuple(one for one in before if one.key not in left),
        tuple(one for one in after if one.key not in known),
        len(known & left),
    )
