"""Empties what others sent some time after it was worked: it is patient data that is kept elsewhere by then.

Ids and outcomes stay, so that a copy is still known. What could not be used is kept until a person puts it aside.
"""

from datetime import timedelta

from medsync_app.clock import Clock
from medsync_app.settings import Settings, get_settings
from medsync_app.store.repositories import inbound
from medsync_app.store.scope import Scope
from medsync_app.store.session import Database

_SCOPE = Scope.system("retention")
#: Events in one short transaction: nobody waits for it.
_AT_ONCE = 1_000


def empty_payloads(db: Database, clock: Clock, settings: Settings | None = None) -> int:
    """Empty the payloads whose days are over; returns how many were."""
    days = timedelta(days=(settings or get_settings()).medsync_payload_days)
    emptied = 0
    while True:
        with db.transaction(_SCOPE, clock) as tx:
            count = inbound.empty_payloads(tx, tx.now - days, _AT_ONCE)
        emptied += count
        if count < _AT_ONCE:
            return emptied
