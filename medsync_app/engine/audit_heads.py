"""The chore that writes the ends of the audit chains to the log once a day: out of a database thief's reach."""

from datetime import timedelta

from medsync_app.clock import Clock
from medsync_app.engine.checks import Chore
from medsync_app.services.audit import log_heads
from medsync_app.store.scope import Scope
from medsync_app.store.session import Database


def write_heads(database: Database, clock: Clock) -> int:
    """Log the head of each chain; returns how many there are. `audit verify --logged` takes such a line."""
    with database.reading(Scope.system("loop"), clock) as tx:
        return log_heads(tx)


AUDIT_HEADS = Chore("audit heads", write_heads, every=timedelta(days=1))
