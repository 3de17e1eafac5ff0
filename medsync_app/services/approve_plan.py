"""A pharmacist approves a proposed plan: its messages are queued and it may be prepared."""

from medsync_app.domain.causes import Cause
from medsync_app.domain.states import Role
from medsync_app.errors import Conflict
from medsync_app.services.audit import audit
from medsync_app.services.cycle_state import refresh_state
from medsync_app.services.event_problem import cycle_key
from medsync_app.services.exceptions import close_exception
from medsync_app.services.patient_problems import check_patient
from medsync_app.services.return_task import mind_return
from medsync_app.services.schedule_cycle import readiness_of, schedule_cycle
from medsync_app.services.versions import check_version
from medsync_app.store.repositories import cycles, inbound
from medsync_app.store.session import Tx
from medsync_app.store.tables import Cycle


def approve(tx: Tx, cycle_id: str, *, expected_version: int) -> bool:
    """Approve the plan a cycle belongs to, its trips included; False when it was approved already.

    Pharmacists only (Forbidden). Conflict when the plan changed since it was read, or is over.
    """
    cycle = tx.get(Cycle, cycle_id, lock=True)
    tx.scope.require(cycle.pharmacy_id, Role.PHARMACIST)
    open_cycles = cycles.open_of_enrollment(tx, cycle.enrollment_id)
    waiting = [row for row in open_cycles if row.unapproved]
    if not waiting and cycle.reviewed_at is not None:
        return False
    check_version(tx, cycle, expected_version, "This plan")
    if not waiting:
        raise Conflict("Nothing of this plan needs an approval.")
    for row in waiting:
        row.reviewed_by, row.reviewed_at = tx.scope.actor_name, tx.now
        refresh_state(tx, row)
    for row in open_cycles:
        close_exception(
            tx, pharmacy_id=row.pharmacy_id, cause_key=Cause.PLAN_REVIEW.of(row.id),
            outcome=f"Approved by {tx.scope.actor_name}.",
        )  # fmt: skip
    for row in waiting:
        schedule_cycle(tx, row.id)
        if readiness_of(tx, row) is not None:  # filled before it was moved
            mind_return(tx, row)
    check_patient(tx, cycle.patient_id)
    inbound.wake(tx, cycle.pharmacy_id, [cycle_key(row.id) for row in waiting])
    audit(
        tx, pharmacy_id=cycle.pharmacy_id, act="approve_plan", subject_kind="cycle", subject_id=cycle.id,
        detail={"cycles": [row.id for row in waiting], "reasons": cycle.review.get("reasons", [])},
    )  # fmt: skip
    return True
