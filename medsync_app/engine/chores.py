"""The chores every loop takes along; each decides by itself whether there is something to do."""

from collections.abc import Sequence
from datetime import timedelta

from medsync_app.engine.audit_heads import AUDIT_HEADS
from medsync_app.engine.checks import Chore
from medsync_app.engine.inbox import work_pharmacy_events
from medsync_app.engine.outside import work_outside
from medsync_app.services.backup import nightly_backup
from medsync_app.services.empty_payloads import empty_payloads
from medsync_app.services.work_imports import work_waiting_imports


def usual_chores() -> Sequence[Chore]:
    """Imports and news of the pharmacy system, what goes to other programs, backups, old payloads, audit chains."""
    return (
        Chore("imports", work_waiting_imports, timedelta(seconds=2)),
        Chore("pharmacy events", work_pharmacy_events, timedelta(seconds=1)),
        Chore("outside", work_outside, timedelta(seconds=2)),
        Chore("backup", nightly_backup, timedelta(minutes=10)),
        Chore("payloads", empty_payloads, timedelta(hours=6)),
        AUDIT_HEADS,
    )
