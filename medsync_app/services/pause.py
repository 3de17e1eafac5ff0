"""Pauses an enrollment and resumes it: nothing is prepared or sent in between, and a new date is chosen after it."""

from datetime import date

from medsync_app.domain.causes import Cause
from medsync_app.domain.cycle import AT_THE_PHARMACY, FETCHABLE
from medsync_app.domain.states import CycleState, EnrollmentState, ExceptionKind, Role
from medsync_app.errors import Conflict, Invalid
from medsync_app.services.audit import audit
from medsync_app.services.cycle_state import end_cycle
from medsync_app.services.cycle_tasks import close_cycle_tasks, close_date_questions
from medsync_app.services.exceptions import close_exception, due_in, open_exception
from medsync_app.services.override import check_override
from medsync_app.services.patient_problems import check_patient
from medsync_app.services.replan import replan, set_anchor
from medsync_app.services.return_task import ask_to_return
from medsync_app.services.schedule_cycle import withdraw_messages
from medsync_app.services.versions import bump, check_version
from medsync_app.services.write_plan import Plan, cancel_cycle, write_plan
from medsync_app.store.repositories import cycles
from medsync_app.store.session import Tx
from medsync_app.store.tables import Cycle, Enrollment

MAX_TEXT = 500
HOSPITALISED = "hospitalised"
_ASK_AGAIN_DAYS = 14


def pause(tx: Tx, enrollment_id: str, *, expected_version: int, reason: str) -> None:
    """Pause an active enrollment: every message is withdrawn, batches not yet filled are cancelled.

    A batch that is ready can still be picked up. The reason "hospitalised" makes a task for the pharmacist to
    reconcile the medicines on discharge. Conflict when it is not active or was changed since.
    """
    text = reason.strip()
    if not text or len(text) > MAX_TEXT:
        raise Invalid(f"Say why, in at most {MAX_TEXT} characters.", "reason")
    enrollment = tx.get(Enrollment, enrollment_id, lock=True)
    check_version(tx, enrollment, expected_version, "This enrollment")
    if enrollment.state is not EnrollmentState.ACTIVE:
        raise Conflict(f"Only an active enrollment can be paused; this one is {enrollment.state.value}.")
    enrollment.state = EnrollmentState.PAUSED
    enrollment.end_reason = text
    bump(tx, enrollment)
    stop_cycles(tx, enrollment, "The enrollment was paused.")
    open_exception(
        tx, pharmacy_id=enrollment.pharmacy_id, kind=ExceptionKind.CALL, cause_key=Cause.PAUSED.of(enrollment.id),
        summary="Ask whether the patient is home: reconcile the medicines and choose a date again."
        if text == HOSPITALISED
        else "Ask whether the patient wants to go on, and choose a date again.",
        owner_role=Role.PHARMACIST if text == HOSPITALISED else Role.TECHNICIAN,
        due_at=due_in(tx, days=_ASK_AGAIN_DAYS), patient_id=enrollment.patient_id,
    )  # fmt: skip
    audit(
        tx, pharmacy_id=enrollment.pharmacy_id, act="pause", subject_kind="enrollment",
        subject_id=enrollment.id, detail={"hospitalised": text == HOSPITALISED},
    )  # fmt: skip


def resume(
    tx: Tx,
    enrollment_id: str,
    *,
    expected_version: int,
    sync_date: date,
    override_reason: str = "",
) -> str:
    """Go on from a new sync date; gives the id of its cycle.

    Also for an active enrollment without a coming sync date (after two missed batches). Invalid when the date is
    impossible, or breaks a rule and no reason is given; Forbidden when it breaks one and the caller is no pharmacist;
    Conflict when a date is planned already.
    """
    enrollment = tx.get(Enrollment, enrollment_id, lock=True)
    check_version(tx, enrollment, expected_version, "This enrollment")
    if enrollment.state not in (EnrollmentState.PAUSED, EnrollmentState.ACTIVE):
        raise Conflict(f"This enrollment has ended ({enrollment.state.value}): enroll the patient again.")
    if cycles.open_of_enrollment(tx, enrollment.id, "sync"):
        raise Conflict("A batch of this patient is still open: pick it up, return it or move it.")
    number = cycles.highest_number(tx, enrollment.id) + 1
    known = replan(tx, enrollment, number, day=sync_date)
    option = known.requested
    if option is None or option.sync_date is None:
        reason = option.reason if option is not None else None
        raise Invalid(reason or "No medicine takes part in the plan.", "sync_date")
    breaks = known.avoidable_breaks(option)
    check_override(tx, enrollment.pharmacy_id, breaks, override_reason)
    enrollment.state = EnrollmentState.ACTIVE
    enrollment.end_reason = ""
    set_anchor(enrollment, number, sync_date)
    bump(tx, enrollment)
    cycle = write_plan(
        tx,
        enrollment,
        Plan(
            option=option, number=number, nominal_date=sync_date, reason="The enrollment was resumed.",
            override_reason=override_reason.strip() if breaks else "", left_aside=known.left_aside,
        ),
    )  # fmt: skip
    close_date_questions(tx, enrollment, "The enrollment goes on.")
    close_exception(
        tx, pharmacy_id=enrollment.pharmacy_id, cause_key=Cause.FILLED.of(enrollment.id),
        outcome="It is in a batch again.",
    )  # fmt: skip
    check_patient(tx, enrollment.patient_id)
    audit(
        tx, pharmacy_id=enrollment.pharmacy_id, act="resume", subject_kind="enrollment",
        subject_id=enrollment.id, detail={"sync_date": sync_date.isoformat(), "cycle": cycle.id},
    )  # fmt: skip
    return cycle.id


def stop_cycles(tx: Tx, enrollment: Enrollment, reason: str, *, fetched: bool = True) -> None:
    """Withdraw every message of an enrollment and cancel its open cycles; what is ready stays to be fetched.

    The return clock is among the withdrawn steps: what is filled has a task instead, at once if nobody will have
    `fetched` it.
    """
    withdraw_messages(tx, enrollment_id=enrollment.id, reason=reason)
    for cycle in cycles.open_of_enrollment(tx, enrollment.id):
        if _rest_never_came(tx, cycle):
            close_cycle_tasks(tx, cycle, reason)
            end_cycle(tx, cycle, CycleState.CLOSED)
        elif cycle.state in FETCHABLE:
            ask_to_return(tx, cycle, Cause.RETURN_TO_STOCK.of(cycle.id), fetched=fetched)
        else:
            # What is ready of a plan that waits for its approval (it was moved) waits at the pharmacy as well.
            if any(item.state in AT_THE_PHARMACY for item in cycles.items_of(tx, cycle.id)):
                ask_to_return(tx, cycle, Cause.FILLED.of(enrollment.id), fetched=fetched)
            cancel_cycle(tx, cycle, reason)


def _rest_never_came(tx: Tx, cycle: Cycle) -> bool:
    """Whether a part was fetched and nothing else is at the pharmacy: there is nothing to fetch or return."""
    if cycle.state is not CycleState.PARTLY_PICKED_UP:
        return False
    return all(i.state not in AT_THE_PHARMACY for i in cycles.items_of(tx, cycle.id))
