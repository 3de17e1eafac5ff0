"""Step 6 of the workflow: the look for problems of one cycle, and the daily one of a whole pharmacy."""

from datetime import timedelta

from medsync_app.clock import local_day
from medsync_app.domain.states import ExceptionKind, ExceptionState, Severity
from medsync_app.services.missed_cycles import close_missed, review_inactive
from medsync_app.services.patient_problems import check_patient, check_patients
from medsync_app.services.rules import rules_of
from medsync_app.store.repositories import cycles, enrollments, exceptions
from medsync_app.store.session import Tx
from medsync_app.store.tables import Cycle, Pharmacy

#: Without newer data than this a pharmacy's silence says nothing about its patients.
STALE_HOURS = 36


def check_cycle(tx: Tx, cycle_id: str) -> int:
    """Open, update and close the problems of one cycle's patient; returns how many are open now."""
    return check_patient(tx, tx.get(Cycle, cycle_id).patient_id)


def check_pharmacy(tx: Tx, pharmacy_id: str) -> int:
    """The daily look at all active enrollments of a pharmacy; returns how many problems are open.

    Also closes cycles that were missed, asks about patients without a fill for long, and raises plans that wait
    for a pharmacist past their time.
    """
    pharmacy = tx.get(Pharmacy, pharmacy_id)
    rules, today = rules_of(pharmacy), local_day(tx.now, pharmacy.zone)
    as_of = pharmacy.data_as_of
    stale = as_of is not None and tx.now - as_of > timedelta(hours=STALE_HOURS)
    active = enrollments.active(tx, pharmacy_id)
    if not stale:
        for cycle, enrollment in cycles.open_before(tx, pharmacy_id, today):
            close_missed(tx, enrollment, cycle, today, rules)
        review_inactive(tx, active, today, rules)
    total = check_patients(tx, [enrollment.patient_id for enrollment in active])
    _escalate(tx, pharmacy_id)
    return total


def _escalate(tx: Tx, pharmacy_id: str) -> None:
    """A plan nobody approved in time stops messages and preparation: it comes first on the board."""
    for row in exceptions.open_of_kind(tx, pharmacy_id, ExceptionKind.PLAN_REVIEW):
        if row.state is ExceptionState.OPEN and row.due_at < tx.now:
            row.severity = Severity.URGENT
