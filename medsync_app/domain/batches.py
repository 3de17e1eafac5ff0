"""Turns a chosen option into pickups: the sync date's batch and one small batch per extra trip."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from medsync_app.domain.plan_model import Case, MedicationPlan, Option, PlannedFill
from medsync_app.domain.states import FillKind
from medsync_app.errors import Invalid

#: Case of an item that was filled before the plan was made and only has to be fetched.
PICKUP = "pickup"
JOINS_NOW: frozenset[Case] = frozenset({"on_time", "early", "absorb", "bridge"})


@dataclass(frozen=True, slots=True)
class PlannedItem:
    """One drug in a batch, to be fetched from `opens_on` to `due_on`; `skipped` ones are not filled: see `case`."""

    therapy_id: str
    case: Case
    opens_on: date
    due_on: date
    days_supply: int
    quantity: Decimal
    fill_kind: FillKind = FillKind.FULL
    claim_code: int | None = None
    too_soon: bool = False
    needs_renewal_by: date | None = None
    skipped: bool = False


@dataclass(frozen=True, slots=True)
class Batch:
    """What is picked up on one day; `ahead` 0 leads to this sync date, 1 to the next one."""

    day: date
    ahead: int
    items: tuple[PlannedItem, ...]


@dataclass(frozen=True, slots=True)
class Batches:
    """The sync date's own batch, and the trips in order of their days."""

    sync: Batch
    trips: tuple[Batch, ...]


def batches_of(option: Option, cycle_days: int) -> Batches:
    """The pickups of an option until its next sync date; Invalid when the option has no date.

    Later fills of drugs that join later are left to the cycle they join in: it is planned anew then.
    """
    day = option.sync_date
    if day is None:
        raise Invalid(option.reason or "This choice gives no sync date: choose another.", "sync_date")
    until = day + timedelta(days=cycle_days)
    on_sync: list[PlannedItem] = []
    on_trips: dict[date, list[PlannedItem]] = defaultdict(list)
    for medication in option.medications:
        fills = medication.fills
        if medication.case in JOINS_NOW:
            on_sync.append(_item(medication, fills[-1]))
            fills = fills[:-1]
        for fill in fills:
            if fill.date == day:
                on_sync.append(_item(medication, fill))
            elif fill.date < until:
                on_trips[fill.date].append(_item(medication, fill))
        if not any(item.therapy_id == medication.id for item in on_sync):
            on_sync.append(_skipped(medication))
    trips = tuple(Batch(at, int(at > day), _in_order(items)) for at, items in sorted(on_trips.items()))
    return Batches(Batch(day, 0, _in_order(on_sync)), trips)


def _item(medication: MedicationPlan, fill: PlannedFill) -> PlannedItem:
    needed = medication.needs_renewal_by
    return PlannedItem(
        therapy_id=medication.id,
        case=medication.case,
        opens_on=fill.opens,
        due_on=fill.due,
        days_supply=fill.days_supply,
        quantity=Decimal(fill.quantity),
        fill_kind=FillKind(fill.kind),
        claim_code=fill.claim_code,
        too_soon=fill.too_soon,
        needs_renewal_by=needed if needed is not None and needed <= fill.date else None,
    )


def _skipped(medication: MedicationPlan) -> PlannedItem:
    joining = medication.fills[-1]
    return PlannedItem(
        therapy_id=medication.id,
        case=medication.case,
        opens_on=joining.opens,
        due_on=medication.planned_for,
        days_supply=joining.days_supply,
        quantity=Decimal(joining.quantity),
        skipped=True,
    )


def _in_order(items: list[PlannedItem]) -> tuple[PlannedItem, ...]:
    return tuple(sorted(items, key=lambda item: (item.therapy_id, item.due_on)))
