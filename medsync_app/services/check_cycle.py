"""Step 6 of the workflow: the look for problems of one cycle, and the daily one of a whole pharmacy."""

from medsync_app.clock import local_day
from medsync_app.services.missed_cycles import close_missed, review_inactive
from medsync_app.services.patient_problems import check_patient, check_patients
from medsync_app.services.rules import data_is_stale, rules_of
from medsync_app.services.tell_overdue import tell_overdue
from medsync_app.store.repositories import cycles, enrollments
from medsync_app.store.session import Tx
from medsync_app.store.tables import Cycle, Pharmacy


def check_cycle(tx: Tx, cycle_id: str) -> int:
    """Open, update and close the problems of one cycle's patient; returns how many are open now."""
    return check_patient(tx, tx.get(Cycle, cycle_id).patient_id)


def check_pharmacy(tx: Tx, pharmacy_id: str) -> int:
    """The daily look at all active enrollments of a pharmacy; returns how many problems are open.

    Also closes cycles that were missed, asks about patients without a fill for long, and tells of overdue tasks.
    """
    pharmacy = tx.get(Pharmacy, pharmacy_id)
    rules, today = rules_of(pharmacy), local_day(tx.now, pharmacy.zone)
    active = enrollments.active(tx, pharmacy_id)
    if not data_is_stale(pharmacy, tx.now):
        for cycle, enrollment in cycles.open_before(tx, pharmacy_id, today):
            close_missed(tx, enrollment, cycle, today, rules)
        review_inactive(tx, active, today, rules)
    total = check_patients(tx, [enrollment.patient_id for enrollment in active])
    tell_overdue(tx, pharmacy_id)
    return total
