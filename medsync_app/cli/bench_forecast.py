"""Measures the forecast and the preview of levelling in a pharmacy where everybody takes part."""

import random
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from medsync_app.clock import VirtualClock
from medsync_app.domain.states import CycleState, EnrollmentState, FillStatus, ItemState
from medsync_app.reads.calendar import calendar_days
from medsync_app.reads.forecast import DAYS, forecast
from medsync_app.services.add_pharmacy import add_pharmacy
from medsync_app.services.plan_pharmacy import preview_level
from medsync_app.store.ids import new_id
from medsync_app.store.migrate import upgrade
from medsync_app.store.scope import Scope
from medsync_app.store.scratch import quick
from medsync_app.store.session import Database
from medsync_app.store.tables import (
    Cycle,
    CycleItem,
    Enrollment,
    Fill,
    Patient,
    Prescription,
    Therapy,
)

_NOW = datetime(2026, 10, 3, 12, 0, tzinfo=UTC)
_TODAY = _NOW.date()
_DRUGS_EACH = 6
_FILLS_EACH = 12
_CALENDAR_DAYS = 42
_AT_ONCE = 200
_SCOPE = Scope.system("bench")


def measure(patients: int) -> dict[str, Any]:
    """So many enrolled patients with six drugs and a year of fills, in a SQLite file of its own.

    Gives forecast_ms (90 days), level_ms and level_us_per_patient (the preview of levelling, with all that it reads),
    calendar_ms (six weeks of the calendar) as the reference, and the ratio of the forecast to
    it; each warm, in time of the one core used.
    """
    clock = VirtualClock(_NOW)
    with tempfile.TemporaryDirectory(prefix="medsync-bench-") as folder:
        url = f"sqlite:///{Path(folder) / 'bench.db'}"
        upgrade(url)
        db = quick(url)
        try:
            pharmacy_id = _invent(db, clock, patients)
            db.refresh_statistics()
            with db.reading(_SCOPE.only(pharmacy_id), clock) as tx:
                end = _TODAY + timedelta(days=_CALENDAR_DAYS)
                calendar = min(_timed(lambda: calendar_days(tx, _TODAY, end)) for _ in range(3))
                foreseen = min(_timed(lambda: forecast(tx, DAYS)) for _ in range(3))
                levelled = _timed(lambda: preview_level(tx, pharmacy_id))
                preview = preview_level(tx, pharmacy_id)
        finally:
            db.dispose()
    return {
        "patients": patients,
        "forecast_ms": round(foreseen * 1000, 1),
        "level_ms": round(levelled * 1000, 1),
        "level_us_per_patient": round(levelled / patients * 1e6),
        "moves": f"{len(preview.moves)} of {preview.patients}",
        "squares": f"{preview.before.squares} before {preview.after.squares} after",
        "calendar_ms": round(calendar * 1000, 1),
        "ratio": round(foreseen / calendar, 1),
    }


def _timed(work: Any) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def _invent(db: Database, clock: VirtualClock, patients: int) -> str:
    order = random.Random(1)  # noqa: S311 (the same patients each time)
    with db.transaction(_SCOPE, clock) as tx:
        pharmacy_id = add_pharmacy(tx, "Bench", "America/New_York").id
    for first in range(0, patients, _AT_ONCE):
        with db.transaction(_SCOPE, clock) as tx:
            for _ in range(first, min(first + _AT_ONCE, patients)):
                for rows in _patient(order, pharmacy_id):
                    tx.add_all(rows)
                    tx.session.flush()
    return pharmacy_id


def _patient(order: random.Random, pharmacy_id: str) -> Iterator[list[Any]]:
    """The rows of one patient, in an order in which each finds what it refers to: one batch, due within the month."""
    own: dict[str, Any] = {"pharmacy_id": pharmacy_id}
    patient = Patient(
        **own, id=new_id(), first_name="Ada", last_name="Example", search_name="example ada",
        birth_date=date(1955, 1, 1), created_at=_NOW, updated_at=_NOW,
    )  # fmt: skip
    yield [patient]
    last = _TODAY - timedelta(days=order.randrange(2, 18))
    due = last + timedelta(days=30)
    own["patient_id"] = patient.id
    therapies = [
        Therapy(
            **own, id=new_id(), drug_key=f"drug {number}", drug_name=f"Drug {order.randrange(200)} 10 mg",
            ingredients=[f"drug{number}"], form="tablet", maintenance=True, created_at=_NOW, updated_at=_NOW,
        )
        for number in range(_DRUGS_EACH)
    ]  # fmt: skip
    enrollment = Enrollment(
        **own, id=new_id(), state=EnrollmentState.ACTIVE, anchor=due, enrolled_at=_NOW, enrolled_by="bench",
        changed_at=_NOW,
    )  # fmt: skip
    yield [*therapies, enrollment]
    prescriptions = [
        Prescription(
            **own, id=new_id(), therapy_id=therapy.id, rx_number=new_id(), drug_name=therapy.drug_name,
            days_supply=30, refills_left=order.randrange(6), created_at=_NOW, updated_at=_NOW,
        )
        for therapy in therapies
    ]  # fmt: skip
    cycle = Cycle(
        **own, id=new_id(), enrollment_id=enrollment.id, number=1, nominal_date=due, sync_date=due,
        state=CycleState.PLANNED, changed_at=_NOW,
    )  # fmt: skip
    yield [*prescriptions, cycle]
    fills: list[Any] = []
    for therapy, rx in zip(therapies, prescriptions, strict=True):
        therapy.current_prescription_id = rx.id
        fills += [
            Fill(
                **own, therapy_id=therapy.id, prescription_id=rx.id, fill_number=number,
                filled_on=last - timedelta(days=30 * number), picked_up_on=last - timedelta(days=30 * number),
                days_supply=30, quantity=Decimal(30), status=FillStatus.SOLD,
            )
            for number in range(_FILLS_EACH)
        ]  # fmt: skip
        fills.append(
            CycleItem(
                pharmacy_id=pharmacy_id, cycle_id=cycle.id, therapy_id=therapy.id, state=ItemState.PLANNED,
                case="on_time", due_on=due, days_supply=30, quantity=Decimal(30), changed_at=_NOW,
            )
        )  # fmt: skip
    yield fills
