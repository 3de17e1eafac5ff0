"""Optimistic concurrency: a stale change is refused with who changed the thing, and when."""

from zoneinfo import ZoneInfo

from medsync_app.domain.days import plain_day
from medsync_app.errors import Conflict
from medsync_app.store.session import Tx
from medsync_app.store.tables import Cycle, Enrollment, Pharmacy

Versioned = Enrollment | Cycle


def check_version(tx: Tx, row: Versioned, expected: int, what: str) -> None:
    """Conflict when somebody changed `row` since the caller read version `expected`; `what`: "This cycle"."""
    if row.version == expected:
        return
    zone = ZoneInfo(tx.get(Pharmacy, row.pharmacy_id).zone)
    at = row.changed_at.astimezone(zone)
    who = row.changed_by or "somebody"
    raise Conflict(
        f"{what} was changed by {who} on {plain_day(at.date())} at {at:%H:%M}. Nothing of yours was saved: "
        "look at it as it is now, then decide again."
    )


def bump(tx: Tx, row: Versioned) -> None:
    """Count a change of `row`, with who made it and when."""
    row.version += 1
    row.changed_by = tx.scope.actor_name
    row.changed_at = tx.now
