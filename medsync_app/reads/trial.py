"""The last dry run of a pharmacy's workflow, with the names of steps and patients."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import select

from medsync_app.domain.workflow import default_document
from medsync_app.store.repositories import workflows
from medsync_app.store.session import Tx
from medsync_app.store.tables import Patient, Pharmacy

_patient = cast(Any, Patient)


@dataclass(frozen=True, slots=True)
class Trial:
    """A run; `number` 0 tried the changes that were not published. `result` is what services.trial_run found."""

    number: int
    days: int
    started_at: datetime
    started_by: str
    beat_at: datetime
    percent: int
    finished_at: datetime | None
    error: str
    result: Mapping[str, Any]
    #: Step id -> its name in any version that the pharmacy has or had.
    names: Mapping[str, str]
    #: Patient id -> (last name, first name) of the messages that are shown.
    people: Mapping[str, tuple[str, str]]


def trial(tx: Tx, pharmacy_id: str) -> Trial | None:
    """The last run of one pharmacy; None before the first. NotFound outside the scope."""
    tx.get(Pharmacy, pharmacy_id)
    run = workflows.trial_of(tx, pharmacy_id)
    if run is None:
        return None
    ids = sorted({str(one["patient_id"]) for one in run.result.get("messages", ())})
    rows = tx.session.execute(
        select(_patient.id, _patient.last_name, _patient.first_name).where(_patient.id.in_(ids))
    )
    return Trial(
        run.number, run.days, run.started_at, run.started_by, run.beat_at, run.percent, run.finished_at,
        run.error, run.result, _step_names(tx, pharmacy_id), {row[0]: (row[1], row[2]) for row in rows},
    )  # fmt: skip


def _step_names(tx: Tx, pharmacy_id: str) -> dict[str, str]:
    draft = workflows.draft_of(tx, pharmacy_id)
    documents = [row.document for row in reversed(workflows.versions_of(tx, pharmacy_id))]
    documents += [draft.document] if draft else []
    return {
        str(step["id"]): str(step["name"])
        for document in documents or [default_document()]
        for step in document["steps"]
    }
