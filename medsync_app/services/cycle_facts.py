"""Collects what a workflow may ask about one cycle."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date

from medsync_app.clock import local_day
from medsync_app.domain.consent import USABLE
from medsync_app.domain.cycle import PICKED_UP
from medsync_app.domain.days import OpenDays
from medsync_app.domain.drug_classes import classes_of
from medsync_app.domain.states import ItemState
from medsync_app.domain.workflow import Condition, CycleFacts
from medsync_app.services.rules import open_weekdays
from medsync_app.store.repositories.contact import contact_points
from medsync_app.store.repositories.messaging import BatchLine, batch
from medsync_app.store.repositories.pharmacies import closed_days
from medsync_app.store.session import Tx
from medsync_app.store.tables import Cycle, Patient, Pharmacy

DEFAULT_RETURN_DAYS = 10
_OF_BATCH = frozenset({"pa_ends_within", "refills_left", "days_supply", "out_of_stock", "drug_class"})
#: Not part of the batch: the patient does not get it.
_OUT = frozenset({ItemState.SKIPPED, ItemState.RETURNED})


def times_of(tx: Tx, cycle: Cycle, pharmacy: Pharmacy) -> CycleFacts:
    """What the times of a cycle's steps depend on; conditions are asked when a step fires, of `facts_of`."""
    return replace(_of_cycle(tx, cycle, pharmacy), open_days=open_days(tx, pharmacy))


def facts_of(
    tx: Tx, cycle: Cycle, pharmacy: Pharmacy, patient: Patient, conditions: Iterable[Condition]
) -> CycleFacts:
    """The facts of a cycle as they are now; batch and consent are read only when a condition asks about them."""
    asked = {condition.fact for condition in conditions}
    found = _of_cycle(tx, cycle, pharmacy)
    found = replace(
        found,
        age=age_on(patient.birth_date, found.today),
        language=patient.language,
        channel=patient.preferred_channel,
        fulfilment=patient.fulfilment,
    )
    if "consent" in asked:
        found = replace(found, bases=USABLE & {point.basis for point in contact_points(tx, patient.id)})
    return _with_batch(found, batch(tx, cycle.id)) if asked & _OF_BATCH else found


def _of_cycle(tx: Tx, cycle: Cycle, pharmacy: Pharmacy) -> CycleFacts:
    return CycleFacts(
        sync_date=cycle.sync_date,
        today=local_day(tx.now, pharmacy.zone),
        state=cycle.state,
        kind=cycle.kind,
        number=cycle.number,
        needs_approval=cycle.unapproved,
        confirmed=cycle.confirmed_at is not None,
        picked_up=cycle.state in PICKED_UP,
        ready_at=cycle.ready_at,
        claimed_on=cycle.claimed_on,
        return_days=return_days(pharmacy),
    )


def _with_batch(facts: CycleFacts, lines: Sequence[BatchLine]) -> CycleFacts:
    held = [line for line in lines if line.state not in _OUT]
    pending = [line for line in held if line.state is not ItemState.PICKED_UP]
    return replace(
        facts,
        pa_ends_on=min((line.pa_ends_on for line in held if line.pa_ends_on), default=None),
        refills_left=min((line.refills_left for line in held if line.refills_left is not None), default=None),
        days_supply=max((line.days_supply for line in held), default=None),
        out_of_stock=any(line.out_of_stock or line.problem == "out_of_stock" for line in pending),
        drug_classes=_classes(held),
    )


def open_days(tx: Tx, pharmacy: Pharmacy) -> OpenDays:
    """The days on which a pharmacy opens."""
    return OpenDays.of(open_weekdays(pharmacy), closed_days(tx, pharmacy.id))


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


def _classes(lines: Sequence[BatchLine]) -> frozenset[str]:
    ingredients = [name for line in lines for name in line.ingredients]
    return frozenset(drug_class.value for drug_class in classes_of(ingredients))
