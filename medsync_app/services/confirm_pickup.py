"""A batch, or a part of it, was picked up: the cycle closes and the next one opens; and the correction of that."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from medsync_app.domain.cycle import ENDED, NOT_STARTED, PENDING_ITEMS, PICKED_UP
from medsync_app.domain.states import CycleState, FillStatus, ItemState
from medsync_app.errors import Conflict, Invalid
from medsync_app.services.audit import audit
from medsync_app.services.cycle_state import refresh_state, refuse_unapproved, set_item
from medsync_app.services.cycle_tasks import close_cycle_tasks
from medsync_app.services.fill_request import settle_requests
from medsync_app.services.link_fills import earliest_claim, link_fills
from medsync_app.services.nothing_waits import stop_waiting
from medsync_app.services.open_next_cycle import close_for_next
from medsync_app.services.patient_problems import check_patient
from medsync_app.services.return_task import mind_return
from medsync_app.services.schedule_cycle import announce, readiness_of, reschedule_cycle
from medsync_app.services.versions import check_version
from medsync_app.services.write_plan import cancel_cycle
from medsync_app.store.repositories import cycles
from medsync_app.store.repositories.pharmacies import pharmacy_today
from medsync_app.store.session import Tx
from medsync_app.store.tables import Cycle, CycleItem, Enrollment, Fill

_OLDEST_DAYS = 90


@dataclass(frozen=True, slots=True)
class Pickup:
    """What a pickup did: whether anything changed, whether all of it is fetched, and the cycle opened after it."""

    changed: bool
    complete: bool
    next_cycle_id: str | None = None


def confirm_pickup(
    tx: Tx,
    cycle_id: str,
    *,
    expected_version: int,
    picked_up_on: date | None = None,
    items: Sequence[str] | None = None,
) -> Pickup:
    """The patient fetched these items (None: what is ready, or the whole batch when nothing was marked).

    `picked_up_on` defaults to today at the pharmacy. Calling it again for the same items changes nothing. Conflict
    while the plan is proposed, when the cycle ended otherwise or was changed since; Invalid for a day ahead.
    """
    cycle = tx.get(Cycle, cycle_id, lock=True)
    on = _day(tx, cycle, picked_up_on)
    rows = {item.id: item for item in cycles.items_of(tx, cycle.id)}
    chosen = _chosen(rows, items)
    if not chosen:
        return Pickup(False, cycle.state in PICKED_UP)
    if cycle.state in ENDED:
        raise Conflict("This cycle is over. Look at the next one.")
    refuse_unapproved(cycle)
    check_version(tx, cycle, expected_version, "This batch")
    result = take_items(tx, cycle, chosen, on)
    audit(
        tx, pharmacy_id=cycle.pharmacy_id, act="confirm_pickup", subject_kind="cycle", subject_id=cycle.id,
        detail={"items": [item.id for item in chosen], "on": on.isoformat()},
    )  # fmt: skip
    return result


def take_items(tx: Tx, cycle: Cycle, chosen: Sequence[CycleItem], on: date) -> Pickup:
    """Items left the pharmacy with the patient; closes the cycle when nothing of it is left there.

    Also what a sold event of the pharmacy system does, whatever the cycle's state was.
    """
    for item in chosen:
        set_item(tx, item, ItemState.PICKED_UP)
        item.picked_up_on = on
    cycle.picked_up_on = max(on, cycle.picked_up_on or on)
    link_fills(tx, cycle)
    state = refresh_state(tx, cycle)
    if state is not CycleState.PICKED_UP:
        stop_waiting(tx, cycle, "What was ready has been fetched.")
        settle_requests(tx, cycle)
        check_patient(tx, cycle.patient_id)
        return Pickup(True, False)
    return close_picked_up(tx, cycle)


def close_picked_up(tx: Tx, cycle: Cycle) -> Pickup:
    """Close a cycle of which nothing is left to fetch, with its tasks and messages, and open the next one."""
    announce(tx, cycle.id, "picked_up")
    close_cycle_tasks(tx, cycle, "The batch was picked up.")
    following = close_for_next(tx, cycle)
    check_patient(tx, cycle.patient_id)
    return Pickup(True, True, following)


def undo_pickup(tx: Tx, cycle_id: str, *, expected_version: int, items: Sequence[str] | None = None) -> bool:
    """Not picked up after all: the items (all picked up ones when None) are ready again.

    The next cycle is taken back with its messages, unless it has been begun (Conflict). An item that the pharmacy
    system reports as sold stays picked up (Conflict): it must be corrected there. False when nothing was picked up.
    """
    cycle = tx.get(Cycle, cycle_id, lock=True)
    rows = {item.id: item for item in cycles.items_of(tx, cycle.id)}
    chosen = _named(rows, items) if items is not None else list(rows.values())
    taken = [item for item in chosen if item.state is ItemState.PICKED_UP]
    if not taken:
        return False
    check_version(tx, cycle, expected_version, "This batch")
    if any(_is_sold(tx, item) for item in taken):
        raise Conflict(
            "The pharmacy system says that this was sold: correct it there, the next import follows."
        )
    give_back(tx, cycle, taken, ItemState.READY)
    audit(
        tx, pharmacy_id=cycle.pharmacy_id, act="undo_pickup", subject_kind="cycle", subject_id=cycle.id,
        detail={"items": [item.id for item in taken]},
    )  # fmt: skip
    return True


def give_back(tx: Tx, cycle: Cycle, taken: Sequence[CycleItem], state: ItemState) -> None:
    """Items are at the pharmacy again: a cycle that was over is open, and the one opened after it taken back."""
    if cycle.state in PICKED_UP and cycle.kind == "sync":
        _take_back_next(tx, cycle)
    fetched_on = min((item.picked_up_on for item in taken if item.picked_up_on), default=None)
    for item in taken:
        set_item(tx, item, state)
        item.picked_up_on = None
    left = [i for i in cycles.items_of(tx, cycle.id) if i.state is ItemState.PICKED_UP]
    if not left:
        cycle.picked_up_on = None
    refresh_state(tx, cycle, base=CycleState.PREPARING)
    if readiness_of(tx, cycle) is not None:
        cycle.ready_at = cycle.ready_at or tx.now
        # It was claimed when it was fetched, at the latest: the days until it must go back count on.
        known = (earliest_claim(tx, cycle), cycle.claimed_on, fetched_on)
        cycle.claimed_on = min((day for day in known if day is not None), default=None)
        mind_return(tx, cycle)
    reschedule_cycle(tx, cycle.id, "The pickup was taken back.")
    check_patient(tx, cycle.patient_id)


def _take_back_next(tx: Tx, cycle: Cycle) -> None:
    enrollment = tx.get(Enrollment, cycle.enrollment_id)
    later = [row for row in cycles.open_of_enrollment(tx, enrollment.id) if row.number > cycle.number]
    if any(row.state not in NOT_STARTED for row in later):
        raise Conflict(
            "The next batch has been begun already. Cancel that first, then take back this pickup."
        )
    for row in later:
        cancel_cycle(tx, row, "The pickup before it was taken back.")


def _day(tx: Tx, cycle: Cycle, picked_up_on: date | None) -> date:
    today = pharmacy_today(tx, cycle.pharmacy_id)
    if picked_up_on is None:
        return today
    if picked_up_on > today:
        raise Invalid("A pickup cannot lie ahead: choose today or an earlier day.", "picked_up_on")
    if picked_up_on < today - timedelta(days=_OLDEST_DAYS):
        raise Invalid(f"Choose a day of the last {_OLDEST_DAYS} days.", "picked_up_on")
    return picked_up_on


def _chosen(rows: dict[str, CycleItem], items: Sequence[str] | None) -> list[CycleItem]:
    if items is not None:
        named = _named(rows, items)
        if any(item.state in (ItemState.SKIPPED, ItemState.RETURNED) for item in named):
            raise Invalid("One of these medicines is not in the batch any more. Reload the page.", "items")
        return [item for item in named if item.state in PENDING_ITEMS]
    ready = [item for item in rows.values() if item.state is ItemState.READY]
    if ready:
        return ready
    if any(item.state is ItemState.PICKED_UP for item in rows.values()):
        return []
    return [item for item in rows.values() if item.state in (ItemState.PLANNED, ItemState.FILLING)]


def _named(rows: dict[str, CycleItem], items: Sequence[str]) -> list[CycleItem]:
    if any(key not in rows for key in items):
        raise Invalid("One of these medicines is not part of this batch. Reload the page.", "items")
    return [rows[key] for key in items]


def _is_sold(tx: Tx, item: CycleItem) -> bool:
    fill = tx.find(Fill, item.fill_id) if item.fill_id is not None else None
    return fill is not None and fill.status is FillStatus.SOLD
