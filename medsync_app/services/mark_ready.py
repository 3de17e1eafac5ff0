"""A batch, or a part of it, is ready to be picked up; and the correction of that."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from medsync_app.domain.causes import Cause
from medsync_app.domain.cycle import ENDED, PENDING_ITEMS, SAME_DRUG
from medsync_app.domain.states import CycleState, ExceptionKind, ItemState, Role
from medsync_app.errors import Conflict, Invalid
from medsync_app.services.audit import audit
from medsync_app.services.cycle_state import refresh_state, refuse_after_death, refuse_unapproved, set_item
from medsync_app.services.exceptions import close_exception, due_in, open_exception
from medsync_app.services.fill_request import hold_unrequested, waiting_for_request
from medsync_app.services.link_fills import earliest_claim, link_fills
from medsync_app.services.nothing_waits import stop_waiting
from medsync_app.services.patient_problems import check_patient
from medsync_app.services.return_task import mind_return
from medsync_app.services.schedule_cycle import announce, readiness_of, readiness_undone, reschedule_cycle
from medsync_app.services.versions import check_version
from medsync_app.store.repositories import cycles
from medsync_app.store.repositories.pharmacies import pharmacy_today
from medsync_app.store.session import Tx
from medsync_app.store.tables import Cycle, CycleItem, Therapy

#: Code -> what it says of an item that is not ready.
PROBLEMS: Mapping[str, str] = {
    "out_of_stock": "Out of stock",
    "owed": "Partly given, the rest is owed",
    "on_hold": "On hold",
    "no_refills": "No refills left",
}


@dataclass(frozen=True, slots=True)
class ItemProblem:
    """Why an item is not ready: a code of `PROBLEMS`, when it is expected, and a note for colleagues."""

    code: str
    expected_on: date | None = None
    note: str = ""


NO_PROBLEMS: Mapping[str, ItemProblem] = {}


def mark_ready(
    tx: Tx,
    cycle_id: str,
    *,
    expected_version: int,
    items: Sequence[str] | None = None,
    problems: Mapping[str, ItemProblem] = NO_PROBLEMS,
    part_after: timedelta = timedelta(),
) -> bool:
    """Mark the items of a batch ready (all that can be, when `items` is None) and others as problems.

    What is filled on request only and was not asked for waits for that: it is refused (Conflict) when it is named,
    or all there is. The patient hears of a part after `part_after`, unless all is ready by then.

    False when everything stood so already: the call may be repeated. Conflict while the plan is proposed, once the
    cycle has ended or the patient has died, or when somebody changed it since; Invalid for items of another batch
    or unknown problems.
    """
    cycle = tx.get(Cycle, cycle_id, lock=True)
    rows = {item.id: item for item in cycles.items_of(tx, cycle.id)}
    _check_input(rows, items, problems)
    unrequested = waiting_for_request(tx, cycle)
    ready = _wanted_ready(rows, items, problems, unrequested)
    changed_problems = {key: p for key, p in problems.items() if _differs(rows[key], p)}
    newly = [item for item in ready if item.state is not ItemState.READY]
    if not newly and not changed_problems:
        return False
    _refuse_closed(cycle)
    refuse_after_death(tx, cycle)
    refuse_unapproved(cycle)
    check_version(tx, cycle, expected_version, "This batch")
    for item in newly:
        set_item(tx, item, ItemState.READY)
        _in_stock_again(tx, item)
    for key, problem in changed_problems.items():
        _wait(tx, rows[key], problem)
    hold_unrequested(tx, cycle)
    became_ready(tx, cycle, part_after)
    audit(
        tx, pharmacy_id=cycle.pharmacy_id, act="mark_ready", subject_kind="cycle", subject_id=cycle.id,
        detail={
            "items": [item.id for item in newly],
            "problems": {key: problem.code for key, problem in changed_problems.items()},
        },
    )  # fmt: skip
    return True


def mark_all_ready(tx: Tx, cycle_id: str, *, expected_version: int) -> str:
    """Mark all of a batch ready that can be, and say in a sentence what the patient has to ask for first."""
    mark_ready(tx, cycle_id, expected_version=expected_version)
    left = len(waiting_for_request(tx, tx.get(Cycle, cycle_id)))
    if not left:
        return "Marked ready."
    return f"Marked ready, without {left} medicine{'s' if left > 1 else ''} that the patient has to ask for first."


def became_ready(tx: Tx, cycle: Cycle, part_after: timedelta = timedelta()) -> None:
    """Bring a cycle in step with items that have become ready or a problem: claim date, state, messages, tasks."""
    link_fills(tx, cycle)
    before = cycle.state
    state, event = refresh_state(tx, cycle), readiness_of(tx, cycle)
    if event is not None:
        # Today for what the pharmacy system has not reported.
        cycle.claimed_on = cycle.claimed_on or pharmacy_today(tx, cycle.pharmacy_id)
        cycle.claimed_on = min(earliest_claim(tx, cycle) or cycle.claimed_on, cycle.claimed_on)
        if cycle.ready_at is None or (event == "ready" and state is not before):
            cycle.ready_at = tx.now
        mind_return(tx, cycle)
        announce(tx, cycle.id, event, after=part_after if event == "partly_ready" else timedelta())
        for cause in (Cause.PREPARE, Cause.STOCK_CHECK) if event == "ready" else ():
            close_exception(
                tx,
                pharmacy_id=cycle.pharmacy_id,
                cause_key=cause.of(cycle.id),
                outcome="The batch is ready.",
            )
    check_patient(tx, cycle.patient_id)


def ask_to_prepare(tx: Tx, cycle: Cycle) -> None:
    """Ask the technician to prepare what is still to come of a batch; its readiness closes the task.

    Items that are filled on request only wait until the patient's request is recorded.
    """
    hold_unrequested(tx, cycle)
    items = cycles.items_of(tx, cycle.id)
    open_exception(
        tx, pharmacy_id=cycle.pharmacy_id, kind=ExceptionKind.PREPARE, cause_key=Cause.PREPARE.of(cycle.id),
        summary="Prepare this batch and mark it ready, whole or in part.", owner_role=Role.TECHNICIAN,
        due_at=due_in(tx, hours=36), patient_id=cycle.patient_id, cycle_id=cycle.id,
        detail={
            "items": [item.id for item in items if item.state in PENDING_ITEMS],
            "missing": [item.id for item in items if item.problem],
        },
    )  # fmt: skip


def undo_ready(tx: Tx, cycle_id: str, *, expected_version: int, items: Sequence[str] | None = None) -> bool:
    """Ready by mistake: the items (all ready ones when None) are being filled again, their messages withdrawn.

    False when none of them was ready.
    """
    cycle = tx.get(Cycle, cycle_id, lock=True)
    rows = {item.id: item for item in cycles.items_of(tx, cycle.id)}
    _check_input(rows, items, NO_PROBLEMS)
    chosen = [rows[key] for key in items] if items is not None else list(rows.values())
    ready = [item for item in chosen if item.state is ItemState.READY]
    if not ready:
        return False
    _refuse_closed(cycle)
    refuse_after_death(tx, cycle)
    check_version(tx, cycle, expected_version, "This batch")
    for item in ready:
        set_item(tx, item, ItemState.FILLING)
    refresh_state(tx, cycle, base=CycleState.PREPARING)
    if not stop_waiting(tx, cycle, "The batch is not ready after all."):
        readiness_undone(tx, cycle)
    ask_to_prepare(tx, cycle)
    reschedule_cycle(tx, cycle.id, "The batch is not ready after all.")
    audit(
        tx, pharmacy_id=cycle.pharmacy_id, act="undo_ready", subject_kind="cycle", subject_id=cycle.id,
        detail={"items": [item.id for item in ready]},
    )  # fmt: skip
    return True


def _check_input(
    rows: Mapping[str, CycleItem], items: Sequence[str] | None, problems: Mapping[str, ItemProblem]
) -> None:
    for key in (*(items or ()), *problems):
        if key not in rows:
            raise Invalid("One of these medicines is not part of this batch. Reload the page.", "items")
        if rows[key].state not in PENDING_ITEMS:
            raise Invalid("One of these medicines is not waiting to be prepared. Reload the page.", "items")
    for key, problem in problems.items():
        if problem.code not in PROBLEMS:
            raise Invalid(f"Choose one of: {', '.join(PROBLEMS)}.", f"problems.{key}")
        if items is not None and key in items:
            raise Invalid("A medicine is either ready or has a problem, not both.", f"problems.{key}")


def _wanted_ready(
    rows: Mapping[str, CycleItem],
    items: Sequence[str] | None,
    problems: Mapping[str, ItemProblem],
    unrequested: Sequence[CycleItem],
) -> list[CycleItem]:
    """The items to be ready: those named, else all that do not wait for something."""
    not_asked = Conflict(
        "The patient has not asked for one of these medicines yet: record the request first."
    )
    if items is not None:
        chosen = [rows[key] for key in items]
        if any(item in unrequested for item in chosen):
            raise not_asked
        if any(item.problem == SAME_DRUG for item in chosen):
            raise Conflict(
                "A newer medicine has the same ingredient as one of these: a pharmacist answers first, on the "
                "patient's page, whether it replaces it."
            )
        return chosen
    chosen = [
        item
        for key, item in rows.items()
        if key not in problems
        and item.state in PENDING_ITEMS
        and item not in unrequested
        and (item.state is not ItemState.WAITING or not item.problem)
    ]
    if unrequested and not chosen and not problems:
        raise not_asked
    return chosen


def _differs(item: CycleItem, problem: ItemProblem) -> bool:
    now = (item.state, item.problem, item.expected_on, item.problem_note)
    return now != (ItemState.WAITING, problem.code, problem.expected_on, problem.note.strip())


def _wait(tx: Tx, item: CycleItem, problem: ItemProblem) -> None:
    set_item(tx, item, ItemState.WAITING, problem=problem.code, note=problem.note.strip())
    item.expected_on = problem.expected_on
    if problem.code == "out_of_stock":
        therapy = tx.get(Therapy, item.therapy_id)
        therapy.out_of_stock, therapy.expected_on = True, problem.expected_on


def _in_stock_again(tx: Tx, item: CycleItem) -> None:
    therapy = tx.get(Therapy, item.therapy_id)
    if therapy.out_of_stock:
        therapy.out_of_stock, therapy.expected_on = False, None


def _refuse_closed(cycle: Cycle) -> None:
    if cycle.state in ENDED:
        raise Conflict("This cycle is over. Undo the pickup first if it was a mistake.")
