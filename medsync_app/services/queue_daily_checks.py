"""Queues each pharmacy's daily look for problems, as one action a day that any loop may take."""

from datetime import time, timedelta

from medsync_app.clock import local_day
from medsync_app.domain.local_time import to_instant
from medsync_app.outbox.queue import NewAction, queue
from medsync_app.services.ensure_workflow import workflow_for
from medsync_app.store.repositories.contact import pharmacies
from medsync_app.store.session import Tx

_USUAL = time(7, 0)


def queue_daily_checks(tx: Tx) -> int:
    """Queue today's check and tomorrow's of every pharmacy; returns how many are new."""
    actions: list[NewAction] = []
    for pharmacy in pharmacies(tx):
        _, workflow = workflow_for(tx, pharmacy.id)
        times = [step.trigger.at for step in workflow.steps if step.trigger.on == "daily" and step.trigger.at]
        at = times[0] if times else _USUAL
        today = local_day(tx.now, pharmacy.zone)
        for day in (today, today + timedelta(days=1)):
            due = to_instant(day, at, pharmacy.zone)
            actions.append(
                NewAction(
                    pharmacy_id=pharmacy.id, step="daily_check", kind="check", due_at=due,
                    idempotency_key=f"daily:{pharmacy.id}:{day.isoformat()}", stale_at=due + timedelta(hours=24),
                    payload={"action": {"do": "check", "what": "pharmacy"}}, local_date=day,
                    local_time=at.strftime("%H:%M"),
                )
            )  # fmt: skip
    return queue(tx, actions)
