"""The board of exceptions: what a person must look at, filtered, grouped and one page at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any, Final, cast
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, case, func, or_, select

from medsync_app.domain.states import ExceptionKind, ExceptionState, OutsideKind, OutsideState, Role, Severity
from medsync_app.reads.places import Here, places
from medsync_app.store.repositories.outside import of_exception
from medsync_app.store.repositories.people import active_staff
from medsync_app.store.repositories.renewals import UNANSWERED, of_therapy
from medsync_app.store.session import Tx
from medsync_app.store.tables import ExceptionCase, ExceptionComment, Patient, Staff, Therapy

PAGE_SIZE: Final = 50
#: Of each group beside others at least so many are shown.
LEAST_BESIDE: Final = 5
#: How the board is grouped.
GROUPS: Final = ("due", "kind", "owner")
#: Which exceptions are shown: open ones, the caller's own, overdue ones, and what was settled lately.
SHOWN: Final = ("open", "mine", "late", "settled")
SETTLED_KEPT: Final = timedelta(days=30)
DUE_GROUPS: Final = ("late", "today", "week", "later")
#: Cases that an answer of the prescriber is entered at.
_OF_RENEWALS: Final = frozenset(
    {
        ExceptionKind.RENEWAL, ExceptionKind.PRESCRIBER_SILENT, ExceptionKind.NO_REFILLS,
        ExceptionKind.RX_EXPIRES,
    }
)  # fmt: skip
_case, _patient, _staff = cast(Any, ExceptionCase), cast(Any, Patient), cast(Any, Staff)
_comment, _therapy = cast(Any, ExceptionComment), cast(Any, Therapy)


@dataclass(frozen=True, slots=True)
class BoardFilter:
    """What the address asks for; kind and owner None mean all, `column` is one group of which all are shown."""

    shown: str = "open"
    group: str = "due"
    kind: ExceptionKind | None = None
    owner: Role | None = None
    column: str = ""
    page: int = 1


@dataclass(frozen=True, slots=True)
class Case:
    """One exception as the board shows it."""

    id: str
    pharmacy_id: str
    kind: ExceptionKind
    severity: Severity
    state: ExceptionState
    owner_role: Role
    assigned_to: str
    assigned_name: str
    patient_id: str
    first_name: str
    last_name: str
    summary: str
    due_at: datetime
    opened_at: datetime
    closed_at: datetime | None
    closed_by: str
    outcome: str
    comments: int
    #: The medicine it concerns, "" for none.
    drug: str = ""
    #: late, today, week or later.
    due_group: str = "later"


@dataclass(frozen=True, slots=True)
class Board:
    """Cases in the order of their groups, with the counts beside the filters.

    A page of the one group that `column` names, or the first of each group when it is "".
    """

    cases: Sequence[Case]
    column: str
    total: int
    #: Per entry of SHOWN; open ones per kind and per role, under the other filters.
    shown: Mapping[str, int]
    kinds: Mapping[ExceptionKind, int]
    owners: Mapping[Role, int]
    #: How many stand in each group, shown or not.
    groups: Mapping[str, int]
    places: Mapping[str, Here]


@dataclass(frozen=True, slots=True)
class Comment:
    """What somebody wrote on a case."""

    by: str
    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Mirror:
    """A program outside that shows a case: how that stands, and its address there ("" when there is none)."""

    kind: OutsideKind
    state: OutsideState
    url: str
    reason: str


@dataclass(frozen=True, slots=True)
class CaseDetail:
    """One case with its comments, and the drug it concerns ("" for none)."""

    case: Case
    place: Here
    drug: str
    comments: Sequence[Comment] = field(default_factory=tuple)
    #: Where it is shown outside.
    mirrors: Sequence[Mirror] = field(default_factory=tuple)
    #: The request to the prescriber of this drug that waits for an answer, "" for none.
    renewal_id: str = ""
    #: Id and name of everybody it can be given to.
    people: Sequence[tuple[str, str]] = field(default_factory=tuple)


def board(tx: Tx, wanted: BoardFilter) -> Board:
    """The board: the most urgent first in each group. A column that is not there, or the only one, is no choice."""
    here = places(tx)
    group = _group_column(tx, wanted.group, here)
    conditions = _conditions(tx, wanted)
    groups = {
        str(name): number
        for name, number in tx.session.execute(
            select(group.label("g"), func.count()).select_from(ExceptionCase).where(*conditions).group_by("g")
        )
    }
    column = next(iter(groups)) if len(groups) == 1 else wanted.column if wanted.column in groups else ""
    statement = _rows(_due_group(tx, here)).order_by(*_order(wanted, group))
    if column or not groups:
        statement = (
            statement.where(*conditions, group == column)
            .limit(PAGE_SIZE)
            .offset((max(wanted.page, 1) - 1) * PAGE_SIZE)
        )
    else:
        most = max(LEAST_BESIDE, PAGE_SIZE // len(groups))
        place = func.row_number().over(partition_by=group, order_by=_order(wanted, group))
        ranked = select(_case.id.label("id"), place.label("place")).where(*conditions).subquery()
        statement = statement.join(ranked, ranked.c.id == _case.id).where(ranked.c.place <= most)
    return Board(
        cases=[_made(row) for row in tx.session.execute(statement)],
        column=column,
        total=sum(groups.values()),
        shown=_shown_counts(tx),
        kinds=_counts_by(tx, wanted, _case.kind, kind=None, owner=wanted.owner),
        owners=_counts_by(tx, wanted, _case.owner_role, kind=wanted.kind, owner=None),
        groups=groups,
        places=here,
    )


def case_detail(tx: Tx, exception_id: str) -> CaseDetail:
    """One case; NotFound outside the scope."""
    found = tx.get(ExceptionCase, exception_id)
    here = places(tx)
    row = tx.session.execute(_rows(_due_group(tx, here)).where(_case.id == exception_id)).one()
    comments = tx.session.execute(
        select(_comment.by, _comment.text, _comment.at)
        .where(_comment.exception_id == exception_id)
        .order_by(_comment.at, _comment.id)
    )
    therapy = tx.find(Therapy, found.therapy_id) if found.therapy_id else None
    return CaseDetail(
        _made(row), here[found.pharmacy_id], therapy.drug_name if therapy else "",
        [Comment(*comment) for comment in comments],
        [Mirror(job.kind, job.state, job.external_url, job.reason) for job in of_exception(tx, exception_id)],
        _renewal(tx, found),
        [(one.id, one.name) for one in active_staff(tx, found.pharmacy_id)],
    )  # fmt: skip


def _renewal(tx: Tx, found: ExceptionCase) -> str:
    if found.kind not in _OF_RENEWALS or found.therapy_id is None:
        return ""
    waiting = (row.id for row in of_therapy(tx, found.therapy_id) if row.state in UNANSWERED)
    return next(waiting, "")


def _made(row: Any) -> Case:
    return Case(*row)


def _rows(due_group: Any) -> Any:
    comments = (
        select(func.count())
        .select_from(ExceptionComment)
        .where(_comment.exception_id == _case.id)
        .correlate(ExceptionCase)
        .scalar_subquery()
    )
    return (
        select(
            _case.id, _case.pharmacy_id, _case.kind, _case.severity, _case.state, _case.owner_role,
            func.coalesce(_case.assigned_to, ""), func.coalesce(_staff.name, ""),
            func.coalesce(_case.patient_id, ""), func.coalesce(_patient.first_name, ""),
            func.coalesce(_patient.last_name, ""), _case.summary, _case.due_at, _case.opened_at, _case.closed_at,
            _case.closed_by, _case.outcome, comments, func.coalesce(_therapy.drug_name, ""), due_group,
        )
        .select_from(ExceptionCase)
        .outerjoin(Patient, _patient.id == _case.patient_id)
        .outerjoin(Staff, _staff.id == _case.assigned_to)
        .outerjoin(Therapy, _therapy.id == _case.therapy_id)
    )  # fmt: skip


def _conditions(tx: Tx, wanted: BoardFilter) -> list[ColumnElement[bool]]:
    which: list[Any] = [_shown(tx, wanted.shown)]
    if wanted.kind is not None:
        which.append(_case.kind == wanted.kind)
    if wanted.owner is not None:
        which.append(_case.owner_role == wanted.owner)
    return which


def _shown(tx: Tx, shown: str) -> Any:
    is_open = _case.state == ExceptionState.OPEN
    if shown == "mine":
        return is_open & (_case.assigned_to == tx.scope.actor_id)
    if shown == "late":
        return is_open & (_case.due_at < tx.now)
    if shown == "settled":
        return (_case.state != ExceptionState.OPEN) & (_case.closed_at >= tx.now - SETTLED_KEPT)
    return is_open


def _shown_counts(tx: Tx) -> dict[str, int]:
    numbers = [func.count(case((_shown(tx, name), 1))) for name in SHOWN]
    relevant = or_(_shown(tx, "open"), _shown(tx, "settled"))
    row = tx.session.execute(select(*numbers).select_from(ExceptionCase).where(relevant)).one()
    return dict(zip(SHOWN, (int(number) for number in row), strict=True))


def _counts_by(
    tx: Tx, wanted: BoardFilter, column: Any, *, kind: ExceptionKind | None, owner: Role | None
) -> dict[Any, int]:
    """How many each choice of a filter would show, the other filters kept."""
    others = BoardFilter(wanted.shown, wanted.group, kind, owner)
    statement = select(column, func.count()).where(*_conditions(tx, others)).group_by(column)
    return {value: number for value, number in tx.session.execute(statement)}  # noqa: C416


def _due_group(tx: Tx, here: Mapping[str, Here]) -> Any:
    """late, today, week or later, by the end of the day and week at each pharmacy's own place."""
    branches: list[Any] = [(_case.due_at < tx.now, "late")]
    for name, days in (("today", 1), ("week", 7)):
        ends = [
            (_case.pharmacy_id == place.id) & (_case.due_at < _midnight(place, days))
            for place in here.values()
        ]
        if ends:
            branches.append((or_(*ends), name))
    return case(*branches, else_="later")


def _midnight(place: Here, days: int) -> datetime:
    """The beginning of the day `days` from today."""
    return datetime.combine(place.today + timedelta(days=days), time(0), ZoneInfo(place.zone))


def _group_column(tx: Tx, group: str, here: Mapping[str, Here]) -> Any:
    if group == "kind":
        return _case.kind
    return _case.owner_role if group == "owner" else _due_group(tx, here)


def _order(wanted: BoardFilter, group: Any) -> list[Any]:
    if wanted.shown == "settled":
        return [_case.closed_at.desc(), _case.id]
    severity = case({severity.value: rank for rank, severity in enumerate(Severity)}, value=_case.severity)
    # Groups by due time are in the order of due times already.
    first = [] if wanted.group == "due" else [group]
    return [*first, _case.due_at, severity.desc(), _case.id]
