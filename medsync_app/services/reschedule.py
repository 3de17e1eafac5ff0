"""Moves a batch to another day: plan, trips, items and messages change together, or nothing does."""

from datetime import date

from medsync_app.domain.causes import Cause
from medsync_app.domain.cycle import ENDED
from medsync_app.domain.states import CycleState, EnrollmentState, ExceptionKind, Role
from medsync_app.errors import Conflict, Invalid
from medsync_app.services.audit import audit
from medsync_app.services.confirm_pickup import close_picked_up
from medsync_app.services.cycle_state import refresh_state
from medsync_app.services.exceptions import due_in, open_exception
from medsync_app.services.move_preview import Move, MovePreview, work_out_move
from medsync_app.services.override import check_override
from medsync_app.services.patient_problems import check_patient
from medsync_app.services.replan import hold_date, set_anchor
from medsync_app.services.schedule_cycle import reschedule_cycle
from medsync_app.services.versions import bump, check_version
from medsync_app.services.write_plan import REVIEW_HOURS, Plan, write_plan
from medsync_app.store.session import Tx
from medsync_app.store.tables import Cycle, Enrollment

__all__ = ["MovePreview", "preview_move", "reschedule"]


def preview_move(tx: Tx, cycle_id: str, new_date: date) -> MovePreview:
    """What would change if the batch moved to that day; writes nothing."""
    return work_out_move(tx, tx.get(Cycle, cycle_id), new_date).preview


def reschedule(
    tx: Tx,
    cycle_id: str,
    new_date: date,
    *,
    expected_version: int,
    override_reason: str | None = None,
    from_now_on: bool = False,
    levelled: bool = False,
) -> None:
    """Move a batch; what was already sent for a date is not sent again for that date.

    Invalid when the day is impossible, or breaks a rule and no reason is given; Forbidden when it breaks one and the
    caller is no pharmacist. Conflict when somebody changed
    the cycle since, naming who and when, or when it is over. Moving the first sync date, or `from_now_on`, makes
    the dates after it follow; else they stay on their own days. The day a person moved a batch to is held against
    levelling; `levelled` says that levelling itself moves it.
    """
    cycle = tx.get(Cycle, cycle_id, lock=True)
    check_version(tx, cycle, expected_version, "This cycle")
    enrollment = tx.get(Enrollment, cycle.enrollment_id, lock=True)
    if enrollment.state is not EnrollmentState.ACTIVE and cycle.state not in ENDED:
        raise Conflict("The enrollment is not active: resume it first.")
    if new_date == cycle.sync_date:
        return
    reason = (override_reason or "").strip()
    move = work_out_move(tx, cycle, new_date)
    if move.preview.why_not:
        raise Invalid(f"{move.preview.why_not.rstrip('.')}. Choose another day.", "new_date")
    check_override(tx, cycle.pharmacy_id, move.preview.breaks, reason, field="new_date")
    before = cycle.sync_date
    if move.option is None or move.replan is None:
        _move_day(tx, cycle, move, reason)
    else:
        _move_plan(tx, enrollment, cycle, move, reason, from_now_on=from_now_on)
    if not levelled:
        hold_date(
            enrollment, cycle.number, onward=from_now_on or (cycle.number == 1 and cycle.kind == "sync")
        )
    if cycle.state is CycleState.PICKED_UP:
        close_picked_up(tx, cycle)
    check_patient(tx, cycle.patient_id)
    audit(
        tx, pharmacy_id=cycle.pharmacy_id, act="reschedule", subject_kind="cycle", subject_id=cycle.id,
        detail={
            "from": before.isoformat(), "to": new_date.isoformat(), "breaks": list(move.preview.breaks),
            "override": bool(move.preview.breaks), **({"levelled": True} if levelled else {}),
        },
    )  # fmt: skip


def _move_plan(
    tx: Tx, enrollment: Enrollment, cycle: Cycle, move: Move, reason: str, *, from_now_on: bool
) -> None:
    assert move.option is not None and move.replan is not None  # noqa: S101, PT018 - checked by the caller
    new_date = move.preview.to_date
    nominal = cycle.nominal_date
    if cycle.number == 1 or from_now_on:
        set_anchor(enrollment, cycle.number, new_date)
        bump(tx, enrollment)
        nominal = new_date
    write_plan(
        tx,
        enrollment,
        Plan(
            option=move.option, number=cycle.number, nominal_date=nominal, reason="The date was moved.",
            override_reason=reason if move.preview.breaks else "", left_aside=move.replan.left_aside,
        ),
        cycle,
    )  # fmt: skip


def _move_day(tx: Tx, cycle: Cycle, move: Move, reason: str) -> None:
    preview = move.preview
    cycle.sync_date = preview.to_date
    cycle.confirmed_at, cycle.confirmed_how = None, ""
    if preview.breaks:
        cycle.needs_review, cycle.reviewed_at, cycle.reviewed_by = True, None, ""
        cycle.review = {"reasons": [*preview.breaks, "override"], "override_reason": reason}
        open_exception(
            tx, pharmacy_id=cycle.pharmacy_id, kind=ExceptionKind.PLAN_REVIEW,
            cause_key=Cause.PLAN_REVIEW.of(cycle.id),
            summary="Approve or change the new day of this batch: it breaks a rule.",
            owner_role=Role.PHARMACIST, due_at=due_in(tx, hours=REVIEW_HOURS), patient_id=cycle.patient_id,
            cycle_id=cycle.id, detail={"reasons": list(preview.breaks)},
        )  # fmt: skip
    base = CycleState.PLANNED if cycle.state is CycleState.PREPARING else None
    refresh_state(tx, cycle, base=base)
    reschedule_cycle(tx, cycle.id, "The date was moved.")
