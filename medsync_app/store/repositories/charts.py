"""Everything planning reads of a patient, one patient or many at once."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final, NamedTuple, TypeVar, cast

from sqlalchemy import select
from sqlmodel import col

from medsync_app.domain.states import CycleState, FillKind, ItemState
from medsync_app.store.repositories import cycles, duplicates, therapies
from medsync_app.store.session import Tx
from medsync_app.store.tables import Cycle, CycleItem, Fill, Patient, Prescription, Therapy

T = TypeVar("T")
#: Patients read at once: few queries, and few rows in memory at a time.
_AT_ONCE: Final = 400
#: What planning reads of a fill, an Rx and a batch's item: whole rows of a pharmacy would take minutes to build.
_FILL_COLUMNS: Final[tuple[Any, ...]] = (
    col(Fill.id), col(Fill.patient_id), col(Fill.therapy_id), col(Fill.filled_on), col(Fill.picked_up_on),
    col(Fill.days_supply), col(Fill.quantity), col(Fill.kind), col(Fill.status),
)  # fmt: skip
_RX_COLUMNS: Final[tuple[Any, ...]] = (
    col(Prescription.id), col(Prescription.patient_id), col(Prescription.therapy_id), col(Prescription.prescriber_id),
    col(Prescription.units_per_day), col(Prescription.days_supply), col(Prescription.refills_left),
    col(Prescription.quantity_left), col(Prescription.written_on), col(Prescription.expires_on),
    col(Prescription.pa_ends_on), col(Prescription.status),
)  # fmt: skip


class _Item(NamedTuple):
    therapy_id: str
    fill_id: int | None
    state: ItemState
    case: str
    fill_kind: FillKind
    days_supply: int
    quantity: Decimal | None
    picked_up_on: date | None


class _Held(NamedTuple):
    id: str
    patient_id: str
    kind: str
    state: CycleState
    sync_date: date
    claimed_on: date | None
    picked_up_on: date | None


_ITEM_COLUMNS: Final[tuple[Any, ...]] = tuple(getattr(CycleItem, name) for name in _Item._fields)
_CYCLE_COLUMNS: Final[tuple[Any, ...]] = tuple(getattr(Cycle, name) for name in _Held._fields)


@dataclass(frozen=True, slots=True)
class Chart:
    """A patient with drugs, Rx numbers, fills by claim date and the items of every batch by sync date.

    `together` are pairs of drugs with one ingredient that a pharmacist says are both taken.
    """

    patient: Patient
    therapies: Sequence[Therapy]
    prescriptions: Sequence[Prescription]
    fills: Sequence[Fill]
    items: Sequence[tuple[CycleItem, Cycle]]
    together: frozenset[duplicates.Pair] = frozenset()


def of_patient(tx: Tx, patient_id: str) -> Chart:
    """The chart of one patient; NotFound outside the scope."""
    return Chart(
        tx.get(Patient, patient_id),
        therapies.of_patient(tx, patient_id),
        therapies.prescriptions_of_patient(tx, patient_id),
        therapies.fills_of_patient(tx, patient_id),
        cycles.items_with_cycles(tx, patient_id),
        duplicates.together(tx, [patient_id]).get(patient_id, frozenset()),
    )


def of_patients(tx: Tx, patient_ids: Sequence[str]) -> Iterator[Chart]:
    """The charts of many patients, a few hundred read at a time; those outside the scope are left out.

    Rx numbers, fills, items and batches are bare rows with the columns that planning reads.
    """
    ids = sorted(set(patient_ids))
    for first in range(0, len(ids), _AT_ONCE):
        yield from _charts(tx, ids[first : first + _AT_ONCE])


def _charts(tx: Tx, ids: Sequence[str]) -> Iterator[Chart]:
    def rows(kind: type[T], *order: Any) -> dict[str, list[T]]:
        patient_id = cast(Any, kind).patient_id
        found = tx.session.scalars(select(kind).where(patient_id.in_(ids)).order_by(*order))
        return _grouped(found, lambda row: row.patient_id)

    drugs = rows(Therapy, col(Therapy.patient_id), col(Therapy.id))
    # By patient first: else SQLite reads the whole pharmacy by date for each few hundred patients.
    known = (
        select(*_RX_COLUMNS)
        .where(col(Prescription.patient_id).in_(ids))
        .order_by(col(Prescription.patient_id), col(Prescription.written_on), col(Prescription.id))
    )
    prescriptions = _grouped(tx.session.execute(known), lambda row: row.patient_id)
    known = (
        select(*_FILL_COLUMNS)
        .where(col(Fill.patient_id).in_(ids))
        .order_by(col(Fill.patient_id), col(Fill.filled_on), col(Fill.id))
    )
    fills = _grouped(tx.session.execute(known), lambda row: row.patient_id)
    held = (
        select(*_ITEM_COLUMNS, *_CYCLE_COLUMNS)
        .select_from(CycleItem)
        .join(Cycle, col(Cycle.id) == col(CycleItem.cycle_id))
        .where(col(Cycle.patient_id).in_(ids))
        .order_by(col(Cycle.patient_id), col(Cycle.sync_date), col(CycleItem.due_on), col(CycleItem.id))
    )
    size = len(_ITEM_COLUMNS)
    items = _grouped(
        ((_Item(*row[:size]), _Held(*row[size:])) for row in tx.session.execute(held)),
        lambda row: row[1].patient_id,
    )
    together = duplicates.together(tx, ids)
    people = select(Patient).where(col(Patient.id).in_(ids)).order_by(col(Patient.id))
    for patient in tx.session.scalars(people):
        key = patient.id
        yield Chart(
            patient, drugs.get(key, []), prescriptions.get(key, []), fills.get(key, []),
            items.get(key, []), together.get(key, frozenset()),
        )  # fmt: skip


def _grouped(rows: Any, key: Callable[[Any], str]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        found[key(row)].append(row)
    return found
