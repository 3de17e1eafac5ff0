"""The sheet of one day, for paper: every batch with its drugs, where it stands, and a phone number."""

from dataclasses import dataclass
from datetime import date
from typing import Any, Final, cast

from sqlalchemy import func, select

from medsync_app.domain.states import CycleState
from medsync_app.reads.batch import BatchDrug, batch_drugs
from medsync_app.reads.phones import first_phones
from medsync_app.reads.places import Here, places
from medsync_app.store.session import Tx
from medsync_app.store.tables import ContactPoint, Cycle, Patient

#: More than any location prepares in a day; the page says when there are more.
MOST: Final = 400
_cycle, _patient, _contact = cast(Any, Cycle), cast(Any, Patient), cast(Any, ContactPoint)


@dataclass(frozen=True, slots=True)
class SheetBatch:
    """One batch of the day; `phone` is the first number that is known, "" when none is."""

    cycle_id: str
    patient_id: str
    first_name: str
    last_name: str
    birth_date: date | None
    phone: str
    place: Here
    kind: str
    state: CycleState
    unapproved: bool
    confirmed: bool
    drugs: tuple[BatchDrug, ...]


@dataclass(frozen=True, slots=True)
class DaySheet:
    """The batches of a day by location and name."""

    batches: tuple[SheetBatch, ...]
    total: int


def day_sheet(tx: Tx, day: date) -> DaySheet:
    """The batches in scope on that day, cancelled ones left out; at most 400, all counted."""
    here = places(tx)
    condition = (_cycle.sync_date == day, _cycle.state != CycleState.CANCELLED)
    total = tx.session.scalar(select(func.count()).select_from(Cycle).where(*condition)) or 0
    rows = tx.session.execute(
        select(Cycle, Patient)
        .join(Patient, _patient.id == _cycle.patient_id)
        .where(*condition)
        .order_by(_cycle.pharmacy_id, _patient.last_name, _patient.first_name, _cycle.id)
        .limit(MOST)
    ).all()
    drugs = batch_drugs(tx, [cycle.id for cycle, _ in rows])
    phones = first_phones(tx, [patient.id for _, patient in rows])
    found = [
        SheetBatch(
            cycle.id, patient.id, patient.first_name, patient.last_name, patient.birth_date,
            phones.get(patient.id, ""), here[cycle.pharmacy_id], cycle.kind, cycle.state,
            cycle.unapproved, cycle.confirmed_at is not None,
            drugs.get(cycle.id, ()),
        )
        for cycle, patient in rows
    ]  # fmt: skip
    return DaySheet(tuple(sorted(found, key=lambda batch: batch.place.name)), total)
