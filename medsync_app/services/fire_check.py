"""Whether an action about a cycle is still wanted, as the cycle, the patient and the data are now."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from medsync_app.domain.condition_words import condition_words
from medsync_app.domain.cycle import ENDED, PENDING_ITEMS, is_missing_on
from medsync_app.domain.states import ActionState, EnrollmentState
from medsync_app.domain.workflow import after_ready, first_unmet, parse_condition
from medsync_app.outbox.sent import told_ready_at
from medsync_app.services.cycle_facts import facts_of
from medsync_app.services.cycle_tasks import AFTER_THE_END
from medsync_app.services.ensure_workflow import workflow_of_version
from medsync_app.services.message_text import LAST_REMINDERS
from medsync_app.services.rules import data_is_stale
from medsync_app.store.repositories import cycles
from medsync_app.store.session import Tx
from medsync_app.store.tables import Cycle, Enrollment, Patient, Pharmacy, ScheduledAction


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why an action is not done: it ends in `state`, or is looked at again later (queued): at `until`, if known."""

    state: ActionState
    reason: str
    until: datetime | None = None


def obstacle_to(tx: Tx, action: ScheduledAction, cycle: Cycle, pharmacy: Pharmacy) -> Obstacle | None:
    """What keeps an action of a cycle from being done now; None when nothing does."""
    payload = action.payload
    enrollment = tx.get(Enrollment, cycle.enrollment_id)
    if enrollment.state is not EnrollmentState.ACTIVE:
        return Obstacle(ActionState.SUPPRESSED, f"The enrollment is {enrollment.state.value}.")
    planned = payload.get("sync_date")
    if planned is not None and date.fromisoformat(planned) != cycle.sync_date:
        return Obstacle(ActionState.SUPERSEDED, "The cycle has another date now.")
    if cycle.state in ENDED and payload.get("trigger") not in AFTER_THE_END:
        return Obstacle(ActionState.SKIPPED, f"The cycle is {cycle.state.value.replace('_', ' ')}.")
    patient = tx.get(Patient, cycle.patient_id)
    if patient.deceased_on is not None:
        return Obstacle(ActionState.SUPPRESSED, "The patient has died.")
    if cycle.unapproved and action.kind != "renewal":
        return Obstacle(ActionState.QUEUED, "Waits for the pharmacist's approval of the plan.")
    conditions = [parse_condition(raw) for raw in payload.get("conditions", ())]
    unmet = first_unmet(conditions, facts_of(tx, cycle, pharmacy, patient, conditions))
    if unmet is not None:
        words = condition_words(unmet.fact, unmet.op, unmet.value)
        return Obstacle(ActionState.SKIPPED, f"Not needed: wanted only when {words}.")
    if payload.get("action", {}).get("template") in LAST_REMINDERS and _nothing_will_be_there(tx, cycle):
        return Obstacle(ActionState.SKIPPED, "Nothing of the batch will be there on its day.")
    if payload.get("needs_fresh_data") and data_is_stale(pharmacy, tx.now):
        return Obstacle(
            ActionState.QUEUED, "Held: no dispensing data has come in, so a pickup may be unknown."
        )
    return _too_soon(tx, action, cycle, pharmacy)


def _nothing_will_be_there(tx: Tx, cycle: Cycle) -> bool:
    """Whether all of a batch waits for its patient's request, the stock or a person: nobody is told to come for it."""
    pending = [item for item in cycles.items_of(tx, cycle.id) if item.state in PENDING_ITEMS]
    return bool(pending) and all(is_missing_on(item, cycle.sync_date) for item in pending)


def _too_soon(tx: Tx, action: ScheduledAction, cycle: Cycle, pharmacy: Pharmacy) -> Obstacle | None:
    """A follow-up counts from the notice: it may have waited for the window, a provider or others at the number."""
    if action.payload.get("trigger") != "hours_after_ready":
        return None
    told = told_ready_at(tx, cycle.id)
    workflow = workflow_of_version(tx, str(action.payload["workflow"]))
    step = next((step for step in workflow.steps if step.id == action.step), None)
    if told is None or step is None:
        return None
    due, _, _ = after_ready(step.trigger.hours, told, cycle.sync_date, pharmacy.zone)
    if due <= tx.now + timedelta(seconds=1):
        return None
    return Obstacle(ActionState.QUEUED, "Counts from when the patient was told that the batch is ready.", due)
