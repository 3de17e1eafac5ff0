"""Marking a batch ready: whole, in part, again, by mistake, and when it is not allowed."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from medsync_app.domain.states import (
    ActionState,
    Channel,
    CycleState,
    ExceptionKind,
    ExceptionState,
    FillStatus,
    ItemState,
)
from medsync_app.errors import Conflict, Invalid, NotFound
from medsync_app.services.confirm_pickup import confirm_pickup
from medsync_app.services.contact_settings import opt_in, opt_out
from medsync_app.services.fill_request import record_request
from medsync_app.services.mark_ready import ItemProblem, mark_ready, undo_ready
from medsync_app.services.prepare import begin_preparation, stock_check
from medsync_app.store.session import Database
from medsync_app.store.tables import AuditEvent, Cycle, ExceptionCase, ScheduledAction, Therapy
from tests.support.loop import FakeConnection, run_tick
from tests.support.programme import (
    PHONE,
    Batch,
    Clinic,
    add_fill,
    batch_of,
    enroll_recommended,
    make_clinic,
    open_kinds,
    reference_patient,
)

pytestmark = pytest.mark.slow


@pytest.fixture
def batch(clinic: Clinic, batch: Batch) -> Batch:
    """A planned batch of two drugs, two days before its date."""
    clinic.go_to(batch.sync_date - timedelta(days=2))
    return batch


def steps(clinic: Clinic, step: str) -> list[ActionState]:
    with clinic.reading() as tx:
        return list(tx.session.scalars(select(ScheduledAction.state).where(ScheduledAction.step == step)))


def test_a_whole_batch_becomes_ready_and_says_so(clinic: Clinic, batch: Batch) -> None:
    with clinic.writing() as tx:
        assert mark_ready(tx, batch.id, expected_version=batch.version) is True
    now = batch_of(clinic)
    assert (now.state, set(now.items.values())) == (CycleState.READY, {ItemState.READY})
    with clinic.reading() as tx:
        cycle = tx.get(Cycle, batch.id)
        assert cycle.ready_at == clinic.clock.now()
        assert cycle.claimed_on == batch.sync_date - timedelta(days=2)
        assert "mark_ready" in set(tx.session.scalars(select(AuditEvent.act)))
    assert steps(clinic, "ready") == [ActionState.QUEUED]
    assert ActionState.QUEUED in steps(clinic, "not_picked_up_24h")


def test_a_second_identical_call_changes_nothing_whatever_the_version(clinic: Clinic, batch: Batch) -> None:
    with clinic.writing() as tx:
        mark_ready(tx, batch.id, expected_version=batch.version)
    after = batch_of(clinic)
    with clinic.writing() as tx:
        assert mark_ready(tx, batch.id, expected_version=batch.version) is False
    assert batch_of(clinic) == after


def test_a_part_is_ready_while_an_item_is_out_of_stock(clinic: Clinic, batch: Batch) -> None:
    first, second = batch.items
    expected = batch.sync_date + timedelta(days=3)
    with clinic.writing() as tx:
        mark_ready(
            tx, batch.id, expected_version=batch.version, items=[first],
            problems={second: ItemProblem("out_of_stock", expected)},
        )  # fmt: skip
    now = batch_of(clinic)
    assert now.state is CycleState.PARTLY_READY
    assert now.items == {first: ItemState.READY, second: ItemState.WAITING}
    assert steps(clinic, "partly_ready") == [ActionState.QUEUED]
    assert steps(clinic, "ready") == []
    with clinic.reading() as tx:
        case = tx.session.scalars(
            select(ExceptionCase).where(ExceptionCase.kind == ExceptionKind.OUT_OF_STOCK)
        ).one()
        therapy = tx.get(Therapy, case.therapy_id)
        assert (therapy.out_of_stock, therapy.expected_on) == (True, expected)
    with clinic.writing() as tx:
        mark_ready(tx, batch.id, expected_version=now.version, items=[second])
    assert batch_of(clinic).state is CycleState.READY
    with clinic.reading() as tx:
        assert tx.get(Therapy, case.therapy_id).out_of_stock is False
        assert tx.get(ExceptionCase, case.id).state is ExceptionState.CLOSED


def test_all_of_a_batch_leaves_out_what_waits_for_something(clinic: Clinic, batch: Batch) -> None:
    first, second = batch.items
    with clinic.writing() as tx:
        mark_ready(
            tx, batch.id, expected_version=batch.version, items=[], problems={second: ItemProblem("owed")}
        )
        version = tx.get(Cycle, batch.id).version
        assert mark_ready(tx, batch.id, expected_version=version)
    assert batch_of(clinic).items == {first: ItemState.READY, second: ItemState.WAITING}


def test_a_proposed_plan_cannot_be_marked_ready(clinic: Clinic) -> None:
    case = reference_patient(clinic)
    enroll_recommended(clinic, case.patient_id)
    batch = batch_of(clinic)
    with pytest.raises(Conflict, match="approve"), clinic.writing() as tx:
        mark_ready(tx, batch.id, expected_version=batch.version)


def test_a_stale_version_is_refused_with_who_and_when(clinic: Clinic, batch: Batch) -> None:
    with clinic.writing() as tx:
        begin_preparation(tx, batch.id)
    with pytest.raises(Conflict, match=r"changed by Pat Tester on .* at \d\d:\d\d"), clinic.writing() as tx:
        mark_ready(tx, batch.id, expected_version=batch.version)
    assert batch_of(clinic).state is CycleState.PREPARING


@pytest.mark.parametrize(
    "kwargs",
    [
        {"items": ["nothing"]},
        {"problems": {"nothing": ItemProblem("owed")}},
        {"problems": {"first": ItemProblem("lost")}},
        {"items": ["first"], "problems": {"first": ItemProblem("owed")}},
    ],
)
def test_bad_items_and_problems_are_refused(clinic: Clinic, batch: Batch, kwargs: dict[str, object]) -> None:
    first = next(iter(batch.items))
    real = {
        name: {first if k == "first" else k: v for k, v in value.items()}
        if isinstance(value, dict)
        else [first if k == "first" else k for k in value]
        for name, value in kwargs.items()
    }
    with pytest.raises(Invalid), clinic.writing() as tx:
        mark_ready(tx, batch.id, expected_version=batch.version, **real)
    assert batch_of(clinic) == batch


def test_another_pharmacys_batch_is_not_found(clinic: Clinic, batch: Batch, database: Database) -> None:
    other = make_clinic(database, "other")
    with pytest.raises(NotFound), other.writing() as tx:
        mark_ready(tx, batch.id, expected_version=batch.version)
    with pytest.raises(NotFound), other.writing() as tx:
        undo_ready(tx, batch.id, expected_version=batch.version)


def test_the_claim_date_is_the_earliest_fill_of_the_batch(clinic: Clinic, batch: Batch) -> None:
    early = batch.sync_date - timedelta(days=4)
    add_fill(clinic, batch.therapies[0], early, status=FillStatus.WAITING)
    with clinic.writing() as tx:
        mark_ready(tx, batch.id, expected_version=batch.version)
        assert tx.get(Cycle, batch.id).claimed_on == early


def test_ready_by_mistake_withdraws_the_messages(clinic: Clinic, batch: Batch) -> None:
    with clinic.writing() as tx:
        mark_ready(tx, batch.id, expected_version=batch.version)
        version = tx.get(Cycle, batch.id).version
        assert undo_ready(tx, batch.id, expected_version=version) is True
    now = batch_of(clinic)
    assert (now.state, set(now.items.values())) == (CycleState.PREPARING, {ItemState.FILLING})
    assert steps(clinic, "ready") == [ActionState.SUPERSEDED]
    assert ActionState.QUEUED not in steps(clinic, "not_picked_up_24h")
    with clinic.writing() as tx:
        assert undo_ready(tx, batch.id, expected_version=0) is False
        assert mark_ready(tx, batch.id, expected_version=now.version)
    assert steps(clinic, "ready").count(ActionState.QUEUED) == 1


def test_a_start_brings_back_no_notice_of_what_is_not_ready_any_more(clinic: Clinic, batch: Batch) -> None:
    with clinic.writing() as tx:
        mark_ready(tx, batch.id, expected_version=batch.version)
        opt_out(tx, clinic.shop.pharmacy_id, PHONE, "reply")
    with clinic.writing() as tx:
        undo_ready(tx, batch.id, expected_version=batch_of(clinic).version)
        opt_in(tx, clinic.shop.pharmacy_id, PHONE, "reply")
    assert steps(clinic, "ready") == [ActionState.SUPERSEDED]
    with clinic.writing() as tx:
        mark_ready(tx, batch.id, expected_version=batch_of(clinic).version)
    assert sorted(steps(clinic, "ready")) == [ActionState.QUEUED, ActionState.SUPERSEDED]


def test_preparation_makes_one_task_that_readiness_closes(clinic: Clinic, batch: Batch) -> None:
    with clinic.writing() as tx:
        assert stock_check(tx, batch.id)
        assert begin_preparation(tx, batch.id)
        assert begin_preparation(tx, batch.id)
    with clinic.reading() as tx:
        tasks = tx.session.scalars(select(ExceptionCase).where(ExceptionCase.cycle_id == batch.id)).all()
        assert {(t.kind, t.state) for t in tasks} == {
            (ExceptionKind.STOCK_CHECK, ExceptionState.CLOSED), (ExceptionKind.PREPARE, ExceptionState.OPEN),
        }  # fmt: skip
    with clinic.writing() as tx:
        mark_ready(tx, batch.id, expected_version=tx.get(Cycle, batch.id).version)
    with clinic.reading() as tx:
        open_states = tx.session.scalars(
            select(ExceptionCase.state).where(ExceptionCase.cycle_id == batch.id)
        )
        assert set(open_states) == {ExceptionState.CLOSED}


def test_the_rest_of_a_batch_is_prepared_when_a_part_is_ready_before_or_was_fetched(
    clinic: Clinic, batch: Batch
) -> None:
    first = next(iter(batch.items))
    with clinic.writing() as tx:
        mark_ready(tx, batch.id, expected_version=batch.version, items=[first])
        assert begin_preparation(tx, batch.id)
    assert ExceptionKind.PREPARE in open_kinds(clinic)
    with clinic.reading() as tx:
        assert tx.get(Cycle, batch.id).state is CycleState.PARTLY_READY
    with clinic.writing() as tx:
        confirm_pickup(tx, batch.id, expected_version=tx.get(Cycle, batch.id).version)
    assert ExceptionKind.PREPARE in open_kinds(clinic)
    with clinic.writing() as tx:
        mark_ready(tx, batch.id, expected_version=tx.get(Cycle, batch.id).version)
        assert not begin_preparation(tx, batch.id), "all that is still to come is ready"
    assert ExceptionKind.PREPARE not in open_kinds(clinic)


def test_a_proposed_plan_is_neither_checked_nor_prepared(clinic: Clinic) -> None:
    case = reference_patient(clinic)
    enroll_recommended(clinic, case.patient_id)
    batch = batch_of(clinic)
    with clinic.writing() as tx:
        assert begin_preparation(tx, batch.id) is False
        assert stock_check(tx, batch.id) is False


def test_medicaid_items_wait_for_a_recorded_request(clinic: Clinic, batch: Batch) -> None:
    with clinic.writing() as tx:
        tx.get(Therapy, batch.therapies[0]).payer = "medicaid"
        begin_preparation(tx, batch.id)
    held = batch_of(clinic)
    assert sorted(held.items.values()) == [ItemState.PLANNED, ItemState.WAITING]
    waiting = next(key for key, state in held.items.items() if state is ItemState.WAITING)
    with pytest.raises(Conflict, match="record the request"), clinic.writing() as tx:
        mark_ready(tx, batch.id, expected_version=held.version, items=[waiting])
    with clinic.writing() as tx:
        assert record_request(tx, batch.id, how="counter") is True
        assert record_request(tx, batch.id, how="counter") is False
    with clinic.reading() as tx:
        cycle = tx.get(Cycle, batch.id)
        assert (cycle.confirmed_how, cycle.confirmed_at) == ("counter", clinic.clock.now())
    assert set(batch_of(clinic).items.values()) == {ItemState.PLANNED}


def test_who_was_told_by_mistake_is_told_again_when_it_is_ready(clinic: Clinic, batch: Batch) -> None:
    sms = FakeConnection()

    def ready() -> int:
        with clinic.writing() as tx:
            mark_ready(tx, batch.id, expected_version=tx.get(Cycle, batch.id).version)
        run_tick(clinic.database, clinic.clock, {Channel.SMS: sms})
        return sum("ready for pickup" in message.body for message in sms.sent)

    assert ready() == 1
    with clinic.writing() as tx:
        undo_ready(tx, batch.id, expected_version=tx.get(Cycle, batch.id).version)
    clinic.clock.advance(timedelta(days=1))
    assert (ready(), ready()) == (2, 2)


def test_of_a_batch_that_turns_out_to_be_ready_in_part_the_patient_hears_at_once_and_of_the_rest_later(
    clinic: Clinic, batch: Batch
) -> None:
    sms = FakeConnection()
    with clinic.writing() as tx:
        mark_ready(tx, batch.id, expected_version=batch.version)
    run_tick(clinic.database, clinic.clock, {Channel.SMS: sms})
    with clinic.writing() as tx:
        one = min(batch.items)
        undo_ready(tx, batch.id, expected_version=tx.get(Cycle, batch.id).version, items=[one])
    run_tick(clinic.database, clinic.clock, {Channel.SMS: sms})
    clinic.clock.advance(timedelta(days=1))
    with clinic.writing() as tx:
        mark_ready(tx, batch.id, expected_version=tx.get(Cycle, batch.id).version)
    run_tick(clinic.database, clinic.clock, {Channel.SMS: sms})
    notices = [message.body for message in sms.sent if "ready for" in message.body]
    assert ["not yet" in body for body in notices] == [False, True, False]
