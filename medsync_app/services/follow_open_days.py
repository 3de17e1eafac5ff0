"""Steps that are due on an open day follow the pharmacy's days: one was closed or opened, or its hours changed."""

from datetime import date, timedelta

from medsync_app.outbox.queue import supersede, waiting_on_days
from medsync_app.services.cycle_facts import open_days
from medsync_app.services.ensure_workflow import workflow_of_version
from medsync_app.services.schedule_cycle import queue_event
from medsync_app.store.repositories import workflows
from medsync_app.store.session import Tx
from medsync_app.store.tables import Cycle, Pharmacy, ScheduledAction

#: As far as a step moved back over closed days may stand before the day that is open again.
_CLOSED_IN_A_ROW = 14
#: Days ahead on which a step may stand: the longest cycle that can be chosen, twice.
MOST_AHEAD = 366
_REASON = "The days on which the pharmacy is open changed."


def follow_open_days(tx: Tx, pharmacy_id: str, since: date, until: date) -> int:
    """Give steps of open batches that the changed days `since` to `until` concern their day; gives how many moved."""
    days = _days_before(tx, pharmacy_id)
    if not days:
        return 0
    pharmacy = tx.get(Pharmacy, pharmacy_id)
    known = open_days(tx, pharmacy)
    steps = {step for _, step in days}
    waiting = waiting_on_days(tx, pharmacy_id, steps, since - timedelta(days=_CLOSED_IN_A_ROW), until)
    moved = 0
    for action in waiting:
        cycle = tx.find(Cycle, action.cycle_id) if action.cycle_id else None
        before = days.get((str(action.payload.get("workflow")), action.step))
        if cycle is None or before is None:
            continue
        if known.last_open(cycle.sync_date - timedelta(days=before)) != action.local_date:
            moved += _queue_anew(tx, cycle, action)
    return moved


def _days_before(tx: Tx, pharmacy_id: str) -> dict[tuple[str, str], int]:
    """(version, step) -> days before the sync date, of the steps that want an open day."""
    return {
        (version, step.id): step.trigger.days
        for version in workflows.versions_in_use(tx, pharmacy_id)
        for step in workflow_of_version(tx, version).steps
        if step.trigger.open_day
    }


def _queue_anew(tx: Tx, cycle: Cycle, action: ScheduledAction) -> int:
    step = action.step
    supersede(tx, pharmacy_id=cycle.pharmacy_id, cycle_id=cycle.id, only_actions=[action.id], reason=_REASON)
    return queue_event(tx, cycle, "scheduled", lambda scheduled: scheduled.step.id == step)
