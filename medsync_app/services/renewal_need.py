"""Why planned fills need a renewal of their prescription."""

from collections.abc import Sequence

from medsync_app.domain.plan_model import Medication
from medsync_app.domain.states import ExceptionKind
from medsync_app.store.tables import Cycle, CycleItem


def renewal_reason(
    medication: Medication,
    unclaimed: Sequence[tuple[CycleItem, Cycle]],
    *,
    short_uses_refill: bool = False,
) -> ExceptionKind | None:
    """Why these planned fills (in order of date) need a renewal: no refills, an Rx that expires before, or None."""
    refills = 0
    quantity = 0
    for item, cycle in unclaimed:
        if item.fill_kind == "full" or short_uses_refill:
            refills += 1
        quantity += int(item.quantity or 0)
        if medication.expires_on is not None and medication.expires_on < cycle.sync_date:
            return ExceptionKind.RX_EXPIRES
        if medication.refills_left is not None and refills > medication.refills_left:
            return ExceptionKind.NO_REFILLS
        if medication.quantity_left is not None and quantity > medication.quantity_left:
            return ExceptionKind.NO_REFILLS
    return None
