"""Gathers what the sync calculation needs: the pharmacy's policy, and a patient's drugs as medications."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import cast

from medsync_app.domain import supply
from medsync_app.domain.cost import PayerKind, is_prorated
from medsync_app.domain.drug_traits import is_acute, is_antibiotic, is_specialty
from medsync_app.domain.expiry import refills_allowed
from medsync_app.domain.participation import looks_like_maintenance, splits
from medsync_app.domain.plan_model import Medication, MedicationId, Policy
from medsync_app.domain.states import SameDrug
from medsync_app.errors import Invalid
from medsync_app.services.rules import Rules, open_weekdays, rules_of, threshold_for
from medsync_app.services.same_drug import duplicates
from medsync_app.services.supply_history import History, at_new_dose, last_full_days
from medsync_app.store.repositories import charts, cycles, pharmacies, therapies
from medsync_app.store.repositories.charts import Chart
from medsync_app.store.session import Tx
from medsync_app.store.tables import Patient, Pharmacy, Prescription, Therapy

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
    return drugs_of(chart, rules_of(tx.get(Pharmacy, patient.pharmacy_id)), today=today).medications


def drugs_of(
    chart: Chart,
    rules: Rules,
    *,
    today: date,
    overrides: Mapping[str, TherapyChoice] = NO_CHOICES,
    replanned: Collection[str] = (),
) -> Drugs:
    """`drugs_for` from rows that were read before, for many patients at once."""
    prescriptions = _by_therapy(chart.prescriptions)
    history = History.of(chart.fills, chart.items, frozenset(replanned), today)
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


def _medication(
    therapy: Therapy,
    prescriptions: list[Prescription],
    fills: tuple[supply.Fill, ...],
    patient: Patient,
    rules: Rules,
    choice: TherapyChoice,
) -> Medication:
    rx = current_prescription(therapy, prescriptions)
    threshold = therapy.threshold
    if threshold is None:
        threshold = threshold_for(rules, therapy.payer, therapy.schedule, therapy.plan_name)
    usual_days = choice.usual_days or therapy.usual_days
    if usual_days is None and rx is not None and not any(f.kind == "full" and f.counts for f in fills):
        usual_days = rx.days_supply
    if therapy.dose_changed_on is not None and therapy.units_before and therapy.units_per_day:
        usual_days = usual_days or last_full_days(fills)
        fills = at_new_dose(
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
    days = therapy.usual_days or last_full_days(fills) or (rx.days_supply if rx is not None else None)
    return looks_like_maintenance(
        days_supply=days or 0,
        refills_authorised=(rx.refills_left or 0) if rx is not None else 0,
        fills=sum(fill.counts for fill in fills),
        acute_drug=is_acute(therapy.ingredients),
    )


def _by_therapy(prescriptions: Iterable[Prescription]) -> dict[str, list[Prescription]]:
    grouped: dict[str, list[Prescription]] = defaultdict(list)
    for row in prescriptions:
        grouped[row.therapy_id].append(row)
    return grouped
