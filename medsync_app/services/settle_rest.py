"""A medicine was taken out of a batch that goes on: what is left may be all there now, or fetched already."""

from medsync_app.domain.states import CycleState
from medsync_app.services.confirm_pickup import close_picked_up
from medsync_app.services.cycle_state import refresh_state
from medsync_app.services.fill_request import settle_requests
from medsync_app.services.mark_ready import became_ready
from medsync_app.services.schedule_cycle import readiness_of
from medsync_app.store.session import Tx
from medsync_app.store.tables import Cycle


def settle_rest(tx: Tx, cycle: Cycle) -> None:
    """Close a batch that was fetched but for what was taken out, or tell the patient that the rest is all there."""
    settle_requests(tx, cycle)
    if readiness_of(tx, cycle) == "ready" and cycle.state is not CycleState.READY:
        became_ready(tx, cycle)
    elif refresh_state(tx, cycle) is CycleState.PICKED_UP:
        close_picked_up(tx, cycle)
