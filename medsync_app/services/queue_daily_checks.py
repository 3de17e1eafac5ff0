"""Queues each pharmacy's daily steps, as one action per step and day that any loop may take."""

from collections.abc import Iterable
from datetime import date, time, timedelta

from medsync_app.clock import local_day
from medsync_app.domain.local_time import to_instant
from medsync_app.domain.workflow import Step, Workflow
from medsync_app.outbox.queue import NewAction, queue
from medsync_app.services.ensure_workflow import workflow_for
from medsync_app.store.repositories.contact import pharmacies
from medsync_app.store.session import Tx
from medsync_app.store.tables import Pharmacy

#: When a pharmacy whose workflow has no daily step is looked at all the same.
_USUAL = time(7, 0)
#: Local times at which overdue tasks are looked for, besides the daily look itself.
_OVERDUE_LOOKS = (time(10, 0), time(13, 0), time(16, 0))


def queue_daily_checks(tx: Tx) -> int:
    """Queue today's daily steps and tomorrow's of every pharmacy; returns how many are new."""
    actions: list[NewAction] = []
    for pharmacy in pharmacies(tx):
        version_id, workflow = workflow_for(tx, pharmacy.id)
        today = local_day(tx.now, pharmacy.zone)
        for day in (today, today + timedelta(days=1)):
            actions += _daily(pharmacy, workflow, version_id, day)
    return queue(tx, actions)


def queue_overdue_looks(tx: Tx, pharmacy: Pharmacy) -> int:
    """Queue the looks for overdue tasks that today still has ahead; returns how many are new."""
    today = local_day(tx.now, pharmacy.zone)
    looks = (
        _check(pharmacy, "overdue_check", f"overdue_check:{at:%H}", {"what": "overdue"}, today, at)
        for at in _OVERDUE_LOOKS
    )
    return queue(tx, [look for look in looks if look.due_at > tx.now])


def _daily(pharmacy: Pharmacy, workflow: Workflow, version_id: str, day: date) -> Iterable[NewAction]:
    """The first look of a day has a key without its step: a step given another time today is not repeated."""
    steps: list[Step] = [step for step in workflow.steps if step.trigger.on == "daily" and step.trigger.at]
    if not steps:
        yield _check(pharmacy, "daily_check", "daily", {"what": "pharmacy"}, day, _USUAL)
    for index, step in enumerate(steps):
        what = "pharmacy" if index == 0 else "daily"
        options = {"what": what, "daily": step.id, "workflow": version_id}
        key = "daily" if index == 0 else f"daily:{step.id}"
        yield _check(pharmacy, "daily_check", key, options, day, step.trigger.at or _USUAL)


def _check(
    pharmacy: Pharmacy, step: str, key: str, options: dict[str, str], day: date, at: time
) -> NewAction:
    due = to_instant(day, at, pharmacy.zone)
    return NewAction(
        pharmacy_id=pharmacy.id, step=step, kind="check", due_at=due, local_date=day,
        idempotency_key=f"{key}:{pharmacy.id}:{day.isoformat()}", stale_at=due + timedelta(hours=24),
        payload={"action": {"do": "check", **options}}, local_time=at.strftime("%H:%M"),
    )  # fmt: skip
