"""Two change one thing at once: one wins, the other is told, and nothing of the losing plan goes out."""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from medsync_app.domain.states import ActionState, Channel, CycleState, EnrollmentState, Role
from medsync_app.errors import Conflict
from medsync_app.outbox.states import PENDING
from medsync_app.services.approve_plan import approve
from medsync_app.services.confirm_pickup import Pickup, confirm_pickup
from medsync_app.services.enroll import EnrollCommand, enroll
from medsync_app.services.import_dispensing import run_import
from medsync_app.services.mark_ready import mark_ready
from medsync_app.services.propose import propose
from medsync_app.services.reschedule import reschedule
from medsync_app.services.start_import import start_import
from medsync_app.services.withdraw import withdraw
from medsync_app.store.scope import Scope
from medsync_app.store.session import Database, Tx
from medsync_app.store.tables import (
    AuditEvent,
    Cycle,
    CycleItem,
    Enrollment,
    Fill,
    ImportRun,
    Patient,
    ScheduledAction,
)
from tests.support.exports import import_path, row, write_export
from tests.support.loop import FakeConnection, run_tick
from tests.support.programme import (
    CONSENT,
    TODAY,
    Clinic,
    enroll_recommended,
    even_patient,
    make_clinic,
    reference_patient,
)
from tests.support.races import together
from tests.support.store import SYSTEM
from tests.support.two_drugs import lisinopril, us

pytestmark = [pytest.mark.both_databases, pytest.mark.slow]
#: Each race is run so often, with a pharmacy of its own: who wins must not matter.
ROUNDS = 3
Act = Callable[[Tx], Any]


@pytest.fixture
def clinics(database: Database) -> Iterator[Clinic]:
    """A fresh pharmacy for each round."""
    return (make_clinic(database, f"round-{number}") for number in range(ROUNDS))


def by(clinic: Clinic, name: str, act: Act) -> Callable[[], Any]:
    """An act of the pharmacist of that name, in a transaction of their own."""

    def run() -> Any:
        scope = Scope.staff(f"staff-{name}", name, {clinic.shop.pharmacy_id: Role.PHARMACIST})
        with clinic.database.transaction(scope, clinic.clock) as tx:
            return act(tx)

    return run


def cycles_of(clinic: Clinic, kind: str = "sync") -> list[Cycle]:
    """The pharmacy's cycles that were not cancelled, by number."""
    with clinic.reading() as tx:
        rows = select(Cycle).where(Cycle.kind == kind, Cycle.state != CycleState.CANCELLED)
        return list(tx.session.scalars(rows.order_by(Cycle.number)))


def actions_of(clinic: Clinic, *states: ActionState) -> list[ScheduledAction]:
    with clinic.reading() as tx:
        return list(tx.session.scalars(select(ScheduledAction).where(ScheduledAction.state.in_(states))))


def acts_of(clinic: Clinic, act: str) -> int:
    with clinic.reading() as tx:
        mine = (AuditEvent.act == act, AuditEvent.chain == clinic.shop.pharmacy_id)
        return tx.session.scalar(select(func.count()).where(*mine)) or 0


def planned(clinic: Clinic) -> Cycle:
    """A planned batch of two drugs."""
    patient_id, _ = even_patient(clinic)
    enroll_recommended(clinic, patient_id)
    return cycles_of(clinic)[0]


def one_won(results: list[Any], *, idempotent: object = Conflict) -> int:
    """The index of the one that won; the other was told, or was given `idempotent` (nothing left to do)."""
    lost = [r for r in results if isinstance(r, Conflict) or r == idempotent]
    assert len(lost) == len(results) - 1, results
    return next(i for i, r in enumerate(results) if not (isinstance(r, Conflict) or r == idempotent))


def test_one_of_two_marks_a_batch_ready_and_its_notice_is_queued_once(clinics: Iterator[Clinic]) -> None:
    for clinic in clinics:
        cycle = planned(clinic)
        clinic.go_to(cycle.sync_date - timedelta(days=2))

        def act(tx: Tx, cycle: Cycle = cycle) -> bool:
            return mark_ready(tx, cycle.id, expected_version=cycle.version)

        one_won(together(by(clinic, "Ann", act), by(clinic, "Bob", act)), idempotent=False)
        (after,) = cycles_of(clinic)
        assert (after.state, after.version) == (CycleState.READY, cycle.version + 1)
        assert [a.step for a in actions_of(clinic, ActionState.QUEUED)].count("ready") == 1
        assert acts_of(clinic, "mark_ready") == 1


def test_one_of_two_moves_wins_and_only_its_messages_are_queued(clinics: Iterator[Clinic]) -> None:
    for clinic in clinics:
        cycle = planned(clinic)
        days = [cycle.sync_date - timedelta(days=1), cycle.sync_date - timedelta(days=2)]

        def to(day: date, cycle: Cycle = cycle) -> Act:
            return lambda tx: reschedule(tx, cycle.id, day, expected_version=cycle.version)

        results = together(by(clinic, "Ann", to(days[0])), by(clinic, "Bob", to(days[1])))
        winner = one_won(results)
        assert ("Ann", "Bob")[winner] in str(results[1 - winner]), "the loser is told who changed it"
        (after,) = cycles_of(clinic)
        assert after.sync_date == days[winner]
        dates = {a.payload["sync_date"] for a in actions_of(clinic, *PENDING)}
        assert dates == {days[winner].isoformat()}


def test_one_of_two_pickups_counts_and_one_next_cycle_opens(clinics: Iterator[Clinic]) -> None:
    for clinic in clinics:
        cycle = planned(clinic)
        clinic.go_to(cycle.sync_date)

        def act(tx: Tx, cycle: Cycle = cycle) -> bool:
            result = confirm_pickup(tx, cycle.id, expected_version=cycle.version)
            return isinstance(result, Pickup) and result.changed

        one_won(together(by(clinic, "Ann", act), by(clinic, "Bob", act)), idempotent=False)
        first, second = cycles_of(clinic)
        assert (first.state, second.state) == (CycleState.CLOSED, CycleState.PLANNED)
        assert {a.cycle_id for a in actions_of(clinic, *PENDING)} <= {second.id, None}
        assert acts_of(clinic, "confirm_pickup") == 1


def test_one_of_two_enrollments_of_a_patient_wins(clinics: Iterator[Clinic]) -> None:
    for clinic in clinics:
        patient_id, _ = even_patient(clinic)
        with clinic.reading() as tx:
            day = propose(tx, patient_id).plan.recommended.sync_date
        assert day is not None
        command = EnrollCommand(patient_id, day, contacts=(CONSENT,))

        def act(tx: Tx, command: EnrollCommand = command) -> str:
            return enroll(tx, command)

        results = together(by(clinic, "Ann", act), by(clinic, "Bob", act))
        winner = one_won(results)
        assert "enrolled already" in str(results[1 - winner])
        assert [c.enrollment_id for c in cycles_of(clinic)] == [results[winner]]
        assert [a.step for a in actions_of(clinic, *PENDING)].count("welcome") == 1


def test_one_of_two_approvals_counts_from_whichever_batch_of_the_plan(clinics: Iterator[Clinic]) -> None:
    for clinic in clinics:
        enroll_recommended(clinic, reference_patient(clinic).patient_id)
        (cycle,), (trip, *_) = cycles_of(clinic), cycles_of(clinic, "trip")

        def act(row: Cycle) -> Act:
            return lambda tx: approve(tx, row.id, expected_version=row.version)

        one_won(together(by(clinic, "Ann", act(cycle)), by(clinic, "Bob", act(trip))), idempotent=False)
        assert [c.state for c in (*cycles_of(clinic), *cycles_of(clinic, "trip"))] == [CycleState.PLANNED] * 2
        assert [a.step for a in actions_of(clinic, *PENDING)].count("welcome") == 1
        assert acts_of(clinic, "approve_plan") == 1


def test_a_move_and_the_end_of_the_enrollment_do_not_both_happen(clinics: Iterator[Clinic]) -> None:
    for clinic in clinics:
        cycle, day = planned(clinic), TODAY + timedelta(days=8)
        with clinic.reading() as tx:
            version = tx.get(Enrollment, cycle.enrollment_id).version

        def move(tx: Tx, cycle: Cycle = cycle, day: date = day) -> None:
            reschedule(tx, cycle.id, day, expected_version=cycle.version)

        def end(tx: Tx, cycle: Cycle = cycle, version: int = version) -> None:
            withdraw(tx, cycle.enrollment_id, expected_version=version, reason="Moves away.")

        winner = one_won(together(by(clinic, "Ann", move), by(clinic, "Bob", end)))
        pending = actions_of(clinic, *PENDING)
        if winner == 0:
            assert {a.payload["sync_date"] for a in pending} == {day.isoformat()}
        else:
            assert (pending, cycles_of(clinic)) == ([], [])


def test_people_who_work_on_different_patients_all_get_their_way(database: Database) -> None:
    clinic = make_clinic(database)
    patients = [even_patient(clinic, first=f"P{number}")[0] for number in range(4)]

    def enrolls(patient_id: str) -> Callable[[], Any]:
        def act(tx: Tx) -> str:
            day = propose(tx, patient_id).plan.recommended.sync_date
            assert day is not None
            return enroll(tx, EnrollCommand(patient_id, day))

        return by(clinic, f"for {patient_id}", act)

    results = together(*map(enrolls, patients))
    assert sorted(c.enrollment_id for c in cycles_of(clinic)) == sorted(results)


def test_the_same_file_imported_twice_at_once_counts_once(
    database: Database, clinics: Iterator[Clinic], tmp_path: Path
) -> None:
    rows = [row(Rx_Number=f"7{n:05}", Patient_ID=f"P{n // 3}", Last_Name=f"Name{n // 3}") for n in range(30)]
    for clinic in clinics:
        path = write_export(tmp_path, rows, f"{clinic.shop.pharmacy_id}.csv")
        with database.transaction(SYSTEM, clinic.clock) as tx:
            runs = [
                start_import(tx, clinic.shop.pharmacy_id, path, file_name="a.csv", at_once=True)
                for _ in range(2)
            ]

        def work(run_id: str, clinic: Clinic = clinic) -> Callable[[], Any]:
            return lambda: run_import(database, clinic.clock, run_id, chunk_rows=7)

        reports = together(*map(work, runs))
        assert sum(report.fills["added"] for report in reports) == 30
        assert sum(report.patients["added"] for report in reports) == 10
        with clinic.reading() as tx:
            assert tx.session.scalar(select(func.count()).select_from(Fill)) == 30
            assert tx.session.scalar(select(func.count()).select_from(Patient)) == 10
            assert set(tx.session.scalars(select(ImportRun.state))) == {"done"}


def test_one_run_is_worked_by_one_process(
    database: Database, clinics: Iterator[Clinic], tmp_path: Path
) -> None:
    for clinic in clinics:
        path = write_export(tmp_path, [row()], f"{clinic.shop.pharmacy_id}.csv")
        with database.transaction(SYSTEM, clinic.clock) as tx:
            run_id = start_import(tx, clinic.shop.pharmacy_id, path, file_name="a.csv", at_once=True)

        def work(run_id: str = run_id, clinic: Clinic = clinic) -> Any:
            return run_import(database, clinic.clock, run_id)

        one_won(together(work, work))


def test_a_pickup_told_by_a_person_and_by_a_file_is_one(
    database: Database, clinics: Iterator[Clinic], tmp_path: Path
) -> None:
    for clinic in clinics:
        name = f"{clinic.shop.pharmacy_id}.csv"
        first = lisinopril()
        import_path(database, clinic.clock, clinic.shop, write_export(tmp_path, [first], name))
        with clinic.reading() as tx:
            patient_id = tx.session.scalars(select(Patient.id)).one()
        enroll_recommended(clinic, patient_id, contacts=())
        (cycle,) = cycles_of(clinic)
        clinic.go_to(cycle.sync_date)
        sold = row(Fill_Number="1", Date_Filled=us(cycle.sync_date), Date_Sold=us(cycle.sync_date))
        path = write_export(tmp_path, [first, sold], name)

        def file(clinic: Clinic = clinic, path: Path = path) -> Any:
            return import_path(database, clinic.clock, clinic.shop, path)

        def person(tx: Tx, cycle: Cycle = cycle) -> Pickup:
            return confirm_pickup(tx, cycle.id, expected_version=cycle.version)

        told, report = together(by(clinic, "Ann", person), file)
        assert isinstance(told, Conflict | Pickup)
        assert report.fills["added"] == 1
        closed, following = cycles_of(clinic)
        assert (closed.state, following.state) == (CycleState.CLOSED, CycleState.PLANNED)
        assert closed.picked_up_on == cycle.sync_date
        with clinic.reading() as tx:
            items = tx.session.scalars(select(CycleItem).where(CycleItem.cycle_id == closed.id)).all()
            assert all(item.fill_id is not None for item in items)


def test_an_import_and_people_at_work_do_not_block_each_other_for_good(
    database: Database, clinics: Iterator[Clinic], tmp_path: Path
) -> None:
    filled = TODAY - timedelta(days=20)
    for clinic in clinics:
        first = [
            row(Rx_Number=f"70000{n}", Patient_ID=f"P{n}", Last_Name=f"Name{n}", Date_Filled=us(filled),
                Date_Sold=us(filled))
            for n in range(4)
        ]  # fmt: skip
        name = f"{clinic.shop.pharmacy_id}.csv"
        import_path(database, clinic.clock, clinic.shop, write_export(tmp_path, first, name))
        with clinic.reading() as tx:
            patients = list(tx.session.scalars(select(Patient.id)))
        for patient_id in patients:
            enroll_recommended(clinic, patient_id, contacts=())
        batches = cycles_of(clinic)
        later = [{**line, "Refills Left": "0"} for line in first]
        path = write_export(tmp_path, later, name)

        def ready(cycle: Cycle, clinic: Clinic = clinic) -> Callable[[], Any]:
            return by(clinic, "Ann", lambda tx, c=cycle: mark_ready(tx, c.id, expected_version=c.version))

        def file(clinic: Clinic = clinic, path: Path = path) -> Any:
            return import_path(database, clinic.clock, clinic.shop, path, chunk_rows=4)

        *people, report = together(*map(ready, batches), file)
        assert all(r is True or isinstance(r, Conflict) for r in people), people
        assert report.prescriptions["changed"] == 4


def test_a_message_goes_out_before_the_patient_leaves_or_not_at_all(clinics: Iterator[Clinic]) -> None:
    for clinic in clinics:
        cycle, sms = planned(clinic), FakeConnection()
        with clinic.reading() as tx:
            version = tx.get(Enrollment, cycle.enrollment_id).version

        def end(tx: Tx, cycle: Cycle = cycle, version: int = version) -> None:
            withdraw(tx, cycle.enrollment_id, expected_version=version, reason="Moves away.")

        def send(clinic: Clinic = clinic, sms: FakeConnection = sms) -> Any:
            return run_tick(clinic.database, clinic.clock, {Channel.SMS: sms})

        together(by(clinic, "Ann", end), send)
        with clinic.reading() as tx:
            assert tx.get(Enrollment, cycle.enrollment_id).state is EnrollmentState.WITHDRAWN
        sent = [a for a in actions_of(clinic, ActionState.SENT) if a.kind == "message"]
        assert len(sent) == len(sms.sent) <= 1
        assert [a for a in actions_of(clinic, *PENDING) if a.enrollment_id] == []


def test_a_reminder_of_the_old_date_is_not_sent_after_a_move_or_is_corrected(
    clinics: Iterator[Clinic],
) -> None:
    for clinic in clinics:
        cycle, sms = planned(clinic), FakeConnection()
        run_tick(clinic.database, clinic.clock, {Channel.SMS: sms})
        clinic.go_to(cycle.sync_date - timedelta(days=7))
        sms.sent.clear()
        day = cycle.sync_date + timedelta(days=1)

        def move(tx: Tx, cycle: Cycle = cycle, day: date = day) -> None:
            reschedule(tx, cycle.id, day, expected_version=cycle.version)

        def send(clinic: Clinic = clinic, sms: FakeConnection = sms) -> Any:
            return run_tick(clinic.database, clinic.clock, {Channel.SMS: sms})

        moved, _ = together(by(clinic, "Ann", move), send)
        assert moved is None, moved
        pending = [a for a in actions_of(clinic, *PENDING) if a.cycle_id]
        assert {a.payload["sync_date"] for a in pending} == {day.isoformat()}
        told_old = [a for a in actions_of(clinic, ActionState.SENT) if a.step == "reminder_t7"
                    and a.payload["sync_date"] == cycle.sync_date.isoformat()]  # fmt: skip
        steps = {a.step for a in (*pending, *actions_of(clinic, ActionState.SENT))}
        assert not told_old or "date_changed" in steps
