"""Steps a pharmacy writes itself: they reach everybody they are for, once, and know the batch when it is over too."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from medsync_app.domain.states import ActionState, Channel, ContactBasis, ItemState
from medsync_app.domain.workflow import default_document
from medsync_app.services.confirm_pickup import confirm_pickup
from medsync_app.services.enroll_contacts import ContactChoice
from medsync_app.services.mark_ready import mark_ready
from medsync_app.services.workflow_versions import move_cycles, publish_workflow
from medsync_app.store.session import Tx
from medsync_app.store.tables import CycleItem, Patient, ScheduledAction, Therapy
from tests.support.loop import FakeConnection, run_tick
from tests.support.programme import CONSENT, PHONE, Batch, Clinic, batch_of, enroll_recommended, even_patient

pytestmark = pytest.mark.slow

LETTER = {
    "do": "message", "template": "letter",
    "wordings": {"en": {"sms": "{{ pharmacy }}: your letter.", "email": "Your letter.", "email_subject": "A letter"}},
}  # fmt: skip
BY_PHONE = ContactChoice(
    channel=Channel.VOICE, address=PHONE, basis=ContactBasis.EXPRESS, wording="I agree to calls."
)


def publish(clinic: Clinic, change: Callable[[list[dict[str, Any]]], object]) -> None:
    document = default_document()
    change(document["steps"])
    with clinic.writing() as tx:
        publish_workflow(tx, clinic.shop.pharmacy_id, document)


def own(trigger: dict[str, Any], *actions: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": "ours", "step": 4, "name": "Ours", "trigger": trigger, "actions": list(actions), **more}


def actions_of(tx: Tx, step: str) -> Sequence[ScheduledAction]:
    return [row for row in tx.session.scalars(select(ScheduledAction)) if row.step == step]


def ready(clinic: Clinic) -> Batch:
    batch = batch_of(clinic)
    clinic.go_to(batch.sync_date)
    with clinic.writing() as tx:
        mark_ready(tx, batch.id, expected_version=batch.version)
    return batch_of(clinic)


def test_a_wording_of_their_own_reaches_who_is_usually_called(clinic: Clinic) -> None:
    publish(clinic, lambda steps: steps.append(own({"on": "days_before", "days": 5, "at": "09:00"}, LETTER)))
    patient_id, _ = even_patient(clinic)
    with clinic.writing() as tx:
        tx.get(Patient, patient_id).birth_date = date(1940, 1, 1)
    enroll_recommended(clinic, patient_id, contacts=(CONSENT, BY_PHONE))
    sms, voice = FakeConnection(), FakeConnection()
    run_tick(clinic.database, clinic.clock, {Channel.SMS: sms, Channel.VOICE: voice})
    clinic.go_to(batch_of(clinic).sync_date - timedelta(days=5))
    run_tick(clinic.database, clinic.clock, {Channel.SMS: sms, Channel.VOICE: voice})
    assert [message.body for message in sms.sent] == ["main pharmacy: your letter."]
    assert len(voice.sent) == 1  # the welcome


def test_a_batch_that_was_fetched_is_still_known_by_what_was_in_it(clinic: Clinic) -> None:
    long_supply = {"fact": "days_supply", "op": "at_least", "value": 90}
    no_refills = {"fact": "refills_left", "op": "at_most", "value": 5}
    step = own({"on": "picked_up"}, LETTER, conditions=[long_supply, no_refills])
    publish(clinic, lambda steps: steps.append(step))
    patient_id, drugs = even_patient(clinic)
    with clinic.writing() as tx:
        tx.get(Therapy, drugs[0]).usual_days = 90
    enroll_recommended(clinic, patient_id)
    batch = ready(clinic)
    with clinic.writing() as tx:
        confirm_pickup(tx, batch.id, expected_version=batch.version)
    sms = FakeConnection()
    run_tick(clinic.database, clinic.clock, {Channel.SMS: sms})
    with clinic.reading() as tx:
        (row,) = actions_of(tx, "ours")
    assert row.reason == ""
    assert row.state is ActionState.SENT


def test_a_drug_that_was_left_out_of_the_batch_sets_no_step_off(clinic: Clinic) -> None:
    step = own({"on": "ready"}, LETTER, conditions=[{"fact": "drug_class", "op": "is", "value": "statins"}])
    publish(clinic, lambda steps: steps.append(step))
    patient_id, drugs = even_patient(clinic)
    enroll_recommended(clinic, patient_id)
    with clinic.writing() as tx:
        tx.get(Therapy, drugs[1]).ingredients = ["atorvastatin"]
        for item in batch_of(clinic).items:
            row = tx.get(CycleItem, item)
            row.state = ItemState.SKIPPED if row.therapy_id == drugs[1] else row.state
    ready(clinic)
    run_tick(clinic.database, clinic.clock, {Channel.SMS: FakeConnection()})
    with clinic.reading() as tx:
        (row,) = actions_of(tx, "ours")
    assert row.state is ActionState.SKIPPED
    assert "drug class" in row.reason


@pytest.mark.parametrize("first", ["message", "task"])
def test_what_was_said_is_not_said_again_when_a_task_is_put_before_it(clinic: Clinic, first: str) -> None:
    message = {"do": "message", "template": "not_picked_up"}
    task = {"do": "task", "kind": "call", "role": "technician", "summary": "Call."}

    def follow_up(actions: list[dict[str, Any]]) -> Callable[[list[dict[str, Any]]], None]:
        def change(steps: list[dict[str, Any]]) -> None:
            next(step for step in steps if step["id"] == "not_picked_up_24h")["actions"] = actions

        return change

    publish(clinic, follow_up([message] if first == "message" else [task]))
    enroll_recommended(clinic, even_patient(clinic)[0])
    batch = ready(clinic)
    sms = FakeConnection()
    run_tick(clinic.database, clinic.clock, {Channel.SMS: sms})
    clinic.go_to(batch.sync_date + timedelta(days=1))
    run_tick(clinic.database, clinic.clock, {Channel.SMS: sms})
    publish(clinic, follow_up([task, message] if first == "message" else [message, task]))
    with clinic.writing() as tx:
        move_cycles(tx, clinic.shop.pharmacy_id)
    clinic.clock.advance(timedelta(hours=1))
    run_tick(clinic.database, clinic.clock, {Channel.SMS: sms})
    assert sum("still waiting" in message.body for message in sms.sent) == 1
    with clinic.reading() as tx:
        done = actions_of(tx, "not_picked_up_24h")
        assert sorted(row.kind for row in done if row.state is ActionState.SENT) == ["message", "task"]
