"""Nothing of a batch is there to be fetched any more, and the rest of it is still to come."""

from medsync_app.services.cycle_tasks import close_waiting_tasks
from medsync_app.services.link_fills import earliest_claim
from medsync_app.services.schedule_cycle import forget_readiness, readiness_of
from medsync_app.store.session import Tx
from medsync_app.store.tables import Cycle


def stop_waiting(tx: Tx, cycle: Cycle, reason: str) -> bool:
    """Stop follow-ups and return clock of a batch when nothing of it waits; False while something does.

    What comes later is told anew, and its days count from then: the patient fetched a part, or it was no more ready.
    """
    if readiness_of(tx, cycle) is not None:
        return False
    forget_readiness(tx, cycle, reason)
    cycle.ready_at = cycle.claimed_on = None
    cycle.claimed_on = earliest_claim(tx, cycle)
    close_waiting_tasks(tx, cycle, reason)
    return True
