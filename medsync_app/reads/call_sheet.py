"""The call sheet: what a technician needs on the phone for one task."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, cast

from sqlalchemy import select

from medsync_app.domain.states import FillKind, ItemState
from medsync_app.reads.phones import phones_of
from medsync_app.reads.places import Here, places
from medsync_app.store.session import Tx
from medsync_app.store.tables import (
    Cycle,
    CycleItem,
    ExceptionCase,
    ExceptionComment,
    InboundMessage,
    Patient,
    Therapy,
)


@dataclass(frozen=True, slots=True)
class SheetDrug:
    """One drug of the batch the call is about."""

    id: str
    name: str
    state: ItemState
    kind: FillKind
    days_supply: int
    quantity: Decimal | None
    problem: str
    #: When and how it was asked for, and the doses that were left.
    requested_at: datetime | None
    requested_how: str
    requested_by: str
    doses_left: int | None


@dataclass(frozen=True, slots=True)
class Said:
    """Something written or received before."""

    by: str
    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class CallSheet:
    """One task with the patient's numbers, the batch and what was said before, newest first."""

    exception_id: str
    summary: str
    place: Here
    patient_id: str
    first_name: str
    last_name: str
    birth_date: date | None
    language: str
    phones: tuple[str, ...]
    sync_date: date | None
    drugs: tuple[SheetDrug, ...]
    said: tuple[Said, ...]


def call_sheet(tx: Tx, exception_id: str) -> CallSheet:
    """The sheet of an open or settled task; NotFound outside the scope."""
    case = tx.get(ExceptionCase, exception_id)
    patient = tx.find(Patient, case.patient_id)
    cycle = tx.find(Cycle, case.cycle_id)
    return CallSheet(
        exception_id=case.id,
        summary=case.summary,
        place=places(tx)[case.pharmacy_id],
        patient_id=patient.id if patient else "",
        first_name=patient.first_name if patient else "",
        last_name=patient.last_name if patient else "",
        birth_date=patient.birth_date if patient else None,
        language=patient.language if patient else "en",
        phones=tuple(phones_of(tx, [patient.id]).get(patient.id, ())) if patient else (),
        sync_date=cycle.sync_date if cycle else None,
        drugs=_drugs(tx, cycle.id) if cycle else (),
        said=_said(tx, case, patient.id if patient else ""),
    )


def _drugs(tx: Tx, cycle_id: str) -> tuple[SheetDrug, ...]:
    item, therapy = cast(Any, CycleItem), cast(Any, Therapy)
    statement = (
        select(
            item.id,
            therapy.drug_name,
            item.state,
            item.fill_kind,
            item.days_supply,
            item.quantity,
            item.problem,
            item.requested_at,
            item.requested_how,
            item.requested_by,
            item.doses_left,
        )
        .join(Therapy, therapy.id == item.therapy_id)
        .where(item.cycle_id == cycle_id, item.state != ItemState.SKIPPED)
        .order_by(therapy.drug_name)
    )
    return tuple(SheetDrug(*row) for row in tx.session.execute(statement))


def _said(tx: Tx, case: ExceptionCase, patient_id: str) -> tuple[Said, ...]:
    comment, inbound = cast(Any, ExceptionComment), cast(Any, InboundMessage)
    written = select(comment.by, comment.text, comment.at).where(comment.exception_id == case.id)
    received = (
        select(inbound.body, inbound.received_at)
        .where(inbound.patient_id == patient_id)
        .order_by(inbound.received_at.desc())
        .limit(3)
    )
    found = [Said(*row) for row in tx.session.execute(written)]
    if patient_id:
        found += [Said("Patient", body, at) for body, at in tx.session.execute(received)]
    return tuple(sorted(found, key=lambda one: one.at, reverse=True))
