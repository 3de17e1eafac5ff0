"""What an import or event means for an enrolled patient: the mid-cycle rules, in the transaction that brought it.

Choices where the rules leave room: a fill that is not sold yet is an item being filled (only a person or a ready
event says that it stands in will-call); a fill that fits no planned item makes the coming batch planned anew.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation

from medsync_app.domain.batches import PICKUP
from medsync_app.domain.causes import Cause, of_kind
from medsync_app.domain.cycle import AT_THE_PHARMACY, ENDED, FETCHABLE, PENDING_ITEMS, PICKED_UP, UNFILLED
from medsync_app.domain.dispensing import ChangeKind, DispensingChange
from medsync_app.domain.drug_traits import is_high_alert
from medsync_app.domain.states import (
    EnrollmentState,
    ExceptionKind,
    FillStatus,
    ItemState,
    Role,
    Severity,
)
from medsync_app.errors import Conflict
from medsync_app.services.change_drugs import ask_about_drug, plan_in, replan_current, set_dose, stop_drug
from medsync_app.services.confirm_pickup import give_back, take_items
from medsync_app.services.cycle_state import refresh_state, set_item
from medsync_app.services.exceptions import close_exception, due_in, open_exception
from medsync_app.services.fill_request import hold_unrequested, question_filled
from medsync_app.services.link_fills import link
from medsync_app.services.mark_ready import ask_to_prepare
from medsync_app.services.nothing_waits import stop_waiting
from medsync_app.services.patient_problems import check_patient
from medsync_app.services.renewals import close_renewal
from medsync_app.services.return_to_stock import put_back, settle_filled
from medsync_app.services.schedule_cycle import readiness_undone, reschedule_cycle
from medsync_app.services.supply_history import is_around
from medsync_app.store.repositories import cycles, enrollments
from medsync_app.store.repositories.pharmacies import pharmacy_today
from medsync_app.store.session import Tx
from medsync_app.store.tables import Cycle, CycleItem, Enrollment, Fill, Therapy

#: `clinical_flag` of a new drug that no plan takes in by itself.
HIGH_ALERT = "high_alert"
#: A fill of other days than planned is taken for an item only when no other item is nearer than so many days.
_OTHER_DAYS_PENALTY = 5


@dataclass(slots=True)
class _Work:
    """One patient's changes while they are worked: whether the batch is planned anew, and new drugs to plan in."""

    tx: Tx
    enrollment: Enrollment
    replan: bool = False
    new_drugs: list[str] = field(default_factory=lambda: list[str]())


def react(tx: Tx, patient_id: str, changes: Sequence[DispensingChange]) -> None:
    """Work the changes of one patient in their order; without any, only look for problems (the contacts changed).

    Of who is not enrolled any more only what still waits at the pharmacy is of interest. Repeating a change that is
    known changes nothing.
    """
    enrollment = enrollments.open_of_patient(tx, patient_id)
    if enrollment is None:
        for change in changes:
            _left_behind(tx, change)
        settle_filled(tx, patient_id)
        return
    if enrollment.state is EnrollmentState.DRAFT:
        return
    work = _Work(tx, enrollment)
    for change in changes:
        _HANDLERS[change.kind](work, change)
    if work.new_drugs and enrollment.state is EnrollmentState.ACTIVE:
        plan_in(tx, enrollment, work.new_drugs)
    elif work.replan:
        replan_current(tx, enrollment, "The pharmacy system reported a change.")
    settle_filled(tx, patient_id)
    check_patient(tx, patient_id)


def _left_behind(tx: Tx, change: DispensingChange) -> None:
    """What became of a batch that was ready when the enrollment ended."""
    found = _item_for(tx, change)
    if found is None or found[1].state not in FETCHABLE:
        return
    item, cycle, fill = found
    link(tx, item, fill)
    if change.kind is ChangeKind.SOLD and item.state in PENDING_ITEMS:
        take_items(tx, cycle, [item], change.on)
    elif change.kind in (ChangeKind.RETURNED, ChangeKind.REVERSED) and item.state is ItemState.READY:
        put_back(tx, cycle, [item], "The pharmacy system reports it returned to stock.")


def _filled(work: _Work, change: DispensingChange) -> None:
    therapy = work.tx.get(Therapy, change.therapy_id)
    if therapy.status != "active" and change.on > (therapy.stopped_on or date.min):
        _ask_about_new(work, change)
    found = _item_for(work.tx, change)
    if found is None:
        work.replan = True
        return
    item, cycle, fill = found
    if item.state in UNFILLED:
        question_filled(work.tx, cycle, item)
        set_item(work.tx, item, ItemState.FILLING)
        _in_stock(work.tx, item)
        refresh_state(work.tx, cycle)
    link(work.tx, item, fill)
    if cycle.claimed_on is None or fill.filled_on < cycle.claimed_on:
        cycle.claimed_on = fill.filled_on


def _sold(work: _Work, change: DispensingChange) -> None:
    found = _item_for(work.tx, change)
    if found is None:
        work.replan = True
        return
    item, cycle, fill = found
    link(work.tx, item, fill)
    if item.state is ItemState.PICKED_UP or cycle.state in ENDED:
        return
    take_items(work.tx, cycle, [item], change.on)


def _reversed(work: _Work, change: DispensingChange) -> None:
    """The claim is gone: the item is to be filled again, and a closed cycle is open again."""
    tx = work.tx
    item = cycles.item_of_fill(tx, change.fill_id) if change.fill_id is not None else None
    if item is None:
        work.replan = True
        return
    cycle = tx.get(Cycle, item.cycle_id)
    item.fill_id = None
    if cycle.state in ENDED - PICKED_UP:
        return
    if item.state is ItemState.PICKED_UP:
        try:
            give_back(tx, cycle, [item], ItemState.PLANNED)
        except Conflict:
            _ask_about_reversal(work, cycle, item)
        else:
            ask_to_prepare(tx, cycle)
    elif item.state in AT_THE_PHARMACY:
        was_ready = item.state is ItemState.READY
        if was_ready:
            readiness_undone(tx, cycle)
        set_item(tx, item, ItemState.PLANNED)
        # What was only to be fetched is no supply any more: the drug needs a fill of the plan's own.
        work.replan = work.replan or item.case == PICKUP
        stop_waiting(tx, cycle, "A fill was reversed.")
        hold_unrequested(tx, cycle)
        refresh_state(tx, cycle)
        if was_ready:
            ask_to_prepare(tx, cycle)
        reschedule_cycle(tx, cycle.id, "A fill was reversed.")


def _returned(work: _Work, change: DispensingChange) -> None:
    tx = work.tx
    item = cycles.item_of_fill(tx, change.fill_id) if change.fill_id is not None else None
    if item is None:
        work.replan = True
        return
    cycle = tx.get(Cycle, item.cycle_id)
    ahead = cycle.ready_at is None and cycle.sync_date > pharmacy_today(tx, cycle.pharmacy_id)
    if item.state is ItemState.FILLING and ahead:
        _reversed(work, change)  # a claim made to see whether it is paid: the batch is still to come
    elif item.state in AT_THE_PHARMACY and cycle.state not in ENDED:
        put_back(tx, cycle, [item], "The pharmacy system reports it returned to stock.")
    elif item.state is ItemState.PICKED_UP:
        _reversed(work, change)


def _new_prescription(work: _Work, change: DispensingChange) -> None:
    close_renewal(work.tx, change.therapy_id, outcome="A new prescription has arrived.")
    if work.tx.get(Therapy, change.therapy_id).status != "active":
        _ask_about_new(work, change)


def _new_therapy(work: _Work, change: DispensingChange) -> None:
    """A drug that is taken on and on joins by itself where it fits; others are no part of the programme."""
    therapy = work.tx.get(Therapy, change.therapy_id)
    if therapy.as_needed or therapy.maintenance is False or therapy.schedule == 2:
        return
    if therapy.include is None and is_high_alert(therapy.ingredients):
        therapy.clinical_flag = HIGH_ALERT
        _ask_about_flagged(work, change)
        return
    work.new_drugs.append(change.therapy_id)


def _dose_changed(work: _Work, change: DispensingChange) -> None:
    """`detail` is "old>new" in units per day; without it the change is only planned anew."""
    therapy = work.tx.get(Therapy, change.therapy_id)
    doses = _doses(change.detail)
    if doses is not None:
        set_dose(work.tx, therapy, doses[0], doses[1], change.on)
    work.replan = True


def _refills_changed(work: _Work, change: DispensingChange) -> None:
    """The look for problems at the end of every reaction is all that is needed."""


def _stopped(work: _Work, change: DispensingChange) -> None:
    therapy = work.tx.get(Therapy, change.therapy_id)
    if therapy.status == "discontinued" and therapy.stopped_on is not None:
        pending = cycles.pending_items_of_therapy(work.tx, therapy.id)
        if not pending:
            return
    stop_drug(work.tx, therapy, change.detail or "Reported by the pharmacy system", change.on)
    work.replan = True


_HANDLERS: Mapping[ChangeKind, Callable[[_Work, DispensingChange], None]] = {
    ChangeKind.NEW_THERAPY: _new_therapy,
    ChangeKind.NEW_PRESCRIPTION: _new_prescription,
    ChangeKind.DOSE_CHANGED: _dose_changed,
    ChangeKind.FILLED: _filled,
    ChangeKind.SOLD: _sold,
    ChangeKind.REVERSED: _reversed,
    ChangeKind.RETURNED: _returned,
    ChangeKind.REFILLS_CHANGED: _refills_changed,
    ChangeKind.STOPPED: _stopped,
}


def _item_for(tx: Tx, change: DispensingChange) -> tuple[CycleItem, Cycle, Fill] | None:
    """The item this fill is, or becomes: the one linked already, else the nearest pending one that fits."""
    if change.fill_id is None:
        return None
    fill = tx.find(Fill, change.fill_id)
    if fill is None:
        return None
    linked = cycles.item_of_fill(tx, change.fill_id)
    if linked is not None:
        return linked, tx.get(Cycle, linked.cycle_id), fill
    if fill.status is FillStatus.REVERSED:
        return None
    fitting = [
        (item, cycle)
        for item, cycle in cycles.unlinked_items_of_therapy(tx, change.therapy_id)
        if is_around(fill, item, cycle)
    ]
    if not fitting:
        return None
    item, cycle = min(fitting, key=lambda pair: _distance(pair[0], pair[1].sync_date, fill))
    return item, cycle, fill


def _distance(item: CycleItem, day: date, fill: Fill) -> int:
    other = 0 if fill.days_supply == item.days_supply else _OTHER_DAYS_PENALTY
    return abs((fill.filled_on - day).days) + other


def _doses(detail: str) -> tuple[Decimal, Decimal] | None:
    old, _, new = detail.partition(">")
    try:
        doses = Decimal(old), Decimal(new)
    except InvalidOperation:
        return None
    return doses if doses[0] > 0 and doses[1] > 0 else None


def _in_stock(tx: Tx, item: CycleItem) -> None:
    therapy = tx.get(Therapy, item.therapy_id)
    if therapy.out_of_stock:
        therapy.out_of_stock, therapy.expected_on = False, None
        close_exception(
            tx,
            pharmacy_id=therapy.pharmacy_id,
            cause_key=of_kind(ExceptionKind.OUT_OF_STOCK, therapy.id),
            outcome="It was filled.",
        )


def _ask_about_reversal(work: _Work, cycle: Cycle, item: CycleItem) -> None:
    open_exception(
        work.tx, pharmacy_id=cycle.pharmacy_id, kind=ExceptionKind.PLAN_REVIEW, cause_key=Cause.REVERSED.of(item.id),
        summary="A fill that was picked up has been reversed, and the next batch is begun: check what the "
        "patient has.",
        owner_role=Role.PHARMACIST, due_at=due_in(work.tx, hours=24), severity=Severity.HIGH,
        patient_id=cycle.patient_id, cycle_id=cycle.id, therapy_id=item.therapy_id,
    )  # fmt: skip


def _ask_about_flagged(work: _Work, change: DispensingChange) -> None:
    ask_about_drug(
        work.tx, work.enrollment, change.therapy_id, hours=24, severity=Severity.HIGH,
        summary="A new high-alert medicine waits for a pharmacist: say on the patient's page whether it takes "
        "part.",
    )  # fmt: skip


def _ask_about_new(work: _Work, change: DispensingChange) -> None:
    ask_about_drug(
        work.tx, work.enrollment, change.therapy_id,
        summary="A stopped medicine has a new prescription or fill: say on the patient's page whether it takes "
        "part again.",
    )  # fmt: skip
