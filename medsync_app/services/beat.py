"""The heartbeat of a background loop: how others see that it lives."""

from medsync_app.store.repositories.messaging import heartbeat
from medsync_app.store.session import Tx
from medsync_app.store.tables import LoopHeartbeat


def beat(tx: Tx, owner: str, *, error: str = "", stopped: bool = False) -> None:
    """Note that a loop is alive, or has stopped; `error` is the name of what went wrong last."""
    row = heartbeat(tx, owner)
    if row is None:
        row = tx.add(LoopHeartbeat(owner=owner, started_at=tx.now, beat_at=tx.now))
    row.beat_at, row.last_error = tx.now, error
    row.stopped_at = tx.now if stopped else None
