"""What is to be done at a pharmacy's counter on a day, in an order that does not depend on ids."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, cast

from sqlalchemy import bindparam, select

from medsync_app.domain.cycle import ENDED
from medsync_app.domain.states import (
    ActionState,
    Channel,
    CycleState,
    EnrollmentState,
    ExceptionKind,
    ExceptionState,
    ItemState,
)
from medsync_app.store.repositories.renewals import UNANSWERED
from medsync_app.store.session import Tx
from medsync_app.store.tables import (
    AddressStatus,
    Attempt,
    Cycle,
    CycleItem,
    Enrollment,
    ExceptionCase,
    Patient,
    Prescription,
    RenewalRequest,
    ScheduledAction,
    Therapy,
)

_cycle, _patient, _item, _therapy = (
    cast(Any, Cycle),
    cast(Any, Patient),
    cast(Any, CycleItem),
    cast(Any, Therapy),
)
_rx, _action, _renewal = cast(Any, Prescription), cast(Any, ScheduledAction), cast(Any, RenewalRequest)

_case = cast(Any, ExceptionCase)


@dataclass(frozen=True, slots=True)
class BatchItem:
    """One drug of a batch with the prescription it is filled from."""

    id: str
    state: ItemState
    drug_name: str
    rx_number: str
    days_supply: int
    short: bool
    problem: str
    payer: str


@dataclass(frozen=True, slots=True)
class Batch:
    """An open cycle with whom it is for; `patient` is the pharmacy system's number of the patient."""

    id: str
    enrollment_id: str
    patient_id: str
    patient: str
    kind: str
    number: int
    state: CycleState
    version: int
    sync_date: date
    ready_at: datetime | None
    items: tuple[BatchItem, ...]


@dataclass(frozen=True, slots=True)
class Task:
    """An open exception with the patient's number and the drug's current Rx number, "" when it has none."""

    id: str
    kind: ExceptionKind
    cause_key: str
    patient: str
    rx_number: str
    cycle_id: str | None
    action_id: str | None
    detail: dict[str, Any]
    opened_at: datetime
    due_at: datetime


@dataclass(frozen=True, slots=True)
class SentText:
    """A message that the provider took, and its call."""

    attempt_id: str
    step: str
    address: str
    patient: str
    cycle_id: str | None


def open_batches(tx: Tx, pharmacy_id: str, until: date) -> list[Batch]:
    """Open cycles due by `until`, earliest first."""
    rows = tx.session.execute(
        select(Cycle, Patient)
        .join(Patient, _patient.id == _cycle.patient_id)
        .where(_cycle.pharmacy_id == pharmacy_id, _cycle.state.not_in(ENDED), _cycle.sync_date <= until)
        .order_by(_cycle.sync_date, _patient.external_id, _cycle.number, _cycle.kind)
    ).all()
    items = _items(tx, [cycle.id for cycle, _ in rows])
    return [
        Batch(
            id=cycle.id, enrollment_id=cycle.enrollment_id, patient_id=patient.id,
            patient=patient.external_id or "", kind=cycle.kind, number=cycle.number, state=cycle.state,
            version=cycle.version, sync_date=cycle.sync_date, ready_at=cycle.ready_at,
            items=tuple(items.get(cycle.id, ())),
        )
        for cycle, patient in rows
    ]  # fmt: skip


def states_seen(tx: Tx, pharmacy_id: str) -> frozenset[CycleState]:
    """The states of a pharmacy's cycles, those that are over included."""
    return frozenset(
        tx.session.scalars(select(_cycle.state).where(_cycle.pharmacy_id == pharmacy_id).distinct())
    )


def _items(tx: Tx, cycle_ids: Sequence[str]) -> dict[str, list[BatchItem]]:
    rows = tx.session.execute(
        select(CycleItem, Therapy, Prescription)
        .join(Therapy, _therapy.id == _item.therapy_id)
        .outerjoin(Prescription, _rx.id == _therapy.current_prescription_id)
        .where(_item.cycle_id.in_(cycle_ids), _item.state != ItemState.SKIPPED)
        .order_by(_therapy.drug_name, _item.due_on)
    )
    found: dict[str, list[BatchItem]] = {}
    for item, therapy, rx in rows:
        found.setdefault(item.cycle_id, []).append(
            BatchItem(
                id=item.id, state=item.state, drug_name=therapy.drug_name, rx_number=rx.rx_number if rx else "",
                days_supply=item.days_supply, short=item.fill_kind.value == "short", problem=item.problem,
                payer=therapy.payer,
            )
        )  # fmt: skip
    return found


def batched_rx_numbers(tx: Tx, pharmacy_id: str, until: date) -> list[str]:
    """Current Rx numbers of the drugs in open batches that are due by a day."""
    rows = tx.session.scalars(
        select(_rx.rx_number)
        .join(Therapy, _therapy.current_prescription_id == _rx.id)
        .join(CycleItem, _item.therapy_id == _therapy.id)
        .join(Cycle, _cycle.id == _item.cycle_id)
        .where(
            _cycle.pharmacy_id == pharmacy_id, _cycle.state.not_in(ENDED), _cycle.sync_date <= until,
            _item.state != ItemState.SKIPPED,
        )
        .distinct()
        .order_by(_rx.rx_number)
    )  # fmt: skip
    return list(rows)


def unapproved(tx: Tx, pharmacy_id: str) -> list[str]:
    """Open cycles that wait for a pharmacist's approval."""
    rows = tx.session.scalars(
        select(_cycle.id)
        .join(Patient, _patient.id == _cycle.patient_id)
        .where(
            _cycle.pharmacy_id == pharmacy_id, _cycle.state.not_in(ENDED), _cycle.needs_review.is_(True),
            _cycle.reviewed_at.is_(None),
        )
        .order_by(_patient.external_id, _cycle.number, _cycle.sync_date)
    )  # fmt: skip
    return list(rows)


def sent_since(tx: Tx, pharmacy_id: str, since: datetime) -> list[SentText]:
    """Messages sent since an instant that no news has come about."""
    attempt = cast(Any, Attempt)
    rows = tx.session.execute(
        select(ScheduledAction, Attempt, Patient)
        .join(Attempt, attempt.action_id == _action.id)
        .outerjoin(Patient, _patient.id == _action.patient_id)
        .where(
            _action.pharmacy_id == pharmacy_id, _action.state == ActionState.SENT, _action.sent_at >= since,
            attempt.finished_at.is_not(None), attempt.number == _action.attempts,
        )
        .order_by(_action.due_at, _patient.external_id, _action.step)
    )  # fmt: skip
    return [
        SentText(
            attempt_id=call.id,
            step=action.step,
            address=call.address,
            patient=(patient.external_id or "") if patient else "",
            cycle_id=action.cycle_id,
        )
        for action, call, patient in rows
    ]


def patients_written_to(tx: Tx, pharmacy_id: str, until: datetime) -> list[str]:
    """Numbers of the patients who have a message queued that is due by then, the next first."""
    rows = tx.session.scalars(
        select(_patient.external_id)
        .join(ScheduledAction, _action.patient_id == _patient.id)
        .where(
            _action.pharmacy_id == pharmacy_id, _action.kind == "message", _action.due_at <= until,
            _action.state == ActionState.QUEUED,
        )
        .order_by(_action.due_at, _patient.external_id)
    )  # fmt: skip
    return list(dict.fromkeys(number for number in rows if number))


def open_renewals(tx: Tx, pharmacy_id: str, before: datetime) -> list[tuple[str, str, str]]:
    """Unanswered renewal requests made before an instant: id, the patient's number, current Rx number."""
    rows = tx.session.execute(
        select(_renewal.id, _patient.external_id, _rx.rx_number)
        .join(Patient, _patient.id == _renewal.patient_id)
        .join(Therapy, _therapy.id == _renewal.therapy_id)
        .join(Prescription, _rx.id == _therapy.current_prescription_id)
        .where(
            _renewal.pharmacy_id == pharmacy_id, _renewal.state.in_(UNANSWERED), _renewal.created_at < before
        )
        .order_by(_patient.external_id, _rx.rx_number)
    )
    return [(found, number or "", rx) for found, number, rx in rows]


_OPEN_TASKS = (
    select(ExceptionCase, _patient.external_id, _rx.rx_number)
    .outerjoin(Patient, _patient.id == _case.patient_id)
    .outerjoin(Therapy, _therapy.id == _case.therapy_id)
    .outerjoin(Prescription, _rx.id == _therapy.current_prescription_id)
    .where(_case.pharmacy_id == bindparam("pharmacy_id"), _case.state == ExceptionState.OPEN)
    .order_by(_case.opened_at, _case.kind, _patient.external_id, _rx.rx_number, _case.summary, _case.due_at)
)


def open_tasks(tx: Tx, pharmacy_id: str) -> list[Task]:
    """Open exceptions, the longest open first."""
    rows = tx.session.execute(_OPEN_TASKS, {"pharmacy_id": pharmacy_id})
    return [
        Task(
            id=case.id, kind=case.kind, cause_key=case.cause_key, patient=number or "", rx_number=rx_number or "",
            cycle_id=case.cycle_id, action_id=case.action_id, detail=dict(case.detail), opened_at=case.opened_at,
            due_at=case.due_at,
        )
        for case, number, rx_number in rows
    ]  # fmt: skip


def is_open(tx: Tx, exception_id: str) -> bool:
    """Whether an exception still waits for somebody."""
    return tx.get(ExceptionCase, exception_id).state is ExceptionState.OPEN


def is_held(tx: Tx, pharmacy_id: str, address: str) -> bool:
    """Whether texts to a number wait until a person decides."""
    status = cast(Any, AddressStatus)
    held = select(status.id).where(
        status.pharmacy_id == pharmacy_id, status.channel == Channel.SMS, status.address == address,
        status.held_at.is_not(None),
    )  # fmt: skip
    return tx.session.scalars(held).first() is not None


def patients_by_number(tx: Tx, pharmacy_id: str) -> dict[str, str]:
    """The pharmacy system's number of each patient -> id."""
    rows = tx.session.execute(
        select(_patient.external_id, _patient.id).where(_patient.pharmacy_id == pharmacy_id)
    )
    return {number: found for number, found in rows if number}


def active_enrollments(tx: Tx, pharmacy_id: str) -> list[tuple[str, Enrollment]]:
    """Active enrollments with the patient's number, in the order of those."""
    enrollment = cast(Any, Enrollment)
    rows = tx.session.execute(
        select(Patient, Enrollment)
        .join(Enrollment, enrollment.patient_id == _patient.id)
        .where(enrollment.pharmacy_id == pharmacy_id, enrollment.state == EnrollmentState.ACTIVE)
        .order_by(_patient.external_id)
    )
    return [(patient.external_id or "", row) for patient, row in rows]
