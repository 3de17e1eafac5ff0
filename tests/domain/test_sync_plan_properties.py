"""The planner against the naive reading of the rules, and its invariants, on random patients."""

import os
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from random import Random

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from medsync_app.domain.sync_plan import Fill, Medication, MedicationId, Option, Policy, option_for, plan
from tests.domain.naive_sync_plan import Naive, naive_drug

EXAMPLES = int(os.environ.get("MEDSYNC_PROPERTY_EXAMPLES", "200"))
TODAY = date(2026, 10, 3)

lengths = st.sampled_from([7, 14, 28, 30, 30, 30, 60, 84, 90, 90, 100])
thresholds = st.sampled_from(["0.75", "0.75", "0.75", "0.85", "0.5", "1", "0", "0.8"])
units = st.sampled_from(["1", "2", "1.5", "0.5", "0.107", "4"])
near = st.integers(-20, 60).map(lambda days: TODAY + timedelta(days=days))


@st.composite
def medications(draw: st.DrawFn, number: int) -> Medication:
    days = draw(lengths)
    gaps = draw(st.lists(st.integers(1, 45), max_size=3))
    # Up to 30 days out of supply, so that most drugs take part.
    last = TODAY - timedelta(days=draw(st.integers(0, days + 20)))
    dates = [last]
    for gap in gaps:
        dates.append(dates[-1] - timedelta(days=gap))
    fills = tuple(Fill(day, draw(lengths) if day != last else days) for day in dates)
    return Medication(
        id=MedicationId(str(number)),
        fills=fills,
        units_per_day=Decimal(draw(units)),
        usual_days=draw(st.none() | lengths),
        splittable=draw(st.sampled_from([True, True, True, False])),
        threshold=Decimal(draw(thresholds)),
        include=True,
    )


@st.composite
def patients(draw: st.DrawFn) -> tuple[Medication, ...]:
    return tuple(draw(medications(number)) for number in range(draw(st.integers(1, 5))))


weekday_sets = st.sampled_from(
    [frozenset(range(7)), frozenset(range(5)), frozenset(range(6)), frozenset({1, 4})]
)
policies = st.builds(
    Policy,
    today=st.just(TODAY),
    cycle_days=st.sampled_from([28, 30, 30, 84, 90]),
    horizon_days=st.sampled_from([10, 30, 45, 45, 60]),
    min_lead_days=st.sampled_from([0, 0, 3]),
    open_weekdays=weekday_sets,
    closed_dates=st.frozensets(near, max_size=6),
    daily_capacity=st.none() | st.just(3),
    planned_load=st.dictionaries(near, st.integers(0, 4), max_size=8),
    preferred_weekdays=st.sampled_from(
        [frozenset[int](), frozenset[int](), frozenset({1}), frozenset({2, 5})]
    ),
    buffer_days=st.sampled_from([0, 0, 3, 7]),
)


def costs(option: Option) -> tuple[int, ...] | None:
    cost = option.cost
    if cost is None:
        return None
    return (cost.gap_days, cost.too_soon, cost.trips, cost.short_fills, cost.left_out, cost.early_days)


@settings(max_examples=EXAMPLES * 2, deadline=None)
@given(policies, patients())
def test_recommended_is_the_brute_force_optimum(policy: Policy, drugs: tuple[Medication, ...]):
    expected, removed = Naive(policy).recommended([naive_drug(drug) for drug in drugs])
    found = plan(policy, drugs)
    assert {excluded.id for excluded in found.excluded} == set(removed)
    if expected is None:
        assert found.recommended.sync_date is None
        assert found.recommended.reason
        return
    assert found.recommended.sync_date == expected.day
    assert costs(found.recommended) == expected.cost
    for medication in found.recommended.medications:
        assert medication.case == expected.cases[medication.id]
        before = [
            (fill.picked_up, fill.due, fill.days, fill.short, fill.too_soon)
            for fill in expected.fills[medication.id]
        ]
        assert before == [
            (fill.date, fill.due, fill.days_supply, fill.kind == "short", fill.too_soon)
            for fill in medication.fills[:-1]
        ]
        assert medication.fills[-1].due == expected.joins[medication.id]


@settings(max_examples=EXAMPLES, deadline=None)
@given(policies, patients(), st.integers(0, 60))
def test_any_requested_day_costs_what_the_rules_say(
    policy: Policy, drugs: tuple[Medication, ...], ahead: int
):
    day = TODAY + timedelta(days=ahead)
    removed = {excluded.id for excluded in plan(policy, drugs).excluded}
    kept = [drug for drug in drugs if drug.id not in removed]
    expected = Naive(policy).plan([naive_drug(drug) for drug in kept], day)
    option = option_for(policy, drugs, day)
    if expected is None or not set(expected.cases.values()) - {"left_out", "not_due"}:
        assert option.sync_date is None
        assert option.reason
    else:
        assert option.sync_date == day
        assert costs(option) == expected.cost


@settings(max_examples=EXAMPLES, deadline=None)
@given(policies, patients())
def test_a_clean_option_leaves_no_day_without_supply_and_no_fill_too_soon(
    policy: Policy, drugs: tuple[Medication, ...]
):
    for option in plan(policy, drugs).options:
        if option.cost is None or option.cost.gap_days or option.cost.too_soon:
            continue
        for medication in option.medications:
            # The joining fill may say that it is too soon: its date is far off and outside the cost.
            assert not any(fill.too_soon for fill in medication.fills[:-1])
            supplied_until = medication.next_due
            for fill in medication.fills:
                assert fill.date <= max(supplied_until, policy.today)
                supplied_until = max(supplied_until, fill.date) + timedelta(days=fill.days_supply)


@settings(max_examples=EXAMPLES, deadline=None)
@given(policies, patients())
def test_every_fill_is_on_an_open_day_in_whole_units_that_cover_the_days(
    policy: Policy, drugs: tuple[Medication, ...]
):
    by_id = {drug.id: drug for drug in drugs}
    for option in plan(policy, drugs).options:
        for medication in option.medications:
            per_day = by_id[medication.id].units_per_day
            dates = [fill.date for fill in medication.fills]
            assert dates == sorted(dates)
            for fill in medication.fills:
                assert fill.date.weekday() in policy.open_weekdays
                assert fill.date not in policy.closed_dates
                assert policy.today <= fill.date <= fill.due
                assert fill.quantity - 1 < per_day * fill.days_supply <= fill.quantity
                assert fill.kind == "full" or fill.days_supply <= 30


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
        assert (one.strategy, one.sync_date, one.cost, one.without) == (
            other.strategy,
            other.sync_date,
            other.cost,
            other.without,
        )
        assert set(one.medications) == set(other.medications)


@settings(max_examples=EXAMPLES, deadline=None)
@given(patients(), st.integers(-400, 400), st.sampled_from([0, 3]))
def test_shifting_all_dates_shifts_the_plan(drugs: tuple[Medication, ...], days: int, buffer_days: int):
    by = timedelta(days=days)
    shifted = [
        replace(drug, fills=tuple(replace(fill, date=fill.date + by) for fill in drug.fills))
        for drug in drugs
    ]
    policy = Policy(TODAY, buffer_days=buffer_days)
    first, second = plan(policy, drugs), plan(replace(policy, today=TODAY + by), shifted)
    for one, other in zip(first.options, second.options, strict=True):
        assert one.cost == other.cost
        assert (one.sync_date is None) == (other.sync_date is None)
        if one.sync_date is not None:
            assert other.sync_date == one.sync_date + by
        for mine, theirs in zip(one.medications, other.medications, strict=True):
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
