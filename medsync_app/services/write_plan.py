"""Writes a chosen plan: the sync date's cycle, its trips and their items, with review task and messages.

Used for the first plan and for every later one of the same cycle: what has been claimed already stays as it is.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from medsync_app.domain.batches import PICKUP, Batch, PlannedItem, batches_of
from medsync_app.domain.causes import Cause
from medsync_app.domain.cycle import CLAIMED_ITEMS
from medsync_app.domain.plan_model import Option
from medsync_app.domain.plan_words import CASE_LABELS
from medsync_app.domain.states import CycleState, ExceptionKind, ItemState, Role
from medsync_app.services.cycle_state import close_fetched, end_cycle, refresh_state
from medsync_app.services.cycle_tasks import close_cycle_tasks
from medsync_app.services.exceptions import close_exception, due_in, open_exception
from medsync_app.services.schedule_cycle import reschedule_cycle, schedule_cycle, withdraw_messages
from medsync_app.services.told_dates import correct_told
from medsync_app.services.will_call import place_waiting_fills
from medsync_app.store.repositories import cycles
from medsync_app.store.session import Tx
from medsync_app.store.tables import Cycle, CycleItem, Enrollment

REVIEW_HOURS = 24
#: Problems a plan writes and may take away again; every other one was found out or decided by somebody.
PLAN_PROBLEMS = frozenset({"", "no_refills", "not_due", "left_out", "left_aside"})
_SUMMARY = "Approve or change this plan: nothing is prepared and no message names its date before."


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be written for one sync date of an enrollment.

    `review` names further reasons (codes) why a pharmacist must look at it, besides those of the option itself.
    `left_aside` are drugs of the programme that this plan does not hold, with the reason in plain words.
    """

    option: Option
    number: int
    nominal_date: date
    reason: str
    review: tuple[str, ...] = ()
    override_reason: str = ""
    left_aside: Mapping[str, str] = field(default_factory=lambda: dict[str, str]())


@dataclass(slots=True)
class _Changes:
    new: list[Cycle] = field(default_factory=lambda: list[Cycle]())
    changed: list[Cycle] = field(default_factory=lambda: list[Cycle]())
    cancelled: list[Cycle] = field(default_factory=lambda: list[Cycle]())

    @property
    def standing(self) -> list[Cycle]:
        return [*self.new, *self.changed]


def write_plan(tx: Tx, enrollment: Enrollment, plan: Plan, cycle: Cycle | None = None) -> Cycle:
    """Write the plan into `cycle` (a new one when None) and its trips; gives the cycle of the sync date.

    Flagged plans become proposed with a review task, unless they are what a pharmacist has approved already.
    Messages are withdrawn and queued in the same transaction. Invalid when the option has no date.
    """
    batches = batches_of(plan.option, enrollment.cycle_days)
    review = _review_of(plan)
    changes = _Changes()
    if cycle is None:
        close_fetched(tx, enrollment.id)
    sync = _write_batch(tx, enrollment, plan, batches.sync, cycle, review, changes, kind="sync")
    existing = [
        trip
        for trip in cycles.open_of_enrollment(tx, enrollment.id, "trip")
        if trip.number in (plan.number, plan.number + 1)
    ]
    for batch in batches.trips:
        known = _trip_of(tx, existing, batch, plan.number + batch.ahead)
        planned_for = batch.day
        if known is not None:
            existing.remove(known)
            batch = replace(batch, day=known.sync_date)
        trip = _write_batch(tx, enrollment, plan, batch, known, review, changes, kind="trip")
        trip.nominal_date = planned_for
    for trip in existing:
        _drop_trip(tx, trip, changes)
    _place_waiting(tx, sync, plan.option, changes)
    _sync_review(tx, sync, changes)
    _sync_messages(tx, changes, plan.reason)
    return sync


def _place_waiting(tx: Tx, sync: Cycle, option: Option, changes: _Changes) -> None:
    placed = place_waiting_fills(tx, sync, option, changes.cancelled)
    known = {cycle.id for cycle in changes.standing}
    changes.new.extend(placed.new)
    changes.changed.extend({c.id: c for c in placed.joined if c.id not in known}.values())


def review_reasons(option: Option) -> tuple[str, ...]:
    """Codes of what makes a pharmacist look at an option: what it breaks, short fills, gaps, fills too soon."""
    if option.cost is None:
        return ()
    found: list[str] = list(option.breaks)
    if option.cost.short_fills:
        found.append("short_fill")
    if option.cost.gap_days:
        found.append("gap")
    if option.cost.too_soon or any(fill.too_soon for drug in option.medications for fill in drug.fills):
        found.append("too_soon")
    return tuple(dict.fromkeys(found))


def cancel_cycle(tx: Tx, cycle: Cycle, reason: str) -> None:
    """Cancel a cycle that will not take place: its messages go, the tasks about it close but for returns to stock.

    A patient who was told of its date hears of that.
    """
    withdraw_messages(tx, cycle_id=cycle.id, reason=reason)
    end_cycle(tx, cycle, CycleState.CANCELLED)
    close_cycle_tasks(tx, cycle, reason, still_returned=True)
    correct_told(tx, cycle)


def _review_of(plan: Plan) -> dict[str, object]:
    reasons = [*review_reasons(plan.option), *plan.review]
    if plan.override_reason:
        reasons.append("override")
    return {
        "reasons": list(dict.fromkeys(reasons)),
        "explanation": plan.option.explanation,
        "override_reason": plan.override_reason,
    }


def _write_batch(
    tx: Tx,
    enrollment: Enrollment,
    plan: Plan,
    batch: Batch,
    cycle: Cycle | None,
    review: dict[str, object],
    changes: _Changes,
    *,
    kind: str,
) -> Cycle:
    needs_review = plan.option.needs_pharmacist_review or bool(plan.review or plan.override_reason)
    if cycle is None:
        cycle = _new_cycle(tx, enrollment, plan, batch, kind)
        before = None
        changes.new.append(cycle)
    else:
        before = _signature(tx, cycle)
    base = cycle.state
    if cycle.sync_date != batch.day:
        base = _moved(tx, cycle, batch.day)
    if cycle.kind == "sync":
        cycle.nominal_date = plan.nominal_date
    fit_items(tx, cycle, batch.items)
    if kind == "sync":
        _note_left_aside(tx, cycle, plan)
    same = before is not None and before == _signature(tx, cycle)
    if same and (needs_review or not cycle.unapproved):
        return cycle
    cycle.needs_review = needs_review
    cycle.review = dict(review) if needs_review else {}
    cycle.reviewed_by, cycle.reviewed_at = "", None
    if before is None:
        refresh_state(tx, cycle, base=base)
    else:
        _settle(tx, cycle, changes, base)
    return cycle


def _settle(tx: Tx, cycle: Cycle, changes: _Changes, base: CycleState | None = None) -> None:
    """Bring a changed cycle in step; a trip of which nothing is left to fetch is closed."""
    state = refresh_state(tx, cycle, base=base)
    if cycle.kind == "trip" and state is CycleState.PICKED_UP:
        withdraw_messages(tx, cycle_id=cycle.id, reason="The batch was picked up.")
        end_cycle(tx, cycle, CycleState.CLOSED)
        close_cycle_tasks(tx, cycle, "The batch was picked up.")
    else:
        changes.changed.append(cycle)


def _new_cycle(tx: Tx, enrollment: Enrollment, plan: Plan, batch: Batch, kind: str) -> Cycle:
    cycle = tx.add(
        Cycle(
            pharmacy_id=enrollment.pharmacy_id, enrollment_id=enrollment.id, patient_id=enrollment.patient_id,
            number=plan.number + batch.ahead, kind=kind, sync_date=batch.day, state=CycleState.PLANNED,
            nominal_date=plan.nominal_date if kind == "sync" else batch.day, version=0,
            changed_by=tx.scope.actor_name, changed_at=tx.now,
        )
    )  # fmt: skip
    tx.session.flush()
    return cycle


def _moved(tx: Tx, cycle: Cycle, day: date) -> CycleState:
    """Give a cycle another date: what was agreed or begun for the old one no longer holds."""
    cycle.sync_date = day
    cycle.confirmed_at, cycle.confirmed_how = None, ""
    close_cycle_tasks(tx, cycle, "The date was moved.", still_returned=True)
    return CycleState.REQUESTING if cycle.state is CycleState.REQUESTING else CycleState.PLANNED


def fit_items(tx: Tx, cycle: Cycle, planned: Sequence[PlannedItem]) -> None:
    """Make the items of a batch those of a plan; items that are claimed, or skipped by a person, stay."""
    existing = list(cycles.items_of(tx, cycle.id))
    decided = [item for item in existing if _is_decided(item)]
    open_items = [item for item in existing if not _is_decided(item)]
    missing: list[PlannedItem] = []
    settled = {item.therapy_id: item for item in decided if item.case != PICKUP}
    for wanted in planned:
        stands = settled.pop(wanted.therapy_id, None)
        if stands is not None:
            stands.case, stands.too_soon = wanted.case, wanted.too_soon
            continue
        match = _matching(open_items, wanted)
        if match is None:
            missing.append(wanted)
        else:
            open_items.remove(match)
            _update(tx, match, wanted)
    for item in open_items:
        tx.session.delete(item)
    tx.session.flush()
    for wanted in missing:
        item = tx.add(_new_item(tx, cycle, wanted))
        _update(tx, item, wanted)
    tx.session.flush()


def _note_left_aside(tx: Tx, cycle: Cycle, plan: Plan) -> None:
    """Record the drugs this plan does not hold as skipped items, so that screens can say why."""
    held = {item.therapy_id for item in cycles.items_of(tx, cycle.id)}
    for therapy_id, why in sorted(plan.left_aside.items()):
        if therapy_id not in held:
            tx.add(
                CycleItem(
                    pharmacy_id=cycle.pharmacy_id, cycle_id=cycle.id, therapy_id=therapy_id,
                    state=ItemState.SKIPPED, case="left_out", due_on=cycle.sync_date, days_supply=0,
                    problem="left_aside", problem_note=why, changed_at=tx.now,
                )
            )  # fmt: skip
    tx.session.flush()


def _is_decided(item: CycleItem) -> bool:
    skipped_by_person = item.state is ItemState.SKIPPED and item.problem not in PLAN_PROBLEMS
    return item.state in CLAIMED_ITEMS or skipped_by_person


def _matching(items: Iterable[CycleItem], wanted: PlannedItem) -> CycleItem | None:
    same = [item for item in items if item.therapy_id == wanted.therapy_id]
    exact = next((item for item in same if item.due_on == wanted.due_on), None)
    return exact or next((item for item in same if item.fill_kind == wanted.fill_kind), None)


def _new_item(tx: Tx, cycle: Cycle, wanted: PlannedItem) -> CycleItem:
    return CycleItem(
        pharmacy_id=cycle.pharmacy_id, cycle_id=cycle.id, therapy_id=wanted.therapy_id,
        state=ItemState.PLANNED, case=wanted.case, due_on=wanted.due_on, days_supply=wanted.days_supply,
        changed_at=tx.now,
    )  # fmt: skip


def _update(tx: Tx, item: CycleItem, wanted: PlannedItem) -> None:
    item.case, item.due_on, item.too_soon = wanted.case, wanted.due_on, wanted.too_soon
    item.days_supply, item.quantity = wanted.days_supply, wanted.quantity
    item.fill_kind, item.claim_code = wanted.fill_kind, wanted.claim_code
    item.needs_renewal_by = wanted.needs_renewal_by
    item.changed_at = tx.now
    if wanted.skipped:
        item.state, item.problem = ItemState.SKIPPED, wanted.case
        item.problem_note = CASE_LABELS[wanted.case]
        return
    if item.state is ItemState.SKIPPED:
        item.state = ItemState.PLANNED
    if item.problem in PLAN_PROBLEMS:
        item.problem = "no_refills" if wanted.needs_renewal_by is not None else ""
        item.problem_note = ""


def _signature(tx: Tx, cycle: Cycle) -> tuple[object, ...]:
    """What a pharmacist approves: the date and every fill; and how each item stands."""
    items = [
        (
            item.therapy_id, item.state, item.case, item.due_on, item.days_supply, item.quantity,
            item.fill_kind, item.too_soon,
        )
        for item in cycles.items_of(tx, cycle.id)
        if item.state is not ItemState.SKIPPED
    ]  # fmt: skip
    return (cycle.sync_date, *items)


def _trip_of(tx: Tx, trips: Sequence[Cycle], batch: Batch, number: int) -> Cycle | None:
    """The trip that holds a planned batch already: of its day, or moved by hand to a day that still serves it."""
    same_number = [trip for trip in trips if trip.number == number]
    exact = next((trip for trip in same_number if trip.sync_date == batch.day), None)
    if exact is not None:
        return exact
    drugs = {item.therapy_id for item in batch.items}
    for trip in same_number:
        # A trip's nominal date is the planner's: another date is a person's.
        if trip.nominal_date == trip.sync_date:
            continue
        fits = all(item.opens_on <= trip.sync_date <= item.due_on for item in batch.items)
        if fits and drugs & {item.therapy_id for item in cycles.items_of(tx, trip.id)}:
            return trip
    return None


def _drop_trip(tx: Tx, trip: Cycle, changes: _Changes) -> None:
    """Take out of a trip what the plan no longer has there; cancel it when nothing is left."""
    before = _signature(tx, trip)
    fit_items(tx, trip, ())
    if any(item.state is not ItemState.SKIPPED for item in cycles.items_of(tx, trip.id)):
        if before != _signature(tx, trip):
            _settle(tx, trip, changes)
        return
    changes.cancelled.append(trip)


def _sync_review(tx: Tx, sync: Cycle, changes: _Changes) -> None:
    """One review task for the whole plan, on the sync date's cycle."""
    waiting = [cycle for cycle in changes.standing if cycle.unapproved]
    if not waiting and not sync.unapproved:
        close_exception(
            tx, pharmacy_id=sync.pharmacy_id, cause_key=Cause.PLAN_REVIEW.of(sync.id),
            outcome="The plan was changed and needs no approval any more.",
        )  # fmt: skip
        return
    cycle = sync if sync.unapproved else waiting[0]
    open_exception(
        tx, pharmacy_id=sync.pharmacy_id, kind=ExceptionKind.PLAN_REVIEW,
        cause_key=Cause.PLAN_REVIEW.of(sync.id), summary=_SUMMARY, owner_role=Role.PHARMACIST,
        due_at=due_in(tx, hours=REVIEW_HOURS), patient_id=sync.patient_id, cycle_id=cycle.id,
        detail={"reasons": cycle.review.get("reasons", [])},
    )  # fmt: skip


def _sync_messages(tx: Tx, changes: _Changes, reason: str) -> None:
    for cycle in changes.cancelled:
        cancel_cycle(tx, cycle, reason)
    for cycle in changes.changed:
        reschedule_cycle(tx, cycle.id, reason)
    for cycle in changes.new:
        schedule_cycle(tx, cycle.id)
