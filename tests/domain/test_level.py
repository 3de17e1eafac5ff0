"""Whole-pharmacy planning: the flow against brute force, and what must hold for every pharmacy."""

import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medsync_app.domain.level import (
    Choice,
    allowed_days,
    level,
    load_of,
    score,
    take_one_by_one,
)
from medsync_app.domain.plan_days import Allowance, DayOption, PatientDays, patient_days
from medsync_app.domain.plan_model import Cost, Medication, Policy
from medsync_app.domain.sync_plan import option_for, plan
from tests.domain.test_sync_plan_properties import TODAY, patients, policies

EXAMPLES = int(os.environ.get("MEDSYNC_PROPERTY_EXAMPLES", "80"))
MONDAY = date(2026, 10, 5)

costs = st.builds(
    Cost, gap_days=st.integers(0, 1), too_soon=st.integers(0, 1), trips=st.integers(0, 2),
    short_fills=st.integers(0, 2), left_out=st.integers(0, 1), early_days=st.integers(0, 6),
)  # fmt: skip
days = st.integers(0, 4).map(lambda ahead: MONDAY + timedelta(days=ahead))
options = st.lists(
    st.builds(DayOption, day=days, cost=costs), min_size=1, max_size=4, unique_by=lambda o: o.day
)


@st.composite
def choices(draw: st.DrawFn, *, most: int = 5) -> list[Choice]:
    found: list[Choice] = []
    for number in range(draw(st.integers(0, most))):
        offered = tuple(sorted(draw(options), key=lambda option: option.day))
        home = draw(st.sampled_from(offered)).day
        found.append(Choice(f"p{number}", offered, home, stays=draw(st.booleans())))
    return found


loads = st.dictionaries(days, st.integers(0, 3), max_size=5)
capacities = st.none() | st.integers(0, 4)


def keeps_capacity(
    patients: list[Choice], chosen: Mapping[str, date | None], load: Mapping[date, int], capacity: int | None
) -> bool:
    """Whether everybody on a day above its capacity was there before."""
    if capacity is None:
        return True
    counts = load_of(chosen, load)
    return all(
        (patient.stays and day == patient.home) or counts[day] <= capacity
        for patient in patients
        if (day := chosen[patient.id]) is not None
    )


def brute_force(patients: list[Choice], load: Mapping[date, int], capacity: int | None):
    """The least score of every assignment that keeps the capacity."""
    ids = [patient.id for patient in patients]
    offers = [
        [option.day for option in patient.options] + ([] if patient.stays else [None]) for patient in patients
    ]
    assignments = (dict(zip(ids, picked, strict=True)) for picked in product(*offers))
    return min(
        score(patients, chosen, load, capacity)
        for chosen in assignments
        if keeps_capacity(patients, chosen, load, capacity)
    )


@settings(max_examples=EXAMPLES, deadline=None)
@given(choices(), loads, capacities)
def test_the_flow_finds_what_trying_every_assignment_finds(
    patients: list[Choice], load: dict[date, int], capacity: int | None
):
    found = level(patients, load, capacity)
    assert keeps_capacity(patients, found.days, load, capacity)
    assert found.load == load_of(found.days, load)
    assert found.score == score(patients, found.days, load, capacity)
    best = brute_force(patients, load, capacity)
    at_first = load_of({p.id: p.home for p in patients if p.stays}, load)
    if capacity is None or all(count <= capacity for count in at_first.values()):
        assert found.score == best
    else:
        assert (found.score.without_date, found.score.over_capacity) == (
            best.without_date,
            best.over_capacity,
        )


@pytest.mark.slow
@settings(max_examples=EXAMPLES, deadline=None)
@given(choices(most=12), loads, capacities, st.randoms(use_true_random=False))
def test_the_order_of_the_patients_does_not_matter(patients, load, capacity, order):
    found = level(patients, load, capacity)
    shuffled = list(patients)
    order.shuffle(shuffled)
    assert level(shuffled, dict(reversed(load.items())), capacity) == found


@pytest.mark.slow
@settings(max_examples=EXAMPLES, deadline=None)
@given(choices(most=12), loads, capacities)
def test_planning_twice_changes_nothing(patients, load, capacity):
    found = level(patients, load, capacity)
    again = [
        Choice(patient.id, patient.options, day, stays=True)
        for patient in patients
        if (day := found.days[patient.id]) is not None
    ]
    second = level(again, load, capacity)
    assert (second.days, second.score.moves) == ({p.id: p.home for p in again}, 0)


@pytest.mark.slow
@settings(max_examples=EXAMPLES, deadline=None)
@given(choices(most=12), loads, capacities)
def test_together_is_never_worse_than_one_by_one(patients, load, capacity):
    new = [Choice(patient.id, patient.options, patient.home) for patient in patients]
    assert level(new, load, capacity).score <= take_one_by_one(new, load, capacity).score


def test_a_level_month_spreads_what_one_day_would_get():
    offered = tuple(
        DayOption(MONDAY + timedelta(days=ahead), Cost(0, 0, 0, 0, 0, 2 - ahead)) for ahead in range(3)
    )
    patients = [Choice(f"p{number}", offered, offered[2].day) for number in range(6)]
    found = level(patients, {}, 10)
    assert sorted(found.load.values()) == [2, 2, 2]
    assert sorted(take_one_by_one(patients, {}, 10).load.values()) == [6]


def test_a_day_above_its_capacity_is_relieved_and_takes_nobody_in():
    monday, tuesday = MONDAY, MONDAY + timedelta(days=1)
    either = (DayOption(monday, Cost(0, 0, 0, 0, 0, 0)), DayOption(tuesday, Cost(0, 0, 0, 0, 0, 1)))
    patients = [Choice(f"p{number}", either, monday, stays=True) for number in range(4)]
    new = Choice("new", either[:1], monday)
    found = level([*patients, new], {monday: 2}, 3)
    assert (found.load, found.days["new"]) == ({monday: 3, tuesday: 3}, None)


def test_an_id_given_twice_is_refused():
    one = Choice("p", (DayOption(MONDAY, Cost(0, 0, 0, 0, 0, 0)),), MONDAY)
    with pytest.raises(ValueError, match="share an id"):
        level([one, one], {}, None)


@pytest.mark.slow
@settings(max_examples=EXAMPLES, deadline=None)
@given(policies, patients())
def test_every_day_costs_what_the_plan_of_that_day_costs(policy: Policy, drugs: tuple[Medication, ...]):
    empty = replace(policy, daily_capacity=None)
    known = patient_days(policy, drugs)
    for option in known.options[:4]:
        assert option_for(empty, drugs, option.day).cost == option.cost
    recommended = plan(empty, drugs).recommended
    assert (
        (known.best.day, known.best.cost) == (recommended.sync_date, recommended.cost)
        if known.best
        else (recommended.sync_date is None)
    )


@pytest.mark.slow
@settings(max_examples=EXAMPLES, deadline=None)
@given(policies, patients(), st.integers(0, 9))
def test_no_allowed_day_is_less_safe_than_the_recommended_one(
    policy: Policy, drugs: tuple[Medication, ...], pick: int
):
    known = patient_days(policy, drugs, also=[TODAY + timedelta(days=20)])
    if known.best is None:
        assert allowed_days(known, Allowance()) == ()
        return
    best = known.best
    present = known.options[pick % len(known.options)]
    fewer = patient_days(policy, drugs, also=[present.day], within=Allowance())
    assert allowed_days(fewer, Allowance()) == allowed_days(
        patient_days(policy, drugs, also=[present.day]), Allowance()
    )
    assert allowed_days(fewer, Allowance(), present=present) == allowed_days(
        patient_days(policy, drugs, also=[present.day]), Allowance(), present=present
    )
    for option in allowed_days(known, Allowance(), present=present):
        if option != present:
            assert option.cost.gap_days <= best.cost.gap_days
            assert option.cost.too_soon <= best.cost.too_soon
            assert option.trips <= best.trips
    for option in allowed_days(known, Allowance()):
        assert option.cost.early_days <= best.cost.early_days + 5
        assert option.cost.short_fills <= best.cost.short_fills
        assert option.cost.left_out <= best.cost.left_out
    assert best in allowed_days(known, Allowance())
    assert present in allowed_days(known, Allowance(), present=present)


def test_a_patient_without_a_date_is_offered_the_present_one_only():
    present = DayOption(MONDAY, Cost(0, 0, 0, 0, 0, 0))
    assert allowed_days(PatientDays((), None), Allowance(), present=present) == (present,)
