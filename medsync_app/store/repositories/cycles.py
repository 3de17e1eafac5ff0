"""Queries for cycles and what their batches hold."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date

from sqlalchemy import bindparam, func, select
from sqlmodel import col

from medsync_app.domain.cycle import OPEN, PENDING_ITEMS, PICKED_UP
from medsync_app.domain.states import ActionState, CycleState, EnrollmentState, ItemState
from medsync_app.store.session import Tx
from medsync_app.store.tables import Cycle, CycleItem, Enrollment, ScheduledAction

_OPEN, _PENDING = sorted(OPEN), sorted(PENDING_ITEMS)
_AT_ONCE = 1000
# What every step of a batch asks is built once: building a statement costs more than running it.
_ITEMS_OF = (
    select(CycleItem)
    .where(col(CycleItem.cycle_id) == bindparam("cycle_id"))
    .order_by(col(CycleItem.therapy_id), col(CycleItem.due_on))
)
_ITEMS = (
    select(CycleItem, Cycle)
    .join(Cycle, col(Cycle.id) == col(CycleItem.cycle_id))
    .order_by(col(Cycle.sync_date), col(CycleItem.due_on))
)
_ITEMS_OF_THERAPY = _ITEMS.where(col(CycleItem.therapy_id) == bindparam("therapy_id"))
_ITEMS_OF_PATIENT = _ITEMS.where(col(Cycle.patient_id) == bindparam("patient_id")).order_by(col(CycleItem.id))
_PENDING_ITEMS = (col(CycleItem.state).in_(_PENDING), col(Cycle.state).in_(_OPEN))
_PENDING_OF_THERAPY = _ITEMS_OF_THERAPY.where(*_PENDING_ITEMS)
_PENDING_OF_PATIENT = _ITEMS.where(col(Cycle.patient_id) == bindparam("patient_id"), *_PENDING_ITEMS)
_OPEN_CYCLES = (
    select(Cycle)
    .where(col(Cycle.enrollment_id) == bindparam("enrollment_id"), col(Cycle.state).in_(_OPEN))
    .order_by(col(Cycle.sync_date), col(Cycle.id))
)
_OPEN_OF_KIND = _OPEN_CYCLES.where(col(Cycle.kind) == bindparam("of_kind"))
_UNLINKED_OF_THERAPY = _ITEMS_OF_THERAPY.where(
    col(CycleItem.fill_id).is_(None),
    col(CycleItem.state).not_in([ItemState.SKIPPED, ItemState.RETURNED]),
    col(Cycle.state).in_(sorted(OPEN | PICKED_UP)),
)
_ITEM_OF_FILL = select(CycleItem).where(col(CycleItem.fill_id) == bindparam("fill_id")).limit(1)
_LINKED_FILLS = select(col(CycleItem.fill_id)).where(
    col(CycleItem.therapy_id) == bindparam("therapy_id"), col(CycleItem.fill_id).is_not(None)
)


def items_of(tx: Tx, cycle_id: str) -> Sequence[CycleItem]:
    """The items of one batch, in a stable order."""
    return tx.session.scalars(_ITEMS_OF, {"cycle_id": cycle_id}).all()


def items_with_cycles(tx: Tx, patient_id: str) -> Sequence[tuple[CycleItem, Cycle]]:
    """Every item of a patient with its cycle, by sync date."""
    rows = tx.session.execute(_ITEMS_OF_PATIENT, {"patient_id": patient_id})
    return [(item, cycle) for item, cycle in rows]


def open_before(tx: Tx, pharmacy_id: str, day: date) -> Sequence[tuple[Cycle, Enrollment]]:
    """Cycles of a pharmacy's active enrollments that were due before a day and have not ended, locked for change."""
    statement = (
        select(Cycle)
        .join(Enrollment, col(Enrollment.id) == col(Cycle.enrollment_id))
        .where(
            col(Cycle.pharmacy_id) == pharmacy_id,
            col(Cycle.sync_date) < day,
            col(Cycle.state).in_(_OPEN),
            col(Enrollment.state) == EnrollmentState.ACTIVE,
        )
        .order_by(col(Enrollment.id), col(Cycle.sync_date), col(Cycle.id))
    )
    found = tx.session.scalars(tx.locked(statement)).all()
    return [(cycle, tx.get(Enrollment, cycle.enrollment_id)) for cycle in found]


def open_of_enrollment(tx: Tx, enrollment_id: str, kind: str | None = None) -> Sequence[Cycle]:
    """Cycles of an enrollment that have not ended (of one kind when given), by date, locked for change."""
    statement = _OPEN_CYCLES if kind is None else _OPEN_OF_KIND
    return tx.session.scalars(tx.locked(statement), {"enrollment_id": enrollment_id, "of_kind": kind}).all()


def sync_cycles(tx: Tx, enrollment_id: str) -> Sequence[Cycle]:
    """All sync cycles of an enrollment but the cancelled ones, by number, the newest last."""
    return tx.session.scalars(
        select(Cycle)
        .where(
            col(Cycle.enrollment_id) == enrollment_id,
            col(Cycle.kind) == "sync",
            col(Cycle.state) != CycleState.CANCELLED,
        )
        .order_by(col(Cycle.number), col(Cycle.id))
    ).all()


def highest_number(tx: Tx, enrollment_id: str) -> int:
    """The highest number of any sync cycle of an enrollment that was not cancelled, 0 when there is none."""
    return (
        tx.session.scalar(
            select(func.max(col(Cycle.number))).where(
                col(Cycle.enrollment_id) == enrollment_id,
                col(Cycle.kind) == "sync",
                col(Cycle.state) != CycleState.CANCELLED,
            )
        )
        or 0
    )


def open_ids_of_pharmacy(tx: Tx, pharmacy_id: str) -> Sequence[str]:
    """Ids of a pharmacy's cycles that have not ended, by date."""
    return tx.session.scalars(
        select(col(Cycle.id))
        .where(col(Cycle.pharmacy_id) == pharmacy_id, col(Cycle.state).in_(_OPEN))
        .order_by(col(Cycle.sync_date), col(Cycle.id))
    ).all()


def load_by_day(tx: Tx, pharmacy_id: str, since: date, *, without: Collection[str] = ()) -> dict[date, int]:
    """Batches (sync dates and trips) planned per day on or after `since`, those of `without` not counted."""
    statement = (
        select(col(Cycle.sync_date), func.count())
        .where(
            col(Cycle.pharmacy_id) == pharmacy_id,
            col(Cycle.sync_date) >= since,
            col(Cycle.state).in_(_OPEN),
        )
        .group_by(col(Cycle.sync_date))
    )
    if without:
        statement = statement.where(col(Cycle.id).not_in(sorted(without)))
    return {row[0]: row[1] for row in tx.session.execute(statement)}


def pending_items_of_therapy(tx: Tx, therapy_id: str) -> Sequence[tuple[CycleItem, Cycle]]:
    """Items of a drug that are not with the patient yet, in cycles that have not ended, by date."""
    rows = tx.session.execute(_PENDING_OF_THERAPY, {"therapy_id": therapy_id})
    return [(item, cycle) for item, cycle in rows]


def pending_items_of_patient(tx: Tx, patient_id: str) -> Mapping[str, Sequence[tuple[CycleItem, Cycle]]]:
    """The same for every drug of a patient, by therapy id."""
    found: dict[str, list[tuple[CycleItem, Cycle]]] = defaultdict(list)
    for item, cycle in tx.session.execute(_PENDING_OF_PATIENT, {"patient_id": patient_id}):
        found[item.therapy_id].append((item, cycle))
    return found


def item_of_fill(tx: Tx, fill_id: int) -> CycleItem | None:
    """The item that this fill belongs to."""
    return tx.session.scalars(_ITEM_OF_FILL, {"fill_id": fill_id}).first()


def linked_fill_ids(tx: Tx, therapy_id: str) -> frozenset[int]:
    """Fills of a drug that already belong to an item."""
    found = tx.session.scalars(_LINKED_FILLS, {"therapy_id": therapy_id})
    return frozenset(fill_id for fill_id in found if fill_id is not None)


def pending_actions(tx: Tx, cycle_id: str) -> Sequence[ScheduledAction]:
    """What is queued or held for a cycle, by due time."""
    return tx.session.scalars(
        select(ScheduledAction)
        .where(
            col(ScheduledAction.cycle_id) == cycle_id,
            col(ScheduledAction.state).in_([ActionState.QUEUED, ActionState.HELD]),
        )
        .order_by(col(ScheduledAction.due_at), col(ScheduledAction.id))
    ).all()


def action_keys(tx: Tx, cycle_id: str) -> frozenset[str]:
    """Keys of everything ever queued for a cycle that was neither pending nor withdrawn: sent, skipped, failed."""
    withdrawn = [ActionState.QUEUED, ActionState.HELD, ActionState.SUPERSEDED]
    return frozenset(
        tx.session.scalars(
            select(col(ScheduledAction.idempotency_key)).where(
                col(ScheduledAction.cycle_id) == cycle_id, col(ScheduledAction.state).not_in(withdrawn)
            )
        )
    )


def unlinked_items_of_therapy(tx: Tx, therapy_id: str) -> Sequence[tuple[CycleItem, Cycle]]:
    """Items of a drug that no fill is known for: still to come, or picked up before the source said so; by date."""
    rows = tx.session.execute(_UNLINKED_OF_THERAPY, {"therapy_id": therapy_id})
    return [(item, cycle) for item, cycle in rows]


def open_with_enrollments(tx: Tx, pharmacy_id: str, since: date) -> Sequence[tuple[Cycle, Enrollment]]:
    """Cycles of a pharmacy that have not ended, of active enrollments, on or after `since`, by date."""
    rows = tx.session.execute(
        select(Cycle, Enrollment)
        .join(Enrollment, col(Enrollment.id) == col(Cycle.enrollment_id))
        .where(
            col(Cycle.pharmacy_id) == pharmacy_id,
            col(Cycle.state).in_(_OPEN),
            col(Cycle.sync_date) >= since,
            col(Enrollment.state) == EnrollmentState.ACTIVE,
        )
        .order_by(col(Cycle.sync_date), col(Cycle.id))
    )
    return [(cycle, enrollment) for cycle, enrollment in rows]


def pending_counts(tx: Tx, cycle_ids: Collection[str]) -> dict[str, int]:
    """How much is queued or held for each of these cycles."""
    found: dict[str, int] = {}
    for ids in _some(cycle_ids):
        rows = tx.session.execute(
            select(col(ScheduledAction.cycle_id), func.count())
            .where(
                col(ScheduledAction.cycle_id).in_(ids),
                col(ScheduledAction.state).in_([ActionState.QUEUED, ActionState.HELD]),
            )
            .group_by(col(ScheduledAction.cycle_id))
        )
        found |= {str(row[0]): int(row[1]) for row in rows}
    return found


def _some(ids: Collection[str]) -> Iterator[list[str]]:
    """Ids in lists that a query can take."""
    ordered = sorted(ids)
    for first in range(0, len(ordered), _AT_ONCE):
        yield ordered[first : first + _AT_ONCE]
