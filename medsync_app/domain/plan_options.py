"""Turns a worked-out sync date into what people see: dated fills, renewals, copays, words.

Choices where the rules leave room: a joining fill is due on its nominal sync date and `joins_on` is the day
it is picked up; a fill the patient cannot get on its date for want of refills is the one that needs the
renewal; an option is also reviewed when a fill is too soon or days without supply lie ahead. After a last
fill longer than usual more may be in hand than a usual fill may overlap: the fills keep the days of the case
table, and say, outside the cost, that a payer that counts supply in hand may refuse them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

from medsync_app.domain.cost import short_fill_copay
from medsync_app.domain.plan_cases import Drug, Link, Outcome, Setting
from medsync_app.domain.plan_model import (
    NO_MONEY,
    Break,
    Cost,
    Medication,
    MedicationId,
    MedicationPlan,
    Option,
    PlannedFill,
    Policy,
    Strategy,
)
from medsync_app.domain.plan_search import Dated
from medsync_app.domain.plan_words import explain
from medsync_app.domain.supply import days_spare, days_used

CLAIM_SHORT = 47
CLAIM_AFTER_SHORT = 48
PA_WARNING_DAYS = 30


@dataclass(frozen=True, slots=True)
class Body:
    """An option without its strategy: shared by the strategies that coincide."""

    sync_date: date
    cost: Cost
    medications: tuple[MedicationPlan, ...]
    extra_copay: Decimal
    has_too_soon: bool
    explanation: str

    @property
    def needs_review(self) -> bool:
        return bool(self.cost.short_fills or self.cost.gap_days or self.has_too_soon)


def body_of(setting: Setting, drugs: Sequence[Drug], dated: Dated) -> Body:
    """Every drug's fills and warnings for one worked-out date."""
    plans: list[MedicationPlan] = []
    first = 0
    for drug, outcome, links in zip(drugs, dated.outcomes, dated.links, strict=True):
        until = first + len(links)
        trip_days, too_soon = dated.trips.days[first:until], dated.trips.too_soon[first:until]
        plans.append(_plan_of(setting, drug, outcome, links, trip_days, too_soon, dated.day))
        first = until
    sync_date = date.fromordinal(dated.day)
    return Body(
        sync_date=sync_date,
        cost=dated.cost,
        medications=tuple(plans),
        extra_copay=sum((plan.extra_copay for plan in plans), NO_MONEY),
        has_too_soon=any(fill.too_soon for plan in plans for fill in plan.fills),
        explanation=explain(sync_date, dated.cost, plans, _labels(drugs)),
    )


def option_of(
    strategy: Strategy,
    body: Body,
    drugs: Sequence[Drug],
    *,
    breaks: tuple[Break, ...] = (),
    without: Sequence[Medication] = (),
) -> Option:
    """The option of one strategy; what it breaks needs a pharmacist's override."""
    explanation = body.explanation
    if breaks or without:
        explanation = explain(
            body.sync_date, body.cost, body.medications, _labels(drugs), breaks=breaks, without=without
        )
    return Option(
        strategy=strategy,
        sync_date=body.sync_date,
        cost=body.cost,
        needs_pharmacist_review=body.needs_review or bool(breaks),
        extra_copay=body.extra_copay,
        explanation=explanation,
        medications=body.medications,
        breaks=breaks,
        without=tuple(medication.id for medication in without),
    )


def _labels(drugs: Sequence[Drug]) -> dict[MedicationId, str]:
    return {drug.medication.id: drug.medication.label for drug in drugs}


def option_without_date(
    strategy: Strategy,
    reason: str,
    *,
    breaks: tuple[Break, ...] = (),
    blocked_by: tuple[MedicationId, ...] = (),
) -> Option:
    """A strategy that gives no date, with the reason in plain words."""
    return Option(
        strategy=strategy,
        sync_date=None,
        cost=None,
        needs_pharmacist_review=False,
        extra_copay=NO_MONEY,
        explanation=reason,
        reason=reason,
        breaks=breaks,
        blocked_by=blocked_by,
    )


def _plan_of(
    setting: Setting,
    drug: Drug,
    outcome: Outcome,
    links: Sequence[Link],
    trip_days: Sequence[int],
    too_soon: Sequence[bool],
    sync_date: int,
) -> MedicationPlan:
    medication = drug.medication
    after_short = [drug.supply.after_short, *(link.short for link in links)]
    fills = [
        PlannedFill(
            date=date.fromordinal(day),
            due=date.fromordinal(link.due),
            opens=date.fromordinal(max(link.opens, setting.today)),
            days_supply=link.days,
            quantity=units_for(link.days, medication.units_per_day),
            kind="short" if link.short else "full",
            too_soon=soon,
            claim_code=_claim_code(link.short, after),
        )
        for link, day, soon, after in zip(links, trip_days, too_soon, after_short, strict=False)
    ]
    fills.append(_joining_fill(setting, drug, outcome, after_short[-1]))
    fills = _as_the_payer_counts(drug, fills)
    refills_needed, needs_renewal_by = _renewal(setting.policy, medication, drug.usual_days, fills)
    return MedicationPlan(
        id=medication.id,
        case=outcome.case,
        next_due=drug.supply.run_out,
        eligible=drug.supply.eligible,
        planned_for=date.fromordinal(drug.planned),
        early_days=outcome.early_days,
        gap_days=drug.gap_days,
        joins_on=fills[-1].date,
        refills_needed=refills_needed,
        needs_renewal_by=needs_renewal_by,
        pa_expires=_pa_expires(setting.policy, medication, sync_date),
        extra_copay=_extra_copay(medication, drug.usual_days, links),
        fills=tuple(fills),
        pickup_by=_pickup_by(setting, drug),
    )


def _pickup_by(setting: Setting, drug: Drug) -> date | None:
    if drug.supply.pickup_due is None:
        return None
    day = setting.days.on_or_before(drug.supply.pickup_due.toordinal())
    return date.fromordinal(max(day, setting.first_open))


def _claim_code(short: bool, after_short: bool) -> int | None:
    """47 for a short fill, 48 for the full fill after one, dispensed already or planned (DOMAIN.md section 1)."""
    if short:
        return CLAIM_SHORT
    return CLAIM_AFTER_SHORT if after_short else None


def _joining_fill(setting: Setting, drug: Drug, outcome: Outcome, after_short: bool) -> PlannedFill:
    """The full fill on the sync date, on the last open day before it when closed, never before today."""
    day = setting.days.on_or_before(outcome.day)
    if day < setting.today:
        day = setting.first_open
    opens = drug.earliest_joining(outcome)
    return PlannedFill(
        date=date.fromordinal(day),
        due=date.fromordinal(outcome.day),
        opens=date.fromordinal(max(opens, setting.today)),
        days_supply=drug.usual_days,
        quantity=units_for(drug.usual_days, drug.medication.units_per_day),
        kind="full",
        too_soon=day < opens,
        claim_code=_claim_code(False, after_short),
    )


def _as_the_payer_counts(drug: Drug, fills: list[PlannedFill]) -> list[PlannedFill]:
    """The fills, too_soon also where the supply in hand is more than a usual fill may overlap (section 1, eligible)."""
    share, claimed_until = drug.medication.share_to_use, drug.supply.claimed_until
    if claimed_until is None or drug.in_hand <= days_spare(share, drug.usual_days):
        return fills
    payable = drug.supply.eligible
    counted: list[PlannedFill] = []
    for fill in fills:
        early = fill.claim_code is None and fill.date < payable
        counted.append(replace(fill, too_soon=True) if early else fill)
        claimed_until = max(claimed_until, fill.date) + timedelta(days=fill.days_supply)
        payable = max(
            fill.date + timedelta(days=days_used(share, fill.days_supply)),
            claimed_until - timedelta(days=days_spare(share, fill.days_supply)),
        )
    return counted


def units_for(days: int, units_per_day: Decimal) -> int:
    """Whole dispensing units that cover the days: 5 days at 1.5 a day -> 8."""
    numerator, denominator = units_per_day.as_integer_ratio()
    return -(-days * numerator // denominator)


def _renewal(
    policy: Policy, medication: Medication, usual_days: int, fills: Sequence[PlannedFill]
) -> tuple[int, date | None]:
    """Refills the fills use, and the date of the first fill that refills, quantity or expiry do not cover."""
    refills_left, expires = medication.refills_left, medication.expires_on
    quantity_left = medication.quantity_left
    if quantity_left is None and refills_left is not None:
        quantity_left = Decimal(refills_left * units_for(usual_days, medication.units_per_day))
    refills = 0
    quantity = 0
    needs_renewal_by: date | None = None
    for fill in fills:
        quantity += fill.quantity
        if fill.kind == "full" or policy.short_fill_uses_refill:
            refills += 1
        covered = (
            (refills_left is None or refills <= refills_left)
            and (quantity_left is None or quantity <= quantity_left)
            and (expires is None or fill.date <= expires)
        )
        if not covered and needs_renewal_by is None:
            needs_renewal_by = fill.date
    return refills, needs_renewal_by


def _pa_expires(policy: Policy, medication: Medication, sync_date: int) -> date | None:
    ends = medication.pa_ends_on
    if ends is None:
        return None
    soon = ends <= policy.today + timedelta(days=PA_WARNING_DAYS)
    return ends if soon or ends.toordinal() < sync_date else None


def _extra_copay(medication: Medication, usual_days: int, links: Sequence[Link]) -> Decimal:
    if medication.copay is None:
        return NO_MONEY
    return sum(
        (
            short_fill_copay(medication.copay, usual_days, link.days, prorated=medication.copay_prorated)
            for link in links
            if link.short
        ),
        NO_MONEY,
    )
