"""Cycles that passed without a pickup, and enrollments that have gone quiet."""

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import takewhile

from medsync_app.clock import local_day
from medsync_app.domain.cadence import needs_activity_review
from medsync_app.domain.causes import Cause
from medsync_app.domain.cycle import ENDED, FETCHABLE
from medsync_app.domain.states import CycleState, ExceptionKind, Role, Severity
from medsync_app.services.change_drugs import replan_current
from medsync_app.services.cycle_state import end_cycle
from medsync_app.services.cycle_tasks import close_cycle_tasks
from medsync_app.services.exceptions import close_exception, due_in, open_exception
from medsync_app.services.open_next_cycle import open_next_cycle
from medsync_app.services.rules import Rules
from medsync_app.services.schedule_cycle import readiness_of, withdraw_messages
from medsync_app.store.repositories import exceptions, problem_facts
from medsync_app.store.repositories.enrollments import OPEN_STATES
from medsync_app.store.session import Tx
from medsync_app.store.tables import Cycle, Enrollment, Pharmacy

_HOW = {"missed": "was not picked up", "returned": "went back to stock"}
_FAILED = (CycleState.MISSED, CycleState.RETURNED)


def close_missed(tx: Tx, enrollment: Enrollment, cycle: Cycle, today: date, rules: Rules) -> bool:
    """End a cycle as missed when nothing of it was ready or fetched so many days after its date.

    A patient with one missed batch is planned from today for review and called; after two a person decides first.
    """
    if today < missed_from(cycle, rules):
        return False
    return miss_cycle(tx, enrollment, cycle)


def missed_from(cycle: Cycle, rules: Rules) -> date:
    """The first day on which a cycle that nothing was fetched of counts as missed: before it the patient may come."""
    return cycle.sync_date + timedelta(days=rules.missed_after_days + 1)


def miss_cycle(tx: Tx, enrollment: Enrollment, cycle: Cycle) -> bool:
    """End a cycle as missed; False when it is over, or something of it is there to be fetched."""
    # A plan that waits for its approval may hold what was filled before it was moved.
    if cycle.state in ENDED or cycle.state in FETCHABLE or readiness_of(tx, cycle) is not None:
        return False
    withdraw_messages(tx, cycle_id=cycle.id, reason="The batch was missed.")
    end_cycle(tx, cycle, CycleState.MISSED)
    close_cycle_tasks(tx, cycle, "The batch was missed.")
    after_failed_cycle(tx, enrollment, cycle, "missed")
    return True


def after_failed_cycle(tx: Tx, enrollment: Enrollment, cycle: Cycle, why: str) -> str | None:
    """After a missed or returned batch: call the patient, plan from today for review, or ask whether to go on.

    A trip that failed leaves its drugs without their supply until the sync date, whose plan is made anew. Nobody is
    called about a programme that has ended, least of all for a patient who has died.
    """
    if enrollment.state not in OPEN_STATES:
        return None
    open_exception(
        tx, pharmacy_id=cycle.pharmacy_id, kind=ExceptionKind.CALL, cause_key=Cause.FAILED_CYCLE.of(cycle.id),
        summary=f"The last batch {_HOW[why]}: call the patient and agree on the next day.",
        owner_role=Role.TECHNICIAN, due_at=due_in(tx, hours=24), severity=Severity.HIGH,
        patient_id=cycle.patient_id, cycle_id=cycle.id,
    )  # fmt: skip
    if cycle.kind == "trip":
        replan_current(tx, enrollment, "A pickup before the sync date did not take place.")
        return None
    if failed_in_a_row(tx, enrollment.id) >= 2:
        _ask_whether_to_go_on(tx, enrollment)
        return None
    return open_next_cycle(tx, enrollment.id, cycle, anew=why)


def failed_in_a_row(tx: Tx, enrollment_id: str) -> int:
    """How many of the newest ended sync cycles were missed or returned, one after another."""
    return _failed_in_a_row(problem_facts.newest_states(tx, [enrollment_id]).get(enrollment_id, []))


def _failed_in_a_row(newest_first: Sequence[CycleState]) -> int:
    ended = (state for state in newest_first if state in ENDED)
    return sum(1 for _ in takewhile(lambda state: state in _FAILED, ended))


def review_inactive(tx: Tx, active: Sequence[Enrollment], today: date, rules: Rules) -> None:
    """Ask whether patients go on after two failed cycles or many days without a fill; take it back else.

    While a fill still lasts (90 days of supply are common) its patient is not silent.
    """
    supplies = problem_facts.supplies(tx, [row.patient_id for row in active])
    states = problem_facts.newest_states(tx, [row.id for row in active])
    places = sorted({row.pharmacy_id for row in active})
    asked = {
        row.cause_key
        for place in places
        for row in exceptions.open_of_kind(tx, place, ExceptionKind.PLAN_REVIEW)
    }
    for enrollment in active:
        fills = supplies.get(enrollment.patient_id, [])
        last = max((filled_on for filled_on, _ in fills), default=_enrolled_on(tx, enrollment))
        if any(filled_on + timedelta(days=days) > today for filled_on, days in fills):
            last = today
        failed = _failed_in_a_row(states.get(enrollment.id, []))
        if needs_activity_review(failed, last, today, rules.inactive_after_days):
            _ask_whether_to_go_on(tx, enrollment)
        elif Cause.INACTIVE.of(enrollment.id) in asked:
            close_exception(
                tx, pharmacy_id=enrollment.pharmacy_id, cause_key=Cause.INACTIVE.of(enrollment.id),
                outcome="The patient has fetched medicines again.",
            )  # fmt: skip


def _ask_whether_to_go_on(tx: Tx, enrollment: Enrollment) -> None:
    open_exception(
        tx, pharmacy_id=enrollment.pharmacy_id, kind=ExceptionKind.PLAN_REVIEW,
        cause_key=Cause.INACTIVE.of(enrollment.id),
        summary="This patient has stopped fetching: choose a new date, or end the enrollment as inactive.",
        owner_role=Role.PHARMACIST, due_at=due_in(tx, days=7), patient_id=enrollment.patient_id,
    )  # fmt: skip


def _enrolled_on(tx: Tx, enrollment: Enrollment) -> date:
    return local_day(enrollment.enrolled_at, tx.get(Pharmacy, enrollment.pharmacy_id).zone)
