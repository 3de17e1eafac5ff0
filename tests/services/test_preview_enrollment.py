"""The wizard's list of what will happen is exactly what enrolling queues."""

from collections.abc import Callable

import pytest

from medsync_app.domain.states import ActionState
from medsync_app.services.approve_plan import approve
from medsync_app.services.preview_enrollment import Expected, expected_steps
from medsync_app.services.propose import propose
from medsync_app.store.tables import Cycle, ScheduledAction
from tests.support.programme import (
    Clinic,
    batch_of,
    enroll_recommended,
    even_patient,
    reference_patient,
)


def foreseen(clinic: Clinic, patient_id: str) -> Expected:
    with clinic.reading() as tx:
        option = propose(tx, patient_id).plan.recommended
        return expected_steps(tx, patient_id, option, cycle_days=30)


def queued(clinic: Clinic) -> set[tuple[object, ...]]:
    with clinic.reading() as tx:
        cycles = {cycle.id: cycle for cycle in tx.session.query(Cycle)}
        return {
            (cycles[row.cycle_id].sync_date, cycles[row.cycle_id].kind, row.step, row.kind, row.due_at,
             row.state is ActionState.SKIPPED)
            for row in tx.session.query(ScheduledAction)
            if row.cycle_id is not None and row.state is not ActionState.SUPERSEDED
        }  # fmt: skip


def listed(expected: Expected, *, later: bool = False) -> set[tuple[object, ...]]:
    return {
        (step.batch_day, step.kind, step.step, step.do, step.due_at, bool(step.skipped))
        for step in expected.steps
        if later or not step.after_approval
    }


def even(clinic: Clinic) -> str:
    return even_patient(clinic)[0]


def with_short_fills(clinic: Clinic) -> str:
    return reference_patient(clinic).patient_id


@pytest.mark.parametrize("patient", [even, with_short_fills])
def test_what_is_listed_is_what_is_queued(clinic: Clinic, patient: Callable[[Clinic], str]) -> None:
    patient_id = patient(clinic)
    before = foreseen(clinic, patient_id)
    enroll_recommended(clinic, patient_id)
    assert listed(before)
    assert listed(before) == queued(clinic)


@pytest.mark.both_databases
def test_what_waits_for_approval_is_queued_by_it(clinic: Clinic) -> None:
    patient_id = with_short_fills(clinic)
    before = foreseen(clinic, patient_id)
    assert before.needs_approval
    assert any(step.kind == "trip" for step in before.steps)
    enroll_recommended(clinic, patient_id)
    batch = batch_of(clinic)
    with clinic.writing() as tx:
        approve(tx, batch.id, expected_version=batch.version)
    assert listed(before, later=True) == queued(clinic)
    assert listed(before, later=True) != listed(before)


def test_the_list_is_in_order_and_names_what_follows_ready(clinic: Clinic) -> None:
    expected = foreseen(clinic, even(clinic))
    assert [step.due_at for step in expected.steps] == sorted(step.due_at for step in expected.steps)
    assert "Say that the batch is ready" in expected.when_ready
