"""The queue of Today: tasks and batches that wait for a person, the most urgent first."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any, Final, cast
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, func, literal, or_, select

from medsync_app.domain.causes import Cause
from medsync_app.domain.cycle import PENDING_ITEMS
from medsync_app.domain.states import CycleState, ExceptionKind, ExceptionState, ItemState, Severity
from medsync_app.reads.places import Here, places
from medsync_app.store.session import Tx
from medsync_app.store.tables import Cycle, CycleItem, ExceptionCase, JoinRequest, Patient, Therapy

PAGE_SIZE: Final = 50
#: A batch is prepared from two days before its date on (DOMAIN.md section 4, step 7).
PREPARE_DAYS: Final = 2

#: Kinds of work, in the order the page counts them.
SORTS: Final[Mapping[str, frozenset[ExceptionKind]]] = {
    "review": frozenset({ExceptionKind.PLAN_REVIEW}),
    "prepare": frozenset({ExceptionKind.PREPARE}),
    "pickup": frozenset({ExceptionKind.NOT_PICKED_UP}),
    "call": frozenset({ExceptionKind.CALL, ExceptionKind.CALL_BACK, ExceptionKind.REPLY}),
    "join": frozenset({ExceptionKind.JOIN}),
    "refill": frozenset(
        {
            ExceptionKind.RENEWAL,
            ExceptionKind.NO_REFILLS,
            ExceptionKind.RX_EXPIRES,
            ExceptionKind.PA_ENDING,
            ExceptionKind.PRESCRIBER_SILENT,
            ExceptionKind.PRESCRIBER_DENIED,
        }
    ),
    "contact": frozenset(
        {
            ExceptionKind.CONTACT,
            ExceptionKind.SEND_FAILED,
            ExceptionKind.SEND_IN_DOUBT,
            ExceptionKind.CHANNEL_DOWN,
        }
    ),
    "other": frozenset(
        {
            ExceptionKind.OUT_OF_STOCK,
            ExceptionKind.STOCK_CHECK,
            ExceptionKind.DOSE_CONFLICT,
            ExceptionKind.NEW_DRUG,
            ExceptionKind.RETURN_TO_STOCK,
            ExceptionKind.WORKFLOW,
        }
    ),
}
#: These are shown as the batch itself, so that nobody meets the same work twice.
_BATCH_SORTS: Final = ("prepare", "pickup")
_TO_PREPARE: Final = (
    CycleState.PLANNED,
    CycleState.REQUESTING,
    CycleState.PREPARING,
    CycleState.PARTLY_READY,
)
_RANK: Final = {Severity.URGENT: 0, Severity.HIGH: 1, Severity.NORMAL: 2, Severity.LOW: 3}
_case, _cycle, _item, _therapy, _patient, _join = (
    cast(Any, kind) for kind in (ExceptionCase, Cycle, CycleItem, Therapy, Patient, JoinRequest)
)


@dataclass(frozen=True, slots=True)
class Drug:
    """One drug of a batch, with what keeps it (a code, "" when nothing does)."""

    name: str
    state: ItemState
    problem: str


@dataclass(frozen=True, slots=True)
class Work:
    """One line of the queue.

    `due_at` is aware; a batch is due at the end of its day (`due_on`). `version` guards the cycle against two
    people changing it at once. `summary` is the task's own sentence, "" for a batch.
    """

    id: str
    sort: str
    pharmacy_id: str
    due_at: datetime
    due_on: date | None
    severity: Severity
    kind: ExceptionKind | None
    summary: str
    exception_id: str
    cycle_id: str
    version: int
    state: CycleState | None
    ready_at: datetime | None
    patient_id: str
    first_name: str
    last_name: str
    drugs: tuple[Drug, ...] = ()
    #: What somebody wrote into the public form: no patient yet.
    join_id: str = ""
    #: The one medicine that a task is about.
    drug: str = ""


@dataclass(frozen=True, slots=True)
class Queue:
    """One page of the queue with the counts of everything in it."""

    rows: tuple[Work, ...]
    counts: Mapping[str, int]
    places: Mapping[str, Here]
    total: int


def today_queue(tx: Tx, *, sort: str = "", page: int = 1) -> Queue:
    """Page `page` (from 1, 50 lines) of the work in scope, of one sort when given, by due time."""
    here = places(tx)
    if not here:
        return Queue((), dict.fromkeys(SORTS, 0), here, 0)
    page = max(page, 1)
    counts = _counts(tx, here)
    wanted = (sort,) if sort in SORTS else tuple(SORTS)
    needed = page * PAGE_SIZE
    found = [*_tasks(tx, wanted, needed), *_batches(tx, here, wanted, needed)]
    found.sort(key=lambda work: (work.due_at, _RANK[work.severity], work.id))
    shown = found[needed - PAGE_SIZE : needed]
    return Queue(tuple(_with_drugs(tx, shown)), counts, here, sum(counts[name] for name in wanted))


def _counts(tx: Tx, here: Mapping[str, Here]) -> dict[str, int]:
    by_kind = select(_case.kind, func.count()).where(_case.state == ExceptionState.OPEN).group_by(_case.kind)
    counts = dict.fromkeys(SORTS, 0)
    of_kind = {kind: sort for sort, kinds in SORTS.items() for kind in kinds}
    for kind, number in tx.session.execute(by_kind):
        if of_kind[kind] not in _BATCH_SORTS:
            counts[of_kind[kind]] += number
    for sort in _BATCH_SORTS:
        count = select(func.count()).select_from(Cycle).where(_batch_condition(sort, here))
        counts[sort] = tx.session.execute(count).scalar_one()
    return counts


def _batch_condition(sort: str, here: Mapping[str, Here]) -> ColumnElement[bool]:
    """Which cycles are to be prepared, or wait ready past their day, by the local day of each pharmacy."""
    parts: list[Any] = []
    for place in here.values():
        if sort == "prepare":
            dated = _cycle.sync_date <= place.today + timedelta(days=PREPARE_DAYS)
            begun = _cycle.state.in_((CycleState.PREPARING, CycleState.PARTLY_READY))
            parts.append((_cycle.pharmacy_id == place.id) & _cycle.state.in_(_TO_PREPARE) & (dated | begun))
        else:
            arrived = _cycle.sync_date <= place.today
            full = _cycle.state.in_((CycleState.READY, CycleState.PARTLY_PICKED_UP))
            parts.append((_cycle.pharmacy_id == place.id) & full & arrived)
    return or_(*parts)


def _tasks(tx: Tx, wanted: Iterable[str], limit: int) -> list[Work]:
    kinds = [kind for sort in wanted if sort not in _BATCH_SORTS for kind in sorted(SORTS[sort])]
    if not kinds:
        return []
    statement = (
        select(
            ExceptionCase,
            _cycle.version,
            _cycle.state,
            _cycle.sync_date,
            func.coalesce(_patient.first_name, _join.first_name),
            func.coalesce(_patient.last_name, _join.last_name),
            _join.id,
            _therapy.drug_name,
        )
        .outerjoin(Cycle, _cycle.id == _case.cycle_id)
        .outerjoin(Patient, _patient.id == _case.patient_id)
        .outerjoin(Therapy, _therapy.id == _case.therapy_id)
        .outerjoin(JoinRequest, (literal(Cause.JOIN.of("")) + _join.id) == _case.cause_key)
        .where(_case.state == ExceptionState.OPEN, _case.kind.in_(kinds))
        .order_by(_case.due_at, _case.id)
        .limit(limit)
    )
    of_kind = {kind: sort for sort, kinds in SORTS.items() for kind in kinds}
    rows = cast(Sequence[Any], tx.session.execute(statement).all())
    return [_task(case, of_kind[case.kind], *facts) for case, *facts in rows]


def _task(
    case: ExceptionCase,
    sort: str,
    version: int | None,
    state: CycleState | None,
    on: date | None,
    first: str | None,
    last: str | None,
    join_id: str | None,
    drug: str | None,
) -> Work:
    return Work(
        id=f"task-{case.id}",
        sort=sort,
        pharmacy_id=case.pharmacy_id,
        due_at=case.due_at,
        due_on=on,
        severity=case.severity,
        kind=case.kind,
        summary=case.summary,
        exception_id=case.id,
        cycle_id=case.cycle_id or "",
        version=version or 0,
        state=state,
        ready_at=None,
        patient_id=case.patient_id or "",
        first_name=first or "",
        last_name=last or "",
        join_id=join_id or "",
        drug=drug or "",
    )


def _batches(tx: Tx, here: Mapping[str, Here], wanted: Iterable[str], limit: int) -> list[Work]:
    found: list[Work] = []
    for sort in wanted:
        if sort not in _BATCH_SORTS:
            continue
        statement = (
            select(Cycle, _patient.first_name, _patient.last_name)
            .join(Patient, _patient.id == _cycle.patient_id)
            .where(_batch_condition(sort, here))
            .order_by(_cycle.sync_date, _cycle.id)
            .limit(limit)
        )
        for cycle, first, last in cast(Sequence[Any], tx.session.execute(statement).all()):
            found.append(_batch(cycle, sort, here[cycle.pharmacy_id], first, last))
    return found


def _batch(cycle: Cycle, sort: str, place: Here, first: str, last: str) -> Work:
    due_at = datetime.combine(cycle.sync_date, time(18), ZoneInfo(place.zone))
    return Work(
        id=f"{sort}-{cycle.id}",
        sort=sort,
        pharmacy_id=cycle.pharmacy_id,
        due_at=due_at,
        due_on=cycle.sync_date,
        severity=Severity.NORMAL,
        kind=None,
        summary="",
        exception_id="",
        cycle_id=cycle.id,
        version=cycle.version,
        state=cycle.state,
        ready_at=cycle.ready_at,
        patient_id=cycle.patient_id,
        first_name=first,
        last_name=last,
    )


def _with_drugs(tx: Tx, rows: Sequence[Work]) -> list[Work]:
    """Add what each batch holds: one query for the whole page."""
    cycle_ids = sorted({row.cycle_id for row in rows if row.cycle_id})
    if not cycle_ids:
        return list(rows)
    statement = (
        select(_item.cycle_id, _therapy.drug_name, _item.state, _item.problem)
        .join(Therapy, _therapy.id == _item.therapy_id)
        .where(_item.cycle_id.in_(cycle_ids), _item.state.in_(sorted(PENDING_ITEMS)))
        .order_by(_therapy.drug_name)
    )
    drugs: dict[str, list[Drug]] = defaultdict(list)
    for cycle_id, *facts in tx.session.execute(statement):
        drugs[cycle_id].append(Drug(*facts))
    return [replace(row, drugs=tuple(drugs.get(row.cycle_id, ()))) for row in rows]


def cycle_version(tx: Tx, cycle_id: str) -> int:
    """The version a cycle has now; NotFound outside the scope."""
    return tx.get(Cycle, cycle_id).version
