"""What the look for problems reads, for one patient or all of a pharmacy with the same few queries."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final, cast

from sqlalchemy import bindparam, func, select
from sqlmodel import col

from medsync_app.domain.contact_rules import is_wrong
from medsync_app.domain.cycle import OPEN, PENDING_ITEMS
from medsync_app.domain.states import Channel, CycleState, ExceptionKind, ExceptionState
from medsync_app.store.one_of import one_of
from medsync_app.store.repositories.renewals import UNANSWERED
from medsync_app.store.session import Tx
from medsync_app.store.tables import (
    AddressStatus,
    ContactPoint,
    Cycle,
    CycleItem,
    ExceptionCase,
    Fill,
    Patient,
    Prescription,
    RenewalRequest,
    Therapy,
)

_AT_ONCE: Final = 400
#: How long a person's word about a problem is looked at.
_SETTLED: Final = timedelta(days=90)
_OPEN, _PENDING = sorted(OPEN), sorted(PENDING_ITEMS)
_PENDING_OF = (
    select(CycleItem, Cycle)
    .join(Cycle, col(Cycle.id) == col(CycleItem.cycle_id))
    .where(
        one_of(col(Cycle.patient_id), "ids"), col(Cycle.state).in_(_OPEN), col(CycleItem.state).in_(_PENDING)
    )
    .order_by(col(Cycle.sync_date), col(CycleItem.due_on), col(CycleItem.id))
)
_CASES_OF = (
    select(ExceptionCase)
    .where(
        one_of(col(ExceptionCase.patient_id), "ids"), one_of(col(ExceptionCase.kind), "kinds"),
        (col(ExceptionCase.state) == ExceptionState.OPEN)
        | (col(ExceptionCase.state) == ExceptionState.RESOLVED)
        & (col(ExceptionCase.closed_at) > bindparam("since")),
    )
    .order_by(col(ExceptionCase.id))
)  # fmt: skip
_REQUESTS_OF = (
    select(RenewalRequest)
    .where(one_of(col(RenewalRequest.patient_id), "ids"), col(RenewalRequest.state).in_(UNANSWERED))
    .order_by(col(RenewalRequest.id))
)
_THERAPIES_OF = select(Therapy).where(one_of(col(Therapy.patient_id), "ids")).order_by(col(Therapy.id))
_PRESCRIPTIONS_OF = (
    select(Prescription)
    .where(one_of(col(Prescription.patient_id), "ids"))
    .order_by(col(Prescription.written_on), col(Prescription.id))
)
_POINTS_OF = (
    select(ContactPoint)
    .where(one_of(col(ContactPoint.patient_id), "ids"))
    .order_by(col(ContactPoint.rank), col(ContactPoint.id))
)
_PATIENTS = select(Patient).where(one_of(col(Patient.id), "ids")).order_by(col(Patient.id))
_status = cast(Any, AddressStatus)
_KNOWN_OF = select(AddressStatus).where(
    one_of(_status.address, "addresses"),
    _status.opted_out_at.is_not(None) | _status.unreachable_at.is_not(None) | _status.wrong_at.is_not(None),
)


@dataclass(frozen=True, slots=True)
class ProblemFacts:
    """A patient with what is still to be fetched (by sync date), drugs, Rx numbers, open exceptions and addresses."""

    patient: Patient
    pending: Sequence[tuple[CycleItem, Cycle]]
    therapies: Sequence[Therapy]
    prescriptions: Sequence[Prescription]
    exceptions: Sequence[ExceptionCase]
    #: Exceptions of those kinds that a person settled lately.
    settled: Sequence[ExceptionCase]
    points: Sequence[ContactPoint]
    #: Requests to prescribers that wait for an answer.
    requests: Sequence[RenewalRequest]
    #: Addresses with a stop, known to be a dead end or wrong; only the dead ends; and only the wrong ones.
    dead: frozenset[tuple[Channel, str]]
    unreachable: frozenset[tuple[Channel, str]]
    wrong: frozenset[tuple[Channel, str]]


def of_patients(tx: Tx, patient_ids: Sequence[str], kinds: Sequence[ExceptionKind]) -> Iterator[ProblemFacts]:
    """The facts of each of these patients, with the open exceptions of those kinds, in the order of the ids."""
    ids = sorted(set(patient_ids))
    for first in range(0, len(ids), _AT_ONCE):
        yield from _facts(tx, ids[first : first + _AT_ONCE], kinds)


def _facts(tx: Tx, ids: list[str], kinds: Sequence[ExceptionKind]) -> Iterator[ProblemFacts]:
    values = {"ids": ids}

    def rows(statement: Any) -> dict[str, list[Any]]:
        return _grouped(tx.session.scalars(statement, values), lambda row: row.patient_id)

    pending = _grouped(
        (tuple(row) for row in tx.session.execute(_PENDING_OF, values)), lambda row: row[1].patient_id
    )
    cases = _grouped(
        tx.session.scalars(
            _CASES_OF, {**values, "kinds": [kind.value for kind in kinds], "since": tx.now - _SETTLED}
        ),
        lambda row: row.patient_id,
    )
    therapies, prescriptions, points = rows(_THERAPIES_OF), rows(_PRESCRIPTIONS_OF), rows(_POINTS_OF)
    requests = rows(_REQUESTS_OF)
    known = _known(tx, [point.address for found in points.values() for point in found])
    for patient in tx.session.scalars(_PATIENTS, values):
        key = patient.id
        mine = cases.get(key, [])
        exceptions = [row for row in mine if row.state is ExceptionState.OPEN]
        settled = [row for row in mine if row.state is not ExceptionState.OPEN]
        numbers = known.get(patient.pharmacy_id, [])
        unreachable = frozenset(
            (one.channel, one.address) for one in numbers if one.unreachable_at is not None
        )
        wrong = _wrong(numbers, points.get(key, []))
        yield ProblemFacts(
            patient, pending.get(key, []), therapies.get(key, []), prescriptions.get(key, []),
            exceptions, settled, points.get(key, []), requests.get(key, []),
            dead=unreachable | wrong | {(one.channel, one.address) for one in numbers if one.opted_out_at is not None},
            unreachable=unreachable, wrong=wrong,
        )  # fmt: skip


def _known(tx: Tx, addresses: list[str]) -> dict[str, list[AddressStatus]]:
    """By pharmacy, the addresses with a stop, where nothing arrives, or where somebody else was found."""
    return _grouped(tx.session.scalars(_KNOWN_OF, {"addresses": addresses}), lambda row: row.pharmacy_id)


def _wrong(
    numbers: Sequence[AddressStatus], points: Sequence[ContactPoint]
) -> frozenset[tuple[Channel, str]]:
    """The numbers of a patient that are still to be asked about."""
    found = {(one.channel, one.address): one.wrong_at for one in numbers}
    keys = {(point.channel, point.address): point.confirmed_at for point in points}
    return frozenset(key for key, confirmed_at in keys.items() if is_wrong(found.get(key), confirmed_at))


def supplies(tx: Tx, patient_ids: Sequence[str]) -> dict[str, list[tuple[date, int]]]:
    """The claim date and days supply (0: unknown) of every fill of these patients."""
    found: dict[str, list[tuple[date, int]]] = defaultdict(list)
    rows = tx.session.execute(
        select(col(Fill.patient_id), col(Fill.filled_on), func.coalesce(col(Fill.days_supply), 0)).where(
            col(Fill.patient_id).in_(sorted(patient_ids))
        )
    )
    for patient_id, filled_on, days in rows:
        found[patient_id].append((filled_on, days))
    return found


def newest_states(tx: Tx, enrollment_ids: Sequence[str]) -> dict[str, list[CycleState]]:
    """The states of the sync cycles of each enrollment but the cancelled ones, the newest first."""
    rows = tx.session.execute(
        select(col(Cycle.enrollment_id), col(Cycle.state))
        .where(
            col(Cycle.enrollment_id).in_(sorted(enrollment_ids)), col(Cycle.kind) == "sync",
            col(Cycle.state) != CycleState.CANCELLED,
        )
        .order_by(col(Cycle.number).desc(), col(Cycle.id).desc())
    )  # fmt: skip
    return {key: [state for _, state in found] for key, found in _grouped(rows, lambda row: row[0]).items()}


def _grouped(rows: Any, key: Callable[[Any], str]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        found[key(row)].append(row)
    return found
