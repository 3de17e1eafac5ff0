"""Opens the next cycle of an enrollment: on the date of its cadence, or planned anew for review.

Choice where the rules leave room: a date for which a surplus makes a drug too soon (30-day fills on a 28-day cycle)
is held on the first open day that is not, while every drug lasts; its nominal date stays, so that the date itself is
passed over once the surplus has grown to a cycle.
"""

from dataclasses import replace
from datetime import date, timedelta

from medsync_app.domain.cadence import last_open_day
from medsync_app.domain.causes import Cause
from medsync_app.domain.plan_model import Option
from medsync_app.domain.states import CycleState, EnrollmentState, ExceptionKind, ItemState, Role
from medsync_app.domain.sync_plan import plan
from medsync_app.errors import Conflict
from medsync_app.services.cycle_state import end_cycle
from medsync_app.services.exceptions import due_in, open_exception
from medsync_app.services.patient_problems import check_patient
from medsync_app.services.replan import Replan, held_on, next_nominal, replan, set_anchor
from medsync_app.services.write_plan import Plan, write_plan
from medsync_app.store.repositories import cycles
from medsync_app.store.repositories.enrollments import OPEN_STATES
from medsync_app.store.session import Tx
from medsync_app.store.tables import Cycle, Enrollment

#: A pull-back beyond this is no cadence any more: the date is planned anew.
MOST_PULLED_BACK = 10
DOES_NOT_FIT = "date_does_not_fit"


def close_for_next(tx: Tx, cycle: Cycle) -> str | None:
    """Close a cycle that was fetched, and open the next one, whose id is given.

    While none can be opened for an enrollment that goes on (it is paused, or no date can be planned) the cycle
    stays picked up: opening the next one, or the end of the enrollment, closes it.
    """
    following = open_next_cycle(tx, cycle.enrollment_id, cycle) if cycle.kind == "sync" else None
    goes_on = tx.get(Enrollment, cycle.enrollment_id).state in OPEN_STATES
    if cycle.state is CycleState.PICKED_UP and (following or cycle.kind == "trip" or not goes_on):
        end_cycle(tx, cycle, CycleState.CLOSED)
    return following


def open_next_cycle(tx: Tx, enrollment_id: str, after: Cycle, *, anew: str = "") -> str | None:
    """Open the cycle after `after` and give its id; an open later one is given back as it is.

    The nominal date stays while no drug is too soon, left out or without supply on it (DOMAIN.md, cadence); else,
    or when `anew` names a reason, the best date is taken and a pharmacist reviews it. None when the enrollment is
    not active, or no drug is left to plan.
    """
    enrollment = tx.get(Enrollment, enrollment_id)
    if after.enrollment_id != enrollment.id:
        raise Conflict("This cycle belongs to another enrollment.")
    if enrollment.state is not EnrollmentState.ACTIVE:
        return None
    later = [c for c in cycles.open_of_enrollment(tx, enrollment.id, "sync") if c.number > after.number]
    if later:
        return later[0].id
    number = after.number + 1
    first = replan(tx, enrollment, number)
    nominal = _coming_nominal(enrollment, number, after, first)
    day = _pulled_back(tx, after, nominal, held_on(nominal, first.policy), first)
    dated = replan(tx, enrollment, number, day=day)
    option, review = _choose(dated, day, anew, _why(after))
    if option is None or option.sync_date is None:
        _ask_what_next(tx, after)
        return None
    if option is dated.recommended:
        nominal = option.sync_date
        set_anchor(enrollment, number, nominal)
    cycle = write_plan(
        tx,
        enrollment,
        Plan(
            option=option, number=number, nominal_date=nominal, reason="The next cycle was planned.",
            review=review, left_aside=dated.left_aside,
        ),
    )  # fmt: skip
    check_patient(tx, cycle.patient_id)
    return cycle.id


def _ask_what_next(tx: Tx, after: Cycle) -> None:
    """Nobody falls out of the programme unseen: without a next date a person decides."""
    open_exception(
        tx, pharmacy_id=after.pharmacy_id, kind=ExceptionKind.PLAN_REVIEW, cause_key=Cause.NO_DATE.of(after.id),
        summary="No next date can be planned for this patient: check the medicines, or end the enrollment.",
        owner_role=Role.PHARMACIST, due_at=due_in(tx, hours=48), patient_id=after.patient_id,
        cycle_id=after.id,
    )  # fmt: skip


def _coming_nominal(enrollment: Enrollment, number: int, after: Cycle, known: Replan) -> date:
    """The first date of the chain that lies after the last batch and today, and on which some drug is due."""
    steps = number
    nominal = next_nominal(enrollment, steps, known.policy)
    behind = max(after.sync_date, known.today)
    lasts_until = min((drug.next_due for drug in known.recommended.medications), default=None)
    while held_on(nominal, known.policy) <= behind or (
        lasts_until is not None and lasts_until >= next_nominal(enrollment, steps + 1, known.policy)
    ):
        steps += 1
        nominal = next_nominal(enrollment, steps, known.policy)
    if steps != number:
        # Dates were passed over: numbers go on by one, so the chain is counted from here.
        set_anchor(enrollment, number, nominal)
    return nominal


def _pulled_back(tx: Tx, after: Cycle, nominal: date, day: date, known: Replan) -> date:
    """No later than the day the first drug of the last batch runs out (a 28-day supply, a month of 31 days)."""
    from_batch = {
        item.therapy_id for item in cycles.items_of(tx, after.id) if item.state is ItemState.PICKED_UP
    }
    run_outs = [drug.next_due for drug in known.recommended.medications if drug.id in from_batch]
    if not run_outs or min(run_outs) >= day:
        return day
    pulled = last_open_day(min(run_outs), known.policy)
    too_far = (nominal - pulled) > timedelta(days=MOST_PULLED_BACK)
    return day if too_far or pulled <= max(known.today, after.sync_date) else pulled


def _why(after: Cycle) -> str:
    """Why a nominal date does not fit: the batch before it was fetched late, or its supplies end otherwise."""
    late = after.picked_up_on is not None and after.picked_up_on > after.sync_date
    return "late_pickup" if late else DOES_NOT_FIT


def _choose(dated: Replan, day: date, anew: str, why: str) -> tuple[Option | None, tuple[str, ...]]:
    """The option of the cadence's day, or the recommended one with why the date was planned anew."""
    best, wanted = dated.recommended, dated.requested
    if best.cost is None or best.sync_date is None:
        return None, ()
    aside: tuple[str, ...] = ("left_aside",) if dated.left_aside else ()
    if anew:
        return best, (anew, *aside)
    if wanted is not None and _serves(wanted, dated, day):
        return wanted, aside
    later = _held_later(dated, day) if why == DOES_NOT_FIT else None
    return (best, (why, *aside)) if later is None else (later, aside)


def _serves(wanted: Option, dated: Replan, day: date) -> bool:
    """Whether the cadence's day does no worse than the best one: no gap, nothing too soon, nothing left out."""
    best = dated.recommended.cost
    if wanted.cost is None or best is None:
        return False
    broken = [code for code in dated.avoidable_breaks(wanted) if code in ("gap", "too_soon", "past")]
    too_soon = any(fill.too_soon and fill.date <= day for drug in wanted.medications for fill in drug.fills)
    return not (broken or too_soon or wanted.cost.left_out > best.left_out)


def _held_later(known: Replan, day: date) -> Option | None:
    """The first open day with room after `day` that serves every drug whole and in time; None when none does."""
    last = min(drug.planned_for for drug in known.recommended.medications)
    for later in range(1, (last - day).days + 1):
        wanted = day + timedelta(days=later)
        horizon = max(known.policy.horizon_days, (wanted - known.today).days)
        policy = replace(known.policy, requested_date=wanted, horizon_days=horizon)
        option = plan(policy, known.medications).option("requested")
        if option is None or option.cost is None or option.breaks:
            continue
        cost = option.cost
        if not (cost.too_soon or cost.trips or cost.short_fills or cost.left_out):
            return option
    return None
