"""Step 7 of the workflow: the stock check, the beginning of the preparation, and requests of the patient."""

from collections.abc import Sequence

from medsync_app.domain.causes import Cause
from medsync_app.domain.cycle import ENDED, FETCHABLE, PENDING_ITEMS, UNFILLED
from medsync_app.domain.states import CycleState, ExceptionKind, ItemState, Role, Severity
from medsync_app.errors import Conflict
from medsync_app.services.audit import audit
from medsync_app.services.cycle_state import refresh_state, refuse_unapproved, set_item
from medsync_app.services.exceptions import close_exception, due_in, open_exception
from medsync_app.services.mark_ready import NOT_REQUESTED, ask_to_prepare
from medsync_app.services.outside_jobs import notify_pharmacy, pharmacy_listens
from medsync_app.services.patient_problems import check_patient
from medsync_app.services.plan_inputs import current_prescription
from medsync_app.services.rules import rules_of
from medsync_app.store.repositories import cycles, therapies
from medsync_app.store.session import Tx
from medsync_app.store.tables import Cycle, CycleItem, Pharmacy, Therapy


def stock_check(tx: Tx, cycle_id: str) -> bool:
    """Ask the technician to check the stock for a batch; False when there is nothing to check."""
    cycle = tx.get(Cycle, cycle_id)
    items = [i for i in cycles.items_of(tx, cycle.id) if i.state in UNFILLED]
    if cycle.state in ENDED or cycle.unapproved or not items:
        return False
    open_exception(
        tx, pharmacy_id=cycle.pharmacy_id, kind=ExceptionKind.STOCK_CHECK, cause_key=Cause.STOCK_CHECK.of(cycle.id),
        summary="Check the stock for this batch and order what is missing.", owner_role=Role.TECHNICIAN,
        due_at=due_in(tx, hours=24), patient_id=cycle.patient_id, cycle_id=cycle.id,
        detail={"items": [item.id for item in items]},
    )  # fmt: skip
    return True


def begin_preparation(tx: Tx, cycle_id: str) -> bool:
    """Put a batch into preparation, with a task for the technician; False when there is nothing to prepare.

    Also the rest of one of which a part is ready or was fetched: the patient was told that it comes.
    Items that are filled on request only wait until the patient's request is recorded.
    """
    cycle = tx.get(Cycle, cycle_id)
    items = cycles.items_of(tx, cycle.id)
    if cycle.state in ENDED or cycle.unapproved:
        return False
    if not any(item.state in PENDING_ITEMS and item.state is not ItemState.READY for item in items):
        return False
    _hold_unrequested(tx, cycle, list(items))
    if cycle.state not in FETCHABLE | {CycleState.PREPARING}:
        refresh_state(tx, cycle, base=CycleState.PREPARING)
    ask_to_prepare(tx, cycle)
    close_exception(
        tx, pharmacy_id=cycle.pharmacy_id, cause_key=Cause.STOCK_CHECK.of(cycle.id),
        outcome="The batch is being prepared.",
    )  # fmt: skip
    _tell_pharmacy_system(tx, cycle, items)
    check_patient(tx, cycle.patient_id)
    return True


def _tell_pharmacy_system(tx: Tx, cycle: Cycle, items: Sequence[CycleItem]) -> None:
    """By signed webhook, where it has an address: what is to be filled until when, by Rx number."""
    if not pharmacy_listens():
        return
    rows = therapies.by_ids(tx, [item.therapy_id for item in items])
    event = {
        "event": "batch.preparing", "batch": cycle.id, "kind": cycle.kind, "date": cycle.sync_date.isoformat(),
        "items": [
            {
                "rx_number": _rx_number(tx, rows[item.therapy_id]), "fill": item.fill_kind.value,
                "days_supply": item.days_supply, "quantity": str(item.quantity) if item.quantity else None,
                "claim_code": item.claim_code, "missing": item.problem,
            }
            for item in items if item.state in PENDING_ITEMS
        ],
    }  # fmt: skip
    key = f"preparing:{cycle.id}:{cycle.sync_date.isoformat()}"
    notify_pharmacy(tx, cycle.pharmacy_id, event, key=key, cycle_id=cycle.id)


def _rx_number(tx: Tx, therapy: Therapy) -> str:
    rx = current_prescription(therapy, therapies.prescriptions_of_therapy(tx, therapy.id))
    return rx.rx_number if rx is not None else ""


def record_request(tx: Tx, cycle_id: str, *, how: str) -> bool:
    """The patient asked for the batch or confirmed it (`how`: reply, call, counter); False when that is known.

    Items that waited for a request may be filled now. Conflict when the cycle is over or not approved.
    """
    cycle = tx.get(Cycle, cycle_id, lock=True)
    if cycle.state in ENDED:
        raise Conflict("This cycle is over: there is nothing to confirm.")
    refuse_unapproved(cycle)
    released = release_requested(tx, cycle, how=how, by=tx.scope.actor_name)
    if cycle.confirmed_at is not None and not released:
        return False
    if cycle.confirmed_at is None:
        cycle.confirmed_at, cycle.confirmed_how = tx.now, how
    refresh_state(tx, cycle)
    audit(
        tx, pharmacy_id=cycle.pharmacy_id, act="record_request", subject_kind="cycle", subject_id=cycle.id,
        detail={"how": how},
    )  # fmt: skip
    return True


def note_request(tx: Tx, item: CycleItem, *, how: str, by: str) -> None:
    """Keep who asked for an item, when and how; the first request stands."""
    if item.requested_at is None:
        item.requested_at, item.requested_how, item.requested_by = tx.now, how, by


def release_requested(tx: Tx, cycle: Cycle, *, how: str, by: str) -> int:
    """The patient asks for the whole batch: what waited for that may be filled; gives how many items there were."""
    items = cycles.items_of(tx, cycle.id)
    for item in items:
        if item.state in UNFILLED:
            note_request(tx, item, how=how, by=by)
    waiting = [item for item in items if item.problem == NOT_REQUESTED]
    for item in waiting:
        set_item(tx, item, ItemState.PLANNED)
    for cause in (Cause.REQUEST.of(cycle.id), Cause.CALL.of(cycle.id)):
        close_exception(
            tx, pharmacy_id=cycle.pharmacy_id, cause_key=cause, outcome="The patient has confirmed."
        )
    return len(waiting)


def _hold_unrequested(tx: Tx, cycle: Cycle, items: list[CycleItem]) -> None:
    """Items whose payer forbids automatic refills wait for a recorded request, and somebody asks for it."""
    if cycle.confirmed_at is not None:
        release_requested(tx, cycle, how=cycle.confirmed_how, by="")
        return
    payers = rules_of(tx.get(Pharmacy, cycle.pharmacy_id)).fill_on_request
    rows = therapies.by_ids(tx, [item.therapy_id for item in items])
    held = [
        item
        for item in items
        if item.state in UNFILLED
        and item.requested_at is None
        and rows[item.therapy_id].payer in payers
        and item.problem in ("", NOT_REQUESTED)
    ]
    for item in held:
        set_item(
            tx, item, ItemState.WAITING, problem=NOT_REQUESTED, note="Filled only when the patient asks."
        )
    if held:
        open_exception(
            tx, pharmacy_id=cycle.pharmacy_id, kind=ExceptionKind.CALL, cause_key=Cause.REQUEST.of(cycle.id),
            summary="The plan forbids automatic refills: ask the patient whether to fill, and record the answer.",
            owner_role=Role.TECHNICIAN, due_at=due_in(tx, hours=24), severity=Severity.HIGH,
            patient_id=cycle.patient_id, cycle_id=cycle.id,
        )  # fmt: skip
