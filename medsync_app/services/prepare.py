"""Step 7 of the workflow: the stock check, and the beginning of the preparation."""

from collections.abc import Sequence

from medsync_app.domain.causes import Cause
from medsync_app.domain.cycle import ENDED, FETCHABLE, PENDING_ITEMS, UNFILLED
from medsync_app.domain.states import CycleState, ExceptionKind, ItemState, Role
from medsync_app.services.cycle_state import refresh_state
from medsync_app.services.exceptions import close_exception, due_in, open_exception
from medsync_app.services.mark_ready import ask_to_prepare
from medsync_app.services.outside_jobs import notify_pharmacy, pharmacy_listens
from medsync_app.services.patient_problems import check_patient
from medsync_app.services.plan_inputs import current_prescription
from medsync_app.store.repositories import cycles, therapies
from medsync_app.store.session import Tx
from medsync_app.store.tables import Cycle, CycleItem, Therapy


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
