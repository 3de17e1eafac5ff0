"""Drugs, fills and enrolled patients for tests of the programme's services."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from sqlalchemy import select

from medsync_app.clock import VirtualClock
from medsync_app.domain.states import (
    Channel,
    ContactBasis,
    CycleState,
    ExceptionKind,
    ExceptionState,
    FillKind,
    FillStatus,
    ItemState,
)
from medsync_app.services.enroll import EnrollCommand, enroll
from medsync_app.services.enroll_contacts import ContactChoice
from medsync_app.services.propose import propose
from medsync_app.store.scope import Scope
from medsync_app.store.session import Database
from medsync_app.store.tables import Cycle, CycleItem, ExceptionCase, Fill, Prescriber, Prescription, Therapy
from tests.support.store import NOW, Shop, make_patient, make_shop

TODAY = NOW.date()
PHONE = "+14045550111"


def day(text: str) -> date:
    return date.fromisoformat(text)


def noon(at: date) -> datetime:
    """11:00 at the pharmacy of tests (New York, in winter) on that day."""
    return datetime(at.year, at.month, at.day, 16, 0, tzinfo=UTC)


@dataclass(slots=True)
class Clinic:
    """One pharmacy with a database and a clock that tests move."""

    database: Database
    shop: Shop
    clock: VirtualClock = field(default_factory=lambda: VirtualClock(NOW))

    @property
    def scope(self) -> Scope:
        return self.shop.scope

    def writing(self):
        return self.database.transaction(self.scope, self.clock)

    def reading(self):
        return self.database.reading(self.scope, self.clock)

    def go_to(self, at: date) -> None:
        self.clock.set(noon(at))


def make_clinic(database: Database, slug: str = "main") -> Clinic:
    return Clinic(database, make_shop(database, slug))


def add_drug_row(
    clinic: Clinic,
    patient_id: str,
    name: str,
    fills: list[tuple[str, int]],
    *,
    units: int = 1,
    refills: int | None = 5,
    written: date | None = None,
    expires: date | None = None,
    ingredients: list[str] | None = None,
    status: FillStatus = FillStatus.SOLD,
    prescriber: bool = True,
    **more: object,
) -> str:
    """A therapy with one Rx and its fills (date, days); the last fill has `status`. Gives the therapy's id."""
    with clinic.database.transaction(Scope.system("test"), clinic.clock) as tx:
        pharmacy_id = clinic.shop.pharmacy_id
        prescriber_id = None
        if prescriber:
            writer = tx.add(
                Prescriber(pharmacy_id=pharmacy_id, external_key=f"{patient_id}:{name}", name="Dr Example")
            )
            prescriber_id = writer.id
        tx.session.flush()
        therapy = tx.add(
            Therapy(
                pharmacy_id=pharmacy_id, patient_id=patient_id, drug_key=name, drug_name=name, form="tablet",
                ingredients=[name.split()[0].lower()] if ingredients is None else ingredients,
                units_per_day=Decimal(units), maintenance=True, payer="commercial",
                created_at=tx.now, updated_at=tx.now,
            )
        )  # fmt: skip
        for key, value in more.items():
            setattr(therapy, key, value)
        tx.session.flush()
        rx = tx.add(
            Prescription(
                pharmacy_id=pharmacy_id, patient_id=patient_id, therapy_id=therapy.id,
                prescriber_id=prescriber_id, rx_number=f"{name}-{patient_id[-6:]}", drug_name=name,
                refills_left=refills, written_on=written or date(2026, 6, 1),
                expires_on=expires or date(2027, 6, 1), created_at=tx.now, updated_at=tx.now,
            )
        )  # fmt: skip
        tx.session.flush()
        therapy.current_prescription_id = rx.id
        for number, (on, days) in enumerate(fills):
            filled = day(on)
            last = number == len(fills) - 1
            waiting = last and status is FillStatus.WAITING
            tx.add(
                Fill(
                    pharmacy_id=pharmacy_id, patient_id=patient_id, therapy_id=therapy.id,
                    prescription_id=rx.id, fill_number=number, filled_on=filled,
                    picked_up_on=None if waiting else filled, days_supply=days, quantity=Decimal(days * units),
                    kind=FillKind.FULL, status=status if last else FillStatus.SOLD,
                )
            )  # fmt: skip
        return therapy.id


def add_fill(
    clinic: Clinic,
    therapy_id: str,
    on: date,
    days: int = 30,
    *,
    status: FillStatus = FillStatus.SOLD,
    picked_up_on: date | None = None,
    number: int = 50,
) -> int:
    """One more fill as an import would write it; gives its id."""
    with clinic.database.transaction(Scope.system("test"), clinic.clock) as tx:
        therapy = tx.get(Therapy, therapy_id)
        assert therapy.current_prescription_id is not None
        fill = tx.add(
            Fill(
                pharmacy_id=therapy.pharmacy_id, patient_id=therapy.patient_id, therapy_id=therapy_id,
                prescription_id=therapy.current_prescription_id, fill_number=number + on.toordinal(),
                filled_on=on, picked_up_on=picked_up_on, days_supply=days, quantity=Decimal(days),
                status=status,
            )
        )  # fmt: skip
        tx.session.flush()
        assert fill.id is not None
        return fill.id


@dataclass(frozen=True, slots=True)
class Case:
    """A patient with the three drugs of DOMAIN.md's reference vector, moved to today."""

    patient_id: str
    lisinopril: str
    atorvastatin: str
    metformin: str


def reference_patient(clinic: Clinic, **kwargs: str) -> Case:
    """Fills 13, 5 and 1 days before today, 30 days each: next due in 17, 25 and 29 days."""
    patient_id = make_patient(clinic.database, clinic.shop, phone=PHONE, **kwargs)

    def filled(days_ago: int) -> list[tuple[str, int]]:
        return [((TODAY - timedelta(days=days_ago)).isoformat(), 30)]

    return Case(
        patient_id,
        add_drug_row(clinic, patient_id, "Lisinopril 10 MG", filled(13)),
        add_drug_row(clinic, patient_id, "Atorvastatin 20 MG", filled(5)),
        add_drug_row(clinic, patient_id, "Metformin 500 MG", filled(1), units=2),
    )


def even_patient(
    clinic: Clinic, *, days_ago: int = 20, count: int = 2, **kwargs: str
) -> tuple[str, list[str]]:
    """A patient whose drugs were all filled on one day: no short fill is needed."""
    patient_id = make_patient(clinic.database, clinic.shop, phone=PHONE, **kwargs)
    filled = [((TODAY - timedelta(days=days_ago)).isoformat(), 30)]
    names = ("Lisinopril 10 MG", "Atorvastatin 20 MG", "Metformin 500 MG", "Amlodipine 5 MG")
    return patient_id, [add_drug_row(clinic, patient_id, name, filled) for name in names[:count]]


CONSENT = ContactChoice(
    channel=Channel.SMS, address=PHONE, basis=ContactBasis.EXPRESS, wording="I agree to texts."
)


def enroll_recommended(clinic: Clinic, patient_id: str, **more: object) -> str:
    """Enroll on the recommended date; gives the enrollment's id."""
    with clinic.writing() as tx:
        option = propose(tx, patient_id).plan.recommended
        assert option.sync_date is not None
        values: Mapping[str, object] = {
            "patient_id": patient_id, "sync_date": option.sync_date, "strategy": "recommended",
            "contacts": (CONSENT,), **more,
        }  # fmt: skip
        return enroll(tx, EnrollCommand(**values))  # type: ignore[arg-type]


def open_tasks(clinic: Clinic) -> list[ExceptionCase]:
    """What waits for a person, by cause."""
    with clinic.reading() as tx:
        rows = select(ExceptionCase).where(ExceptionCase.state == ExceptionState.OPEN)
        return list(tx.session.scalars(rows.order_by(ExceptionCase.cause_key)))


def open_causes(clinic: Clinic) -> set[str]:
    return {task.cause_key for task in open_tasks(clinic)}


def open_kinds(clinic: Clinic) -> set[ExceptionKind]:
    return {task.kind for task in open_tasks(clinic)}


@dataclass(frozen=True, slots=True)
class Batch:
    """One cycle as a test looks at it: items that are not skipped, by id, with their states."""

    id: str
    enrollment_id: str
    version: int
    state: CycleState
    sync_date: date
    number: int
    items: Mapping[str, ItemState]
    therapies: tuple[str, ...]


def batch_of(clinic: Clinic, *, number: int = 1, kind: str = "sync") -> Batch:
    """The newest cycle of that number and kind that was not cancelled."""
    with clinic.reading() as tx:
        cycle = tx.session.scalars(
            select(Cycle)
            .where(Cycle.number == number, Cycle.kind == kind, Cycle.state != CycleState.CANCELLED)
            .order_by(Cycle.id.desc())
        ).first()
        assert cycle is not None, f"there is no {kind} cycle {number}"
        rows = tx.session.scalars(
            select(CycleItem)
            .where(CycleItem.cycle_id == cycle.id, CycleItem.state != ItemState.SKIPPED)
            .order_by(CycleItem.id)
        ).all()
        return Batch(
            cycle.id, cycle.enrollment_id, cycle.version, cycle.state, cycle.sync_date, cycle.number,
            {row.id: row.state for row in rows}, tuple(row.therapy_id for row in rows),
        )  # fmt: skip
