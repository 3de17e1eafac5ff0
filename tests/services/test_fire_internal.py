"""A step of a pharmacy's own may say how far a batch is, or that it was missed; what is there to fetch stays."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from medsync_app.domain.states import ActionState, CycleState, ExceptionKind
from medsync_app.domain.workflow import default_document
from medsync_app.errors import Invalid
from medsync_app.services.mark_ready import mark_ready
from medsync_app.services.workflow_versions import publish_workflow
from medsync_app.store.tables import Cycle, Pharmacy, ScheduledAction
from tests.support.loop import run_tick
from tests.support.programme import Clinic, batch_of, enroll_recommended, even_patient, open_kinds

pytestmark = pytest.mark.slow


def with_step(clinic: Clinic, state: str, days: int, on: str = "days_before") -> None:
    document = default_document()
    document["steps"].append(
        {
            "id": "our_own", "step": 7, "name": "Our own", "trigger": {"on": on, "days": days, "at": "08:00"},
            "actions": [{"do": "state", "state": state}], "useful": {"hours": 48},
        }
    )  # fmt: skip
    with clinic.writing() as tx:
        publish_workflow(tx, clinic.shop.pharmacy_id, document)


def live_until(clinic: Clinic, days: int) -> Cycle:
    """The cycle of the batch, `days` after its sync date."""
    batch = batch_of(clinic)
    clinic.go_to(batch.sync_date + timedelta(days=days))
    run_tick(clinic.database, clinic.clock, {})
    with clinic.reading() as tx:
        return tx.get(Cycle, batch.id)


@pytest.mark.parametrize(
    ("state", "after"), [("requesting", CycleState.REQUESTING), ("preparing", CycleState.PREPARING)]
)
def test_a_step_changes_how_far_a_batch_is(clinic: Clinic, state: str, after: CycleState) -> None:
    with_step(clinic, state, 4)
    enroll_recommended(clinic, even_patient(clinic)[0])
    assert live_until(clinic, -4).state is after
    with clinic.reading() as tx:
        row = tx.session.scalars(select(ScheduledAction).where(ScheduledAction.step == "our_own")).one()
    assert (row.state, row.reason) == (ActionState.SENT, f"The batch is {state} now.")


def wait_for_the_patient(clinic: Clinic, days: int) -> None:
    with clinic.writing() as tx:
        pharmacy = tx.get(Pharmacy, clinic.shop.pharmacy_id)
        pharmacy.rules = {**pharmacy.rules, "missed_after_days": days}


def test_a_step_ends_a_batch_as_missed_and_the_patient_is_called(clinic: Clinic) -> None:
    wait_for_the_patient(clinic, 2)
    with_step(clinic, "missed", 3, "days_after")
    enroll_recommended(clinic, even_patient(clinic)[0])
    assert live_until(clinic, 3).state is CycleState.MISSED
    assert ExceptionKind.CALL in open_kinds(clinic)
    assert batch_of(clinic, number=2).state is CycleState.PROPOSED


def test_a_step_does_not_cut_the_time_short_in_which_the_patient_may_come(clinic: Clinic) -> None:
    wait_for_the_patient(clinic, 2)
    with_step(clinic, "missed", 3, "days_after")
    wait_for_the_patient(clinic, 10)
    enroll_recommended(clinic, even_patient(clinic)[0])
    assert live_until(clinic, 3).state is CycleState.PREPARING
    with clinic.reading() as tx:
        row = tx.session.scalars(select(ScheduledAction).where(ScheduledAction.step == "our_own")).one()
    first = batch_of(clinic).sync_date + timedelta(days=11)
    assert row.reason.startswith(f"The batch counts as missed from {first} on")
    assert live_until(clinic, 11).state is CycleState.MISSED


def test_a_step_ends_no_batch_while_a_pickup_may_be_unknown(clinic: Clinic) -> None:
    wait_for_the_patient(clinic, 2)
    with_step(clinic, "missed", 3, "days_after")
    enroll_recommended(clinic, even_patient(clinic)[0])
    with clinic.writing() as tx:
        tx.get(Pharmacy, clinic.shop.pharmacy_id).data_as_of = clinic.clock.now()
    assert live_until(clinic, 3).state is CycleState.PREPARING


@pytest.mark.parametrize(
    ("on", "days", "field"), [("days_after", 10, "trigger.days"), ("days_before", 3, "actions[0].state")]
)
def test_a_step_that_would_cut_it_short_is_refused(clinic: Clinic, on: str, days: int, field: str) -> None:
    with pytest.raises(Invalid, match="our_own: ") as caught:
        with_step(clinic, "missed", days, on)
    assert caught.value.field is not None
    assert caught.value.field.endswith(field)


@pytest.mark.parametrize("state", ["missed", "planned"])
def test_what_is_ready_is_not_undone(clinic: Clinic, state: str) -> None:
    wait_for_the_patient(clinic, 2)
    with_step(clinic, state, 3, "days_after")
    enroll_recommended(clinic, even_patient(clinic)[0])
    batch = batch_of(clinic)
    clinic.go_to(batch.sync_date)
    with clinic.writing() as tx:
        mark_ready(tx, batch.id, expected_version=batch.version)
    assert live_until(clinic, 3).state is CycleState.READY


def test_what_follows_from_the_items_cannot_be_set(clinic: Clinic) -> None:
    with pytest.raises(Invalid) as caught:
        with_step(clinic, "picked_up", 3)
    assert caught.value.field is not None
    assert caught.value.field.endswith("actions[0].state")
