"""Tasks to return a batch where no step of the workflow will ask for it."""

from datetime import timedelta

from medsync_app.domain.causes import Cause
from medsync_app.domain.local_time import to_instant
from medsync_app.domain.states import EnrollmentState, ExceptionKind, Role, Severity
from medsync_app.services.cycle_facts import return_days
from medsync_app.services.exceptions import DAY_STARTS, due_in, open_exception
from medsync_app.store.repositories.pharmacies import pharmacy_today
from medsync_app.store.session import Tx
from medsync_app.store.tables import Cycle, Enrollment, Pharmacy


def mind_return(tx: Tx, cycle: Cycle) -> None:
    """What is ready of a batch has somebody who returns it when its steps do not: it is too old, or they are stopped.

    A batch that is ready when its days to wait are over is told to nobody: somebody bills it again or returns it.
    """
    limit = return_days(tx.get(Pharmacy, cycle.pharmacy_id))
    if (
        cycle.claimed_on is not None
        and (pharmacy_today(tx, cycle.pharmacy_id) - cycle.claimed_on).days > limit
    ):
        open_exception(
            tx, pharmacy_id=cycle.pharmacy_id, kind=ExceptionKind.RETURN_TO_STOCK,
            cause_key=Cause.RETURN_TO_STOCK.of(cycle.id),
            summary="The claim is older than a batch may wait: reverse it and bill it again, or return the batch to "
            "stock. The patient is not told before.",
            owner_role=Role.TECHNICIAN, due_at=due_in(tx, hours=24), severity=Severity.HIGH,
            patient_id=cycle.patient_id, cycle_id=cycle.id,
        )  # fmt: skip
    elif tx.get(Enrollment, cycle.enrollment_id).state is not EnrollmentState.ACTIVE:
        ask_to_return(tx, cycle, Cause.RETURN_TO_STOCK.of(cycle.id))


def ask_to_return(tx: Tx, cycle: Cycle, cause_key: str, *, fetched: bool = True) -> None:
    """Ask for the return of what is filled when its days are over; within a day if nobody will have `fetched` it."""
    pharmacy = tx.get(Pharmacy, cycle.pharmacy_id)
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
