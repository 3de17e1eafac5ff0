"""One batch as the calendar's side panel shows it: its drugs and fills, problems, and coming messages."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, cast

from sqlalchemy import select

from medsync_app.domain.cycle import ENDED
from medsync_app.domain.states import (
    ActionState,
    Channel,
    CycleState,
    EnrollmentState,
    ExceptionKind,
    ExceptionState,
    FillKind,
    ItemState,
)
from medsync_app.reads.places import Here, places
from medsync_app.services.ensure_workflow import workflow_of_version
from medsync_app.store.session import Tx
from medsync_app.store.tables import (
    Cycle,
    CycleItem,
    Enrollment,
    ExceptionCase,
    Patient,
    ScheduledAction,
    Therapy,
)

_item, _therapy, _case = cast(Any, CycleItem), cast(Any, Therapy), cast(Any, ExceptionCase)
_action, _cycle = cast(Any, ScheduledAction), cast(Any, Cycle)
_WAITING: Final = (ActionState.QUEUED, ActionState.HELD, ActionState.CLAIMED, ActionState.CALLING)
#: A batch has about ten coming steps; more than this is never listed.
_MOST_MESSAGES: Final = 60


@dataclass(frozen=True, slots=True)
class BatchDrug:
    """One planned fill of the batch."""

    item_id: str
    therapy_id: str
    name: str
    state: ItemState
    case: str
    fill_kind: FillKind
    due_on: date
    days_supply: int
    quantity: Decimal | None
    claim_code: int | None
    too_soon: bool
    needs_renewal_by: date | None
    problem: str
    note: str
    expected_on: date | None


@dataclass(frozen=True, slots=True)
class BatchProblem:
    """An open exception about the patient or the batch; `drug` is the medicine it is about, "" when none."""

    id: str
    kind: ExceptionKind
    drug: str
    summary: str
    due_at: datetime
    of_batch: bool


@dataclass(frozen=True, slots=True)
class ComingAction:
    """One row of the outbox that is still to come; `name` is the step's name in the workflow it was queued under."""

    id: str
    step: str
    name: str
    kind: str
    state: ActionState
    due_at: datetime
    channel: Channel | None
    reason: str


@dataclass(frozen=True, slots=True)
class OtherBatch:
    """Another open batch of the same enrollment: a trip before it, or the date it leads to."""

    cycle_id: str
    day: date
    kind: str
    state: CycleState


@dataclass(frozen=True, slots=True)
class BatchView:
    """A batch with all that is known of it."""

    cycle_id: str
    version: int
    enrollment_id: str
    enrollment_version: int
    enrollment_state: EnrollmentState
    patient_id: str
    first_name: str
    last_name: str
    place: Here
    day: date
    nominal_date: date
    kind: str
    number: int
    state: CycleState
    unapproved: bool
    reasons: tuple[str, ...]
    explanation: str
    override_reason: str
    confirmed_at: datetime | None
    ready_at: datetime | None
    changed_by: str
    changed_at: datetime
    drugs: tuple[BatchDrug, ...]
    problems: tuple[BatchProblem, ...]
    coming: tuple[ComingAction, ...]
    others: tuple[OtherBatch, ...]


def batch_view(tx: Tx, cycle_id: str) -> BatchView:
    """The batch with that id; NotFound outside the scope."""
    cycle = tx.get(Cycle, cycle_id)
    enrollment, patient = tx.get(Enrollment, cycle.enrollment_id), tx.get(Patient, cycle.patient_id)
    return BatchView(
        cycle_id=cycle.id,
        version=cycle.version,
        enrollment_id=enrollment.id,
        enrollment_version=enrollment.version,
        enrollment_state=enrollment.state,
        patient_id=patient.id,
        first_name=patient.first_name,
        last_name=patient.last_name,
        place=places(tx)[cycle.pharmacy_id],
        day=cycle.sync_date,
        nominal_date=cycle.nominal_date,
        kind=cycle.kind,
        number=cycle.number,
        state=cycle.state,
        unapproved=cycle.unapproved,
        reasons=_texts(cycle.review.get("reasons")) if cycle.unapproved else (),
        explanation=str(cycle.review.get("explanation", "")),
        override_reason=str(cycle.review.get("override_reason", "")),
        confirmed_at=cycle.confirmed_at,
        ready_at=cycle.ready_at,
        changed_by=cycle.changed_by,
        changed_at=cycle.changed_at,
        drugs=batch_drugs(tx, [cycle.id]).get(cycle.id, ()),
        problems=_problems(tx, cycle),
        coming=_coming(tx, cycle),
        others=_others(tx, cycle),
    )


def batch_drugs(tx: Tx, cycle_ids: Sequence[str]) -> dict[str, tuple[BatchDrug, ...]]:
    """What each of these batches holds, skipped drugs last, by name."""
    rows = tx.session.execute(
        select(CycleItem, _therapy.drug_name)
        .join(Therapy, _therapy.id == _item.therapy_id)
        .where(_item.cycle_id.in_(list(cycle_ids)))
        .order_by(_therapy.drug_name, _item.due_on, _item.id)
    )
    found: dict[str, list[BatchDrug]] = {}
    for item, name in rows:
        found.setdefault(item.cycle_id, []).append(_drug(item, name))
    return {
        cycle_id: tuple(sorted(drugs, key=lambda drug: drug.state is ItemState.SKIPPED))
        for cycle_id, drugs in found.items()
    }


def _drug(item: CycleItem, name: str) -> BatchDrug:
    return BatchDrug(
        item.id, item.therapy_id, name, item.state, item.case, item.fill_kind, item.due_on, item.days_supply,
        item.quantity, item.claim_code, item.too_soon, item.needs_renewal_by, item.problem, item.problem_note,
        item.expected_on,
    )  # fmt: skip


def _problems(tx: Tx, cycle: Cycle) -> tuple[BatchProblem, ...]:
    """Open exceptions of the batch, and of the patient where they belong to no batch."""
    rows = tx.session.execute(
        select(ExceptionCase, _therapy.drug_name)
        .outerjoin(Therapy, _therapy.id == _case.therapy_id)
        .where(
            _case.patient_id == cycle.patient_id,
            _case.state == ExceptionState.OPEN,
            _case.cycle_id.is_(None) | (_case.cycle_id == cycle.id),
        )
        .order_by(_case.due_at, _case.id)
        .limit(_MOST_MESSAGES)
    )
    return tuple(
        BatchProblem(row.id, row.kind, drug or "", row.summary, row.due_at, row.cycle_id == cycle.id)
        for row, drug in rows
    )


def _coming(tx: Tx, cycle: Cycle) -> tuple[ComingAction, ...]:
    rows = tx.session.scalars(
        select(ScheduledAction)
        .where(_action.cycle_id == cycle.id, _action.state.in_(_WAITING))
        .order_by(_action.due_at, _action.id)
        .limit(_MOST_MESSAGES)
    )
    known = workflow_of_version(tx, cycle.workflow_version_id).steps if cycle.workflow_version_id else ()
    names = {step.id: step.name for step in known}
    return tuple(
        ComingAction(
            row.id,
            row.step,
            names.get(row.step, ""),
            row.kind,
            row.state,
            row.due_at,
            row.channel,
            row.reason,
        )
        for row in rows
    )


def _others(tx: Tx, cycle: Cycle) -> tuple[OtherBatch, ...]:
    rows = tx.session.execute(
        select(_cycle.id, _cycle.sync_date, _cycle.kind, _cycle.state)
        .where(_cycle.enrollment_id == cycle.enrollment_id, _cycle.id != cycle.id, _cycle.state.not_in(ENDED))
        .order_by(_cycle.sync_date, _cycle.id)
    )
    return tuple(OtherBatch(*row) for row in rows)


def _texts(value: object) -> tuple[str, ...]:
    return tuple(str(part) for part in cast("list[object]", value)) if isinstance(value, list) else ()
