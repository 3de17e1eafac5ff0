"""What the workflow page shows: the document with its unpublished changes, versions, and where patients stand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, cast

from sqlalchemy import func, select

from medsync_app.domain.cycle import ENDED
from medsync_app.domain.states import ActionState, CycleState, EnrollmentState, ExceptionState
from medsync_app.domain.workflow import default_document
from medsync_app.reads.search import name_matches
from medsync_app.store.repositories import cycles, workflows
from medsync_app.store.repositories.messaging import newest_workflow
from medsync_app.store.session import Tx
from medsync_app.store.tables import (
    Cycle,
    Enrollment,
    EnrollmentDraft,
    ExceptionCase,
    Patient,
    Pharmacy,
    ScheduledAction,
)

STEPS: Final = range(1, 9)
_WAITING = (ActionState.QUEUED, ActionState.HELD, ActionState.CLAIMED, ActionState.CALLING)
_action, _case, _cycle = cast(Any, ScheduledAction), cast(Any, ExceptionCase), cast(Any, Cycle)
_draft, _enrollment, _patient = cast(Any, EnrollmentDraft), cast(Any, Enrollment), cast(Any, Patient)


@dataclass(frozen=True, slots=True)
class Version:
    """One published version; `running` is how many pickups under way go by it."""

    number: int
    created_at: datetime
    created_by: str
    note: str
    document: Mapping[str, Any]
    running: int


@dataclass(frozen=True, slots=True)
class Draft:
    """Changes that are not published."""

    base_number: int
    changed_at: datetime
    changed_by: str


@dataclass(frozen=True, slots=True)
class WorkflowPage:
    """The workflow of one pharmacy. `document` holds the unpublished changes; number 0: nothing is published yet."""

    number: int
    in_force: Mapping[str, Any]
    document: Mapping[str, Any]
    draft: Draft | None
    #: The newest first.
    versions: Sequence[Version]
    #: Step of the programme (1-8) -> patients who stand there now.
    here: Mapping[int, int]
    #: Step id -> patients for whom it is still to come.
    waiting: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class ComingPatient:
    """Somebody with a pickup to come, on whom a wording can be tried."""

    patient_id: str
    first_name: str
    last_name: str
    sync_date: date


def workflow_page(tx: Tx, pharmacy_id: str) -> WorkflowPage:
    """Everything the page shows of one pharmacy; NotFound outside the scope."""
    tx.get(Pharmacy, pharmacy_id)
    newest = newest_workflow(tx, pharmacy_id)
    in_force = newest.document if newest else default_document()
    draft = workflows.draft_of(tx, pharmacy_id)
    running = workflows.cycles_by_version(tx, cycles.open_ids_of_pharmacy(tx, pharmacy_id))
    return WorkflowPage(
        newest.number if newest else 0,
        in_force,
        draft.document if draft else in_force,
        Draft(draft.base_number, draft.changed_at, draft.changed_by) if draft else None,
        [
            Version(row.number, row.created_at, row.created_by, row.note, row.document, running.get(row.id, 0))
            for row in workflows.versions_of(tx, pharmacy_id)
            if row.published
        ],
        _here(tx, pharmacy_id),
        _waiting(tx, pharmacy_id),
    )  # fmt: skip


def coming_patients(tx: Tx, pharmacy_id: str, text: str = "", *, limit: int = 6) -> list[ComingPatient]:
    """Enrolled patients with a pickup to come whose name fits `text`, those who come first first."""
    next_date = func.min(_cycle.sync_date)
    statement = (
        select(_patient.id, _patient.first_name, _patient.last_name, next_date)
        .join(Cycle, _cycle.patient_id == _patient.id)
        .where(_cycle.pharmacy_id == pharmacy_id, _cycle.state.not_in(ENDED))
        .group_by(_patient.id, _patient.first_name, _patient.last_name)
        .order_by(next_date, _patient.last_name, _patient.id)
        .limit(limit)
    )
    fits = name_matches(text[:80])
    rows = tx.session.execute(statement.where(fits) if fits is not None else statement)
    return [ComingPatient(*row) for row in rows]


def _here(tx: Tx, pharmacy_id: str) -> dict[int, int]:
    """Where patients stand: each at the step that comes next; besides, who is being enrolled, who waits for a
    pharmacist's approval of the plan (and nowhere else), and who has an open exception."""
    proposed = select(_cycle.patient_id).where(
        _cycle.pharmacy_id == pharmacy_id, _cycle.state == CycleState.PROPOSED
    )
    active = select(_enrollment.patient_id).where(
        _enrollment.pharmacy_id == pharmacy_id, _enrollment.state == EnrollmentState.ACTIVE
    )
    number = _action.payload["number"].as_integer()
    order = func.row_number().over(
        partition_by=_action.patient_id, order_by=(_action.due_at, number, _action.id)
    )
    ahead = (
        select(number.label("number"), order.label("place"))
        .where(
            _action.pharmacy_id == pharmacy_id, _action.state.in_(_WAITING),
            _action.patient_id.in_(active), _action.patient_id.not_in(proposed), number.is_not(None),
        )
        .subquery()
    )  # fmt: skip
    rows = tx.session.execute(
        select(ahead.c.number, func.count()).where(ahead.c.place == 1).group_by(ahead.c.number)
    )
    found = dict.fromkeys(STEPS, 0) | {int(row[0]): int(row[1]) for row in rows}
    found[1] += _count(
        tx, select(_draft.id).where(_draft.pharmacy_id == pharmacy_id, _draft.finished_at.is_(None))
    )
    found[2] += _count(tx, proposed.distinct())
    found[6] = _count(
        tx,
        select(_case.patient_id)
        .where(
            _case.pharmacy_id == pharmacy_id,
            _case.state == ExceptionState.OPEN,
            _case.patient_id.is_not(None),
        )
        .distinct(),
    )
    return found


def _count(tx: Tx, statement: Any) -> int:
    return tx.session.execute(select(func.count()).select_from(statement.subquery())).scalar_one()


def _waiting(tx: Tx, pharmacy_id: str) -> dict[str, int]:
    rows = tx.session.execute(
        select(_action.step, func.count(_action.patient_id.distinct()))
        .where(_action.pharmacy_id == pharmacy_id, _action.state.in_(_WAITING))
        .group_by(_action.step)
    )
    return {str(row[0]): int(row[1]) for row in rows}
