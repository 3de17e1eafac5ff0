"""The default workflow as it is lived: each trigger, the prescriber's ladder, the call at T-2, the will-call ladder."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from medsync_app.domain.states import ActionState, Channel, ExceptionKind, Role, Severity
from medsync_app.domain.workflow import TRIGGERS, default_document
from medsync_app.services.confirm_pickup import confirm_pickup
from medsync_app.services.handle_inbound import InboundText, handle_inbound_message
from medsync_app.services.mark_ready import mark_ready
from medsync_app.services.renewals import close_renewal, record_renewal_answer, request_renewals
from medsync_app.services.workflow_versions import publish_workflow
from medsync_app.store.tables import Prescription, RenewalRequest, ScheduledAction, Therapy
from tests.support.loop import FakeConnection, run_tick
from tests.support.programme import (
    PHONE,
    Batch,
    Clinic,
    batch_of,
    enroll_recommended,
    even_patient,
    open_kinds,
    open_tasks,
)

pytestmark = pytest.mark.slow

FIELDS: dict[str, dict[str, Any]] = {
    "days_before": {"days": 1, "at": "08:00"}, "days_after": {"days": 1, "at": "08:00"},
    "before_return": {"days": 1, "at": "08:00"}, "hours_after_ready": {"hours": 1}, "daily": {"at": "08:00"},
}  # fmt: skip


def enrolled(clinic: Clinic, *, refills: int = 5, days_ago: int = 15) -> Batch:
    """A batch of two drugs, the first of which has so many refills."""
    patient_id, drugs = even_patient(clinic, days_ago=days_ago)
    with clinic.writing() as tx:
        tx.get(Prescription, tx.get(Therapy, drugs[0]).current_prescription_id).refills_left = refills
    enroll_recommended(clinic, patient_id)
    return batch_of(clinic)


def live_until(clinic: Clinic, at: datetime) -> FakeConnection:
    """Tick once a day, at 11:00, until then; gives what the texts were."""
    sms = FakeConnection()
    while clinic.clock.now() < at:
        clinic.go_to((clinic.clock.now() + timedelta(days=1)).date())
        run_tick(clinic.database, clinic.clock, {Channel.SMS: sms})
    return sms


def eleven(batch: Batch, days: int) -> datetime:
    """11:00 at the pharmacy (New York, winter), so many days from the sync date."""
    day = batch.sync_date + timedelta(days=days)
    return datetime(day.year, day.month, day.day, 16, tzinfo=UTC)


def steps(clinic: Clinic) -> dict[str, ActionState]:
    with clinic.reading() as tx:
        return {row.idempotency_key.split(":")[1]: row.state for row in tx.session.scalars(select(ScheduledAction))
                if row.cycle_id}  # fmt: skip


def reply(clinic: Clinic, body: str) -> None:
    with clinic.writing() as tx:
        handle_inbound_message(tx, InboundText("twilio", f"SM{body}", PHONE, body, clinic.clock.now()))


def test_each_trigger_of_the_document_sets_off_a_step_of_the_pharmacys_own(clinic: Clinic) -> None:
    document = default_document()
    task = {"do": "task", "kind": "workflow", "role": "technician", "summary": "Do it."}
    document["steps"] += [
        {"id": f"own_{on}", "step": 4, "name": on, "trigger": {"on": on, **FIELDS.get(on, {})}, "actions": [task]}
        for on in TRIGGERS
    ]  # fmt: skip
    with clinic.writing() as tx:
        publish_workflow(tx, clinic.shop.pharmacy_id, document)
    batch = enrolled(clinic, refills=0)
    with clinic.writing() as tx:
        request_renewals(tx, batch.id)
        renewal = tx.session.scalars(select(RenewalRequest)).one()
        record_renewal_answer(tx, renewal.id, "approved")
        close_renewal(tx, renewal.therapy_id, outcome="A new prescription has arrived.")
        tx.get(Prescription, tx.get(Therapy, renewal.therapy_id).current_prescription_id).refills_left = 5
    live_until(clinic, eleven(batch, -2))
    reply(clinic, "1")
    clinic.go_to(batch.sync_date)
    for items in (list(batch.items)[:1], None):  # a part, then all of it
        with clinic.writing() as tx:
            mark_ready(tx, batch.id, expected_version=batch_of(clinic).version, items=items)
    live_until(clinic, eleven(batch, 1))
    with clinic.writing() as tx:
        confirm_pickup(tx, batch.id, expected_version=batch_of(clinic).version)
    with clinic.reading() as tx:
        found = set(tx.session.scalars(select(ScheduledAction.step)))
    assert {f"own_{on}" for on in TRIGGERS} <= found


def test_a_silent_prescriber_is_asked_again_phoned_and_then_told_of(clinic: Clinic) -> None:
    batch = enrolled(clinic, refills=0)
    said = {-10: "Send a renewal request", -7: "send the renewal request again", -5: "phone the prescriber"}
    for days, words in said.items():
        live_until(clinic, eleven(batch, days))
        (task,) = [task for task in open_tasks(clinic) if task.kind is ExceptionKind.RENEWAL]
        assert words in task.summary
        assert ExceptionKind.PRESCRIBER_SILENT not in open_kinds(clinic)
    live_until(clinic, eleven(batch, -3))
    (silent,) = [task for task in open_tasks(clinic) if task.kind is ExceptionKind.PRESCRIBER_SILENT]
    assert (silent.owner_role, silent.severity) == (Role.PHARMACIST, Severity.HIGH)
    with clinic.reading() as tx:
        assert len(tx.session.scalars(select(RenewalRequest)).all()) == 1


@pytest.mark.parametrize("answers", [False, True])
def test_who_does_not_answer_is_called_two_days_before(clinic: Clinic, answers: bool) -> None:
    batch = enrolled(clinic)
    sms = live_until(clinic, eleven(batch, -3))
    assert "Reply 1 to confirm" in sms.sent[-1].body
    if answers:
        reply(clinic, "1")
    live_until(clinic, eleven(batch, -2))
    assert (ExceptionKind.CALL in open_kinds(clinic)) is not answers
    assert steps(clinic)["call_t2"] is (ActionState.SKIPPED if answers else ActionState.SENT)
    assert {ExceptionKind.STOCK_CHECK, ExceptionKind.PREPARE} & open_kinds(clinic) == {ExceptionKind.PREPARE}


def test_what_is_not_fetched_is_followed_up_until_it_goes_back(clinic: Clinic) -> None:
    batch = enrolled(clinic)
    clinic.go_to(batch.sync_date - timedelta(days=1))
    with clinic.writing() as tx:
        mark_ready(tx, batch.id, expected_version=batch_of(clinic).version)
    done: dict[str, int] = {}
    for days in range(12):
        live_until(clinic, eleven(batch, days))
        for step, state in steps(clinic).items():
            if state is ActionState.SENT and step.startswith(("ready", "not_picked_up", "return")):
                done.setdefault(step, days)
    assert done == {
        "ready": 0, "not_picked_up_24h": 1, "not_picked_up_24h.2": 1, "not_picked_up_d3": 3,
        "not_picked_up_d3.2": 3, "not_picked_up_d7": 7, "not_picked_up_d7.2": 7, "return_warning": 7,
        "return_due": 9,
    }  # fmt: skip
    (task,) = [task for task in open_tasks(clinic) if task.kind is ExceptionKind.RETURN_TO_STOCK]
    assert (task.summary, task.severity) == (
        "Return this batch to stock and reverse its claims.",
        Severity.HIGH,
    )
