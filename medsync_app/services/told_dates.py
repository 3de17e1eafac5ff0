"""The date a patient has heard does not stand any more: they hear the new one, or somebody calls."""

from datetime import date, time

from medsync_app.domain.causes import Cause
from medsync_app.domain.cycle import ENDED
from medsync_app.domain.local_time import to_instant
from medsync_app.domain.states import EnrollmentState, ExceptionKind, Role, Severity
from medsync_app.outbox.queue import NewAction, queue
from medsync_app.services.exceptions import close_exception, due_by, open_exception
from medsync_app.store.repositories.messaging import in_place_of, last_told
from medsync_app.store.repositories.pharmacies import pharmacy_today
from medsync_app.store.session import Tx
from medsync_app.store.tables import Cycle, Enrollment, Pharmacy


def tell_new_date(tx: Tx, cycle: Cycle) -> int:
    """Queue the news of a moved date when the last message that named one named another; gives how many are new.

    Also when that was about a batch in whose place this one is: it was called off, or merged away with its enrollment.
    """
    if cycle.state in ENDED or cycle.unapproved:
        return 0
    if tx.get(Enrollment, cycle.enrollment_id).state is not EnrollmentState.ACTIVE:
        return 0
    pharmacy = tx.get(Pharmacy, cycle.pharmacy_id)
    day, useful_until = cycle.sync_date.isoformat(), to_instant(cycle.sync_date, time(12, 0), pharmacy.zone)
    if useful_until <= tx.now:
        return 0
    replaced = in_place_of(tx, cycle)
    heard = [last_told(tx, key) for key in (cycle.id, *replaced)]
    told = next((one for one in heard if one is not None and one.day != day), None)
    for key in replaced:
        close_exception(
            tx, pharmacy_id=pharmacy.id, cause_key=Cause.CALLED_OFF.of(key), outcome="The patient is told the new date."
        )  # fmt: skip
    if told is None:
        return 0
    news = NewAction(
        pharmacy_id=pharmacy.id, step="date_changed", kind="message", due_at=tx.now, stale_at=useful_until,
        idempotency_key=f"{cycle.id}:date_changed:{day}:{told.action_id}",
        payload={"sync_date": day, "number": 2, "action": {"do": "message", "template": "date_changed"}},
        patient_id=cycle.patient_id, enrollment_id=cycle.enrollment_id, cycle_id=cycle.id,
    )  # fmt: skip
    return queue(tx, [news])


def correct_told(tx: Tx, cycle: Cycle) -> None:
    """Have a patient called who has heard of a day, still to come, on which a batch does not take place after all.

    The batch in its place closes the task with the news of its own date. Of a pause or an end the patient knows.
    """
    told = last_told(tx, cycle.id)
    if told is None or tx.get(Enrollment, cycle.enrollment_id).state is not EnrollmentState.ACTIVE:
        return
    day = date.fromisoformat(told.day)
    if day < pharmacy_today(tx, cycle.pharmacy_id):
        return
    open_exception(
        tx, pharmacy_id=cycle.pharmacy_id, kind=ExceptionKind.CALL, cause_key=Cause.CALLED_OFF.of(cycle.id),
        summary="The patient was told of a pickup that does not take place: call, and say which day it is now.",
        owner_role=Role.TECHNICIAN, due_at=due_by(tx, cycle.pharmacy_id, day), severity=Severity.HIGH,
        patient_id=cycle.patient_id, cycle_id=cycle.id,
    )  # fmt: skip
