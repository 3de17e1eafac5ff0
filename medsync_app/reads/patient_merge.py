"""Who may be the same person as a patient, which records were merged into one, and where a merged record went."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, cast

from sqlalchemy import func, select

from medsync_app.domain.states import Channel
from medsync_app.reads.enroll import enrolled_ids, likely_duplicates
from medsync_app.reads.search import search
from medsync_app.store.repositories import merging
from medsync_app.store.repositories.contact import contact_points
from medsync_app.store.session import Tx
from medsync_app.store.tables import Fill, Patient

_MOST: Final = 8
_patient, _fill = cast(Any, Patient), cast(Any, Fill)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A record that may be the same person; `alike`: it was found by itself, not searched for."""

    patient_id: str
    first_name: str
    last_name: str
    birth_date: date | None
    enrolled: bool
    fills: int
    alike: bool


@dataclass(frozen=True, slots=True)
class PastMerge:
    """A record that was merged into this one: who it was, and what moved, by table."""

    id: str
    first_name: str
    last_name: str
    birth_date: date | None
    reason: str
    by: str
    at: datetime
    moved: Mapping[str, int]


def candidates(tx: Tx, patient_id: str, text: str = "") -> list[Candidate]:
    """Records of the same pharmacy that fit the search, or without one are likely duplicates; NotFound outside."""
    patient = tx.get(Patient, patient_id)
    found: dict[str, bool] = {}
    if text.strip():
        found = {one.patient_id: False for one in search(tx, text, limit=_MOST * 2)}
    else:
        phones = [p.address for p in contact_points(tx, patient_id) if p.channel is not Channel.EMAIL]
        for phone in phones or [""]:
            alike = likely_duplicates(
                tx, first_name=patient.first_name, last_name=patient.last_name, birth_date=patient.birth_date,
                phone=phone,
            )  # fmt: skip
            found |= {one.patient_id: True for one in alike}
    found.pop(patient_id, None)
    taking = enrolled_ids(tx, list(found))
    rows = tx.session.execute(
        select(Patient, func.count(_fill.id))
        .outerjoin(Fill, _fill.patient_id == _patient.id)
        .where(_patient.id.in_(sorted(found)), _patient.pharmacy_id == patient.pharmacy_id)
        .group_by(_patient.id)
        .order_by(_patient.last_name, _patient.first_name, _patient.id)
        .limit(_MOST)
    )
    return [
        Candidate(
            row.id, row.first_name, row.last_name, row.birth_date, row.id in taking, fills, found[row.id]
        )
        for row, fills in cast("list[tuple[Patient, int]]", rows.all())
    ]


def past_merges(tx: Tx, patient_id: str) -> list[PastMerge]:
    """What was merged into a patient, the newest first."""
    return [
        PastMerge(
            row.id,
            row.snapshot["patient"]["first_name"],
            row.snapshot["patient"]["last_name"],
            _day(row.snapshot["patient"]["birth_date"]),
            row.reason,
            row.merged_by,
            row.merged_at,
            {table: len(ids) for table, ids in row.snapshot["moved"].items()},
        )
        for row in merging.into(tx, patient_id)
    ]


def kept_id(tx: Tx, patient_id: str) -> str:
    """The patient into whom the record with this id was merged; "" when none was."""
    row = merging.of_dropped(tx, patient_id)
    return row.kept_id if row is not None else ""


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
