"""Enrollments and cycles for tests of the messages, written as rows."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from medsync_app.clock import VirtualClock
from medsync_app.domain.states import CycleState, EnrollmentState, ItemState
from medsync_app.store.session import Database
from medsync_app.store.tables import Cycle, CycleItem, Enrollment, Therapy
from tests.support.store import NOW, SYSTEM, Shop

SYNC = date(2026, 12, 10)


@dataclass(frozen=True, slots=True)
class MadeCycle:
    """Ids of what was made."""

    cycle_id: str
    enrollment_id: str
    patient_id: str


def make_cycle(
    database: Database,
    shop: Shop,
    patient_id: str,
    *,
    sync_date: date = SYNC,
    state: CycleState = CycleState.PLANNED,
    kind: str = "sync",
    number: int = 1,
    drugs: int = 2,
    enrollment_id: str | None = None,
    now: datetime = NOW,
    **more: Any,
) -> MadeCycle:
    """A cycle of an active enrollment with `drugs` planned items."""
    with database.transaction(SYSTEM, VirtualClock(now)) as tx:
        if enrollment_id is None:
            enrollment = tx.add(
                Enrollment(
                    pharmacy_id=shop.pharmacy_id,
                    patient_id=patient_id,
                    state=EnrollmentState.ACTIVE,
                    anchor=sync_date,
                    enrolled_at=now,
                    enrolled_by="test",
                    changed_at=now,
                )
            )
            tx.session.flush()
            enrollment_id = enrollment.id
        cycle = tx.add(
            Cycle(
                pharmacy_id=shop.pharmacy_id,
                enrollment_id=enrollment_id,
                patient_id=patient_id,
                number=number,
                kind=kind,
                nominal_date=sync_date,
                sync_date=sync_date,
                state=state,
                changed_at=now,
                **more,
            )
        )
        tx.session.flush()
        for index in range(drugs):
            therapy = tx.add(
                Therapy(
                    pharmacy_id=shop.pharmacy_id,
                    patient_id=patient_id,
                    drug_key=f"drug {index} {cycle.id}",
                    drug_name=f"Drug{index} 10 mg",
                    ingredients=[f"drug{index}"],
                    created_at=now,
                    updated_at=now,
                )
            )
            tx.session.flush()
            tx.add(
                CycleItem(
                    pharmacy_id=shop.pharmacy_id,
                    cycle_id=cycle.id,
                    therapy_id=therapy.id,
                    case="on_time",
                    state=ItemState.PLANNED,
                    due_on=sync_date,
                    days_supply=30,
                    quantity=Decimal(30),
                    changed_at=now,
                )
            )
        return MadeCycle(cycle.id, enrollment_id, patient_id)
