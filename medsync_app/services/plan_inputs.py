"""Gathers what the sync calculation needs: the pharmacy's policy, and a patient's drugs as medications."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import cast

from medsync_app.domain import supply
from medsync_app.domain.batches import PICKUP
from medsync_app.domain.cost import PayerKind, is_prorated
from medsync_app.domain.cycle import ENDED
from medsync_app.domain.drug_traits import is_acute, is_antibiotic, is_specialty
from medsync_app.domain.expiry import refills_allowed
from medsync_app.domain.participation import looks_like_maintenance, splits
from medsync_app.domain.plan_model import Medication, MedicationId, Policy
from medsync_app.domain.states import FillStatus, ItemState, SameDrug
from medsync_app.errors import Invalid
from medsync_app.services.rules import Rules, open_weekdays, rules_of, threshold_for
from medsync_app.services.same_drug import duplicates
from medsync_app.store.repositories import charts, cycles, pharmacies, therapies
from medsync_app.store.repositories.charts import Chart
from medsync_app.store.session import Tx
from medsync_app.store.tables import Cycle, CycleItem, Fill, Patient, Pharmacy, Prescription, Therapy

_PAYERS = frozenset({"part_d", "medicaid", "commercial", "cash"})
_SOLID = ("tab", "cap", "chew")


@dataclass(frozen=True, slots=True)
class TherapyChoice:
    """What a person says of one drug; None leaves what is known.

    `same_drug` answers for a drug that waits beside a newer one with the same ingredient.
    """

    include: bool | None = None
    usual_days: int | None = None
    refills_left: int | None = None
    pa_ends_on: date | None = None
    same_drug: SameDrug | None = None


NO_CHOICES: Mapping[str, TherapyChoice] = {}


@dataclass(frozen=True, slots=True)
class Drugs:
    """A patient's drugs as the calculation sees them; `waiting`: an older drug -> newer ones of its ingredient."""

    medications: list[Medication]
    waiting: Mapping[str, tuple[str, ...]]


def policy_for(
    tx: Tx,
    pharmacy_id: str,
    *,
    today: date,
    min_lead_days: int | None = None,
    requested_date: date | None = None,
    exclude_cycle_ids: Collection[str] = (),
    cycle_days: int | None = None,
    horizon_days: int | None = None,
) -> Policy:
    """The pharmacy's rules for one calculation; the load of the excluded cycles is not counted.

    `horizon_days` lengthens the horizon of the pharmacy for a date that lies further ahead.
    """
    pharmacy = tx.get(Pharmacy, pharmacy_id)
    rules = rules_of(pharmacy)
    capacity = pharmacy.daily_capacity
    return Policy(
        today=today,
        cycle_days=cycle_days or rules.cycle_days,
        horizon_days=max(rules.horizon_days, horizon_days or 0),
        min_lead_days=rules.min_lead_days if min_lead_days is None else min_lead_days,
        open_weekdays=open_weekdays(pharmacy),
        closed_dates=pharmacies.closed_days(tx, pharmacy_id, today - timedelta(days=7)),
        daily_capacity=capacity,
        planned_load={}
        if capacity is None
        else cycles.load_by_day(tx, pharmacy_id, today, without=exclude_cycle_ids),
        preferred_weekdays=rules.preferred_weekdays,
        requested_date=requested_date,
        buffer_days=rules.buffer_days,
        accumulation=rules.accumulation,
        lapsed_after_days=rules.lapsed_after_days,
        short_fill_uses_refill=rules.short_fill_uses_refill,
    )


def medications_for(
    tx: Tx,
    patient_id: str,
    *,
    today: date,
    overrides: Mapping[str, TherapyChoice] = NO_CHOICES,
    replanned: Collection[str] = (),
) -> list[Medication]:
    """The same without what waits: `drugs_for(...).medications`."""
    return drugs_for(tx, patient_id, today=today, overrides=overrides, replanned=replanned).medications


def drugs_for(
    tx: Tx,
    patient_id: str,
    *,
    today: date,
    overrides: Mapping[str, TherapyChoice] = NO_CHOICES,
    replanned: Collection[str] = (),
) -> Drugs:
    """The drugs of a patient as the calculation sees them, with `overrides` a person has not saved yet.

    Items picked up before the pharmacy system reported their fill count as supply already. `replanned` names
    the cycles being planned anew: what was claimed for them and not picked up is left aside.
    """
    chart = charts.of_patient(tx, patient_id)
    unknown = set(overrides) - {row.id for row in chart.therapies}
    if unknown:
        raise Invalid("One of these medicines is not this patient's. Reload the page.", "choices")
    rules = rules_of(tx.get(Pharmacy, chart.patient.pharmacy_id))
    return drugs_of(chart, rules, today=today, overrides=overrides, replanned=replanned)


def prescribed(tx: Tx, patient_id: str, *, today: date) -> list[Medication]:
    """The drugs of a patient with what their Rx numbers say (refills, expiry, approvals), without any history.

    For what is asked of many patients every day: a year of fills takes longer to read than everything else.
    """
    patient = tx.get(Patient, patient_id)
    drugs = therapies.of_patient(tx, patient_id)
    chart = Chart(patient, drugs, therapies.prescriptions_of_patient(tx, patient_id), (), ())
    return medications_of(chart, rules_of(tx.get(Pharmacy, patient.pharmacy_id)), today=today)


def medications_of(
    chart: Chart,
    rules: Rules,
    *,
    today: date,
    overrides: Mapping[str, TherapyChoice] = NO_CHOICES,
    replanned: Collection[str] = (),
) -> list[Medication]:
    """The same from rows that were read before, without what waits."""
    return drugs_of(chart, rules, today=today, overrides=overrides, replanned=replanned).medications


def drugs_of(
    chart: Chart,
    rules: Rules,
    *,
    today: date,
    overrides: Mapping[str, TherapyChoice] = NO_CHOICES,
    replanned: Collection[str] = (),
) -> Drugs:
    """The same from rows that were read before, for many patients at once."""
    prescriptions = _by_therapy(chart.prescriptions)
    history = _History.of(chart.fills, chart.items, frozenset(replanned), today)
    medications = [
        _medication(
            therapy, prescriptions.get(therapy.id, []), history.of_therapy(therapy.id), chart.patient, rules,
            overrides.get(therapy.id, TherapyChoice()),
        )
        for therapy in chart.therapies
    ]  # fmt: skip
    together = {
        frozenset((therapy_id, other.id))
        for therapy_id, choice in overrides.items()
        if choice.same_drug is SameDrug.TOGETHER
        for other in chart.therapies
    }
    waiting = duplicates(medications, chart.therapies, rules, today, chart.together | together)
    for_review = {row.id for row in chart.therapies if row.clinical_flag}
    taken = [
        replace(medication, include=False)
        if medication.id in waiting or (medication.id in for_review and medication.include is None)
        else medication
        for medication in medications
    ]
    return Drugs(taken, waiting)


def current_prescription(therapy: Therapy, prescriptions: Iterable[Prescription]) -> Prescription | None:
    """The Rx number a drug is filled from now: the one named, else the newest active, else the newest."""
    known = sorted(prescriptions, key=lambda rx: (rx.written_on or date.min, rx.id))
    named = next((rx for rx in known if rx.id == therapy.current_prescription_id), None)
    active = next((rx for rx in reversed(known) if rx.status == "active"), None)
    return named or active or (known[-1] if known else None)


def fill_of_item(item: CycleItem, cycle: Cycle, fills: Iterable[Fill], taken: Collection[int]) -> Fill | None:
    """The fill of the pharmacy system that an item turned into: the nearest free one around its date.

    A batch is claimed at most 14 days before its date or the day it was marked ready, 30 days after at most.
    """
    earliest = min(cycle.sync_date, cycle.claimed_on or cycle.sync_date) - timedelta(days=14)
    latest = max(cycle.sync_date, cycle.picked_up_on or cycle.sync_date) + timedelta(days=30)
    fitting = [
        fill
        for fill in fills
        if fill.id is not None
        and fill.id not in taken
        and fill.therapy_id == item.therapy_id
        and earliest <= fill.filled_on <= latest
        and fill.status in (FillStatus.WAITING, FillStatus.SOLD)
    ]
    return min(
        fitting, key=lambda fill: (abs((fill.filled_on - cycle.sync_date).days), fill.id), default=None
    )


class _History:
    """Fills by therapy as planning sees them, with what batches hold and the source does not know yet."""

    def __init__(self, by_therapy: dict[str, list[supply.Fill]]) -> None:
        self._by_therapy = by_therapy

    @classmethod
    def of(
        cls,
        fills: Iterable[Fill],
        items: Iterable[tuple[CycleItem, Cycle]],
        replanned: frozenset[str],
        today: date,
    ) -> "_History":
        rows = list(fills)
        hidden: set[int] = set()
        # Put back here before the pharmacy system says so: it waits no more.
        returned: set[int] = set()
        fetched: dict[int, date] = {}
        by_therapy: dict[str, list[supply.Fill]] = defaultdict(list)
        taken = {item.fill_id for item, _ in items if item.fill_id is not None}
        for item, cycle in items:
            if item.fill_id is not None:
                if item.state is ItemState.PICKED_UP and cycle.picked_up_on is not None:
                    fetched[item.fill_id] = cycle.picked_up_on
                elif cycle.id in replanned and item.state is not ItemState.PICKED_UP and item.case != PICKUP:
                    hidden.add(item.fill_id)
                elif item.state is ItemState.RETURNED:
                    returned.add(item.fill_id)
                continue
            unseen = _unseen_fill(item, cycle, replanned, today)
            if unseen is not None:
                real = fill_of_item(item, cycle, rows, taken)
                if real is None or real.id is None:
                    by_therapy[item.therapy_id].append(unseen)
                else:
                    taken.add(real.id)
        for fill in rows:
            gone = fill.id in hidden or (fill.id in returned and fill.status is FillStatus.WAITING)
            if fill.id is not None and not gone:
                by_therapy[fill.therapy_id].append(_fill(fill, fetched.get(fill.id)))
        return cls(by_therapy)

    def of_therapy(self, therapy_id: str) -> tuple[supply.Fill, ...]:
        return tuple(sorted(self._by_therapy.get(therapy_id, ()), key=lambda fill: fill.date))


def _unseen_fill(item: CycleItem, cycle: Cycle, replanned: frozenset[str], today: date) -> supply.Fill | None:
    """The fill an item without one stands for: picked up, or claimed for another batch that has not ended."""
    if item.state is ItemState.PICKED_UP:
        picked_up_on = cycle.picked_up_on or cycle.sync_date
        claimed_on = min(cycle.claimed_on or picked_up_on, picked_up_on)
    elif _is_claimed(item, cycle) and cycle.id not in replanned and cycle.state not in ENDED:
        picked_up_on, claimed_on = None, min(cycle.claimed_on or today, today)
    else:
        return None
    return supply.Fill(
        date=claimed_on,
        days_supply=item.days_supply,
        quantity=item.quantity,
        kind=item.fill_kind.value,
        picked_up_on=picked_up_on,
        waiting=picked_up_on is None,
    )


def _is_claimed(item: CycleItem, cycle: Cycle) -> bool:
    """Ready, or of a trip and being filled: a trip is not planned anew with the batch that it leads to."""
    return item.state is ItemState.READY or (cycle.kind == "trip" and item.state is ItemState.FILLING)


def _fill(row: Fill, fetched_on: date | None) -> supply.Fill:
    days = row.days_supply
    waiting = row.status is FillStatus.WAITING and fetched_on is None
    return supply.Fill(
        date=row.filled_on,
        days_supply=days if days is not None and 0 <= days <= supply.MAX_DAYS_SUPPLY else None,
        quantity=row.quantity,
        kind=row.kind.value,
        picked_up_on=row.picked_up_on or fetched_on,
        reversed=row.status in (FillStatus.REVERSED, FillStatus.RETURNED),
        waiting=waiting,
    )


def _medication(
    therapy: Therapy,
    prescriptions: list[Prescription],
    fills: tuple[supply.Fill, ...],
    patient: Patient,
    rules: Rules,
    choice: TherapyChoice,
) -> Medication:
    rx = current_prescription(therapy, prescriptions)
    threshold = therapy.threshold or threshold_for(rules, therapy.payer, therapy.schedule, therapy.plan_name)
    usual_days = choice.usual_days or therapy.usual_days
    if usual_days is None and rx is not None and not any(f.kind == "full" and f.counts for f in fills):
        usual_days = rx.days_supply
    if therapy.dose_changed_on is not None and therapy.units_before and therapy.units_per_day:
        usual_days = usual_days or _last_full_days(fills)
        fills = _at_new_dose(
            fills, therapy.dose_changed_on, therapy.units_before, therapy.units_per_day, threshold
        )
    payer = therapy.payer if therapy.payer in _PAYERS else None
    rx_pa = rx.pa_ends_on if rx is not None else None
    return Medication(
        id=MedicationId(therapy.id),
        fills=fills,
        name=therapy.drug_name,
        units_per_day=_units_per_day(therapy, rx, fills),
        usual_days=usual_days,
        form=f"specialty {therapy.form}" if _specialty(therapy) else therapy.form,
        status="active"
        if therapy.status == "active" and choice.same_drug is not SameDrug.REPLACED
        else "discontinued",
        refills_left=_refills_left(therapy, rx, choice),
        quantity_left=rx.quantity_left if rx is not None and choice.refills_left is None else None,
        expires_on=rx.expires_on if rx is not None else None,
        pa_ends_on=choice.pa_ends_on or therapy.pa_ends_on or rx_pa,
        splittable=False if therapy.unbreakable else None,
        maintenance=_maintenance(therapy, rx, fills),
        as_needed=therapy.as_needed,
        schedule=therapy.schedule,
        threshold=threshold,
        include=_include(therapy, choice),
        copay=therapy.copay,
        copay_prorated=payer is not None and _prorated(therapy, cast(PayerKind, payer), patient, rules),
        renewal_possible=rx is not None and rx.prescriber_id is not None,
    )


def _include(therapy: Therapy, choice: TherapyChoice) -> bool | None:
    if choice.same_drug is SameDrug.TOGETHER:
        return True
    return choice.include if choice.include is not None else therapy.include


def _refills_left(therapy: Therapy, rx: Prescription | None, choice: TherapyChoice) -> int | None:
    """As a person says, else as the source does; never more than the law allows of a controlled drug."""
    known = rx.refills_left if choice.refills_left is None and rx is not None else choice.refills_left
    return None if known is None else refills_allowed(therapy.schedule, known)


def _prorated(therapy: Therapy, payer: PayerKind, patient: Patient, rules: Rules) -> bool:
    """Whether a short fill costs its share only; what is sold in its original container never does."""
    words = therapy.form.lower()
    return is_prorated(
        payer,
        patient.state,
        solid_oral_antibiotic=is_antibiotic(therapy.ingredients) and any(form in words for form in _SOLID),
        original_container=therapy.unbreakable or not splits(therapy.form),
        prorating_states=rules.prorating_states,
    )


def _specialty(therapy: Therapy) -> bool:
    return therapy.specialty or is_specialty(therapy.ingredients)


def _units_per_day(therapy: Therapy, rx: Prescription | None, fills: tuple[supply.Fill, ...]) -> Decimal:
    """As recorded, else as the Rx says, else what the last full fill works out to, else one."""
    for known in (therapy.units_per_day, rx.units_per_day if rx is not None else None):
        if known is not None and known > 0:
            return known
    for fill in reversed(fills):
        if fill.counts and fill.days_supply and fill.quantity is not None and fill.kind == "full":
            return fill.quantity / fill.days_supply
    return Decimal(1)


def _maintenance(therapy: Therapy, rx: Prescription | None, fills: tuple[supply.Fill, ...]) -> bool:
    if therapy.maintenance is not None:
        return therapy.maintenance
    days = therapy.usual_days or _last_full_days(fills) or (rx.days_supply if rx is not None else None)
    return looks_like_maintenance(
        days_supply=days or 0,
        refills_authorised=(rx.refills_left or 0) if rx is not None else 0,
        fills=sum(fill.counts for fill in fills),
        acute_drug=is_acute(therapy.ingredients),
    )


def _last_full_days(fills: tuple[supply.Fill, ...]) -> int | None:
    return next(
        (f.days_supply for f in reversed(fills) if f.counts and f.kind == "full" and f.days_supply), None
    )


def _at_new_dose(
    fills: tuple[supply.Fill, ...], changed_on: date, old: Decimal, new: Decimal, threshold: Decimal
) -> tuple[supply.Fill, ...]:
    """The fills with the supply in hand on the day of the change counted at the new dose."""
    before = [index for index, fill in enumerate(fills) if fill.counts and fill.date < changed_on]
    known = supply.summarise(
        [fills[index] for index in before], today=changed_on, threshold=threshold, usual_days=1
    )
    if known is None or known.run_out <= changed_on:
        return fills
    shift = (supply.run_out_after_dose_change(changed_on, known.run_out, old, new) - known.run_out).days
    last = before[-1]
    days = max(1, (fills[last].days_supply or 0) + shift)
    changed = replace(fills[last], days_supply=min(days, supply.MAX_DAYS_SUPPLY))
    return (*fills[:last], changed, *fills[last + 1 :])


def _by_therapy(prescriptions: Iterable[Prescription]) -> dict[str, list[Prescription]]:
    grouped: dict[str, list[Prescription]] = defaultdict(list)
    for row in prescriptions:
        grouped[row.therapy_id].append(row)
    return grouped
