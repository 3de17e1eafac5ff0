"""Which tasks about a batch lose their point with it, and their closing."""

from collections.abc import Collection

from medsync_app.domain.causes import Cause, cause_of
from medsync_app.domain.states import ExceptionKind
from medsync_app.services.exceptions import close_exception, close_row
from medsync_app.store.repositories import exceptions
from medsync_app.store.session import Tx
from medsync_app.store.tables import Cycle, Enrollment, ExceptionCase, ScheduledAction

#: Triggers whose steps have a point after the batch is over.
AFTER_THE_END = frozenset({"picked_up", "prescriber_answered", "replied"})
#: What is asked for while something of a batch waits to be fetched.
_WAITING = frozenset({ExceptionKind.NOT_PICKED_UP, ExceptionKind.RETURN_TO_STOCK})
_SETTLED = frozenset(
    {
        ExceptionKind.NOT_PICKED_UP,
        ExceptionKind.RETURN_TO_STOCK,
        ExceptionKind.PREPARE,
        ExceptionKind.STOCK_CHECK,
        ExceptionKind.CALL,
        ExceptionKind.PLAN_REVIEW,
        ExceptionKind.WORKFLOW,
    }
)


def close_waiting_tasks(
    tx: Tx, cycle: Cycle, outcome: str, kinds: Collection[ExceptionKind] = _WAITING
) -> None:
    """Close the tasks about what waits to be fetched: nothing does any more, though the rest is still to come."""
    for row in exceptions.open_of_cycle(tx, cycle.id):
        if row.kind in kinds and not _outlasts(tx, row):
            close_row(tx, row, outcome=outcome)


def close_cycle_tasks(tx: Tx, cycle: Cycle, outcome: str, *, still_returned: bool = False) -> None:
    """Close the tasks that only make sense while the batch is to come or waits to be fetched.

    `still_returned`: it was not fetched (moved, cancelled), so that a task to return it to stock stays.
    """
    for row in exceptions.open_of_cycle(tx, cycle.id):
        if row.kind not in _SETTLED or (still_returned and row.kind is ExceptionKind.RETURN_TO_STOCK):
            continue
        if _outlasts(tx, row):
            continue
        close_row(tx, row, outcome=outcome)
    # The review of a plan stands with its sync date, also while its task names a trip.
    close_exception(
        tx, pharmacy_id=cycle.pharmacy_id, cause_key=Cause.PLAN_REVIEW.of(cycle.id), outcome=outcome
    )


def close_date_questions(tx: Tx, enrollment: Enrollment, outcome: str) -> None:
    """Close what asked for another date, or whether the patient goes on: a date was chosen, or the enrollment ended."""
    asked = {Cause.PAUSED.of(enrollment.id), Cause.INACTIVE.of(enrollment.id)}
    for row in exceptions.open_of_patient(tx, enrollment.patient_id):
        if row.cause_key in asked or cause_of(row.cause_key) is Cause.NO_DATE:
            close_row(tx, row, outcome=outcome)


def _outlasts(tx: Tx, row: ExceptionCase) -> bool:
    """Whether a task is about one stopped drug, or a pharmacy's own that something after the batch has set off."""
    if row.kind is not ExceptionKind.WORKFLOW:
        return cause_of(row.cause_key) is Cause.STOPPED
    action = tx.find(ScheduledAction, row.action_id) if row.action_id else None
    return action is not None and action.payload.get("trigger") in AFTER_THE_END
