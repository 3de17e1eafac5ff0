"""What a simulated database holds, counted: to be set beside what the simulated provider counted by itself."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, cast

from sqlalchemy import func, select

from medsync_app.domain.states import ActionState, CycleState, ExceptionKind, ExceptionState
from medsync_app.store.session import Tx
from medsync_app.store.tables import (
    Attempt,
    Cycle,
    Enrollment,
    ExceptionCase,
    ScheduledAction,
)

_action, _attempt, _case = cast(Any, ScheduledAction), cast(Any, Attempt), cast(Any, ExceptionCase)
_cycle = cast(Any, Cycle)


@dataclass(frozen=True, slots=True)
class Message:
    """One message of the outbox."""

    id: str
    step: str
    state: ActionState
    due_at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Pickup:
    """One sync date: who, when, and what became of it."""

    patient_id: str
    kind: str
    sync_date: date
    state: CycleState
    picked_up_on: date | None
    reminded: bool


@dataclass(frozen=True, slots=True)
class Exceptions:
    """Exceptions by kind, how many were opened and are closed, and the causes that are open now."""

    opened: Mapping[str, int]
    closed: int
    open_causes: frozenset[str]


def messages(tx: Tx) -> list[Message]:
    """Every message and answer of the outbox."""
    rows = tx.session.execute(
        select(_action.id, _action.step, _action.state, _action.due_at, _action.reason).where(
            _action.kind.in_(("message", "reply"))
        )
    )
    return [Message(*row) for row in cast(Sequence[Any], rows.all())]


def notices(tx: Tx) -> frozenset[str]:
    """Every e-mail to the staff."""
    return frozenset(tx.session.scalars(select(_action.id).where(_action.kind == "notice")))


def attempts(tx: Tx) -> dict[str, str]:
    """The action of each attempt."""
    rows = tx.session.execute(select(_attempt.id, _attempt.action_id)).all()
    return {attempt_id: action_id for attempt_id, action_id in rows}  # noqa: C416  (dict of rows types as Any)


def exceptions(tx: Tx) -> Exceptions:
    """Every exception that was ever opened."""
    rows = tx.session.execute(select(_case.kind, _case.state, _case.cause_key)).all()
    kinds = Counter(ExceptionKind(kind).value for kind, _, _ in rows)
    still = frozenset(cause for _, state, cause in rows if state == ExceptionState.OPEN)
    return Exceptions(kinds, sum(state != ExceptionState.OPEN for _, state, _ in rows), still)


def pickups(tx: Tx) -> list[Pickup]:
    """Every cycle; `reminded`: a first reminder was queued for it, whatever became of that, or was not allowed.

    Nothing is said of a plan that waits for a pharmacist.
    """
    unapproved = _cycle.needs_review.is_(True) & _cycle.reviewed_at.is_(None)
    reminded = (
        select(_action.id)
        .where(_action.cycle_id == _cycle.id, _action.step.in_(("reminder_t7", "trip_t1")))
        .exists()
    )
    rows = tx.session.execute(
        select(
            _cycle.patient_id,
            _cycle.kind,
            _cycle.sync_date,
            _cycle.state,
            _cycle.picked_up_on,
            reminded | unapproved,
        )
    )
    return [Pickup(*row) for row in cast(Sequence[Any], rows.all())]


def enrolled(tx: Tx) -> int:
    """How many patients were ever enrolled."""
    patients = cast(Any, Enrollment).patient_id
    return tx.session.execute(select(func.count(func.distinct(patients)))).scalar_one()
