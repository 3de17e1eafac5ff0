"""Collects what a workflow may ask about one cycle."""

from datetime import date

from medsync_app.clock import local_day
from medsync_app.domain.consent import USABLE
from medsync_app.domain.cycle import PICKED_UP
from medsync_app.domain.drug_classes import classes_of
from medsync_app.domain.states import CycleState, ItemState
from medsync_app.domain.workflow import CycleFacts, OpenDays
from medsync_app.services.rules import open_weekdays
from medsync_app.store.repositories.contact import contact_points
from medsync_app.store.repositories.messaging import BatchLine, batch
from medsync_app.store.repositories.pharmacies import closed_days
from medsync_app.store.session import Tx
from medsync_app.store.tables import Cycle, Patient, Pharmacy

DEFAULT_RETURN_DAYS = 10
_DONE = frozenset({ItemState.PICKED_UP, ItemState.SKIPPED, ItemState.RETURNED})


def needs_approval(cycle: Cycle) -> bool:
    """True while a pharmacist must still approve the plan of a cycle."""
    return cycle.state is CycleState.PROPOSED or (cycle.needs_review and cycle.reviewed_at is None)


def facts_of(tx: Tx, cycle: Cycle, pharmacy: Pharmacy, patient: Patient) -> CycleFacts:
    """The facts of a cycle as they are now."""
    lines = batch(tx, cycle.id)
    active = [line for line in lines if line.state not in _DONE]
    today = local_day(tx.now, pharmacy.zone)
    return CycleFacts(
        sync_date=cycle.sync_date,
        today=today,
        state=cycle.state,
        kind=cycle.kind,
        number=cycle.number,
        needs_approval=needs_approval(cycle),
        confirmed=cycle.confirmed_at is not None,
        picked_up=cycle.state in PICKED_UP,
        ready_at=cycle.ready_at,
        claimed_on=cycle.claimed_on,
        return_days=return_days(pharmacy),
        open_days=open_days(tx, pharmacy),
        age=age_on(patient.birth_date, today),
        language=patient.language,
        channel=patient.preferred_channel,
        bases=USABLE & {point.basis for point in contact_points(tx, patient.id)},
        pa_ends_on=min((line.pa_ends_on for line in active if line.pa_ends_on), default=None),
        refills_left=min(
            (line.refills_left for line in active if line.refills_left is not None), default=None
        ),
        fulfilment=patient.fulfilment,
        days_supply=max((line.days_supply for line in active), default=None),
        out_of_stock=any(line.out_of_stock or line.problem == "out_of_stock" for line in active),
        drug_classes=_classes(lines),
    )


def open_days(tx: Tx, pharmacy: Pharmacy) -> OpenDays:
    """The days on which a pharmacy opens."""
    return OpenDays(open_weekdays(pharmacy), closed_days(tx, pharmacy.id))


def age_on(birth_date: date | None, day: date) -> int | None:
    """Whole years of age on a day."""
    if birth_date is None:
        return None
    return day.year - birth_date.year - ((day.month, day.day) < (birth_date.month, birth_date.day))


def return_days(pharmacy: Pharmacy) -> int:
    """Days from the earliest claim of a batch until it must go back to stock."""
    return rule(pharmacy, "return_to_stock_days", DEFAULT_RETURN_DAYS)


def rule(pharmacy: Pharmacy, name: str, default: int) -> int:
    """A whole number among a pharmacy's rules, or the default."""
    value = pharmacy.rules.get(name, default)
    return value if isinstance(value, int) and not isinstance(value, bool) else default


def _classes(lines: list[BatchLine]) -> frozenset[str]:
    ingredients = [name for line in lines for name in line.ingredients]
    return frozenset(drug_class.value for drug_class in classes_of(ingredients))
