"""A claim may wait only so long: what is too old when it is ready is billed again and told then; the rest counts on."""

from datetime import date, timedelta

import pytest

from medsync_app.domain.causes import Cause
from medsync_app.domain.dispensing import ChangeKind, DispensingChange
from medsync_app.domain.states import Channel, ExceptionKind, FillStatus
from medsync_app.services.confirm_pickup import confirm_pickup
from medsync_app.services.mark_ready import ItemProblem, mark_ready
from medsync_app.services.react_to_dispensing import react
from medsync_app.services.return_to_stock import return_to_stock
from medsync_app.store.repositories import cycles
from medsync_app.store.tables import Cycle, Patient
from tests.support.loop import FakeConnection, run_tick
from tests.support.programme import (
    Batch,
    Clinic,
    add_fill,
    batch_of,
    enroll_recommended,
    even_patient,
    open_causes,
    open_kinds,
    open_tasks,
)

pytestmark = pytest.mark.slow


@pytest.fixture
def sms() -> FakeConnection:
    return FakeConnection()


@pytest.fixture
def batch(clinic: Clinic) -> Batch:
    """Two drugs on their date."""
    patient_id, _ = even_patient(clinic)
    enroll_recommended(clinic, patient_id)
    planned = batch_of(clinic)
    clinic.go_to(planned.sync_date)
    return planned


def said(clinic: Clinic, sms: FakeConnection, days: int = 0) -> list[str]:
    """What is texted now and on so many days after."""
    before = len(sms.sent)
    run_tick(clinic.database, clinic.clock, {Channel.SMS: sms})
    for _ in range(days):
        clinic.go_to((clinic.clock.now() + timedelta(days=1)).date())
        run_tick(clinic.database, clinic.clock, {Channel.SMS: sms})
    return [message.body for message in sms.sent[before:]]


def claimed(clinic: Clinic, batch: Batch, drug: int, days_ago: int) -> int:
    """The pharmacy system reports a claim of one drug of the batch; gives the fill's id."""
    on = clinic.clock.now().date() - timedelta(days=days_ago)
    fill = add_fill(clinic, batch.therapies[drug], on, status=FillStatus.WAITING, number=60)
    tell(clinic, batch, ChangeKind.FILLED, drug, fill)
    return fill


def tell(clinic: Clinic, batch: Batch, kind: ChangeKind, drug: int, fill: int) -> None:
    with clinic.writing() as tx:
        change = DispensingChange(kind, batch.therapies[drug], clinic.clock.now().date(), fill_id=fill)
        react(tx, tx.get(Cycle, batch.id).patient_id, [change])


def ready(clinic: Clinic, batch: Batch, *drugs: int) -> None:
    with clinic.writing() as tx:
        version = tx.get(Cycle, batch.id).version
        by_drug = {row.therapy_id: row.id for row in cycles.items_of(tx, batch.id)}
        items = [by_drug[batch.therapies[drug]] for drug in drugs]
        mark_ready(tx, batch.id, expected_version=version, items=items)


def in_words(day: date) -> str:
    return f"{day:%b} {day.day}"


@pytest.mark.parametrize("way", ["pickup", "delivery", "mail"])
def test_what_is_too_old_when_it_is_ready_is_asked_about_at_once_and_told_when_it_is_billed_again(
    clinic: Clinic, batch: Batch, sms: FakeConnection, way: str
) -> None:
    with clinic.writing() as tx:
        tx.get(Patient, tx.get(Cycle, batch.id).patient_id).fulfilment = way
    clinic.go_to(batch.sync_date - timedelta(days=1))
    fills = [claimed(clinic, batch, drug, 12) for drug in (0, 1)]
    ready(clinic, batch, 0, 1)
    task = next(task for task in open_tasks(clinic) if task.cause_key == Cause.TOO_OLD.of(batch.id))
    assert task.due_at < clinic.clock.now() + timedelta(hours=24), "the patient comes tomorrow"
    assert not any("ready" in text and "2 medicines" in text for text in said(clinic, sms, 2))
    assert Cause.TOO_OLD.of(batch.id) in open_causes(clinic)
    assert "bill it again" in next(
        t.summary for t in open_tasks(clinic) if t.kind is ExceptionKind.RETURN_TO_STOCK
    )
    for drug, fill in enumerate(fills):
        tell(clinic, batch, ChangeKind.REVERSED, drug, fill)
    assert ExceptionKind.RETURN_TO_STOCK not in open_kinds(clinic)
    assert ExceptionKind.PREPARE in open_kinds(clinic)
    for drug in (0, 1):
        claimed(clinic, batch, drug, 0)
    ready(clinic, batch, 0, 1)
    notices = [text for text in said(clinic, sms) if "2 medicines" in text]
    assert len(notices) == 1
    if way == "pickup":
        assert in_words(clinic.clock.now().date() + timedelta(days=10)) in notices[0]
    said(clinic, sms, 11)
    assert ExceptionKind.RETURN_TO_STOCK in open_kinds(clinic)


def test_of_two_claims_the_one_that_is_too_old_keeps_nobody_from_hearing_of_the_other_and_its_days(
    clinic: Clinic, batch: Batch, sms: FakeConnection
) -> None:
    old = claimed(clinic, batch, 0, 12)
    claimed(clinic, batch, 1, 0)
    ready(clinic, batch, 0, 1)
    said(clinic, sms)
    tell(clinic, batch, ChangeKind.REVERSED, 0, old)
    assert Cause.TOO_OLD.of(batch.id) not in open_causes(clinic)
    (text,) = said(clinic, sms)
    assert "1 medicine ready" in text
    assert in_words(batch.sync_date + timedelta(days=10)) in text
    claimed(clinic, batch, 0, 0)
    ready(clinic, batch, 0)
    (text,) = said(clinic, sms)
    assert "2 medicines ready" in text
    assert sum("still waiting" in text for text in said(clinic, sms, 9)) == 3
    assert any("back to stock" in task.summary for task in open_tasks(clinic)), "the warning two days before"


@pytest.mark.parametrize("reported", [True, False])
def test_when_the_part_that_is_too_old_goes_back_the_rest_is_told_and_has_days_of_its_own(
    clinic: Clinic, batch: Batch, sms: FakeConnection, reported: bool
) -> None:
    first, second = batch.items
    if reported:
        claimed(clinic, batch, 0, 0)
    with clinic.writing() as tx:
        version = tx.get(Cycle, batch.id).version
        lacking = {second: ItemProblem("out_of_stock")}
        mark_ready(tx, batch.id, expected_version=version, items=[first], problems=lacking)
    said(clinic, sms, 11)
    if reported:
        claimed(clinic, batch, 1, 0)
    ready(clinic, batch, 1)
    assert not any("ready" in text for text in said(clinic, sms)), "the first should have gone back"
    with clinic.writing() as tx:
        version = tx.get(Cycle, batch.id).version
        return_to_stock(tx, batch.id, expected_version=version, items=[first])
    assert ExceptionKind.RETURN_TO_STOCK not in open_kinds(clinic)
    (text,) = said(clinic, sms)
    assert "1 medicine ready" in text
    assert in_words(batch.sync_date + timedelta(days=21)) in text
    assert sum("still waiting" in text for text in said(clinic, sms, 9)) == 3
    said(clinic, sms, 2)
    task = next(task for task in open_tasks(clinic) if task.kind is ExceptionKind.RETURN_TO_STOCK)
    assert task.summary.startswith("Return this batch")


def test_what_is_left_when_a_part_is_fetched_counts_from_its_own_claim_and_is_not_told_twice(
    clinic: Clinic, batch: Batch, sms: FakeConnection
) -> None:
    claimed(clinic, batch, 0, 8)
    claimed(clinic, batch, 1, 0)
    ready(clinic, batch, 0, 1)
    assert sum("ready" in text for text in said(clinic, sms)) == 1
    assert ExceptionKind.RETURN_TO_STOCK in open_kinds(clinic), "two days before"
    with clinic.writing() as tx:
        version = tx.get(Cycle, batch.id).version
        first = next(iter(batch.items))
        confirm_pickup(tx, batch.id, expected_version=version, items=[first])
    assert ExceptionKind.RETURN_TO_STOCK not in open_kinds(clinic)
    assert not any("ready" in text for text in said(clinic, sms))
    assert ExceptionKind.RETURN_TO_STOCK not in open_kinds(clinic)
    said(clinic, sms, 10)
    assert ExceptionKind.RETURN_TO_STOCK in open_kinds(clinic)


def test_what_is_left_on_its_own_last_day_is_returned_that_day(
    clinic: Clinic, batch: Batch, sms: FakeConnection
) -> None:
    old = claimed(clinic, batch, 0, 12)
    claimed(clinic, batch, 1, 10)
    ready(clinic, batch, 0, 1)
    said(clinic, sms)
    tell(clinic, batch, ChangeKind.REVERSED, 0, old)
    assert any("1 medicine ready" in text for text in said(clinic, sms))
    assert any(task.summary.startswith("Return this batch") for task in open_tasks(clinic))
