"""One patient: who it is, how to reach them, what they take part in, and what is open."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, cast

from sqlalchemy import select

from medsync_app.domain.contact_rules import is_wrong
from medsync_app.domain.cycle import OPEN
from medsync_app.domain.states import (
    Channel,
    ContactBasis,
    CycleState,
    EnrollmentState,
    ExceptionKind,
    ExceptionState,
    FillKind,
    ItemState,
    Severity,
)
from medsync_app.reads.places import Here, places
from medsync_app.store.repositories.enrollments import OPEN_STATES
from medsync_app.store.session import Tx
from medsync_app.store.tables import (
    AddressStatus,
    ContactPoint,
    Cycle,
    CycleItem,
    Enrollment,
    ExceptionCase,
    Patient,
    PatientNote,
    Staff,
    Therapy,
)

#: Cycles that have ended shown beside the open ones.
PAST_CYCLES: Final = 6
MAX_TASKS: Final = 30
_contact, _status, _enrollment, _cycle, _item, _therapy, _case, _note = (
    cast(Any, kind)
    for kind in (
        ContactPoint,
        AddressStatus,
        Enrollment,
        Cycle,
        CycleItem,
        Therapy,
        ExceptionCase,
        PatientNote,
    )
)


@dataclass(frozen=True, slots=True)
class Contact:
    """One number or e-mail address with the basis for using it and what is known of it."""

    id: str
    channel: Channel
    address: str
    kind: str
    basis: ContactBasis
    basis_at: datetime | None
    basis_how: str
    caregiver: str
    opted_out_at: datetime | None
    unreachable_reason: str
    wrong: bool
    held_reason: str


@dataclass(frozen=True, slots=True)
class Taking:
    """The enrollment that has not ended, else the newest one."""

    id: str
    state: EnrollmentState
    version: int
    cadence: str
    cycle_days: int
    anchor: date
    enrolled_at: datetime
    enrolled_by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Item:
    """One drug of a batch."""

    therapy_id: str
    name: str
    state: ItemState
    kind: FillKind
    due_on: date
    days_supply: int
    quantity: Decimal | None
    claim_code: int | None
    too_soon: bool
    problem: str
    note: str
    expected_on: date | None


@dataclass(frozen=True, slots=True)
class CycleFacts:
    """One batch with what it holds."""

    id: str
    number: int
    kind: str
    sync_date: date
    state: CycleState
    version: int
    needs_review: bool
    explanation: str
    confirmed_at: datetime | None
    confirmed_how: str
    ready_at: datetime | None
    picked_up_on: date | None
    items: tuple[Item, ...]

    @property
    def is_open(self) -> bool:
        return self.state in OPEN


@dataclass(frozen=True, slots=True)
class Task:
    """An exception of the patient."""

    id: str
    kind: ExceptionKind
    severity: Severity
    state: ExceptionState
    summary: str
    due_at: datetime
    opened_at: datetime
    outcome: str
    closed_by: str


@dataclass(frozen=True, slots=True)
class Note:
    """A note somebody wrote."""

    id: str
    by: str
    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class PatientFacts:
    """Everything the page shows but supply, messages and history."""

    id: str
    place: Here
    first_name: str
    last_name: str
    birth_date: date | None
    language: str
    address: str
    preferred_channel: Channel | None
    drug_names_wanted: bool
    fulfilment: str
    deceased_on: date | None
    contacts: tuple[Contact, ...]
    taking: Taking | None
    cycles: tuple[CycleFacts, ...]
    tasks: tuple[Task, ...]
    notes: tuple[Note, ...]


def patient_facts(tx: Tx, patient_id: str) -> PatientFacts:
    """The patient as the database knows them; NotFound outside the scope."""
    patient = tx.get(Patient, patient_id)
    lines = (patient.address, patient.city, f"{patient.state} {patient.postal_code}".strip())
    return PatientFacts(
        id=patient.id,
        place=places(tx)[patient.pharmacy_id],
        first_name=patient.first_name,
        last_name=patient.last_name,
        birth_date=patient.birth_date,
        language=patient.language,
        address=", ".join(line for line in lines if line),
        preferred_channel=patient.preferred_channel,
        drug_names_wanted=patient.drug_names_wanted,
        fulfilment=patient.fulfilment,
        deceased_on=patient.deceased_on,
        contacts=_contacts(tx, patient),
        taking=_taking(tx, patient_id),
        cycles=_cycles(tx, patient_id),
        tasks=_tasks(tx, patient_id),
        notes=_notes(tx, patient_id),
    )


def _contacts(tx: Tx, patient: Patient) -> tuple[Contact, ...]:
    statement = (
        select(ContactPoint, AddressStatus)
        .outerjoin(
            AddressStatus,
            (_status.pharmacy_id == _contact.pharmacy_id)
            & (_status.channel == _contact.channel)
            & (_status.address == _contact.address),
        )
        .where(_contact.patient_id == patient.id)
        .order_by(_contact.rank, _contact.created_at, _contact.id)
    )
    return tuple(_one_contact(point, status) for point, status in tx.session.execute(statement))


def _one_contact(point: ContactPoint, status: AddressStatus | None) -> Contact:
    caregiver = ", ".join(part for part in (point.caregiver_name, point.caregiver_relation) if part)
    return Contact(
        id=point.id,
        channel=point.channel,
        address=point.address,
        kind=point.kind,
        basis=point.basis,
        basis_at=point.basis_at,
        basis_how=point.basis_how,
        caregiver=caregiver,
        opted_out_at=status.opted_out_at if status else None,
        unreachable_reason=(status.unreachable_reason or "unreachable")
        if status and status.unreachable_at
        else "",
        wrong=status is not None and is_wrong(status.wrong_at, point.confirmed_at),
        held_reason=(status.held_reason or "held") if status and status.held_at else "",
    )


def _taking(tx: Tx, patient_id: str) -> Taking | None:
    statement = (
        select(Enrollment)
        .where(_enrollment.patient_id == patient_id)
        .order_by(_enrollment.state.in_(OPEN_STATES).desc(), _enrollment.id.desc())
        .limit(1)
    )
    row = tx.session.scalars(statement).one_or_none()
    if row is None:
        return None
    return Taking(
        id=row.id,
        state=row.state,
        version=row.version,
        cadence=row.cadence,
        cycle_days=row.cycle_days,
        anchor=row.anchor,
        enrolled_at=row.enrolled_at,
        enrolled_by=row.enrolled_by,
        reason=row.end_reason,
    )


def _cycles(tx: Tx, patient_id: str) -> tuple[CycleFacts, ...]:
    """The open cycles by date, then the last ended ones, the newest first; cancelled ones are not shown."""
    of_patient = select(Cycle).where(_cycle.patient_id == patient_id)
    ahead = of_patient.where(_cycle.state.in_(sorted(OPEN))).order_by(_cycle.sync_date, _cycle.id)
    over = (
        of_patient.where(_cycle.state.not_in([*sorted(OPEN), CycleState.CANCELLED]))
        .order_by(_cycle.sync_date.desc(), _cycle.id.desc())
        .limit(PAST_CYCLES)
    )
    rows = [*tx.session.scalars(ahead), *tx.session.scalars(over)]
    items = _items(tx, [row.id for row in rows])
    return tuple(
        CycleFacts(
            id=row.id,
            number=row.number,
            kind=row.kind,
            sync_date=row.sync_date,
            state=row.state,
            version=row.version,
            needs_review=row.unapproved,
            explanation=str(row.review.get("explanation", "")),
            confirmed_at=row.confirmed_at,
            confirmed_how=row.confirmed_how,
            ready_at=row.ready_at,
            picked_up_on=row.picked_up_on,
            items=tuple(items.get(row.id, ())),
        )
        for row in rows
    )


def _items(tx: Tx, cycle_ids: list[str]) -> dict[str, list[Item]]:
    found: dict[str, list[Item]] = defaultdict(list)
    if not cycle_ids:
        return found
    statement = (
        select(CycleItem, _therapy.drug_name)
        .join(Therapy, _therapy.id == _item.therapy_id)
        .where(_item.cycle_id.in_(cycle_ids))
        .order_by(_therapy.drug_name, _item.due_on)
    )
    for row, name in cast(Any, tx.session.execute(statement)):
        found[row.cycle_id].append(
            Item(
                therapy_id=row.therapy_id,
                name=name,
                state=row.state,
                kind=row.fill_kind,
                due_on=row.due_on,
                days_supply=row.days_supply,
                quantity=row.quantity,
                claim_code=row.claim_code,
                too_soon=row.too_soon,
                problem=row.problem,
                note=row.problem_note,
                expected_on=row.expected_on,
            )
        )
    return found


def _tasks(tx: Tx, patient_id: str) -> tuple[Task, ...]:
    """Open tasks by due time, then the last settled ones."""
    statement = (
        select(ExceptionCase)
        .where(_case.patient_id == patient_id)
        .order_by(_case.closed_at.desc().nulls_first(), _case.due_at, _case.id)
        .limit(MAX_TASKS)
    )
    return tuple(
        Task(
            row.id,
            row.kind,
            row.severity,
            row.state,
            row.summary,
            row.due_at,
            row.opened_at,
            row.outcome,
            row.closed_by,
        )
        for row in tx.session.scalars(statement)
    )


def _notes(tx: Tx, patient_id: str) -> tuple[Note, ...]:
    staff = cast(Any, Staff)
    statement = (
        select(_note.id, staff.name, _note.text, _note.at)
        .outerjoin(Staff, staff.id == _note.staff_id)
        .where(_note.patient_id == patient_id)
        .order_by(_note.at.desc(), _note.id.desc())
        .limit(50)
    )
    rows = cast(Any, tx.session.execute(statement).all())
    return tuple(Note(key, by or "MedSync", text, at) for key, by, text, at in rows)
