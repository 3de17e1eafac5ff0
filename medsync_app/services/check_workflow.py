"""Checks a workflow document beyond its form, before anybody may keep or publish it."""

from collections.abc import Mapping
from typing import Any

from medsync_app.domain.states import CycleState
from medsync_app.domain.workflow import Step, parse
from medsync_app.errors import Invalid
from medsync_app.services.rules import rules_of
from medsync_app.services.workflow_wordings import check_wordings
from medsync_app.store.repositories import workflows
from medsync_app.store.session import Tx
from medsync_app.store.tables import Pharmacy

#: Triggers that come before a batch's date, or before anybody knows whether it will be fetched.
_BEFORE = frozenset({"enrolled", "days_before"})


def check_workflow(tx: Tx, pharmacy_id: str, document: Mapping[str, Any]) -> None:
    """Raise Invalid, naming step and field, for a document that cannot be used at this pharmacy."""
    workflow = parse(document)
    check_wordings(workflow, workflows.template_names(tx, pharmacy_id))
    days = rules_of(tx.get(Pharmacy, pharmacy_id)).missed_after_days
    for index, step in enumerate(workflow.steps):
        _check_missed(step, f"steps[{index}]", days)


def _check_missed(step: Step, where: str, days: int) -> None:
    """No step may end a batch as missed while its patient may still come."""
    for number, action in enumerate(step.actions):
        if action.do != "state" or action.options["state"] != CycleState.MISSED:
            continue
        if step.trigger.on in _BEFORE:
            raise Invalid(
                f"{step.id}: a batch cannot be missed before its date. Let the step be due days after it.",
                f"{where}.actions[{number}].state",
            )
        if step.trigger.on == "days_after" and step.trigger.days <= days:
            raise Invalid(
                f"{step.id}: a patient may come for {days} days after the date, and the batch is missed then. "
                f"Write {days + 1} days or more.",
                f"{where}.trigger.days",
            )
