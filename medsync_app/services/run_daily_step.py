"""Does a daily step of the workflow: the look for problems, and what else it wants of every open batch."""

from medsync_app.clock import local_day
from medsync_app.domain.workflow import Action, ScheduledStep, Step
from medsync_app.services.check_cycle import check_pharmacy
from medsync_app.services.ensure_workflow import workflow_of_version
from medsync_app.services.schedule_cycle import queue_event
from medsync_app.store.repositories import cycles
from medsync_app.store.session import Tx
from medsync_app.store.tables import Cycle, Pharmacy


def run_daily_step(tx: Tx, pharmacy: Pharmacy, step_id: str, version_id: str, *, look: bool) -> int:
    """Do a daily step now; gives how many actions it queued for batches.

    `look`: the pharmacy is looked at also when the step does not say so: every pharmacy is, once a day. A batch
    whose workflow version does not know the step is left alone.
    """
    step = workflow_of_version(tx, version_id).step(step_id) if version_id else None
    if look or (step is not None and any(_looks(action) for action in step.actions)):
        check_pharmacy(tx, pharmacy.id)
    if step is None or all(_looks(action) for action in step.actions):
        return 0
    return _of_batches(tx, pharmacy, step)


def _of_batches(tx: Tx, pharmacy: Pharmacy, step: Step) -> int:
    day = local_day(tx.now, pharmacy.zone).isoformat()

    def wanted(scheduled: ScheduledStep) -> bool:
        return scheduled.step.id == step.id and not _looks(scheduled.action)

    open_cycles = (tx.get(Cycle, cycle_id) for cycle_id in cycles.open_ids_of_pharmacy(tx, pharmacy.id))
    return sum(queue_event(tx, cycle, "daily", wanted, again=day) for cycle in open_cycles)


def _looks(action: Action) -> bool:
    return action.do == "check" and action.options.get("what") == "exceptions"
