"""The planner against the naive reading of the rules, and its invariants, on random patients."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction
from math import ceil, floor
from random import Random

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from medsync_app.domain.plan_model import MedicationPlan
from medsync_app.domain.sync_plan import Fill, Medication, Option, Policy, option_for, plan
from tests.domain.naive_sync_plan import (
    Naive,
    NaivePlan,
    naive_drugs,
    naive_exclusion,
    naive_supply,
    naive_threshold,
)
from tests.domain.random_patients import EXAMPLES, TODAY, patients, policies


def costs(option: Option) -> tuple[int, ...] | None:
    cost = option.cost
    if cost is None:
        return None
    return (cost.gap_days, cost.too_soon, cost.trips, cost.short_fills, cost.left_out, cost.early_days)


def same_fills(policy: Policy, drugs: Mapping[str, Medication], option: Option, expected: NaivePlan) -> None:
    """Case, every dated fill and the joining date of every drug."""
    assert (option.sync_date, costs(option)) == (expected.day, expected.cost)
    assert {medication.id for medication in option.medications} == set(expected.cases)
    for medication in option.medications:
        assert medication.case == expected.cases[medication.id]
        before = [
            (fill.picked_up, fill.due, fill.opens, fill.days, fill.short)
            for fill in expected.fills[medication.id]
        ]
        assert before == [
            (fill.date, fill.due, fill.opens, fill.days_supply, fill.kind == "short")
            for fill in medication.fills[:-1]
        ]
        assert medication.fills[-1].due == expected.joins[medication.id]
        flags = [fill.too_soon for fill in expected.fills[medication.id]]
        assert [fill.too_soon for fill in medication.fills[:-1]] == [
            flag or refused
            for flag, refused in zip(flags, refusals(policy, drugs[medication.id], medication), strict=False)
        ]


@settings(max_examples=EXAMPLES * 2, deadline=None)
@given(policies, patients())
def test_recommended_is_the_brute_force_optimum(policy: Policy, drugs: tuple[Medication, ...]):
    reasons = {drug.id: naive_exclusion(policy, drug) for drug in drugs}
    expected, removed = Naive(policy).recommended(naive_drugs(policy, drugs))
    found = plan(policy, drugs)
    assert {excluded.id: excluded.reason for excluded in found.excluded} == {
        **{name: reason for name, reason in reasons.items() if reason is not None},
        **dict.fromkeys(removed, "cannot_align"),
    }
    if expected is None:
        assert found.recommended.sync_date is None
        assert found.recommended.reason
    else:
        same_fills(policy, {drug.id: drug for drug in drugs}, found.recommended, expected)


@settings(max_examples=EXAMPLES, deadline=None)
@given(policies, patients())
def test_every_strategy_is_on_the_date_it_names_at_the_cost_the_rules_give(
    policy: Policy, drugs: tuple[Medication, ...]
):
    naive, found = Naive(policy), plan(policy, drugs)
    out = {excluded.id for excluded in found.excluded}
    kept = [drug for drug in naive_drugs(policy, drugs) if drug.id not in out]
    named = naive.named(kept)
    if policy.requested_date is not None:
        named["requested"] = policy.requested_date
    for strategy, day in named.items():
        option = next(option for option in found.options if option.strategy == strategy)
        expected = None if day is None or not kept else naive.plan(kept, day)
        if expected is None or not set(expected.cases.values()) - {"left_out", "not_due"}:
            assert option.sync_date is None
            assert option.reason
        else:
            same_fills(policy, {drug.id: drug for drug in drugs}, option, expected)
    blocker = naive.without_blocker(kept)
    option = found.option("without_blocker")
    assert (option is None) == (blocker is None)
    if option is not None and blocker is not None:
        assert option.without == (blocker[0],)
        same_fills(policy, {drug.id: drug for drug in drugs}, option, blocker[1])


def walk(policy: Policy, medication: Medication, planned: MedicationPlan) -> None:
    """Day by day with tablets in the drawer and claims at the payer: never without, and never too soon."""
    history = [fill for fill in medication.fills if counts(fill)]
    known = naive_supply(policy, medication)
    assert known is not None
    threshold = naive_threshold(medication)
    claims = sorted((fill.date, fill.days_supply or 0) for fill in history)
    in_drawer = max(0, (known[0] - policy.today).days)
    day, end = policy.today, planned.joins_on + timedelta(days=planned.fills[-1].days_supply)
    assert day <= planned.fills[0].date
    while day < end:
        for fill in planned.fills:
            if fill.date != day:
                continue
            # Codes 47 and 48 tell the payer of the short fill; what is outside the cost says that it is too soon.
            if fill.claim_code is None and not fill.too_soon:
                assert day >= payable_from(policy, medication, threshold, claims)
            claims.append((day, fill.days_supply))
            in_drawer += fill.days_supply
        assert in_drawer > 0, f"nothing to take on {day}"
        in_drawer -= 1
        day += timedelta(days=1)


def refusals(policy: Policy, medication: Medication, planned: MedicationPlan) -> list[bool]:
    """Which fills a payer refuses although the case table plans them for their day."""
    if not overlaps_too_much(policy, medication, planned):
        return [False] * len(planned.fills)
    claims = [(fill.date, fill.days_supply or 0) for fill in medication.fills if counts(fill)]
    claims.sort()
    refused: list[bool] = []
    for fill in planned.fills:
        payable = payable_from(policy, medication, naive_threshold(medication), claims)
        refused.append(fill.claim_code is None and fill.date < payable)
        claims.append((fill.date, fill.days_supply))
    return refused


def counts(fill: Fill) -> bool:
    return not fill.reversed and (fill.quantity is None or fill.quantity > 0)


def overlaps_too_much(policy: Policy, medication: Medication, planned: MedicationPlan) -> bool:
    """Only after a last fill longer than usual: more is in hand than a usual fill may overlap (docs/planning.md)."""
    spare = floor((1 - naive_threshold(medication)) * planned.fills[-1].days_supply)
    accumulates = policy.accumulation or medication.schedule in (3, 4, 5)
    return accumulates and (planned.next_due - planned.planned_for).days > spare


def payable_from(
    policy: Policy, medication: Medication, threshold: Fraction, claims: Sequence[tuple[date, int]]
) -> date:
    """First day a payer pays again after these claims (DOMAIN.md section 1)."""
    claimed_until = date.min
    for day, days in claims:
        claimed_until = max(claimed_until, day) + timedelta(days=days)
    last, days = claims[-1]
    first = last + timedelta(days=ceil(threshold * days))
    if policy.accumulation or medication.schedule in (3, 4, 5):
        first = max(first, claimed_until - timedelta(days=floor((1 - threshold) * days)))
    return first


@settings(max_examples=EXAMPLES, deadline=None)
@given(policies, patients())
def test_a_clean_option_leaves_no_day_without_supply_and_no_fill_too_soon(
    policy: Policy, drugs: tuple[Medication, ...]
):
    by_id = {drug.id: drug for drug in drugs}
    for option in plan(policy, drugs).options:
        if option.cost is None or option.cost.gap_days or option.cost.too_soon or option.breaks:
            continue
        for medication in option.medications:
            if not overlaps_too_much(policy, by_id[medication.id], medication):
                assert not any(fill.too_soon for fill in medication.fills[:-1])
            walk(policy, by_id[medication.id], medication)


@settings(max_examples=EXAMPLES, deadline=None)
@given(policies, patients())
def test_every_fill_is_on_an_open_day_in_whole_units_that_cover_the_days(
    policy: Policy, drugs: tuple[Medication, ...]
):
    by_id = {drug.id: drug for drug in drugs}
    for option in plan(replace(policy, requested_date=None), drugs).options:
        for medication in option.medications:
            per_day = by_id[medication.id].units_per_day
            dates = [fill.date for fill in medication.fills]
            assert dates == sorted(dates)
            after_short = naive_after_short(by_id[medication.id])
            for fill in medication.fills:
                assert fill.date.weekday() in policy.open_weekdays
                assert fill.date not in policy.closed_dates
                assert policy.today <= fill.date <= fill.due
                if fill.date < fill.opens or not overlaps_too_much(policy, by_id[medication.id], medication):
                    assert fill.too_soon == (fill.date < fill.opens)
                assert fill.quantity - 1 < per_day * fill.days_supply <= fill.quantity
                assert fill.kind == "full" or fill.days_supply <= 30
                short = fill.kind == "short"
                assert fill.claim_code == (47 if short else 48 if after_short else None)
                after_short = short


def naive_after_short(medication: Medication) -> bool:
    counted = [fill for fill in medication.fills if counts(fill)]
    return max(counted, key=lambda fill: fill.date).kind == "short"


@settings(max_examples=EXAMPLES, deadline=None)
@given(policies, patients())
def test_the_renewal_is_needed_by_the_first_fill_that_nothing_left_covers(
    policy: Policy, drugs: tuple[Medication, ...]
):
    by_id = {drug.id: drug for drug in drugs}
    for medication in plan(policy, drugs).recommended.medications:
        drug, fills = by_id[medication.id], medication.fills
        per_refill = ceil(Fraction(drug.units_per_day) * fills[-1].days_supply)
        needed = None
        for count in range(len(fills), 0, -1):
            refills = sum(policy.short_fill_uses_refill or fill.kind == "full" for fill in fills[:count])
            units = sum(fill.quantity for fill in fills[:count])
            uncovered = drug.expires_on is not None and drug.expires_on < fills[count - 1].date
            if drug.refills_left is not None:
                uncovered |= refills > drug.refills_left
                uncovered |= drug.quantity_left is None and units > drug.refills_left * per_refill
            uncovered |= drug.quantity_left is not None and units > drug.quantity_left
            if uncovered:
                needed = fills[count - 1].date
        assert medication.needs_renewal_by == needed


@settings(max_examples=EXAMPLES, deadline=None)
@given(policies, patients(), st.integers(0, 60))
def test_asking_for_a_day_gives_what_planning_for_it_gives(
    policy: Policy, drugs: tuple[Medication, ...], ahead: int
):
    day = TODAY + timedelta(days=ahead)
    asked = option_for(policy, drugs, day)
    assert asked == plan(replace(policy, requested_date=day), drugs).option("requested")
    best = plan(policy, drugs).recommended
    if best.sync_date is not None:
        same = option_for(policy, drugs, best.sync_date)
        assert (same.cost, same.medications, same.extra_copay) == (
            best.cost,
            best.medications,
            best.extra_copay,
        )


@settings(max_examples=EXAMPLES, deadline=None)
@given(policies, patients(), st.randoms(use_true_random=False))
def test_the_order_of_the_input_does_not_matter(
    policy: Policy, drugs: tuple[Medication, ...], random: Random
):
    shuffled = [replace(drug, fills=tuple(random.sample(drug.fills, len(drug.fills)))) for drug in drugs]
    random.shuffle(shuffled)
    first, second = plan(policy, drugs), plan(policy, shuffled)
    assert set(first.excluded) == set(second.excluded)
    for one, other in zip(first.options, second.options, strict=True):
        assert (one.strategy, one.sync_date, one.cost, one.without, one.same_as) == (
            other.strategy,
            other.sync_date,
            other.cost,
            other.without,
            other.same_as,
        )
        assert set(one.medications) == set(other.medications)
        assert set(one.blocked_by) == set(other.blocked_by)


def shifted(drug: Medication, by: timedelta) -> Medication:
    fills = tuple(
        replace(fill, date=fill.date + by, picked_up_on=fill.picked_up_on and fill.picked_up_on + by)
        for fill in drug.fills
    )
    return replace(drug, fills=fills, expires_on=drug.expires_on and drug.expires_on + by)


@settings(max_examples=EXAMPLES, deadline=None)
@given(policies, patients(), st.integers(-400, 400))
def test_shifting_all_dates_shifts_the_plan(policy: Policy, drugs: tuple[Medication, ...], days: int):
    by = timedelta(days=days)
    policy = Policy(
        TODAY,
        policy.cycle_days,
        policy.horizon_days,
        policy.min_lead_days,
        requested_date=policy.requested_date,
        buffer_days=policy.buffer_days,
        accumulation=policy.accumulation,
    )
    moved = replace(
        policy, today=TODAY + by, requested_date=policy.requested_date and policy.requested_date + by
    )
    first, second = plan(policy, drugs), plan(moved, [shifted(drug, by) for drug in drugs])
    assert first.excluded == second.excluded
    for one, other in zip(first.options, second.options, strict=True):
        assert (one.cost, one.extra_copay, one.breaks) == (other.cost, other.extra_copay, other.breaks)
        assert (one.sync_date and one.sync_date + by) == other.sync_date
        for mine, theirs in zip(one.medications, other.medications, strict=True):
            assert (mine.needs_renewal_by and mine.needs_renewal_by + by) == theirs.needs_renewal_by
            assert [fill.date + by for fill in mine.fills] == [fill.date for fill in theirs.fills]


@settings(max_examples=EXAMPLES, deadline=None)
@given(policies, patients(), st.data())
def test_taking_a_drug_out_changes_no_other_drugs_next_due(
    policy: Policy, drugs: tuple[Medication, ...], data: st.DataObject
):
    out = data.draw(st.sampled_from(drugs))
    before = {m.id: (m.next_due, m.eligible) for m in plan(policy, drugs).recommended.medications}
    after = plan(policy, [replace(drug, include=False) if drug is out else drug for drug in drugs])
    assert out.id in {excluded.id for excluded in after.excluded}
    assume(after.recommended.medications)
    for medication in after.recommended.medications:
        assert before.get(medication.id, (medication.next_due, medication.eligible)) == (
            medication.next_due,
            medication.eligible,
        )
