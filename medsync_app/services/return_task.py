"""Tasks to return a batch where no step of the workflow will ask for it."""

from datetime import date, timedelta

from medsync_app.domain.causes import Cause
from medsync_app.domain.local_time import to_instant
from medsync_app.domain.states import EnrollmentState, ExceptionKind, Role, Severity
from medsync_app.services.cycle_facts import return_days
from medsync_app.services.exceptions import DAY_STARTS, close_exception, due_by, due_in, open_exception
from medsync_app.store.repositories.pharmacies import pharmacy_today
from medsync_app.store.session import Tx
from medsync_app.store.tables import Cycle, Enrollment, Pharmacy


def mind_return(tx: Tx, cycle: Cycle) -> None:
    """What is ready of a batch has somebody who returns it when its steps do not: it is too old, or they are stopped.

    A batch that is ready when its days to wait are over is told to nobody: it is billed again, and told then, or goes
    back. On its day the patient comes, so that is settled before.
    """
    pharmacy = tx.get(Pharmacy, cycle.pharmacy_id)
    waited = pharmacy_today(tx, pharmacy.id) - (cycle.claimed_on or date.max)
    if waited > timedelta(days=return_days(pharmacy)):
        open_exception(
            tx, pharmacy_id=pharmacy.id, kind=ExceptionKind.RETURN_TO_STOCK, cause_key=Cause.TOO_OLD.of(cycle.id),
            summary="The claim is older than a batch may wait: reverse it and bill it again, or return the batch to "
            "stock. The patient is not told before.",
            owner_role=Role.TECHNICIAN, due_at=due_by(tx, pharmacy.id, cycle.sync_date),
            severity=Severity.HIGH, patient_id=cycle.patient_id, cycle_id=cycle.id,
        )  # fmt: skip
    elif tx.get(Enrollment, cycle.enrollment_id).state is not EnrollmentState.ACTIVE:
        ask_to_return(tx, cycle, Cause.RETURN_TO_STOCK.of(cycle.id))


def ask_to_return(tx: Tx, cycle: Cycle, cause_key: str, *, fetched: bool = True) -> None:
    """Ask for the return of what is filled when its days are over; within a day if nobody will have `fetched` it."""
    pharmacy = tx.get(Pharmacy, cycle.pharmacy_id)
    close_exception(
        tx, pharmacy_id=pharmacy.id, cause_key=Cause.TOO_OLD.of(cycle.id), outcome="It is to be returned."
    )
    claimed_on = cycle.claimed_on or pharmacy_today(tx, pharmacy.id)
    limit = claimed_on + timedelta(days=return_days(pharmacy))
    soon = due_in(tx, hours=24)
    open_exception(
        tx, pharmacy_id=pharmacy.id, kind=ExceptionKind.RETURN_TO_STOCK, cause_key=cause_key,
        summary="Return what is filled of this batch to stock and reverse its claims, "
        + ("unless it is fetched before." if fetched else "it will not be fetched."),
        owner_role=Role.TECHNICIAN,
        due_at=max(to_instant(limit, DAY_STARTS, pharmacy.zone), soon) if fetched else soon,
        patient_id=cycle.patient_id, cycle_id=cycle.id,
    )  # fmt: skip
