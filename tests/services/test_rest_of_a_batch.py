"""A batch that comes in parts: what is still to come, who is told of it and when, and what ends it."""

from datetime import timedelta

import pytest

from medsync_app.domain.dispensing import ChangeKind, DispensingChange
from medsync_app.domain.states import Channel, CycleState, ExceptionKind, FillStatus
from medsync_app.services.approve_plan import approve
from medsync_app.services.call_answers import DrugAnswer, apply_answers
from medsync_app.services.change_drugs import discontinue
from medsync_app.services.closed_days import close_on
from medsync_app.services.confirm_pickup import confirm_pickup, undo_pickup
from medsync_app.services.mark_ready import ItemProblem, mark_ready, undo_ready
from medsync_app.services.react_to_dispensing import react
from medsync_app.services.reschedule import reschedule
from medsync_app.store.repositories import cycles
from medsync_app.store.tables import Cycle
from tests.support.loop import FakeConnection, run_tick
from tests.support.programme import (
    Batch,
    Clinic,
    add_fill,
    batch_of,
    enroll_recommended,
    even_patient,
    open_kinds,
)

pytestmark = pytest.mark.slow


@pytest.fixture
def sms() -> FakeConnection:
    return FakeConnection()


@pytest.fixture
def batch(clinic: Clinic) -> Batch:
    """Three drugs on their date: the first is ready, the others are out of stock."""
    patient_id, _ = even_patient(clinic, count=3)
    enroll_recommended(clinic, patient_id)
    planned = batch_of(clinic)
    clinic.go_to(planned.sync_date)
    first, *others = planned.items
    with clinic.writing() as tx:
        lacking = {key: ItemProblem("out_of_stock") for key in others}
        mark_ready(tx, planned.id, expected_version=planned.version, items=[first], problems=lacking)
    return batch_of(clinic)


def live(clinic: Clinic, sms: FakeConnection, days: int) -> list[str]:
    """Tick once a day for so many days; gives what the texts were."""
    before = len(sms.sent)
    for _ in range(days):
        clinic.go_to((clinic.clock.now() + timedelta(days=1)).date())
        run_tick(clinic.database, clinic.clock, {Channel.SMS: sms})
    return [message.body for message in sms.sent[before:]]


def now(clinic: Clinic, sms: FakeConnection) -> list[str]:
    before = len(sms.sent)
    run_tick(clinic.database, clinic.clock, {Channel.SMS: sms})
    return [message.body for message in sms.sent[before:]]


def fetch(clinic: Clinic) -> None:
    batch = batch_of(clinic)
    with clinic.writing() as tx:
        confirm_pickup(tx, batch.id, expected_version=batch.version)


def arrives(clinic: Clinic, *items: str) -> None:
    batch = batch_of(clinic)
    with clinic.writing() as tx:
        mark_ready(tx, batch.id, expected_version=batch.version, items=items)


def test_nobody_is_asked_to_fetch_what_is_not_there(
    clinic: Clinic, batch: Batch, sms: FakeConnection
) -> None:
    assert any("1 medicine ready" in text for text in now(clinic, sms))
    fetch(clinic)
    assert live(clinic, sms, 12) == []
    assert ExceptionKind.NOT_PICKED_UP not in open_kinds(clinic)
    assert ExceptionKind.RETURN_TO_STOCK not in open_kinds(clinic)


def test_what_arrives_after_a_part_was_fetched_is_told_with_its_own_dates(
    clinic: Clinic, batch: Batch, sms: FakeConnection
) -> None:
    now(clinic, sms)
    fetch(clinic)
    live(clinic, sms, 12)
    _, second, third = batch.items
    arrives(clinic, second)
    (text,) = now(clinic, sms)
    day = (clinic.clock.now() + timedelta(days=10)).date()
    assert "1 medicine ready" in text
    assert "1 medicine not yet" in text
    assert f"{day:%b} {day.day}" in text
    assert any("1 medicine still waiting" in text for text in live(clinic, sms, 1))
    fetch(clinic)
    arrives(clinic, third)
    today = clinic.clock.now().date()
    (text,) = now(clinic, sms)
    assert f"1 medicine ready for pickup since {today:%a %b} {today.day}" in text


def test_a_follow_up_counts_only_what_is_there(clinic: Clinic, batch: Batch, sms: FakeConnection) -> None:
    now(clinic, sms)
    (text,) = live(clinic, sms, 1)
    assert "1 medicine still waiting" in text


def test_a_move_says_no_part_ready_when_nothing_is_there(
    clinic: Clinic, batch: Batch, sms: FakeConnection
) -> None:
    now(clinic, sms)
    fetch(clinic)
    part = batch_of(clinic)
    with clinic.writing() as tx:
        reschedule(
            tx, part.id, batch.sync_date + timedelta(days=1), expected_version=part.version,
            override_reason="The wholesaler is late.",
        )  # fmt: skip
    assert not any("ready" in text for text in now(clinic, sms))


@pytest.mark.parametrize("way", ["stopped", "skipped"])
def test_when_the_rest_is_taken_out_the_next_batch_is_opened(clinic: Clinic, batch: Batch, way: str) -> None:
    fetch(clinic)
    take_out_the_rest(clinic, batch, way)
    assert batch_of(clinic).state is CycleState.CLOSED
    assert batch_of(clinic, number=2).sync_date > batch.sync_date


@pytest.mark.parametrize("way", ["stopped", "skipped"])
def test_when_the_rest_is_taken_out_before_the_pickup_the_patient_hears_that_it_is_ready(
    clinic: Clinic, batch: Batch, sms: FakeConnection, way: str
) -> None:
    assert any("not yet" in text for text in now(clinic, sms))
    take_out_the_rest(clinic, batch, way)
    assert batch_of(clinic).state is CycleState.READY
    assert any("1 medicine ready" in text for text in now(clinic, sms))


def take_out_the_rest(clinic: Clinic, batch: Batch, way: str) -> None:
    _, *others = batch.items
    with clinic.writing() as tx:
        if way == "skipped":
            apply_answers(tx, batch.id, {key: DrugAnswer("skip", "Has enough.") for key in others})
        else:
            for therapy_id in batch.therapies[1:]:
                discontinue(tx, therapy_id, reason="Stopped by the doctor.")


def whole(clinic: Clinic) -> Batch:
    """Two drugs, all ready on their date, as the pharmacy system filled them."""
    patient_id, drugs = even_patient(clinic)
    enroll_recommended(clinic, patient_id)
    planned = batch_of(clinic)
    clinic.go_to(planned.sync_date)
    for drug in drugs:
        add_fill(clinic, drug, planned.sync_date, status=FillStatus.WAITING)
    with clinic.writing() as tx:
        mark_ready(tx, planned.id, expected_version=planned.version)
    return batch_of(clinic)


@pytest.mark.parametrize("way", ["reversed", "by mistake"])
def test_what_is_not_ready_any_more_is_prepared_again_and_followed_up_anew(
    clinic: Clinic, sms: FakeConnection, way: str
) -> None:
    batch = whole(clinic)
    now(clinic, sms)
    assert any("2 medicines still waiting" in text for text in live(clinic, sms, 1))
    assert ExceptionKind.NOT_PICKED_UP in open_kinds(clinic)
    with clinic.writing() as tx:
        if way == "by mistake":
            undo_ready(tx, batch.id, expected_version=batch.version)
        else:
            for item in cycles.items_of(tx, batch.id):
                today = clinic.clock.now().date()
                change = DispensingChange(ChangeKind.REVERSED, item.therapy_id, today, fill_id=item.fill_id)
                react(tx, tx.get(Cycle, batch.id).patient_id, [change])
    assert not {ExceptionKind.NOT_PICKED_UP, ExceptionKind.RETURN_TO_STOCK} & open_kinds(clinic)
    assert ExceptionKind.PREPARE in open_kinds(clinic)
    assert live(clinic, sms, 1) == []
    arrives(clinic, *batch.items)
    assert ExceptionKind.PREPARE not in open_kinds(clinic)
    assert any("2 medicines ready" in text for text in now(clinic, sms))
    assert any("2 medicines still waiting" in text for text in live(clinic, sms, 1))


def test_a_ready_batch_whose_new_day_is_approved_keeps_its_follow_ups_and_return_clock(
    clinic: Clinic, sms: FakeConnection
) -> None:
    batch = whole(clinic)
    with clinic.writing() as tx:
        to = batch.sync_date + timedelta(days=1)
        close_on(tx, clinic.shop.pharmacy_id, {to: "Stocktaking"})
        reschedule(tx, batch.id, to, expected_version=batch.version, override_reason="She asked for it.")
    with clinic.writing() as tx:
        approve(tx, batch.id, expected_version=batch_of(clinic).version)
    assert batch_of(clinic).state is CycleState.READY
    texts = [*now(clinic, sms), *live(clinic, sms, 11)]
    assert sum("2 medicines ready" in text for text in texts) == 1
    assert sum("still waiting" in text for text in texts) == 3
    assert ExceptionKind.RETURN_TO_STOCK in open_kinds(clinic)


def test_a_pickup_that_is_taken_back_keeps_the_day_until_which_the_batch_waits(clinic: Clinic) -> None:
    enroll_recommended(clinic, even_patient(clinic)[0])
    batch = batch_of(clinic)
    clinic.go_to(batch.sync_date)
    fetch(clinic)  # nobody had marked it ready
    clinic.go_to(batch.sync_date + timedelta(days=2))
    with clinic.writing() as tx:
        undo_pickup(tx, batch.id, expected_version=batch_of(clinic).version)
    with clinic.reading() as tx:
        assert tx.get(Cycle, batch.id).claimed_on == batch.sync_date


def test_a_pickup_that_is_taken_back_after_the_limit_is_returned(clinic: Clinic) -> None:
    batch = whole(clinic)
    live(clinic, FakeConnection(), 11)
    fetch(clinic)
    assert ExceptionKind.RETURN_TO_STOCK not in open_kinds(clinic)
    with clinic.writing() as tx:
        undo_pickup(tx, batch.id, expected_version=batch_of(clinic).version)
    assert ExceptionKind.RETURN_TO_STOCK in open_kinds(clinic)


def test_nobody_is_told_to_come_until_a_day_that_has_passed(clinic: Clinic, sms: FakeConnection) -> None:
    patient_id, drugs = even_patient(clinic)
    enroll_recommended(clinic, patient_id)
    batch = batch_of(clinic)
    for drug in drugs:  # claimed long before the batch is ready
        add_fill(clinic, drug, batch.sync_date - timedelta(days=12), status=FillStatus.WAITING)
    clinic.go_to(batch.sync_date)
    arrives(clinic, *batch.items)
    assert not any(" ready " in text for text in [*now(clinic, sms), *live(clinic, sms, 3)])
    assert ExceptionKind.RETURN_TO_STOCK in open_kinds(clinic)
