"""A cycle's steps are queued, withdrawn and queued again with the change that causes it."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select, update

from medsync_app.clock import VirtualClock
from medsync_app.domain.states import ActionState, Channel, CycleState, EnrollmentState
from medsync_app.errors import Invalid, NotFound
from medsync_app.outbox.queue import ACTION
from medsync_app.services.cycle_tasks import close_cycle_tasks
from medsync_app.services.handle_delivery_status import handle_delivery_status
from medsync_app.services.schedule_cycle import announce, reschedule_cycle, schedule_cycle, withdraw_messages
from medsync_app.store.session import Database
from medsync_app.store.tables import Cycle, Enrollment, Patient, ScheduledAction
from tests.support.cycles import SYNC, make_cycle
from tests.support.loop import FakeConnection, all_actions, attempts, exceptions, queue_message, run_tick
from tests.support.store import NOW, SYSTEM, Shop, make_patient, make_shop

pytestmark = pytest.mark.slow


def actions(database: Database, cycle_id: str, *states: ActionState) -> Sequence[ScheduledAction]:
    with database.reading(SYSTEM) as tx:
        statement = select(ScheduledAction).where(ScheduledAction.cycle_id == cycle_id)
        if states:
            statement = statement.where(ScheduledAction.state.in_(states))
        return list(tx.session.scalars(statement.order_by(ScheduledAction.due_at, ScheduledAction.step)))


def schedule(database: Database, clock: VirtualClock, cycle_id: str) -> int:
    with database.transaction(SYSTEM, clock) as tx:
        return schedule_cycle(tx, cycle_id)


def test_the_steps_of_a_cycle_are_queued_at_local_times(
    database: Database, shop: Shop, patient: str, clock: VirtualClock
) -> None:
    made = make_cycle(database, shop, patient)
    schedule(database, clock, made.cycle_id)
    due = {a.step: a.due_at for a in actions(database, made.cycle_id, ActionState.QUEUED)}
    # 10:00 in New York is 15:00 UTC in winter
    assert due["reminder_t7"] == datetime(2026, 12, 3, 15, 0, tzinfo=UTC)
    assert due["confirm_t3"] == datetime(2026, 12, 7, 15, 0, tzinfo=UTC)
    assert due["confirm_t1"] == datetime(2026, 12, 9, 15, 0, tzinfo=UTC)
    assert due["prepare_t2"] == datetime(2026, 12, 8, 14, 0, tzinfo=UTC)
    assert due["renewals_t10"] == datetime(2026, 11, 30, 14, 0, tzinfo=UTC)
    assert due["welcome"] == NOW
    assert "trip_t1" not in due
    assert "ready" not in due


def test_scheduling_twice_queues_once(
    database: Database, shop: Shop, patient: str, clock: VirtualClock
) -> None:
    made = make_cycle(database, shop, patient)
    first = schedule(database, clock, made.cycle_id)
    assert first > 5
    assert schedule(database, clock, made.cycle_id) == 0
    assert len(actions(database, made.cycle_id)) == first


def test_a_step_whose_time_has_passed_fires_at_once_or_is_skipped_with_the_reason(
    database: Database, shop: Shop, patient: str, clock: VirtualClock
) -> None:
    made = make_cycle(database, shop, patient, sync_date=date(2026, 11, 26))  # T-3 is today, 15:00 UTC is now
    clock.advance(timedelta(hours=2))
    schedule(database, clock, made.cycle_id)
    by_step = {a.step: a for a in actions(database, made.cycle_id)}
    assert by_step["confirm_t3"].state is ActionState.QUEUED
    assert by_step["confirm_t3"].due_at == clock.now()
    assert by_step["reminder_t7"].state is ActionState.SKIPPED
    assert "had passed" in by_step["reminder_t7"].reason
    assert by_step["renewals_t10"].state is ActionState.QUEUED


def test_a_proposed_cycle_queues_renewal_requests_only_until_it_is_approved(
    database: Database, shop: Shop, patient: str, clock: VirtualClock
) -> None:
    made = make_cycle(database, shop, patient, state=CycleState.PROPOSED, needs_review=True)
    with database.transaction(SYSTEM, clock) as tx:
        schedule_cycle(tx, made.cycle_id)
        announce(tx, made.cycle_id, "enrolled")
    assert {a.kind for a in actions(database, made.cycle_id)} == {"renewal"}
    with database.transaction(SYSTEM, clock) as tx:
        cycle = tx.get(Cycle, made.cycle_id)
        cycle.state, cycle.reviewed_at = CycleState.PLANNED, clock.now()
        schedule_cycle(tx, made.cycle_id)
    steps = [a.step for a in actions(database, made.cycle_id)]
    assert {"welcome", "reminder_t7", "confirm_t3", "prepare_t2"} <= set(steps)
    assert len(steps) == len(set(steps))


def test_a_moved_cycle_withdraws_what_is_pending_and_queues_the_new_dates(
    database: Database, shop: Shop, patient: str, clock: VirtualClock
) -> None:
    made = make_cycle(database, shop, patient)
    schedule(database, clock, made.cycle_id)
    with database.transaction(SYSTEM, clock) as tx:
        tx.get(Cycle, made.cycle_id).sync_date = SYNC + timedelta(days=5)
        reschedule_cycle(tx, made.cycle_id, "Moved to 15 December.")
    old = actions(database, made.cycle_id, ActionState.SUPERSEDED)
    new = {a.step: a for a in actions(database, made.cycle_id, ActionState.QUEUED)}
    assert {a.reason for a in old} == {"Moved to 15 December."}
    assert new["reminder_t7"].due_at == datetime(2026, 12, 8, 15, 0, tzinfo=UTC)


def test_a_message_sent_for_a_date_is_not_repeated_when_the_cycle_comes_back_to_it(
    database: Database, shop: Shop, patient: str, clock: VirtualClock
) -> None:
    made = make_cycle(database, shop, patient)
    schedule(database, clock, made.cycle_id)
    with database.transaction(SYSTEM, clock) as tx:
        tx.session.connection().execute(
            update(ACTION).where(ACTION.c.step == "reminder_t7").values(state="sent")
        )
    for day in (SYNC + timedelta(days=5), SYNC):
        with database.transaction(SYSTEM, clock) as tx:
            tx.get(Cycle, made.cycle_id).sync_date = day
            reschedule_cycle(tx, made.cycle_id, "Moved.")
    queued = [a.step for a in actions(database, made.cycle_id, ActionState.QUEUED)]
    assert "confirm_t3" in queued
    assert "reminder_t7" not in queued
    assert len(queued) == len(set(queued))


def test_a_pickup_withdraws_everything_pending(
    database: Database, shop: Shop, patient: str, clock: VirtualClock
) -> None:
    made = make_cycle(database, shop, patient)
    schedule(database, clock, made.cycle_id)
    with database.transaction(SYSTEM, clock) as tx:
        announce(tx, made.cycle_id, "picked_up")
    assert not actions(database, made.cycle_id, ActionState.QUEUED)


def test_ready_starts_the_follow_ups_at_the_later_of_notice_and_sync_date(
    database: Database, shop: Shop, patient: str, clock: VirtualClock
) -> None:
    made = make_cycle(
        database, shop, patient, sync_date=date(2026, 11, 25), ready_at=NOW, claimed_on=date(2026, 11, 23)
    )
    with database.transaction(SYSTEM, clock) as tx:
        announce(tx, made.cycle_id, "ready")
    due = {(a.step, a.kind): a.due_at for a in actions(database, made.cycle_id)}
    assert due["ready", "message"] == NOW
    assert due["not_picked_up_24h", "message"] == datetime(2026, 11, 26, 15, 0, tzinfo=UTC)
    assert due["not_picked_up_24h", "task"] == datetime(2026, 11, 26, 15, 0, tzinfo=UTC)
    assert due["not_picked_up_d7", "message"] == datetime(2026, 12, 2, 15, 0, tzinfo=UTC)
    assert due["return_warning", "task"] == datetime(2026, 12, 1, 14, 0, tzinfo=UTC)
    assert due["return_due", "task"] == datetime(2026, 12, 3, 14, 0, tzinfo=UTC)


def test_ready_after_partly_ready_moves_the_follow_ups(
    database: Database, shop: Shop, patient: str, clock: VirtualClock
) -> None:
    made = make_cycle(
        database, shop, patient, sync_date=date(2026, 11, 23), ready_at=NOW, claimed_on=date(2026, 11, 23)
    )
    with database.transaction(SYSTEM, clock) as tx:
        announce(tx, made.cycle_id, "partly_ready")
    clock.advance(timedelta(hours=20))
    with database.transaction(SYSTEM, clock) as tx:
        tx.get(Cycle, made.cycle_id).ready_at = clock.now()
        announce(tx, made.cycle_id, "ready")
    queued = [(a.step, a.kind) for a in actions(database, made.cycle_id, ActionState.QUEUED)]
    assert len(queued) == len(set(queued))
    assert ("partly_ready", "message") not in queued
    follow_up = next(
        a for a in actions(database, made.cycle_id, ActionState.QUEUED) if a.step == "not_picked_up_24h"
    )
    assert follow_up.due_at == datetime(2026, 11, 25, 11, 0, tzinfo=UTC)


def test_a_trip_has_its_own_reminder_and_no_welcome(
    database: Database, shop: Shop, patient: str, clock: VirtualClock
) -> None:
    made = make_cycle(database, shop, patient, kind="trip")
    schedule(database, clock, made.cycle_id)
    messages = {a.step for a in actions(database, made.cycle_id) if a.kind == "message"}
    assert messages == {"trip_t1"}


def test_a_paused_enrollment_queues_nothing(
    database: Database, shop: Shop, patient: str, clock: VirtualClock
) -> None:
    made = make_cycle(database, shop, patient)
    with database.transaction(SYSTEM, clock) as tx:
        tx.get(Enrollment, made.enrollment_id).state = EnrollmentState.PAUSED
        assert schedule_cycle(tx, made.cycle_id) == 0


def test_withdrawing_by_patient_reaches_every_cycle(
    database: Database, shop: Shop, patient: str, clock: VirtualClock
) -> None:
    made = make_cycle(database, shop, patient)
    trip = make_cycle(database, shop, patient, kind="trip", enrollment_id=made.enrollment_id)
    for cycle_id in (made.cycle_id, trip.cycle_id):
        schedule(database, clock, cycle_id)
    with database.transaction(SYSTEM, clock) as tx:
        count = withdraw_messages(tx, patient_id=patient, reason="The patient has died.")
        with pytest.raises(Invalid):
            withdraw_messages(tx, reason="nobody named")
    assert count > 10
    for cycle_id in (made.cycle_id, trip.cycle_id):
        assert not actions(database, cycle_id, ActionState.QUEUED)


def test_another_pharmacys_cycle_is_not_found(
    database: Database, shop: Shop, patient: str, clock: VirtualClock
) -> None:
    theirs = make_shop(database, "theirs")
    made = make_cycle(database, shop, patient)
    for act in (
        schedule_cycle,
        lambda tx, c: reschedule_cycle(tx, c, "x"),
        lambda tx, c: announce(tx, c, "ready"),
    ):
        with pytest.raises(NotFound), database.transaction(theirs.scope, clock) as tx:
            act(tx, made.cycle_id)


def test_who_was_told_another_date_is_told_the_new_one_once(
    database: Database, shop: Shop, patient: str, clock: VirtualClock
) -> None:
    made = make_cycle(database, shop, patient)
    schedule(database, clock, made.cycle_id)

    def move(days: int) -> list[str]:
        with database.transaction(SYSTEM, clock) as tx:
            tx.get(Cycle, made.cycle_id).sync_date = SYNC + timedelta(days=days)
            reschedule_cycle(tx, made.cycle_id, "Moved.")
        queued = actions(database, made.cycle_id, ActionState.QUEUED)
        return [a.payload["sync_date"] for a in queued if a.step == "date_changed"]

    assert move(2) == []  # nobody has been told a date yet
    with database.transaction(SYSTEM, clock) as tx:
        tx.session.connection().execute(
            update(ACTION)
            .where(ACTION.c.step == "reminder_t7", ACTION.c.state == ActionState.QUEUED)
            .values(state=ActionState.SENT)
        )
    assert move(5) == ["2026-12-15"]
    assert move(6) == ["2026-12-16"]
    assert move(2) == []  # back to the date that was told


def test_a_date_that_was_told_before_another_is_told_again(
    database: Database, shop: Shop, patient: str, clock: VirtualClock
) -> None:
    made = make_cycle(database, shop, patient)
    schedule(database, clock, made.cycle_id)

    def heard(step: str, day: date) -> int:
        """The cycle has that date, and what is queued of the step arrives."""
        with database.transaction(SYSTEM, clock) as tx:
            tx.get(Cycle, made.cycle_id).sync_date = day
            reschedule_cycle(tx, made.cycle_id, "Moved.")
        clock.advance(timedelta(minutes=1))
        with database.transaction(SYSTEM, clock) as tx:
            arrived = update(ACTION).where(ACTION.c.step == step, ACTION.c.state == ActionState.QUEUED)
            sent = arrived.values(state=ActionState.DELIVERED, sent_at=tx.now)
            return tx.session.connection().execute(sent).rowcount

    later = SYNC + timedelta(days=3)
    assert heard("reminder_t7", SYNC) == 1
    assert [heard("date_changed", day) for day in (later, SYNC, later, later)] == [1, 1, 1, 0]


def test_a_message_that_waits_to_be_repeated_outlives_a_new_plan_for_the_same_date(
    database: Database, shop: Shop, patient: str, clock: VirtualClock, sms: FakeConnection
) -> None:
    made = make_cycle(database, shop, patient, sync_date=NOW.date() + timedelta(days=3))
    schedule(database, clock, made.cycle_id)
    clock.advance(timedelta(minutes=1))
    run_tick(database, clock, {Channel.SMS: sms})
    [asked] = [a for a in all_actions(database, ActionState.SENT) if a.step == "confirm_t3"]
    with database.transaction(SYSTEM, clock) as tx:
        (attempt,) = attempts(database, asked.id)
        handle_delivery_status(tx, attempt.id, provider_id="SM1", status="undelivered", error_code="30003")
    for _ in range(2):
        with database.transaction(SYSTEM, clock) as tx:
            reschedule_cycle(tx, made.cycle_id, "A fill was reversed.")
        waiting = [a for a in all_actions(database, ActionState.QUEUED) if a.step == "confirm_t3"]
        assert len(waiting) == 1


@pytest.mark.parametrize(("fulfilment", "tasks"), [("delivery", 1), ("mail", 1), ("pickup", 0)])
def test_the_address_of_a_delivery_is_checked_three_days_before(
    database: Database, shop: Shop, clock: VirtualClock, fulfilment: str, tasks: int
) -> None:
    patient = make_patient(database, shop, phone="+14045550123")
    with database.transaction(SYSTEM, clock) as tx:
        tx.get(Patient, patient).fulfilment = fulfilment
    made = make_cycle(database, shop, patient)
    with database.transaction(SYSTEM, clock) as tx:
        schedule_cycle(tx, made.cycle_id)
    clock.set(datetime(2026, 12, 7, 15, 0, tzinfo=UTC))
    run_tick(database, clock, {Channel.SMS: FakeConnection()})
    found = exceptions(database, "workflow")
    assert [row.cause_key for row in found] == [f"workflow:address_t3:{made.cycle_id}"] * tasks
    [step] = [row for row in all_actions(database, kind="task") if row.step == "address_t3"]
    why = (
        "" if tasks else "Not needed: wanted only when how the batch reaches the patient is delivery or mail."
    )
    assert step.reason.startswith(why)
    assert (step.state is ActionState.SKIPPED) is not bool(tasks)


@pytest.mark.parametrize(("trigger", "open_after"), [("days_before", 0), ("picked_up", 1)])
def test_a_task_about_a_batch_closes_with_it_unless_the_pickup_itself_asked_for_it(
    database: Database, shop: Shop, clock: VirtualClock, trigger: str, open_after: int
) -> None:
    patient = make_patient(database, shop, phone="+14045550123")
    made = make_cycle(database, shop, patient, state=CycleState.PICKED_UP)
    task = {"do": "task", "kind": "workflow", "role": "technician", "summary": "Check the address."}
    payload = {"trigger": "picked_up", "action": task}
    queue_message(
        database, shop, clock, patient, step="own", kind="task", cycle_id=made.cycle_id, payload=payload
    )
    run_tick(database, clock, {Channel.SMS: FakeConnection()})
    with database.transaction(SYSTEM, clock) as tx:
        (case,) = exceptions(database, "workflow")
        assert case.action_id is not None
        tx.get(ScheduledAction, case.action_id).payload = {**payload, "trigger": trigger}
        close_cycle_tasks(tx, tx.get(Cycle, made.cycle_id), "The batch was picked up.")
    assert len(exceptions(database, "workflow")) == open_after
