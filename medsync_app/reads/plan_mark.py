"""Tells whether anything has changed that dates are worked out from, without working them out."""

from typing import Any, cast

from sqlalchemy import func, select

from medsync_app.services.update_pharmacy import settings_mark
from medsync_app.store.session import Tx
from medsync_app.store.tables import ClosedDay, Cycle, Patient, Pharmacy

_cycle, _patient, _closed = cast(Any, Cycle), cast(Any, Patient), cast(Any, ClosedDay)


def plan_mark(tx: Tx, pharmacy_id: str) -> str:
    """Another text when batches, dispensed drugs, closed days or settings are other ones.

    NotFound outside the scope.
    """
    settings = settings_mark(tx.get(Pharmacy, pharmacy_id))
    cycles = select(func.count(), func.max(_cycle.changed_at)).where(_cycle.pharmacy_id == pharmacy_id)
    dispensed = select(func.count(), func.max(_patient.dispensing_revision)).where(
        _patient.pharmacy_id == pharmacy_id
    )
    closed = select(func.count(), func.max(_closed.id)).where(_closed.pharmacy_id == pharmacy_id)
    return repr([settings, *(tuple(tx.session.execute(one).one()) for one in (cycles, dispensed, closed))])
