"""What moving a batch to another day would change: computed once, for the dialog and for the move itself."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal

from medsync_app.domain.cycle import CLAIMED_ITEMS, ENDED, PENDING_ITEMS
from medsync_app.domain.days import OpenDays
from medsync_app.domain.plan_model import Break, Option, Policy
from medsync_app.domain.sync_plan import supply_of
from medsync_app.domain.workflow import Workflow, steps_for
from medsync_app.errors import Conflict
from medsync_app.services.cycle_facts import times_of
from medsync_app.services.ensure_workflow import workflow_for, workflow_of_version
from medsync_app.services.override import BREAK_WORDS, NEVER
from medsync_app.services.plan_inputs import drugs_for, policy_for
from medsync_app.services.replan import Replan, replan
from medsync_app.store.repositories import cycles, therapies
from medsync_app.store.repositories.pharmacies import pharmacy_today
from medsync_app.store.session import Tx
from medsync_app.store.tables import Cycle, Enrollment, Pharmacy


@dataclass(frozen=True, slots=True)
class MovedFill:
    """One drug that is affected: the day, and the days of supply where they matter."""

    therapy_id: str
    drug: str
    on: date
    days: int = 0


@dataclass(frozen=True, slots=True)
class MovedMessage:
    """A step of the workflow that is withdrawn or queued; `skipped` says why it would not go out."""

    step: str
    name: str
    kind: str
    at: datetime
    skipped: str = ""


@dataclass(frozen=True, slots=True)
class MovePreview:
    """What a move changes; `breaks` are codes, `break_words` the same in plain words.

    `possible` False: no reason helps (`why_not`). `needs_override`: a pharmacist must give a reason.
    `load` counts the other batches of that day.
    """

    cycle_id: str
    version: int
    from_date: date
    to_date: date
    breaks: tuple[str, ...]
    break_words: tuple[str, ...]
    possible: bool
    why_not: str
    needs_override: bool
    needs_review: bool
    explanation: str
    short_fills: tuple[MovedFill, ...]
    too_soon: tuple[MovedFill, ...]
    left_out: tuple[MovedFill, ...]
    gap_days: int
    extra_copay: Decimal
    load: int
    capacity: int | None
    withdrawn: tuple[MovedMessage, ...]
    queued: tuple[MovedMessage, ...]


@dataclass(frozen=True, slots=True)
class Move:
    """A move worked out: `option` is the new plan, None when only the day of the batch changes."""

    preview: MovePreview
    option: Option | None
    replan: Replan | None


def work_out_move(tx: Tx, cycle: Cycle, new_date: date) -> Move:
    """What moving `cycle` to `new_date` means; Conflict when the cycle is over."""
    if cycle.state in ENDED:
        raise Conflict("This cycle is over and cannot be moved. Move the next one.")
    items = cycles.items_of(tx, cycle.id)
    only_day = cycle.kind == "trip" or not any(
        item.state in PENDING_ITEMS and item.state not in CLAIMED_ITEMS for item in items
    )
    return _move_day(tx, cycle, new_date) if only_day else _move_plan(tx, cycle, new_date)


def _move_plan(tx: Tx, cycle: Cycle, new_date: date) -> Move:
    """The whole plan of the sync date for another day."""
    enrollment = tx.get(Enrollment, cycle.enrollment_id)
    known = replan(tx, enrollment, cycle.number, day=new_date, cycle=cycle)
    option = known.requested
    breaks: tuple[str, ...] = () if option is None else known.avoidable_breaks(option)
    why_not = ""
    if option is None or option.sync_date is None:
        why_not = option.reason or "" if option is not None else "No medicine takes part in the plan."
        breaks = (*breaks, "infeasible")
    if new_date < known.policy.today:
        # Whatever else does not fit a day that is over, this is what to say of it.
        why_not = BREAK_WORDS["past"]
    preview = _preview(tx, cycle, new_date, breaks, known.policy, option, why_not)
    return Move(preview, option, known)


def _move_day(tx: Tx, cycle: Cycle, new_date: date) -> Move:
    """A trip, or a batch that is filled already: its contents stay, only the day changes."""
    today = pharmacy_today(tx, cycle.pharmacy_id)
    policy = policy_for(tx, cycle.pharmacy_id, today=today, exclude_cycle_ids=[cycle.id])
    breaks = [*_day_breaks(policy, new_date), *_supply_breaks(tx, cycle, new_date, policy)]
    if cycle.kind == "trip":
        syncs = cycles.open_of_enrollment(tx, cycle.enrollment_id, "sync")
        if any(sync.number == cycle.number and new_date >= sync.sync_date for sync in syncs):
            breaks.append("after_sync")
    preview = _preview(tx, cycle, new_date, tuple(breaks), policy, None, "")
    return Move(preview, None, None)


def _day_breaks(policy: Policy, day: date) -> list[Break]:
    open_days = OpenDays.of(policy.open_weekdays, policy.closed_dates)
    capacity = policy.daily_capacity
    checks: list[tuple[Break, bool]] = [
        ("past", day < policy.today),
        ("closed", not open_days.is_open(day.toordinal())),
        ("full", capacity is not None and policy.planned_load.get(day, 0) >= capacity),
    ]
    return [code for code, broken in checks if broken]


def _supply_breaks(tx: Tx, cycle: Cycle, day: date, policy: Policy) -> list[Break]:
    """Whether a drug of this batch runs out before the day, or is claimed too early on it."""
    pending = [item for item in cycles.items_of(tx, cycle.id) if item.state in PENDING_ITEMS]
    known = drugs_for(tx, cycle.patient_id, today=policy.today, replanned=[cycle.id])
    medications = {str(medication.id): medication for medication in known.medications}
    gap = too_soon = False
    for item in pending:
        supply = supply_of(policy, medications[item.therapy_id])
        if supply is None:
            continue
        gap = gap or max(supply.run_out, cycle.sync_date, policy.today) < day
        too_soon = too_soon or (item.state not in CLAIMED_ITEMS and day < supply.eligible)
    found: list[tuple[Break, bool]] = [("gap", gap), ("too_soon", too_soon)]
    return [code for code, broken in found if broken]


def _preview(
    tx: Tx,
    cycle: Cycle,
    new_date: date,
    breaks: tuple[str, ...],
    policy: Policy,
    option: Option | None,
    why_not: str,
) -> MovePreview:
    names = {row.id: row.drug_name for row in therapies.of_patient(tx, cycle.patient_id)}
    never = [code for code in breaks if code in NEVER]
    plans = option.medications if option is not None else ()
    fills = [(plan.id, fill) for plan in plans for fill in plan.fills]
    needs_review = bool(breaks) or (option.needs_pharmacist_review if option is not None else False)
    load = cycles.load_by_day(tx, cycle.pharmacy_id, new_date, without=[cycle.id])
    return MovePreview(
        cycle_id=cycle.id,
        version=cycle.version,
        from_date=cycle.sync_date,
        to_date=new_date,
        breaks=breaks,
        break_words=tuple(BREAK_WORDS[code] for code in breaks),
        possible=not never,
        why_not=why_not or (BREAK_WORDS[never[0]] if never else ""),
        needs_override=bool(breaks) and not never,
        needs_review=needs_review,
        explanation=option.explanation if option is not None else "",
        short_fills=tuple(
            MovedFill(key, names[key], fill.date, fill.days_supply)
            for key, fill in fills
            if fill.kind == "short"
        ),
        too_soon=tuple(MovedFill(key, names[key], fill.date) for key, fill in fills if fill.too_soon),
        left_out=tuple(
            MovedFill(plan.id, names[plan.id], plan.next_due) for plan in plans if plan.case == "left_out"
        ),
        gap_days=option.cost.gap_days if option is not None and option.cost is not None else 0,
        extra_copay=option.extra_copay if option is not None else Decimal("0.00"),
        load=load.get(new_date, 0),
        capacity=policy.daily_capacity,
        withdrawn=_withdrawn(tx, cycle),
        queued=_queued(tx, cycle, new_date, needs_approval=needs_review) if not never else (),
    )


def _withdrawn(tx: Tx, cycle: Cycle) -> tuple[MovedMessage, ...]:
    pending = cycles.pending_actions(tx, cycle.id)
    if not pending:
        return ()
    names = _step_names(tx, cycle)
    return tuple(
        MovedMessage(action.step, names.get(action.step, action.step), action.kind, action.due_at)
        for action in pending
    )


def _queued(tx: Tx, cycle: Cycle, day: date, *, needs_approval: bool) -> tuple[MovedMessage, ...]:
    """What would be queued for the new day: the same steps the move queues, those already done left out."""
    pharmacy = tx.get(Pharmacy, cycle.pharmacy_id)
    facts = replace(
        times_of(tx, cycle, pharmacy), sync_date=day, needs_approval=needs_approval, confirmed=False
    )
    done = cycles.action_keys(tx, cycle.id)
    return tuple(
        MovedMessage(s.step.id, s.step.name, s.action.do, s.due_at, s.skip_reason or "")
        for s in steps_for(_workflow(tx, cycle), "scheduled", facts, tx.now, pharmacy.zone)
        if f"{cycle.id}:{s.key}:{day.isoformat()}" not in done
    )


def _workflow(tx: Tx, cycle: Cycle) -> Workflow:
    if cycle.workflow_version_id is not None:
        return workflow_of_version(tx, cycle.workflow_version_id)
    return workflow_for(tx, cycle.pharmacy_id)[1]


def _step_names(tx: Tx, cycle: Cycle) -> dict[str, str]:
    return {step.id: step.name for step in _workflow(tx, cycle).steps}
