"""Patients with drugs, fills, batches and tasks, written as rows: what the screens read."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from medsync_app.clock import VirtualClock
from medsync_app.domain.states import (
    ActionState,
    Channel,
    CycleState,
    EnrollmentState,
    ExceptionKind,
    FillStatus,
    ItemState,
    Role,
)
from medsync_app.store.session import Database
from medsync_app.store.tables import (
    Cycle,
    CycleItem,
    Enrollment,
    ExceptionCase,
    Fill,
    Prescription,
    ScheduledAction,
    Therapy,
)
from tests.support.store import NOW, SYSTEM, Shop

TODAY = date(2026, 11, 23)


def make_therapy(
    database: Database,
    shop: Shop,
    patient_id: str,
    drug: str,
    *,
    fills: tuple[date, ...] = (),
    days: int = 30,
    refills: int = 3,
    rx_number: str = "",
    **more: Any,
) -> str:
    """A drug with one prescription and picked-up fills of `days` days."""
    with database.transaction(SYSTEM, VirtualClock(NOW)) as tx:
        base = {"pharmacy_id": shop.pharmacy_id, "patient_id": patient_id}
        therapy = tx.add(
            Therapy(
                **base,
                drug_key=drug.lower(),
                drug_name=drug,
                ingredients=[drug.split()[0].lower()],
                form="tablet",
                created_at=NOW,
                updated_at=NOW,
                **more,
            )
        )
        tx.session.flush()
        rx = tx.add(
            Prescription(
                **base,
                therapy_id=therapy.id,
                rx_number=rx_number or f"70{therapy.id[-6:]}",
                drug_name=drug,
                days_supply=days,
                refills_left=refills,
                written_on=date(2026, 3, 1),
                expires_on=date(2027, 3, 1),
                quantity=Decimal(days),
                created_at=NOW,
                updated_at=NOW,
            )
        )
        tx.session.flush()
        therapy.current_prescription_id = rx.id
        for number, day in enumerate(fills):
            tx.add(
                Fill(
                    **base,
                    therapy_id=therapy.id,
                    prescription_id=rx.id,
                    fill_number=number,
                    filled_on=day,
                    picked_up_on=day,
                    days_supply=days,
                    quantity=Decimal(days),
                    status=FillStatus.SOLD,
                )
            )
        return therapy.id


@dataclass(frozen=True, slots=True)
class Batch:
    """Ids of what was made."""

    cycle_id: str
    enrollment_id: str


def make_batch(
    database: Database,
    shop: Shop,
    patient_id: str,
    therapies: tuple[str, ...],
    *,
    on: date,
    state: CycleState = CycleState.PLANNED,
    items: ItemState = ItemState.PLANNED,
    enrollment: EnrollmentState = EnrollmentState.ACTIVE,
    enrollment_id: str | None = None,
    number: int = 1,
    **more: Any,
) -> Batch:
    """An enrollment (unless given) with one sync cycle that holds these drugs."""
    with database.transaction(SYSTEM, VirtualClock(NOW)) as tx:
        base = {"pharmacy_id": shop.pharmacy_id}
        if enrollment_id is None:
            row = tx.add(
                Enrollment(
                    **base,
                    patient_id=patient_id,
                    state=enrollment,
                    anchor=on,
                    enrolled_at=NOW - timedelta(days=40),
                    enrolled_by="Pat Tester",
                    changed_at=NOW,
                )
            )
            tx.session.flush()
            enrollment_id = row.id
        cycle = tx.add(
            Cycle(
                **base,
                enrollment_id=enrollment_id,
                patient_id=patient_id,
                number=number,
                nominal_date=on,
                sync_date=on,
                state=state,
                changed_at=NOW,
                **more,
            )
        )
        tx.session.flush()
        for therapy_id in therapies:
            tx.add(
                CycleItem(
                    **base,
                    cycle_id=cycle.id,
                    therapy_id=therapy_id,
                    case="on_time",
                    state=items,
                    due_on=on,
                    days_supply=30,
                    quantity=Decimal(30),
                    changed_at=NOW,
                )
            )
        return Batch(cycle.id, enrollment_id)


def make_task(
    database: Database,
    shop: Shop,
    kind: ExceptionKind,
    *,
    patient_id: str | None = None,
    cycle_id: str | None = None,
    due_at: datetime = NOW,
    owner: Role = Role.TECHNICIAN,
    summary: str = "Call the patient.",
    **more: Any,
) -> str:
    """An open exception."""
    with database.transaction(SYSTEM, VirtualClock(NOW)) as tx:
        row = tx.add(
            ExceptionCase(
                pharmacy_id=shop.pharmacy_id,
                kind=kind,
                cause_key=f"{kind.value}:{patient_id}:{cycle_id}:{due_at}",
                owner_role=owner,
                patient_id=patient_id,
                cycle_id=cycle_id,
                summary=summary,
                due_at=due_at,
                opened_at=NOW,
                **more,
            )
        )
        return row.id


def make_message(
    database: Database,
    shop: Shop,
    patient_id: str,
    *,
    due_at: datetime,
    state: ActionState = ActionState.QUEUED,
    step: str = "reminder",
    body: str | None = None,
    **more: Any,
) -> str:
    """A scheduled message to a patient."""
    with database.transaction(SYSTEM, VirtualClock(NOW)) as tx:
        row = tx.add(
            ScheduledAction(
                pharmacy_id=shop.pharmacy_id,
                patient_id=patient_id,
                step=step,
                kind="message",
                state=state,
                idempotency_key=f"{patient_id}:{step}:{due_at}",
                due_at=due_at,
                channel=Channel.SMS,
                body=body,
                created_at=NOW,
                updated_at=NOW,
                **more,
            )
        )
        return row.id
