"""The programme in figures: enrolled by month, the same patients before and after, pickups, visits."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from medsync_app.clock import VirtualClock
from medsync_app.domain.adherence_indicators import Rate
from medsync_app.domain.care import CareKind
from medsync_app.domain.states import (
    ActionState,
    CycleState,
    EnrollmentState,
    ExceptionKind,
    ExceptionState,
    ItemState,
    Role,
    Severity,
)
from medsync_app.reads.adherence import Report, adherence_report
from medsync_app.reads.programme import Programme
from medsync_app.store.session import Database
from medsync_app.store.tables import (
    Cycle,
    CycleItem,
    Enrollment,
    ExceptionCase,
    PatientCare,
    ScheduledAction,
    Therapy,
)
from tests.support.adherent import monthly, takes
from tests.support.screens import TODAY, Batch, make_batch, make_therapy
from tests.support.store import SYSTEM, Shop, make_patient, make_shop


def programme_of(database: Database, clock: VirtualClock, shop: Shop) -> Programme:
    with database.reading(shop.scope, clock) as tx:
        report: Report = adherence_report(tx)
        return report.programme


def joined(database: Database, enrollment_id: str, on: date, **more: Any) -> None:
    """Let an enrollment begin on that day (11 in the morning there)."""
    with database.transaction(SYSTEM) as tx:
        row = tx.get(Enrollment, enrollment_id)
        row.enrolled_at = datetime(on.year, on.month, on.day, 16, tzinfo=UTC)
        for name, value in more.items():
            setattr(row, name, value)


def test_the_trend_counts_who_was_enrolled_at_each_months_end(
    database: Database, clock: VirtualClock, shop: Shop
) -> None:
    people = [make_patient(database, shop, first=name) for name in ("Ada", "Ben", "Cleo")]
    batches = [make_batch(database, shop, one, (), on=TODAY) for one in people]
    joined(database, batches[0].enrollment_id, date(2026, 8, 31))
    joined(database, batches[1].enrollment_id, date(2026, 9, 1))
    joined(
        database, batches[2].enrollment_id, date(2025, 1, 5), state=EnrollmentState.WITHDRAWN,
        ended_at=datetime(2026, 9, 30, 16, tzinfo=UTC),
    )  # fmt: skip
    found = programme_of(database, clock, shop)
    assert len(found.trend) == 12
    by_month = {point.day: (point.enrolled, point.joined, point.left) for point in found.trend}
    assert by_month[date(2026, 7, 31)] == (1, 0, 0)
    assert by_month[date(2026, 8, 31)] == (2, 1, 0)
    # Who left on the 30th is out on that day.
    assert by_month[date(2026, 9, 30)] == (2, 1, 1)
    assert by_month[TODAY] == (2, 0, 0)
    assert found.enrolled_now == {people[0], people[1]}
    assert found.enrolled_by_place == {shop.pharmacy_id: 2}


def test_drafts_are_not_enrolled_and_the_paused_are(
    database: Database, clock: VirtualClock, shop: Shop
) -> None:
    ada, ben = make_patient(database, shop, first="Ada"), make_patient(database, shop, first="Ben")
    make_batch(database, shop, ada, (), on=TODAY, enrollment=EnrollmentState.DRAFT)
    make_batch(database, shop, ben, (), on=TODAY, enrollment=EnrollmentState.PAUSED)
    assert programme_of(database, clock, shop).enrolled_now == {ben}


def test_the_same_patients_are_compared_before_and_after(
    database: Database, clock: VirtualClock, shop: Shop
) -> None:
    middle = TODAY - timedelta(days=200)
    before = monthly(middle - timedelta(days=240), 4, every=60)
    after = monthly(middle, 7)
    ada = takes(database, shop, "Lisinopril 10 mg", (*before, *after))
    make_therapy(database, shop, ada, "Amoxicillin 500 mg", fills=(*before, middle), days=10)
    new = takes(database, shop, "Lisinopril 10 mg", after, first="Ben")
    recent = takes(database, shop, "Lisinopril 10 mg", (*before, *after), first="Cleo")
    for patient, on in ((ada, middle), (new, middle), (recent, TODAY - timedelta(days=30))):
        joined(database, make_batch(database, shop, patient, (), on=TODAY).enrollment_id, on)
    both = programme_of(database, clock, shop).before_and_after
    assert (both.patients, both.drugs, both.before, both.after) == (1, 1, 0.5, 1.0)


def test_pickups_are_measured_on_the_sync_date(database: Database, clock: VirtualClock, shop: Shop) -> None:
    ada = make_patient(database, shop)
    days = [TODAY - timedelta(days=number) for number in (90, 60, 30)]
    first = make_batch(database, shop, ada, (), on=days[0], state=CycleState.CLOSED, picked_up_on=days[0])
    for number, (on, picked_up, state) in enumerate(
        (
            (days[1], days[1] + timedelta(days=2), CycleState.CLOSED),
            (days[2], None, CycleState.MISSED),
            (days[2], None, CycleState.CANCELLED),
            (TODAY + timedelta(days=5), None, CycleState.PLANNED),
        ),
        start=2,
    ):
        make_batch(
            database, shop, ada, (), on=on, state=state, picked_up_on=picked_up,
            enrollment_id=first.enrollment_id, number=number,
        )  # fmt: skip
    found = programme_of(database, clock, shop)
    assert found.picked_up_on_date == Rate(1, 3)
    assert found.on_date_by_place == {shop.pharmacy_id: Rate(1, 3)}
    assert found.next_sync == {ada: TODAY + timedelta(days=5)}


def test_completeness_asks_for_every_chronic_drug(
    database: Database, clock: VirtualClock, shop: Shop
) -> None:
    fills = monthly(TODAY - timedelta(days=60), 3)
    ada = takes(database, shop, "Lisinopril 10 mg", fills)
    second = make_therapy(database, shop, ada, "Metformin 500 mg", fills=fills)
    make_therapy(database, shop, ada, "Ibuprofen 400 mg", fills=fills, as_needed=True)
    with database.reading(SYSTEM, clock) as tx:
        drugs = {row.drug_name: row.id for row in tx.session.query(Therapy)}
    batch = make_batch(database, shop, ada, (drugs["Lisinopril 10 mg"], second), on=TODAY)
    assert programme_of(database, clock, shop).complete == Rate(1, 1)
    with database.transaction(SYSTEM, clock) as tx:
        item = tx.session.query(CycleItem).filter_by(cycle_id=batch.cycle_id, therapy_id=second).one()
        item.state, item.case = ItemState.SKIPPED, "left_out"
    assert programme_of(database, clock, shop).complete == Rate(0, 1)
    with database.transaction(SYSTEM, clock) as tx:  # 90 days of supply: filled with every third batch
        tx.get(CycleItem, item.id).case = "not_due"
    assert programme_of(database, clock, shop).complete == Rate(1, 1)


def test_continuation_looks_six_months_back(database: Database, clock: VirtualClock, shop: Shop) -> None:
    fills = monthly(TODAY - timedelta(days=60), 3)
    for first, state in (("Ada", EnrollmentState.ACTIVE), ("Ben", EnrollmentState.WITHDRAWN)):
        patient = takes(database, shop, "Lisinopril 10 mg", fills, first=first)
        drug = make_therapy(database, shop, patient, "Metformin 500 mg", fills=fills)
        ended = None if state is EnrollmentState.ACTIVE else clock.now() - timedelta(days=30)
        batch = make_batch(database, shop, patient, (drug,), on=TODAY)
        joined(database, batch.enrollment_id, TODAY - timedelta(days=250), state=state, ended_at=ended)
    found = programme_of(database, clock, shop)
    assert found.continued[6] == Rate(1, 2)
    assert found.continued[12] == Rate(0, 0)


def test_visits_are_distinct_days_of_the_enrolled(
    database: Database, clock: VirtualClock, shop: Shop
) -> None:
    fills = monthly(TODAY - timedelta(days=90), 4)
    ada = takes(database, shop, "Lisinopril 10 mg", fills)
    make_therapy(database, shop, ada, "Metformin 500 mg", fills=fills)
    takes(database, shop, "Lisinopril 10 mg", monthly(TODAY - timedelta(days=90), 30, every=3), first="Ben")
    joined(database, make_batch(database, shop, ada, (), on=TODAY).enrollment_id, TODAY - timedelta(days=91))
    visits = programme_of(database, clock, shop).visits_per_month
    assert visits == pytest.approx(4 / (92 / (365.25 / 12)))


def test_another_pharmacys_programme_is_not_counted(
    database: Database, clock: VirtualClock, shop: Shop
) -> None:
    make_batch(database, shop, make_patient(database, shop), (), on=TODAY - timedelta(days=5))
    other = programme_of(database, clock, make_shop(database, "other"))
    assert (other.enrolled_now, other.picked_up_on_date) == (frozenset(), Rate(0, 0))
    assert not any(point.enrolled for point in other.trend)


def contact(database: Database, batch: Batch, patient_id: str, due: date, state: ActionState) -> None:
    """A message of a batch at 15:00 UTC of that day; one that was sent left a minute later."""
    at = datetime(due.year, due.month, due.day, 15, tzinfo=UTC)
    with database.transaction(SYSTEM) as tx:
        cycle = tx.get(Cycle, batch.cycle_id)
        sent = at + timedelta(minutes=1) if state in (ActionState.SENT, ActionState.DELIVERED) else None
        tx.add(
            ScheduledAction(
                pharmacy_id=cycle.pharmacy_id, patient_id=patient_id, cycle_id=cycle.id, step="reminder",
                kind="message", idempotency_key=f"{cycle.id}:{due}:{state}", due_at=at, state=state,
                sent_at=sent, created_at=at, updated_at=at,
            )
        )  # fmt: skip


def test_the_contact_rate_counts_who_was_reached_before_every_date_of_ninety_days(
    database: Database, clock: VirtualClock, shop: Shop
) -> None:
    """Reached by a text, by a confirmation, by a call, too late, never, and one whose date is still to come."""
    on = TODAY - timedelta(days=10)
    week = on - timedelta(days=7)
    batches: dict[str, Batch] = {}
    for name in ("Text", "Confirmed", "Call", "Late", "Never", "Coming"):
        patient = make_patient(database, shop, first=name)
        when = TODAY + timedelta(days=5) if name == "Coming" else on
        batches[name] = make_batch(database, shop, patient, (), on=when)
        state = ActionState.DELIVERED if name == "Text" else ActionState.UNDELIVERED
        contact(database, batches[name], patient, min(week, TODAY), state)
        if name == "Late":
            contact(database, batches[name], patient, on + timedelta(days=1), ActionState.SENT)
        with database.transaction(SYSTEM) as tx:
            if name == "Confirmed":
                tx.get(Cycle, batches[name].cycle_id).confirmed_at = datetime(
                    week.year, week.month, week.day, 18, tzinfo=UTC
                )
            if name == "Call":
                tx.add(
                    ExceptionCase(
                        pharmacy_id=shop.pharmacy_id, kind=ExceptionKind.CALL, cause_key="call", summary="Call",
                        severity=Severity.NORMAL, owner_role=Role.TECHNICIAN, patient_id=patient,
                        cycle_id=batches[name].cycle_id, due_at=tx.now, state=ExceptionState.RESOLVED,
                        opened_at=datetime(week.year, week.month, week.day, 18, tzinfo=UTC),
                        closed_at=datetime(week.year, week.month, week.day, 19, tzinfo=UTC),
                        outcome="Spoke with the patient. Fine.",
                    )
                )  # fmt: skip
    assert programme_of(database, clock, shop).contacted == Rate(3, 5)


def test_who_lies_in_hospital_is_left_out_of_completeness(
    database: Database, clock: VirtualClock, shop: Shop
) -> None:
    ada = takes(database, shop, "Lisinopril 10 mg", monthly(TODAY - timedelta(days=150), 5))
    make_batch(database, shop, ada, (), on=TODAY + timedelta(days=5))
    assert programme_of(database, clock, shop).complete == Rate(0, 1)
    with database.transaction(SYSTEM) as tx:
        tx.add(
            PatientCare(
                pharmacy_id=shop.pharmacy_id, patient_id=ada, kind=CareKind.SNF,
                starts_on=TODAY - timedelta(days=3), recorded_by="Pat Tester", recorded_at=tx.now,
            )
        )  # fmt: skip
    assert programme_of(database, clock, shop).complete == Rate(0, 0)
