"""What will happen after an enrollment, step by step, before anything is written."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from medsync_app.clock import local_day
from medsync_app.domain.batches import Batch, Batches, batches_of
from medsync_app.domain.plan_model import Option
from medsync_app.domain.workflow import (
    CycleFacts,
    ScheduledStep,
    Workflow,
    default_document,
    parse,
    steps_for,
    steps_triggered_by,
)
from medsync_app.services.cycle_facts import open_days, return_days
from medsync_app.services.ensure_workflow import workflow_of_version
from medsync_app.store.repositories.messaging import newest_workflow
from medsync_app.store.session import Tx
from medsync_app.store.tables import Patient, Pharmacy


@dataclass(frozen=True, slots=True)
class ExpectedStep:
    """One action that enrolling queues for the batch of `batch_day` (`kind` sync or trip).

    `due_at` is aware. `after_approval`: only queued once a pharmacist has approved the plan. `skipped`: why it is
    recorded as skipped.
    """

    batch_day: date
    kind: str
    step: str
    name: str
    #: What the step does, with its settings, as a queued action keeps it.
    action: Mapping[str, Any]
    due_at: datetime
    stale_at: datetime | None
    skipped: str = ""
    after_approval: bool = False

    @property
    def do(self) -> str:
        return str(self.action["do"])


@dataclass(frozen=True, slots=True)
class Expected:
    """Everything with a date, in order; and the names of the steps that follow when the batch is ready."""

    steps: tuple[ExpectedStep, ...]
    when_ready: tuple[str, ...]
    needs_approval: bool
    batches: Batches
    workflow: Workflow


def expected_steps(
    tx: Tx, patient_id: str, option: Option, *, cycle_days: int, override: bool = False
) -> Expected:
    """What enrolling on this option queues: the same domain functions as the queue itself, on the same batches."""
    patient = tx.get(Patient, patient_id)
    pharmacy = tx.get(Pharmacy, patient.pharmacy_id)
    workflow = _workflow(tx, pharmacy.id)
    needs_approval = option.needs_pharmacist_review or override
    batches = batches_of(option, cycle_days)
    found: list[ExpectedStep] = []
    for batch, kind in ((batches.sync, "sync"), *((trip, "trip") for trip in batches.trips)):
        facts = _facts(tx, pharmacy, patient, batch, kind)
        now = _queued(tx, workflow, facts, pharmacy.zone, needs_approval=needs_approval)
        found += [_step(batch, kind, step) for step in now]
        if needs_approval:
            known = {step.key for step in now}
            later = _queued(tx, workflow, facts, pharmacy.zone, needs_approval=False)
            found += [_step(batch, kind, step, after=True) for step in later if step.key not in known]
    ready = tuple(step.name for step in steps_triggered_by(workflow, "ready") if "sync" in step.cycles)
    order = {step.id: place for place, step in enumerate(workflow.steps)}
    found.sort(key=lambda step: (step.due_at, order[step.step]))
    return Expected(tuple(found), ready, needs_approval, batches, workflow)


def _queued(
    tx: Tx, workflow: Workflow, facts: CycleFacts, zone: str, *, needs_approval: bool
) -> list[ScheduledStep]:
    known = replace(facts, needs_approval=needs_approval)
    steps = steps_for(workflow, "scheduled", known, tx.now, zone)
    if facts.kind == "sync" and facts.number == 1 and not needs_approval:
        steps += steps_for(workflow, "enrolled", known, tx.now, zone)
    return steps


def _facts(tx: Tx, pharmacy: Pharmacy, patient: Patient, batch: Batch, kind: str) -> CycleFacts:
    """What times depend on; conditions are judged when a step fires, not now."""
    return CycleFacts(
        sync_date=batch.day, today=local_day(tx.now, pharmacy.zone), kind=kind, number=1 + batch.ahead,
        return_days=return_days(pharmacy), open_days=open_days(tx, pharmacy), language=patient.language,
    )  # fmt: skip


def _step(batch: Batch, kind: str, scheduled: ScheduledStep, *, after: bool = False) -> ExpectedStep:
    return ExpectedStep(
        batch_day=batch.day, kind=kind, step=scheduled.step.id, name=scheduled.step.name,
        action={"do": scheduled.action.do, **scheduled.action.options}, due_at=scheduled.due_at,
        stale_at=scheduled.stale_at, skipped=scheduled.skip_reason or "", after_approval=after,
    )  # fmt: skip


def _workflow(tx: Tx, pharmacy_id: str) -> Workflow:
    version = newest_workflow(tx, pharmacy_id)
    return workflow_of_version(tx, version.id) if version is not None else parse(default_document())
