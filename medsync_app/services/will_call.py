"""Fills that wait in will-call when a plan is written: fetched with its batches, not filled again (DOMAIN.md 1).

Choices where the rules leave room: such a fill goes into the last batch that comes before its drug runs out and before
it must go back to stock, else it is a trip of its own; it is shown as being filled until somebody marks it ready.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from medsync_app.domain.batches import PICKUP
from medsync_app.domain.cycle import CLAIMED_ITEMS, ENDED, FETCHABLE
from medsync_app.domain.days import OpenDays
from medsync_app.domain.plan_model import Option
from medsync_app.domain.states import CycleState, FillStatus, ItemState
from medsync_app.services.cycle_state import refresh_state
from medsync_app.services.plan_inputs import policy_for
from medsync_app.services.rules import rules_of
from medsync_app.services.supply_history import fill_of_item
from medsync_app.store.repositories import cycles, therapies
from medsync_app.store.repositories.pharmacies import pharmacy_today
from medsync_app.store.session import Tx
from medsync_app.store.tables import Cycle, CycleItem, Fill, Pharmacy


@dataclass(frozen=True, slots=True)
class Placed:
    """The batches that now hold a waiting fill: those made for it, and those that it joined."""

    new: tuple[Cycle, ...]
    joined: tuple[Cycle, ...]


def place_waiting_fills(tx: Tx, sync: Cycle, option: Option, cancelled: Sequence[Cycle] = ()) -> Placed:
    """Give every waiting fill of a planned drug that is in no batch yet its pickup, around the sync date's cycle."""
    waiting = list(_waiting(tx, sync.patient_id, option))
    if not waiting:
        return Placed((), ())
    rules = rules_of(tx.get(Pharmacy, sync.pharmacy_id))
    today = pharmacy_today(tx, sync.pharmacy_id)
    policy = policy_for(tx, sync.pharmacy_id, today=today)
    open_days = OpenDays.of(policy.open_weekdays, policy.closed_dates)
    new: list[Cycle] = []
    joined: list[Cycle] = []
    for fill, due in waiting:
        latest = min(due, fill.filled_on + timedelta(days=rules.return_to_stock_days))
        day = max(open_days.on_or_before(latest.toordinal()), open_days.on_or_after(today.toordinal()))
        latest = date.fromordinal(day)
        fitting = [
            cycle
            for cycle in cycles.open_of_enrollment(tx, sync.enrollment_id)
            if today <= cycle.sync_date <= latest
            and cycle.number in (sync.number, sync.number + 1)
            and cycle.state not in FETCHABLE
            and all(cycle.id != gone.id for gone in cancelled)
        ]
        if fitting:
            joined.append(fitting[-1])
        else:
            new.append(_trip(tx, sync, latest))
        _put_in(tx, fitting[-1] if fitting else new[-1], fill, due)
    return Placed(tuple(new), tuple(joined))


def _waiting(tx: Tx, patient_id: str, option: Option) -> Iterable[tuple[Fill, date]]:
    """Waiting fills that no batch holds, with the day by which each must be fetched, in order of their dates."""
    until = {drug.id: drug.pickup_by for drug in option.medications if drug.pickup_by is not None}
    if not until:
        return
    fills = sorted(
        therapies.fills_of_patient(tx, patient_id), key=lambda fill: (fill.filled_on, fill.id or 0)
    )
    for therapy_id, due in until.items():
        for fill in fills:
            if fill.therapy_id != therapy_id or fill.status is not FillStatus.WAITING:
                continue
            if not _is_held(tx, fill):
                yield fill, due
            # A second one that waits is needed once the first has been used up.
            due += timedelta(days=fill.days_supply or 0)


def _is_held(tx: Tx, fill: Fill) -> bool:
    if fill.id in cycles.linked_fill_ids(tx, fill.therapy_id):
        return True
    return any(
        item.state in CLAIMED_ITEMS and cycle.state not in ENDED and fill_of_item(item, cycle, [fill], ())
        for item, cycle in cycles.unlinked_items_of_therapy(tx, fill.therapy_id)
    )


def _trip(tx: Tx, sync: Cycle, day: date) -> Cycle:
    """A pickup of its own; nothing of it is still to be decided, so nobody has to approve it."""
    trip = tx.add(
        Cycle(
            pharmacy_id=sync.pharmacy_id, enrollment_id=sync.enrollment_id, patient_id=sync.patient_id,
            number=sync.number + int(day > sync.sync_date), kind="trip", sync_date=day, nominal_date=day,
            state=CycleState.PLANNED, version=0, changed_by=tx.scope.actor_name, changed_at=tx.now,
        )
    )  # fmt: skip
    tx.session.flush()
    return trip


def _put_in(tx: Tx, cycle: Cycle, fill: Fill, due: date) -> None:
    tx.add(
        CycleItem(
            pharmacy_id=cycle.pharmacy_id, cycle_id=cycle.id, therapy_id=fill.therapy_id,
            state=ItemState.FILLING, case=PICKUP, fill_kind=fill.kind, due_on=due,
            days_supply=fill.days_supply or 0, quantity=fill.quantity, fill_id=fill.id, changed_at=tx.now,
        )
    )  # fmt: skip
    tx.session.flush()
    cycle.claimed_on = min(cycle.claimed_on or fill.filled_on, fill.filled_on)
    refresh_state(tx, cycle)
