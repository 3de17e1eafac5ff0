"""A call sheet: each medicine filled, skipped or changed, doses left; a request is kept with who and when."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from medsync_app.domain.states import ExceptionKind, ExceptionState, ItemState
from medsync_app.errors import Conflict, Invalid
from medsync_app.reads.call_sheet import call_sheet
from medsync_app.services.call_answers import DrugAnswer
from medsync_app.services.mark_ready import mark_ready
from medsync_app.services.prepare import begin_preparation
from medsync_app.services.record_call import CallOutcome, record_call
from medsync_app.store.tables import Cycle, CycleItem, ExceptionCase, ExceptionComment, Therapy
from tests.support.programme import Batch, Clinic, batch_of

pytestmark = pytest.mark.slow


@pytest.fixture
def batch(clinic: Clinic, batch: Batch) -> Batch:
    """In preparation; both drugs are filled on request only."""
    with clinic.writing() as tx:
        for therapy in batch.therapies:
            tx.get(Therapy, therapy).payer = "medicaid"
    clinic.go_to(batch.sync_date - timedelta(days=2))
    with clinic.writing() as tx:
        begin_preparation(tx, batch.id)
    return batch_of(clinic)


def task_of(clinic: Clinic, batch: Batch) -> str:
    with clinic.reading() as tx:
        return tx.session.scalars(
            select(ExceptionCase.id).where(ExceptionCase.cause_key == f"request:{batch.id}")
        ).one()


def call(clinic: Clinic, batch: Batch, *answers: DrugAnswer, how: str = "call") -> None:
    task = task_of(clinic, batch)
    with clinic.writing() as tx:
        said = dict(zip(sorted(batch.items), answers, strict=False))
        record_call(tx, task, outcome=CallOutcome.SPOKE, answers=said, how=how)


def item(clinic: Clinic, batch: Batch, place: int) -> CycleItem:
    with clinic.reading() as tx:
        return tx.get(CycleItem, sorted(batch.items)[place])


def test_nothing_filled_on_request_is_prepared_before_somebody_asked(clinic: Clinic, batch: Batch) -> None:
    assert set(batch.items.values()) == {ItemState.WAITING}
    with pytest.raises(Conflict, match="has not asked"), clinic.writing() as tx:
        mark_ready(tx, batch.id, expected_version=batch.version, items=list(batch.items))


@pytest.mark.parametrize("how", ["call", "counter"])
def test_a_request_is_kept_with_who_when_and_how(clinic: Clinic, batch: Batch, how: str) -> None:
    call(clinic, batch, DrugAnswer("fill", doses_left=4), DrugAnswer("fill"), how=how)
    found = item(clinic, batch, 0)
    assert (found.state, found.problem, found.doses_left) == (ItemState.PLANNED, "", 4)
    assert (found.requested_at, found.requested_how, found.requested_by) == (
        clinic.clock.now(), how, "Pat Tester",
    )  # fmt: skip
    with clinic.reading() as tx:
        cycle = tx.get(Cycle, batch.id)
        assert (cycle.confirmed_at, cycle.confirmed_how) == (clinic.clock.now(), how)
        assert tx.get(ExceptionCase, task_of(clinic, batch)).state is not ExceptionState.OPEN
        sheet = call_sheet(tx, task_of(clinic, batch))
    assert {(drug.requested_how, drug.requested_by) for drug in sheet.drugs} == {(how, "Pat Tester")}


def test_what_was_not_spoken_of_keeps_waiting(clinic: Clinic, batch: Batch) -> None:
    call(clinic, batch, DrugAnswer("fill"))
    assert item(clinic, batch, 0).state is ItemState.PLANNED
    assert item(clinic, batch, 1).problem == "not_requested"
    with clinic.writing() as tx:
        assert tx.get(Cycle, batch.id).confirmed_at is None
        begin_preparation(tx, batch.id)
    assert item(clinic, batch, 0).state is ItemState.PLANNED, "asked for already"
    assert item(clinic, batch, 1).problem == "not_requested"


def test_a_skipped_medicine_leaves_the_batch_with_the_reason(clinic: Clinic, batch: Batch) -> None:
    call(clinic, batch, DrugAnswer("skip", "Has enough at home", 60), DrugAnswer("fill"))
    found = item(clinic, batch, 0)
    assert (found.state, found.problem, found.problem_note) == (
        ItemState.SKIPPED, "patient_skips", "Has enough at home",
    )  # fmt: skip


def test_a_changed_medicine_waits_for_the_pharmacist(clinic: Clinic, batch: Batch) -> None:
    call(clinic, batch, DrugAnswer("changed", "Two a day since Monday"), DrugAnswer("fill"))
    found = item(clinic, batch, 0)
    assert (found.state, found.problem) == (ItemState.WAITING, "on_hold")
    with clinic.reading() as tx:
        case = tx.session.scalars(
            select(ExceptionCase).where(ExceptionCase.kind == ExceptionKind.DOSE_CONFLICT)
        ).one()
        said = tx.session.scalars(
            select(ExceptionComment.text).where(ExceptionComment.exception_id == case.id)
        ).one()
    assert (case.owner_role, said) == ("pharmacist", "Two a day since Monday")
    assert "Two a day" not in case.summary


def test_a_changed_medicine_is_not_asked_for_by_that(clinic: Clinic, batch: Batch) -> None:
    call(clinic, batch, DrugAnswer("changed", "Two a day since Monday"), DrugAnswer("fill"))
    assert item(clinic, batch, 0).requested_at is None
    assert item(clinic, batch, 1).state is ItemState.PLANNED
    with clinic.writing() as tx:
        assert tx.get(Cycle, batch.id).confirmed_at is None
        row = tx.get(CycleItem, sorted(batch.items)[0])  # the pharmacist has put it right
        row.state, row.problem = ItemState.PLANNED, ""
        begin_preparation(tx, batch.id)
    assert item(clinic, batch, 0).problem == "not_requested"


@pytest.mark.parametrize(
    ("answers", "problem"),
    [
        ((DrugAnswer("skip"),), "Say why"),
        ((DrugAnswer("maybe"),), "Choose one of"),
        ((DrugAnswer("fill", doses_left=5_000),), "doses left"),
        ((DrugAnswer("skip", "No"), DrugAnswer("skip", "No")), "Nothing would be left"),
    ],
)
def test_answers_that_make_no_sense_change_nothing(
    clinic: Clinic, batch: Batch, answers: tuple[DrugAnswer, ...], problem: str
) -> None:
    with pytest.raises(Invalid, match=problem):
        call(clinic, batch, *answers)
    assert {item(clinic, batch, place).problem for place in (0, 1)} == {"not_requested"}


def test_what_is_filled_already_cannot_be_skipped_on_the_phone(clinic: Clinic, batch: Batch) -> None:
    with clinic.writing() as tx:
        for key in batch.items:
            tx.get(CycleItem, key).state = ItemState.FILLING
    with pytest.raises(Conflict, match="filled already"):
        call(clinic, batch, DrugAnswer("skip", "No"))
