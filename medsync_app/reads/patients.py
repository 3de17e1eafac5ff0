"""The list of patients: searched, filtered, sorted and paged in the database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, cast

from sqlalchemy import ColumnElement, Select, func, literal_column, or_, select

from medsync_app.domain.cycle import OPEN
from medsync_app.domain.states import Channel, CycleState, EnrollmentState
from medsync_app.reads.places import Here, places
from medsync_app.reads.search import name_matches
from medsync_app.store.session import Tx
from medsync_app.store.tables import ContactPoint, Cycle, Enrollment, Patient, Prescription, Therapy

PAGE_SIZE: Final = 50
#: The filter's values: enrollment states that mean the same to who looks for a patient.
GROUPS: Final[Mapping[str, tuple[EnrollmentState, ...]]] = {
    "enrolled": (EnrollmentState.ACTIVE,),
    "paused": (EnrollmentState.PAUSED,),
    "ended": (
        EnrollmentState.WITHDRAWN,
        EnrollmentState.TRANSFERRED,
        EnrollmentState.DECEASED,
        EnrollmentState.INACTIVE,
    ),
    "none": (),
}
SORTS: Final = ("name", "birth", "next", "drugs")
_patient, _contact, _cycle, _therapy, _rx, _enrollment = (
    cast(Any, kind) for kind in (Patient, ContactPoint, Cycle, Therapy, Prescription, Enrollment)
)
# Plain tables, tied to the row of a patient in scope: the scope needs to be applied once only.
_near, _of_patient = cast(Any, Cycle).__table__.alias("near"), cast(Any, Enrollment).__table__.alias("newest")


@dataclass(frozen=True, slots=True)
class PatientRow:
    """One patient; `state` None when never enrolled."""

    id: str
    pharmacy_id: str
    first_name: str
    last_name: str
    birth_date: date | None
    phone: str
    state: EnrollmentState | None
    next_sync: date | None
    cycle_state: CycleState | None
    drugs: int


@dataclass(frozen=True, slots=True)
class PatientList:
    """One page, the number that fit the filter, and the numbers of each group that fit the search."""

    rows: tuple[PatientRow, ...]
    total: int
    counts: Mapping[str, int]
    places: Mapping[str, Here]


def patient_list(
    tx: Tx, *, text: str = "", group: str = "", sort: str = "name", page: int = 1
) -> PatientList:
    """Page `page` (from 1, 50 rows). `sort` is one of SORTS, "-" before it turns it round."""
    matching = _matching(text)
    counts = _counts(tx, matching)
    condition = _in_group(group)
    statement = _rows().order_by(*_order(sort))
    for part in (matching, condition):
        if part is not None:
            statement = statement.where(part)
    statement = statement.limit(PAGE_SIZE).offset((max(page, 1) - 1) * PAGE_SIZE)
    found = cast(Sequence[Any], tx.session.execute(statement).all())
    return PatientList(
        rows=tuple(PatientRow(*row) for row in found),
        total=counts[group] if group in counts else counts[""],
        counts=counts,
        places=places(tx),
    )


def _rows() -> Select[Any]:
    """One line per patient with the newest enrollment and the nearest open sync cycle."""
    phone = (
        select(_contact.address)
        .where(_contact.patient_id == _patient.id, _contact.channel != Channel.EMAIL)
        .order_by(_contact.rank, _contact.id)
        .limit(1)
        .correlate(Patient)
        .scalar_subquery()
    )
    drugs = (
        select(func.count())
        .select_from(Therapy)
        .where(_therapy.patient_id == _patient.id, _therapy.status == "active")
        .correlate(Patient)
        .scalar_subquery()
        .label("drugs")
    )
    near = _near.c
    nearest = (
        select(near.id)
        .where(near.patient_id == _patient.id, near.kind == "sync", near.state.in_(sorted(OPEN)))
        .order_by(near.sync_date, near.id)
        .limit(1)
        .correlate(Patient)
        .scalar_subquery()
    )
    statement = (
        select(
            _patient.id,
            _patient.pharmacy_id,
            _patient.first_name,
            _patient.last_name,
            _patient.birth_date,
            func.coalesce(phone, ""),
            _enrollment.state,
            _cycle.sync_date,
            _cycle.state,
            drugs,
        )
        .select_from(Patient)
        .outerjoin(Enrollment, _enrollment.id == _newest_enrollment())
        .outerjoin(Cycle, _cycle.id == nearest)
    )
    return cast("Select[Any]", statement)


def _newest_enrollment() -> Any:
    """The id of a patient's newest enrollment: ids are ordered by time."""
    return (
        select(func.max(_of_patient.c.id))
        .where(_of_patient.c.patient_id == _patient.id)
        .correlate(Patient)
        .scalar_subquery()
    )


def _matching(text: str) -> ColumnElement[bool] | None:
    """Names that begin so; digits are an Rx number or the end of a phone number."""
    wanted = text.strip()[:80]
    digits = "".join(char for char in wanted if char.isdigit())
    if digits and not any(char.isalpha() for char in wanted):
        with_rx = select(_rx.patient_id).where(_rx.rx_number.startswith(wanted, autoescape=True))
        with_phone = select(_contact.patient_id).where(_contact.address.endswith(digits))
        return or_(_patient.id.in_(with_rx), _patient.id.in_(with_phone))
    return name_matches(wanted)


def _in_group(group: str) -> ColumnElement[bool] | None:
    if group not in GROUPS:
        return None
    states = GROUPS[group]
    return _enrollment.state.in_(states) if states else _enrollment.state.is_(None)


def _counts(tx: Tx, matching: ColumnElement[bool] | None) -> dict[str, int]:
    statement = (
        select(_enrollment.state, func.count())
        .select_from(Patient)
        .outerjoin(Enrollment, _enrollment.id == _newest_enrollment())
        .group_by(_enrollment.state)
    )
    if matching is not None:
        statement = statement.where(matching)
    rows = cast(Sequence[tuple[EnrollmentState | None, int]], tx.session.execute(statement).all())
    by_state = {state: number for state, number in rows}  # noqa: C416  (a dict of rows would type as Any)
    counts = {
        group: sum(by_state.get(state, 0) for state in states) if states else by_state.get(None, 0)
        for group, states in GROUPS.items()
    }
    return counts | {"": sum(by_state.values())}


def _order(sort: str) -> list[Any]:
    down = sort.startswith("-")
    name: list[Any] = [_patient.last_name, _patient.first_name]
    columns: dict[str, list[Any]] = {
        "name": name,
        "birth": [_patient.birth_date],
        # Patients without a date come last, whichever way it is sorted.
        "next": [_cycle.sync_date],
        "drugs": [literal_column("drugs")],
    }
    chosen = columns.get(sort.removeprefix("-"), name)
    turned = [column.desc().nulls_last() if down else column.asc().nulls_last() for column in chosen]
    return [*turned, *([] if chosen is name else name), _patient.id]
