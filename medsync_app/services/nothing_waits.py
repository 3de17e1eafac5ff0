"""Something of a batch does not wait to be fetched any more: what is left of it has days of its own."""

from medsync_app.domain.states import ExceptionKind
from medsync_app.services.cycle_tasks import close_waiting_tasks
from medsync_app.services.link_fills import earliest_claim
from medsync_app.services.return_task import mind_return
from medsync_app.services.schedule_cycle import count_days_anew, forget_readiness, readiness_of
from medsync_app.store.session import Tx
from medsync_app.store.tables import Cycle


def stop_waiting(tx: Tx, cycle: Cycle, reason: str) -> bool:
    """Stop follow-ups and return clock of a batch when nothing of it waits; False while something does.

    What comes later is told anew, and its days count from then: the patient fetched a part, or it was no more ready.
    What still waits counts from its own claim when that is later than the one that has gone.
    """
    event = readiness_of(tx, cycle)
    if event is None:
        forget_readiness(tx, cycle, reason)
        cycle.ready_at = cycle.claimed_on = None
        cycle.claimed_on = earliest_claim(tx, cycle)
        close_waiting_tasks(tx, cycle, reason)
        return True
    claim = earliest_claim(tx, cycle)
    if claim != cycle.claimed_on:
        cycle.claimed_on = claim
        close_waiting_tasks(tx, cycle, reason, [ExceptionKind.RETURN_TO_STOCK])
        mind_return(tx, cycle)
        count_days_anew(tx, cycle, event)
    return False
