"""An invented pharmacy in a database of its own: patients with six drugs and two years of fills, some enrolled."""

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from medsync_app.clock import Clock, VirtualClock
from medsync_app.domain.causes import Cause
from medsync_app.domain.states import (
    ActionState,
    Channel,
    CycleState,
    EnrollmentState,
    ExceptionKind,
    FillKind,
    FillStatus,
    ItemState,
    Role,
)
from medsync_app.domain.therapy_key import drug_data
from medsync_app.reads.patients import PAGE_SIZE, patient_list
from medsync_app.services.add_pharmacy import add_pharmacy
from medsync_app.store.bulk import insert_rows
from medsync_app.store.ids import new_id
from medsync_app.store.migrate import upgrade
from medsync_app.store.scope import Scope
from medsync_app.store.session import Database, Tx
from medsync_app.store.tables import (
    Cycle,
    CycleItem,
    Enrollment,
    ExceptionCase,
    Fill,
    Patient,
    Prescription,
    ScheduledAction,
    Therapy,
)

NOW: Final = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
TODAY: Final = NOW.date()
FILLS_PER_DRUG: Final = 24
DRUGS_EACH: Final = 6
_NAMES = (
    "Metformin HCl 500 MG Oral Tablet", "Lisinopril 20 MG Oral Tablet", "Atorvastatin Calcium 40 MG Oral Tablet",
    "Amlodipine Besylate 5 MG Oral Tablet", "Omeprazole DR 20 MG Oral Capsule", "Sertraline HCl 50 MG Oral Tablet",
)  # fmt: skip
#: Step, state and days from now of the messages that each patient of the programme has.
_MESSAGES = (
    ("ready", ActionState.DELIVERED, -20),
    ("reminder_t7", ActionState.QUEUED, 3),
    ("confirm_t3", ActionState.QUEUED, 7),
)
#: One patient in so many takes part, since 1 to 13 months ago.
_ENROLLED_SHARE: Final = 5


def make_pharmacy(url: str, patients: int) -> tuple[Database, str]:
    """Migrate the database at `url` and fill it with one pharmacy; gives the database and the pharmacy's id."""
    upgrade(url)
    database = Database(url)
    with database.transaction(Scope.system("bench"), VirtualClock(NOW)) as tx:
        pharmacy_id = add_pharmacy(tx, "Bench", "America/New_York").id
    world = _World(pharmacy_id, patients)
    for kind, rows in (
        (Patient, world.patients()), (Therapy, world.therapies()), (Prescription, world.prescriptions()),
        (Fill, world.fills()), (Enrollment, world.enrollments()), (Cycle, world.cycles()), (CycleItem, world.items()),
    ):  # fmt: skip
        insert_rows(database, kind, rows)
    database.refresh_statistics()
    return database, pharmacy_id


def add_work(database: Database, clock: Clock, pharmacy_id: str) -> Sequence[str]:
    """Messages and tasks of those who take part, whose ids are given."""
    people: list[str] = []
    with database.transaction(Scope.system("bench"), clock) as tx:
        while len(people) % PAGE_SIZE == 0:
            page = patient_list(tx, group="enrolled", page=len(people) // PAGE_SIZE + 1).rows
            if not page:
                break
            people.extend(row.id for row in page)
        for number, patient_id in enumerate(people):
            _add_messages(tx, pharmacy_id, patient_id)
            if number % 2 == 0:
                tx.add(
                    ExceptionCase(
                        pharmacy_id=pharmacy_id, kind=ExceptionKind.CALL, cause_key=Cause.CALL.of(patient_id),
                        owner_role=Role.TECHNICIAN, patient_id=patient_id, summary="Call the patient.",
                        due_at=tx.now + timedelta(hours=number % 72), opened_at=tx.now,
                    )
                )  # fmt: skip
    database.refresh_statistics()
    return people


def _add_messages(tx: Tx, pharmacy_id: str, patient_id: str) -> None:
    tx.add_all(
        ScheduledAction(
            pharmacy_id=pharmacy_id, patient_id=patient_id, step=step, kind="message", state=state,
            idempotency_key=f"{patient_id}:{step}", due_at=tx.now + timedelta(days=days), channel=Channel.SMS,
            body="Your medicines are ready.", created_at=tx.now, updated_at=tx.now,
        )
        for step, state, days in _MESSAGES
    )  # fmt: skip


class _World:
    """The same rows for the same size, but for the ids."""

    def __init__(self, pharmacy_id: str, patients: int) -> None:
        self._here = {"pharmacy_id": pharmacy_id}
        self._order = random.Random(1)  # noqa: S311
        self._patients = [new_id() for _ in range(patients)]
        self._drugs = [[new_id() for _ in range(DRUGS_EACH)] for _ in range(patients)]
        self._rx = [[new_id() for _ in range(DRUGS_EACH)] for _ in range(patients)]
        self._enrolled = {
            number: (new_id(), TODAY - timedelta(days=self._order.randrange(30, 400)))
            for number in range(0, patients, _ENROLLED_SHARE)
        }
        self._open = {number: new_id() for number in self._enrolled}

    def patients(self) -> Iterator[dict[str, Any]]:
        for number, key in enumerate(self._patients):
            yield {
                **self._here, "id": key, "first_name": f"First{number % 613}", "last_name": f"Last{number % 7919}",
                "search_name": f"last{number % 7919} first{number % 613}", "birth_date": date(1955, 5, 1),
                "language": "en", "address": "", "city": "", "state": "", "postal_code": "",
                "drug_names_wanted": False, "fulfilment": "pickup", "source_rank": "", "created_at": NOW,
                "updated_at": NOW,
            }  # fmt: skip

    def _each(self) -> Iterator[tuple[int, int]]:
        for number in range(len(self._patients)):
            for drug in range(DRUGS_EACH):
                yield number, drug

    def therapies(self) -> Iterator[dict[str, Any]]:
        for number, drug in self._each():
            known = drug_data(_NAMES[drug])
            yield {
                **self._here, "id": self._drugs[number][drug], "patient_id": self._patients[number],
                "drug_key": known.key, "drug_name": known.name, "ingredients": list(known.ingredients),
                "form": known.form, "maintenance": True, "unbreakable": False, "specialty": False, "as_needed": False,
                "units_per_day": Decimal(1), "status": "active", "stop_reason": "", "out_of_stock": False,
                "plan_name": "", "payer": "commercial", "current_prescription_id": self._rx[number][drug],
                "source_rank": "", "created_at": NOW, "updated_at": NOW,
            }  # fmt: skip

    def prescriptions(self) -> Iterator[dict[str, Any]]:
        for number, drug in self._each():
            yield {
                **self._here, "id": self._rx[number][drug], "patient_id": self._patients[number],
                "therapy_id": self._drugs[number][drug], "rx_number": str(700_000 + number * DRUGS_EACH + drug),
                "drug_name": _NAMES[drug], "ndc": "", "sig": "", "refills_left": 5, "status": "active",
                "source_rank": "", "created_at": NOW, "updated_at": NOW,
            }  # fmt: skip

    def fills(self) -> Iterator[dict[str, Any]]:
        """In the order of their days, as imports write them."""
        first = TODAY - timedelta(days=FILLS_PER_DRUG * 30 + 11)
        late = [[self._order.randrange(31) for _ in range(DRUGS_EACH)] for _ in self._patients]
        # Some take the medicine as written; others leave gaps, since their fills hold fewer days than they last.
        supply = [self._order.choice((30, 30, 28, 25, 23)) for _ in self._patients]
        for fill in range(FILLS_PER_DRUG):
            for number, drug in self._each():
                filled = first + timedelta(days=fill * 30 + late[number][drug] + self._order.randrange(12))
                yield {
                    **self._here, "patient_id": self._patients[number], "therapy_id": self._drugs[number][drug],
                    "prescription_id": self._rx[number][drug], "fill_number": fill, "filled_on": filled,
                    "picked_up_on": min(filled + timedelta(days=self._order.randrange(4)), TODAY),
                    "days_supply": supply[number],
                    "quantity": Decimal(30), "kind": FillKind.FULL, "status": FillStatus.SOLD,
                }  # fmt: skip

    def enrollments(self) -> Iterator[dict[str, Any]]:
        for number, (key, since) in self._enrolled.items():
            yield {
                **self._here, "id": key, "patient_id": self._patients[number], "state": EnrollmentState.ACTIVE,
                "cadence": "every", "cycle_days": 30, "anchor": since, "version": 1, "plan": {},
                "enrolled_at": NOW - timedelta(days=(TODAY - since).days), "enrolled_by": "bench", "changed_by": "",
                "changed_at": NOW, "end_reason": "",
            }  # fmt: skip

    def cycles(self) -> Iterator[dict[str, Any]]:
        for number, (key, since) in self._enrolled.items():
            for at in range(1, 15):
                on = since + timedelta(days=30 * at)
                over = on < TODAY
                yield {
                    **self._here, "id": new_id() if over else self._open[number], "enrollment_id": key,
                    "patient_id": self._patients[number], "number": at, "kind": "sync", "nominal_date": on,
                    "sync_date": on, "state": CycleState.CLOSED if over else CycleState.PLANNED, "version": 1,
                    "needs_review": False, "review": {}, "reviewed_by": "", "confirmed_how": "",
                    "picked_up_on": on + timedelta(days=self._order.choice((0, 0, 1))) if over else None,
                    "changed_by": "", "changed_at": NOW,
                }  # fmt: skip
                if not over:
                    break

    def items(self) -> Iterator[dict[str, Any]]:
        for number in self._enrolled:
            for drug in self._drugs[number]:
                yield {
                    **self._here, "id": new_id(), "cycle_id": self._open[number], "therapy_id": drug,
                    "state": ItemState.PLANNED, "case": "on_time", "fill_kind": FillKind.FULL,
                    "due_on": TODAY + timedelta(days=9), "days_supply": 30, "too_soon": False, "problem": "",
                    "problem_note": "", "changed_at": NOW,
                }  # fmt: skip
