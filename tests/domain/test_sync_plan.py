"""Sync plans worked out by hand: the reference vectors of DOMAIN.md section 2, then rule by rule."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from medsync_app.domain.plan_model import Case, Cost, MedicationPlan, Strategy
from medsync_app.domain.sync_plan import (
    Fill,
    Medication,
    MedicationId,
    Option,
    Policy,
    SyncPlan,
    option_for,
    plan,
)
from medsync_app.errors import Invalid

TODAY = date(2026, 10, 3)
POLICY = Policy(TODAY)
WEEKDAYS = frozenset(range(5))


def test_the_calculation_itself_assumes_what_the_rules_say():
    assert (POLICY.cycle_days, POLICY.horizon_days, POLICY.min_lead_days, POLICY.buffer_days) == (
        30,
        45,
        0,
        0,
    )
    assert (POLICY.lapsed_after_days, POLICY.accumulation, POLICY.short_fill_uses_refill) == (30, True, False)
    assert (POLICY.open_weekdays, POLICY.daily_capacity) == (frozenset(range(7)), None)


def drug(name: str, filled: date, days: int, units: str = "1", **more: Any) -> Medication:
    return Medication(
        id=MedicationId(name), name=name, fills=(Fill(filled, days),), units_per_day=Decimal(units), **more
    )


def three_drugs() -> list[Medication]:
    return [
        drug("lisinopril", date(2026, 9, 20), 30),
        drug("atorvastatin", date(2026, 9, 28), 30),
        drug("metformin", date(2026, 10, 2), 30, "2"),
    ]


def due(name: str, day: date, days: int = 30, **more: Any) -> Medication:
    """A drug whose supply runs out on `day`."""
    return drug(name, day - timedelta(days=days), days, **more)


def of(found: SyncPlan, strategy: Strategy) -> Option:
    option = found.option(strategy)
    assert option is not None
    return option


def medication(option: Option, name: str) -> MedicationPlan:
    return next(found for found in option.medications if found.id == name)


def dated(found: MedicationPlan) -> list[tuple[str, str, int, int, str]]:
    return [
        (fill.date.isoformat(), fill.due.isoformat(), fill.days_supply, fill.quantity, fill.kind)
        for fill in found.fills
    ]


# Reference vectors


def test_latest_due_of_the_reference_patient_takes_two_trips():
    option = of(plan(POLICY, three_drugs()), "latest_due")
    assert option.sync_date == date(2026, 11, 1)
    assert option.cost == Cost(0, 0, 2, 2, 0, 0)
    assert dated(medication(option, "lisinopril")) == [
        ("2026-10-20", "2026-10-20", 12, 12, "short"),
        ("2026-11-01", "2026-11-01", 30, 30, "full"),
    ]
    assert dated(medication(option, "atorvastatin"))[0] == ("2026-10-28", "2026-10-28", 4, 4, "short")
    assert dated(medication(option, "metformin")) == [("2026-11-01", "2026-11-01", 30, 60, "full")]


def test_recommended_of_the_reference_patient_takes_one_trip():
    option = plan(POLICY, three_drugs()).recommended
    assert option.sync_date == date(2026, 10, 28)
    assert option.cost == Cost(0, 0, 1, 1, 0, 4)
    lisinopril, metformin = medication(option, "lisinopril"), medication(option, "metformin")
    assert (lisinopril.next_due, lisinopril.eligible) == (date(2026, 10, 20), date(2026, 10, 13))
    assert lisinopril.case == "bridge"
    assert dated(lisinopril)[0] == ("2026-10-20", "2026-10-20", 8, 8, "short")
    assert [fill.claim_code for fill in lisinopril.fills] == [47, 48]
    assert (metformin.case, metformin.early_days) == ("early", 4)
    assert [fill.claim_code for fill in metformin.fills] == [None]
    assert option.needs_pharmacist_review


def test_a_requested_date_leaves_out_what_cannot_be_filled_yet():
    option = option_for(POLICY, three_drugs(), date(2026, 10, 15))
    assert option.sync_date == date(2026, 10, 15)
    assert option.cost == Cost(gap_days=0, too_soon=0, trips=1, short_fills=2, left_out=2, early_days=5)
    lisinopril = medication(option, "lisinopril")
    assert (lisinopril.case, lisinopril.early_days, lisinopril.eligible) == ("early", 5, date(2026, 10, 13))
    atorvastatin, metformin = medication(option, "atorvastatin"), medication(option, "metformin")
    assert (atorvastatin.case, atorvastatin.joins_on) == ("left_out", date(2026, 11, 14))
    assert dated(atorvastatin)[0] == ("2026-10-28", "2026-10-28", 17, 17, "short")
    assert (metformin.case, metformin.joins_on) == ("left_out", date(2026, 11, 14))
    assert dated(metformin)[0] == ("2026-10-28", "2026-11-01", 13, 26, "short")
    assert option.breaks == ()


def test_half_tablets_are_rounded_up_to_whole_ones():
    drugs = [drug("a", date(2026, 9, 1), 30, "1.5"), drug("b", date(2026, 9, 6), 30)]
    option = of(plan(Policy(date(2026, 9, 20)), drugs), "latest_due")
    assert option.sync_date == date(2026, 10, 6)
    assert dated(medication(option, "a"))[0] == ("2026-10-01", "2026-10-01", 5, 8, "short")


def test_a_buffer_moves_the_planned_days_and_is_used_before_a_short_fill():
    drugs = [drug("a", date(2026, 9, 1), 30, "1.5"), drug("b", date(2026, 9, 6), 30)]
    found = plan(Policy(date(2026, 9, 20), buffer_days=3), drugs)
    option = of(found, "latest_due")
    assert option.sync_date == date(2026, 10, 3)
    assert dated(medication(option, "a"))[0] == ("2026-09-28", "2026-09-28", 5, 8, "short")
    # Three days past the planned day come out of the supply in hand.
    assert medication(found.recommended, "a").case == "on_time"
    assert found.recommended.sync_date == date(2026, 10, 1)


def test_one_drug_alone_is_synced_on_its_next_due():
    option = plan(POLICY, [drug("a", date(2026, 9, 20), 30)]).recommended
    assert option.sync_date == date(2026, 10, 20)
    assert option.cost == Cost(0, 0, 0, 0, 0, 0)
    assert not option.needs_pharmacist_review


def test_one_drug_alone_moves_to_the_open_day_before_a_closed_next_due():
    policy = replace(POLICY, closed_dates=frozenset({date(2026, 10, 20), date(2026, 10, 19)}))
    option = plan(policy, [drug("a", date(2026, 9, 20), 30)]).recommended
    assert option.sync_date == date(2026, 10, 18)
    assert option.cost == Cost(0, 0, 0, 0, 0, 2)


def test_the_horizon_reaches_to_a_drug_that_lasts_longer():
    found = plan(Policy(date(2026, 10, 5)), [drug("rosuvastatin", date(2026, 9, 25), 90)])
    assert {option.sync_date for option in found.options} == {date(2026, 12, 24)}


# The case table


@pytest.mark.parametrize(
    ("day", "case", "early_days", "fills"),
    [
        # Run-out 20 Oct, eligible 13 Oct, 30 days, 7 days of leeway.
        (date(2026, 10, 13), "early", 7, [("2026-10-13", 30)]),
        (date(2026, 10, 20), "on_time", 0, [("2026-10-20", 30)]),
        (date(2026, 10, 21), "bridge", 0, [("2026-10-20", 1), ("2026-10-21", 30)]),
        (date(2026, 11, 11), "bridge", 0, [("2026-10-20", 22), ("2026-11-11", 30)]),
        (date(2026, 11, 12), "absorb", 7, [("2026-10-20", 30), ("2026-11-12", 30)]),
        (date(2026, 11, 18), "absorb", 1, [("2026-10-20", 30), ("2026-11-18", 30)]),
        (date(2026, 11, 19), "on_time", 0, [("2026-10-20", 30), ("2026-11-19", 30)]),
        (date(2026, 11, 20), "bridge", 0, [("2026-10-20", 30), ("2026-11-19", 1), ("2026-11-20", 30)]),
    ],
)
def test_a_thirty_day_drug_on_each_side_of_every_limit(
    day: date, case: Case, early_days: int, fills: list[tuple[str, int]]
):
    option = option_for(replace(POLICY, horizon_days=60), [drug("a", date(2026, 9, 20), 30)], day)
    found = medication(option, "a")
    assert (found.case, found.early_days) == (case, early_days)
    assert [(fill.due.isoformat(), fill.days_supply) for fill in found.fills] == fills


def test_a_day_before_the_eligible_date_is_no_date_for_one_drug():
    option = option_for(POLICY, [drug("a", date(2026, 9, 20), 30)], date(2026, 10, 12))
    assert option.sync_date is None
    assert option.reason == "No medicine can be filled on Mon 12 Oct."


def test_a_ninety_day_drug_is_not_due_and_joins_later():
    drugs = [drug("a", date(2026, 9, 20), 30), drug("b", date(2026, 9, 25), 90)]
    option = option_for(POLICY, drugs, date(2026, 10, 20))
    lasting = medication(option, "b")
    # Eligible 25 Sep + 68 = 2 Dec, due 24 Dec: 20 Oct + 60 = 19 Dec is the first date it can be filled on.
    assert (lasting.case, lasting.joins_on, lasting.early_days) == ("not_due", date(2026, 12, 19), 5)
    assert option.cost == Cost(0, 0, 0, 0, 0, 5)


@pytest.mark.parametrize(
    ("lasts_to", "case"), [(date(2026, 11, 19), "not_due"), (date(2026, 11, 18), "left_out")]
)
def test_left_out_means_running_out_before_the_next_sync_date(lasts_to: date, case: Case):
    drugs = [due("a", date(2026, 10, 20)), due("b", lasts_to, 60)]
    option = option_for(POLICY, drugs, date(2026, 10, 20))
    assert medication(option, "b").case == case
    assert option.cost is not None
    assert option.cost.left_out == (case == "left_out")


def test_a_drug_joins_at_the_twelfth_date_after_the_first_at_the_latest():
    # Seven-day cycles: b is payable 84 days after 10 October, exactly twelve cycles, or a day later than that.
    policy, first = replace(POLICY, cycle_days=7), due("a", date(2026, 10, 10))
    last = due("b", date(2027, 1, 2), 180, threshold=Decimal(1))
    assert medication(option_for(policy, [first, last], date(2026, 10, 10)), "b").joins_on == date(2027, 1, 2)
    later = due("b", date(2027, 1, 3), 180, threshold=Decimal(1))
    assert option_for(policy, [first, later], date(2026, 10, 10)).sync_date is None


@pytest.mark.parametrize(("day", "case"), [(date(2026, 11, 4), "absorb"), (date(2026, 11, 3), "bridge")])
def test_absorbing_overlaps_a_quarter_of_the_supply_at_most(day: date, case: Case):
    # 20 days at half: ten days of leeway, of which five are used.
    option = option_for(POLICY, [drug("a", date(2026, 9, 30), 20, threshold=Decimal("0.5"))], day)
    assert medication(option, "a").case == case


def test_a_long_bridge_is_cut_into_fills_of_thirty_days():
    drugs = [due("a", date(2026, 10, 8), 90), due("b", date(2026, 11, 17), 60)]
    option = option_for(POLICY, drugs, date(2026, 11, 17))
    assert dated(medication(option, "a")) == [
        ("2026-10-08", "2026-10-08", 30, 30, "short"),
        ("2026-11-07", "2026-11-07", 10, 10, "short"),
        ("2026-11-17", "2026-11-17", 90, 90, "full"),
    ]
    assert [fill.claim_code for fill in medication(option, "a").fills] == [47, 47, 48]


def test_absorbing_never_overlaps_more_than_fourteen_days():
    # 90 days at 0.75 leave 22 days of leeway, of which 14 may be absorbed.
    drugs = [due("a", date(2026, 10, 8), 90)]
    policy = replace(POLICY, horizon_days=100)
    assert medication(option_for(policy, drugs, date(2026, 12, 23)), "a").case == "absorb"
    assert medication(option_for(policy, drugs, date(2026, 12, 22)), "a").case == "bridge"


# Supply that is already gone


def test_a_patient_who_is_out_is_planned_from_the_first_open_day_and_the_gap_is_shown():
    saturday = TODAY
    policy = Policy(saturday, open_weekdays=WEEKDAYS)
    found = plan(policy, [due("a", date(2026, 9, 28))])
    assert found.recommended.sync_date == date(2026, 10, 5)
    assert found.recommended.cost == Cost(2, 0, 0, 0, 0, 0)
    assert found.recommended.needs_pharmacist_review


def test_out_of_supply_before_the_payer_pays_again_counts_as_gap():
    # Picked up long before the claim: the supply ends on 1 Oct, the payer pays again on 28 Oct.
    lost = Medication(
        id=MedicationId("a"),
        fills=(Fill(date(2026, 8, 1), 30), Fill(date(2026, 9, 28), 30, picked_up_on=date(2026, 9, 1))),
        threshold=Decimal(1),
    )
    option = plan(POLICY, [lost]).recommended
    assert medication(option, "a").next_due == date(2026, 10, 1)
    assert option.sync_date == date(2026, 10, 28)
    assert option.cost == Cost(25, 0, 0, 0, 0, 0)


# Trips


def test_two_short_fills_share_a_trip_when_their_windows_meet():
    drugs = [due("a", date(2026, 10, 20)), due("b", date(2026, 10, 25)), due("c", date(2026, 10, 31))]
    option = option_for(POLICY, drugs, date(2026, 10, 31))
    assert option.cost == Cost(0, 0, 1, 2, 0, 0)
    assert medication(option, "b").fills[0].date == date(2026, 10, 20)
    assert medication(option, "b").fills[0].due == date(2026, 10, 25)
    assert medication(option, "b").fills[0].days_supply == 6


def test_a_window_without_an_open_day_makes_the_fill_too_soon_on_the_open_day_before():
    closed = frozenset(date(2026, 10, day) for day in range(13, 21))
    policy = replace(POLICY, closed_dates=closed)
    option = option_for(policy, [due("a", date(2026, 10, 20))], date(2026, 10, 28))
    first = medication(option, "a").fills[0]
    assert (first.date, first.due, first.too_soon) == (date(2026, 10, 12), date(2026, 10, 20), True)
    assert option.cost is not None
    assert option.cost.too_soon == 1
    assert option.breaks == ("too_soon",)
    assert option.needs_pharmacist_review


def test_a_fill_fetched_on_the_day_of_a_sync_date_that_is_closed_is_no_trip():
    # Due on Saturday 17 October and bridged to Sunday 18: all of it is fetched on Friday 16.
    policy = replace(POLICY, open_weekdays=WEEKDAYS)
    option = option_for(
        policy, [due("a", date(2026, 10, 17)), due("b", date(2026, 10, 18))], date(2026, 10, 18)
    )
    assert [fill.date.day for fill in medication(option, "a").fills] == [16, 16]
    assert option.cost == Cost(0, 0, 0, 1, 0, 0)


def test_a_joining_fill_on_a_closed_day_is_dated_on_the_open_day_before():
    policy = replace(POLICY, closed_dates=frozenset({date(2026, 11, 14)}))
    atorvastatin = medication(option_for(policy, three_drugs(), date(2026, 10, 15)), "atorvastatin")
    assert (atorvastatin.fills[-1].date, atorvastatin.fills[-1].due) == (
        date(2026, 11, 13),
        date(2026, 11, 14),
    )
    assert atorvastatin.joins_on == date(2026, 11, 13)
    assert not atorvastatin.fills[-1].too_soon


def test_a_joining_fill_moved_before_its_eligible_date_says_so_outside_the_cost():
    # b joins on 21 Nov, the day it becomes payable; the pharmacy is closed that day.
    drugs = [due("a", date(2026, 10, 22)), due("b", date(2026, 11, 28))]
    drugs[1] = replace(drugs[1], fills=(Fill(date(2026, 9, 29), 60),), threshold=Decimal("0.875"))
    policy = replace(POLICY, closed_dates=frozenset({date(2026, 11, 21)}))
    option = option_for(policy, drugs, date(2026, 10, 22))
    late = medication(option, "b")
    assert late.eligible == date(2026, 11, 21)
    assert (late.fills[-1].date, late.fills[-1].too_soon) == (date(2026, 11, 20), True)
    assert option.cost is not None
    assert option.cost.too_soon == 0
    assert option.needs_pharmacist_review


@pytest.mark.parametrize(
    ("day", "too_soon"),
    [
        # A second fill due on 19 Nov may come 7 days before, on 12 Nov; 13 Nov may move a day back, 12 Nov not.
        (date(2026, 11, 12), True),
        (date(2026, 11, 13), False),
        # On time: due that day, 7 days of leeway.
        (date(2026, 11, 19), False),
    ],
)
def test_a_second_fill_moved_back_is_too_soon_only_beyond_its_leeway(day: date, too_soon: bool):
    policy = replace(POLICY, closed_dates=frozenset({day}), horizon_days=60)
    option = option_for(policy, [due("a", date(2026, 10, 20))], day)
    last = medication(option, "a").fills[-1]
    assert (last.date, last.too_soon) == (day - timedelta(days=1), too_soon)
    assert option.breaks == ("closed",)


@pytest.mark.parametrize(("closed_from", "too_soon"), [(13, False), (12, True)])
def test_days_lived_on_the_buffer_count_when_a_fill_is_moved_back(closed_from: int, too_soon: bool):
    # Planned for 17 Oct and 16 Nov with 3 days in hand, leaving 4 days of leeway: not before 12 Nov.
    closed = frozenset(date(2026, 11, day) for day in range(closed_from, 19))
    policy = replace(POLICY, closed_dates=closed, buffer_days=3, horizon_days=60)
    found = medication(option_for(policy, [due("a", date(2026, 10, 20))], date(2026, 11, 18)), "a")
    assert found.case == "on_time"
    assert (found.fills[-1].date.day, found.fills[-1].too_soon) == (closed_from - 1, too_soon)


# Drugs that cannot be split


def test_after_a_longer_last_fill_the_fills_keep_their_days_and_say_what_a_payer_may_refuse():
    # A month's fill, then weekly packs: three days are in hand on 7 October, and a pack may overlap by one.
    packs = drug("packs", date(2026, 9, 10), 30, usual_days=7)
    policy = replace(POLICY, buffer_days=3)
    option = option_for(policy, [packs], date(2026, 10, 21))
    assert option.cost == Cost(0, 0, 2, 0, 0, 0)
    fills = medication(option, "packs").fills
    assert [fill.due.day for fill in fills] == [7, 14, 21]
    # 7 days from 10 October are claimed first: payable from 16 October, then from 23 October.
    assert [fill.too_soon for fill in fills] == [False, True, True]
    assert option.needs_pharmacist_review
    assert "2 fills may be too soon for the payer" in option.explanation
    lenient = option_for(replace(policy, accumulation=False), [packs], date(2026, 10, 21))
    assert [fill.too_soon for fill in medication(lenient, "packs").fills] == [False] * 3


def test_an_unbreakable_drug_rules_out_dates_it_would_have_to_be_bridged_to():
    drugs = [due("a", date(2026, 10, 10), splittable=False), due("b", date(2026, 10, 14))]
    assert plan(POLICY, drugs).recommended.sync_date == date(2026, 10, 10)
    option = option_for(POLICY, drugs, date(2026, 10, 14))
    assert option.sync_date is None
    assert option.reason is not None
    assert "a cannot be filled in part" in option.reason


def test_the_fewest_unbreakable_drugs_are_taken_out_when_no_date_serves_all():
    # At threshold 1 nothing may be early, so two unbreakable drugs due on different days never meet.
    strict: dict[str, Any] = {"threshold": Decimal(1), "splittable": False}
    drugs = [
        due("a", date(2026, 10, 10), 31, **strict),
        due("b", date(2026, 10, 12), 31, **strict),
        due("c", date(2026, 10, 12), threshold=Decimal(1)),
    ]
    policy = replace(POLICY, horizon_days=20, cycle_days=31)
    found = plan(policy, drugs)
    assert [(excluded.id, excluded.reason) for excluded in found.excluded] == [("a", "cannot_align")]
    assert found.recommended.sync_date == date(2026, 10, 12)


def test_among_drugs_that_could_go_equally_the_smaller_id_goes():
    strict: dict[str, Any] = {"threshold": Decimal(1), "splittable": False}
    drugs = [due("b", date(2026, 10, 12), 30, **strict), due("a", date(2026, 10, 10), 30, **strict)]
    found = plan(replace(POLICY, closed_dates=frozenset({date(2026, 10, 11)})), drugs)
    # Without b the rest is synced on 10 Oct, without a on 12 Oct: the earlier day is the better plan.
    assert [excluded.id for excluded in found.excluded] == ["b"]


def test_taking_out_the_earliest_drug_lets_the_horizon_reach_to_the_next_ones():
    strict: dict[str, Any] = {"threshold": Decimal(1)}
    drugs = [
        due("first", date(2026, 10, 12), 31, splittable=False, **strict),
        due("second", date(2026, 10, 14), 31, splittable=False, **strict),
        due("third", date(2026, 10, 14), 31, **strict),
    ]
    found = plan(replace(POLICY, horizon_days=9, cycle_days=31), drugs)
    # Without `second` the rest is synced on 12 Oct with a short fill; without `first` on 14 Oct with none.
    assert [excluded.id for excluded in found.excluded] == ["first"]
    assert found.recommended.sync_date == date(2026, 10, 14)


def test_a_drug_that_can_be_split_is_never_taken_out():
    drugs = [due("a", date(2026, 10, 10)), due("b", date(2027, 1, 3), 180, threshold=Decimal(1))]
    found = plan(replace(POLICY, cycle_days=7, horizon_days=7), drugs)
    assert found.excluded == ()
    assert found.recommended.sync_date is None


def blocked() -> list[Medication]:
    """An inhaler due long before two drugs that are not payable yet on any day that suits it."""
    return [
        due("inhaler", date(2026, 10, 6), splittable=False),
        due("b", date(2026, 10, 24)),
        due("c", date(2026, 10, 25)),
    ]


def test_a_drug_that_leaves_out_half_of_the_others_is_named_with_the_plan_without_it():
    found = plan(replace(POLICY, horizon_days=24), blocked())
    assert found.recommended.cost is not None
    assert found.recommended.cost.left_out == 2
    option = of(found, "without_blocker")
    assert option.without == ("inhaler",)
    assert {plan.id for plan in option.medications} == {"b", "c"}
    assert option.sync_date == date(2026, 10, 24)
    assert "inhaler is left aside" in option.explanation


@pytest.mark.parametrize(("lasting", "offered"), [((), True), (("f",), False)])
def test_a_blocker_leaves_out_at_least_half_of_the_others(lasting: tuple[str, ...], offered: bool):
    drugs = [
        *blocked(),
        *(due(name, date(2026, 10, 6)) for name in "de"),
        *(due(name, date(2026, 12, 24), 90) for name in lasting),
    ]
    found = plan(replace(POLICY, horizon_days=24), drugs)
    assert found.recommended.cost is not None
    assert found.recommended.cost.left_out == 2
    assert (found.option("without_blocker") is not None) == offered


def test_a_drug_that_is_not_to_blame_is_no_blocker():
    drugs = [
        due("a", date(2026, 10, 6), splittable=False),
        due("b", date(2026, 10, 6)),
        due("c", date(2026, 10, 24)),
    ]
    found = plan(replace(POLICY, horizon_days=5), drugs)
    assert found.recommended.cost is not None
    assert found.recommended.cost.left_out == 1
    assert found.option("without_blocker") is None


def test_without_a_blocker_there_is_no_such_option():
    assert plan(POLICY, three_drugs()).option("without_blocker") is None


# Calendar, capacity, preferences


def test_full_days_and_lead_time_are_no_candidates():
    policy = replace(
        POLICY, daily_capacity=5, planned_load={date(2026, 10, 20): 5, date(2026, 10, 19): 4}, min_lead_days=3
    )
    found = plan(policy, [due("a", date(2026, 10, 20))])
    assert found.recommended.sync_date == date(2026, 10, 19)
    assert option_for(policy, [due("a", date(2026, 10, 20))], date(2026, 10, 20)).breaks == ("full",)
    # Out before the lead time ends: a full fill now and one a month later need no short fill.
    option = plan(policy, [due("a", date(2026, 10, 4))]).recommended
    assert (option.sync_date, option.cost) == (date(2026, 11, 3), Cost(0, 0, 1, 0, 0, 0))


def test_a_preferred_weekday_wins_whenever_it_is_feasible():
    tuesday, policy = 1, replace(POLICY, preferred_weekdays=frozenset({1}))
    found = plan(policy, three_drugs())
    assert found.recommended.sync_date is not None
    assert found.recommended.sync_date.weekday() == tuesday
    never = replace(policy, closed_dates=frozenset(TODAY + timedelta(days=3 + 7 * week) for week in range(8)))
    assert plan(never, three_drugs()).recommended.sync_date == date(2026, 10, 28)


def test_no_open_day_with_room_gives_no_date_and_takes_no_drug_out():
    found = plan(replace(POLICY, daily_capacity=0), three_drugs())
    assert found.excluded == ()
    for option in found.options:
        assert (option.sync_date, option.cost, option.medications) == (None, None, ())
        assert option.reason == "No open day with room lies between the lead time and the horizon."


def test_a_patient_without_drugs_gets_a_reason():
    assert plan(POLICY, []).recommended.reason == "No medicine takes part in the plan."


def test_a_fill_waiting_in_will_call_is_a_pickup_and_is_not_filled_again():
    waiting = Medication(
        id=MedicationId("a"),
        fills=(Fill(date(2026, 9, 11), 30), Fill(date(2026, 10, 2), 30, waiting=True)),
    )
    found = medication(plan(replace(POLICY, open_weekdays=WEEKDAYS), [waiting]).recommended, "a")
    # In hand until Sunday 11 October: picked up by Friday 9, and planned again a month after.
    assert found.pickup_by == date(2026, 10, 9)
    assert found.next_due == date(2026, 11, 10)
    assert [fill.date for fill in found.fills] == [date(2026, 11, 10)]


# Strategies


def test_the_anchor_is_unbreakable_then_dear_then_long_then_latest():
    drugs = [
        due("a", date(2026, 10, 20), cost_per_fill=Decimal(10)),
        due("b", date(2026, 10, 22), cost_per_fill=Decimal(90)),
        due("c", date(2026, 10, 24), 60),
        due("d", date(2026, 10, 23), splittable=False),
        due("e", date(2026, 10, 26)),
    ]
    expected = {"d": 23, "b": 22, "a": 20, "c": 24, "e": 26}
    while drugs:
        wanted = next(iter(expected))
        assert of(plan(POLICY, drugs), "anchor").sync_date == date(2026, 10, expected.pop(wanted))
        drugs = [found for found in drugs if found.id != wanted]


def test_most_common_due_takes_the_day_most_drugs_share_and_the_earliest_of_equals():
    drugs = [due(name, date(2026, 10, day)) for name, day in zip("abcde", (18, 20, 20, 22, 22), strict=True)]
    assert of(plan(POLICY, drugs), "most_common_due").sync_date == date(2026, 10, 20)


def test_a_named_date_moves_to_the_last_open_day_with_room_before_it():
    policy = replace(POLICY, open_weekdays=WEEKDAYS)
    assert of(plan(policy, three_drugs()), "latest_due").sync_date == date(2026, 10, 30)


def test_drugs_past_the_horizon_do_not_name_a_date():
    drugs = [due("a", date(2026, 10, 20)), due("b", date(2026, 12, 24), 90)]
    assert of(plan(POLICY, drugs), "latest_due").sync_date == date(2026, 10, 20)


def test_a_named_date_that_cannot_be_is_listed_with_the_reason():
    found = plan(
        replace(POLICY, min_lead_days=20), [due("a", date(2026, 10, 20)), due("b", date(2026, 10, 28))]
    )
    option = of(found, "earliest_due")
    assert option.sync_date is None
    assert option.reason == "No open day with room lies on or before Tue 20 Oct within the lead time."


def test_strategies_that_coincide_name_each_other():
    found = plan(POLICY, three_drugs())
    assert of(found, "latest_due").same_as == ("anchor",)
    assert of(found, "anchor").same_as == ("latest_due",)
    assert found.recommended.same_as == ()


def test_a_requested_closed_day_is_shown_with_what_it_breaks():
    policy = replace(POLICY, open_weekdays=WEEKDAYS)
    option = option_for(policy, [due("a", date(2026, 10, 20))], date(2026, 10, 18))
    assert (option.sync_date, option.breaks) == (date(2026, 10, 18), ("closed",))
    assert option.needs_pharmacist_review
    assert "closed" in option.explanation
    assert medication(option, "a").fills[-1].date == date(2026, 10, 16)


def test_a_requested_past_day_is_shown_and_nothing_is_filled_before_today():
    option = option_for(POLICY, [due("a", date(2026, 10, 5))], TODAY - timedelta(days=1))
    assert option.sync_date == TODAY - timedelta(days=1)
    assert option.breaks == ("past",)
    assert medication(option, "a").fills[-1].date == TODAY


def test_a_requested_day_inside_the_lead_time_or_past_the_horizon_says_so():
    policy, drugs = replace(POLICY, min_lead_days=3), [due("a", date(2026, 10, 5))]
    assert option_for(policy, drugs, date(2026, 10, 5)).breaks == ("lead_time",)
    assert option_for(policy, drugs, date(2026, 12, 4)).breaks == ("beyond_horizon",)


# What is shown on each option


@pytest.mark.parametrize(
    ("left", "needed"),
    [
        ({"refills_left": None}, None),
        ({"refills_left": 2}, None),
        # One refill is 30 units: the short fill of 8 leaves too few for the full one.
        ({"refills_left": 1}, date(2026, 10, 28)),
        ({"refills_left": 1, "quantity_left": Decimal(38)}, None),
        ({"refills_left": 0, "quantity_left": Decimal(38)}, date(2026, 10, 28)),
        ({"refills_left": 0}, date(2026, 10, 20)),
        ({"quantity_left": Decimal(7)}, date(2026, 10, 20)),
        ({"expires_on": date(2026, 10, 28)}, None),
        ({"expires_on": date(2026, 10, 27)}, date(2026, 10, 28)),
        ({"expires_on": date(2026, 10, 19)}, date(2026, 10, 20)),
    ],
)
def test_the_first_fill_that_is_not_covered_needs_a_renewal(left: dict[str, Any], needed: date | None):
    drugs = [drug("lisinopril", date(2026, 9, 20), 30, **left)]
    found = medication(option_for(POLICY, drugs, date(2026, 10, 28)), "lisinopril")
    assert (found.needs_renewal_by, found.refills_needed) == (needed, 1)


def test_a_setting_makes_a_short_fill_use_a_refill():
    policy = replace(POLICY, short_fill_uses_refill=True)
    drugs = [drug("a", date(2026, 9, 20), 30, refills_left=1, quantity_left=Decimal(90))]
    found = medication(option_for(policy, drugs, date(2026, 10, 28)), "a")
    assert (found.needs_renewal_by, found.refills_needed) == (date(2026, 10, 28), 2)


@pytest.mark.parametrize(
    ("ends", "shown"),
    [(date(2026, 11, 2), True), (date(2026, 11, 3), False), (date(2026, 10, 1), True), (None, False)],
)
def test_a_prior_authorization_ending_within_thirty_days_is_shown(ends: date | None, shown: bool):
    option = plan(POLICY, [drug("a", date(2026, 9, 20), 30, pa_ends_on=ends)]).recommended
    assert medication(option, "a").pa_expires == (ends if shown else None)


def test_a_prior_authorization_ending_before_the_sync_date_is_shown():
    found = plan(POLICY, [drug("a", date(2026, 9, 25), 90, pa_ends_on=date(2026, 12, 20))])
    assert medication(found.recommended, "a").pa_expires == date(2026, 12, 20)


def test_short_fills_cost_their_share_of_the_copay():
    drugs = [drug("a", date(2026, 9, 20), 30, copay=Decimal("47.00")), due("b", date(2026, 11, 3))]
    option = option_for(POLICY, drugs, date(2026, 11, 3))
    assert medication(option, "a").extra_copay == Decimal("21.98")
    assert option.extra_copay == Decimal("21.98")
    whole = option_for(POLICY, [replace(drugs[0], copay_prorated=False), drugs[1]], date(2026, 11, 3))
    assert whole.extra_copay == Decimal("47.00")


def test_the_explanation_says_in_one_sentence_what_happens_to_each_drug():
    assert plan(POLICY, three_drugs()).recommended.explanation == (
        "All 3 medicines are picked up together on Wed 28 Oct; "
        "a short supply of lisinopril (8 days) is fetched on Tue 20 Oct; metformin is filled 4 days early; "
        "1 extra trip in all."
    )


def test_two_medications_with_one_id_are_refused():
    with pytest.raises(Invalid) as refused:
        plan(POLICY, [three_drugs()[0], three_drugs()[0]])
    assert refused.value.field == "medications[1].id"


def test_the_full_fill_after_a_short_one_dispensed_already_tells_the_payer_so():
    fetched = (Fill(date(2026, 9, 20), 30), Fill(date(2026, 10, 1), 8, kind="short"))
    option = plan(POLICY, [Medication(MedicationId("a"), fetched)]).recommended
    assert [(fill.days_supply, fill.claim_code) for fill in medication(option, "a").fills] == [(30, 48)]


def test_in_sync_a_drug_that_lasts_to_the_next_date_is_not_filled_although_a_payer_would_pay():
    cash = due("a", date(2026, 12, 1), 90, threshold=Decimal("0.5"))
    drugs, day = [cash, due("b", date(2026, 11, 1))], date(2026, 11, 1)
    found = medication(option_for(POLICY, drugs, day), "a")
    assert (found.case, found.early_days) == ("early", 30)
    found = medication(option_for(replace(POLICY, in_sync=True), drugs, day), "a")
    assert (found.case, found.joins_on, found.early_days) == ("not_due", date(2026, 12, 1), 0)
    # A day less of supply, and it would end before the next date.
    ending = due("a", date(2026, 11, 30), 90, threshold=Decimal("0.5"))
    found = medication(option_for(replace(POLICY, in_sync=True), [ending, drugs[1]], day), "a")
    assert (found.case, found.joins_on) == ("early", day)


def test_a_date_that_a_drug_in_one_piece_does_not_allow_names_that_drug():
    drugs = [due("a", date(2026, 10, 10), splittable=False), due("b", date(2026, 10, 14))]
    assert option_for(POLICY, drugs, date(2026, 10, 14)).blocked_by == ("a",)
    assert option_for(POLICY, drugs, date(2026, 10, 10)).blocked_by == ()


def test_the_explanation_names_what_joins_later_and_what_waits_already():
    drugs = [due("a", date(2026, 10, 8)), due("b", date(2026, 10, 24)), due("c", date(2026, 12, 20), 90)]
    assert option_for(POLICY, drugs, date(2026, 10, 8)).explanation == (
        "a is picked up on Thu 8 Oct; a short supply of b (14 days) is fetched on Sat 24 Oct; "
        "b runs out in between and joins on Sat 7 Nov; c lasts past the next date and joins on Mon 7 Dec; "
        "c is filled 13 days early; 1 extra trip in all."
    )
    waiting = Medication(
        MedicationId("d"), (Fill(date(2026, 9, 11), 30), Fill(date(2026, 10, 2), 30, waiting=True))
    )
    assert plan(POLICY, [waiting]).recommended.explanation == (
        "medicine d is picked up on Tue 10 Nov; medicine d is filled already, to be fetched by Sun 11 Oct."
    )


def test_the_explanation_of_many_drugs_counts_instead_of_naming_them():
    early = [due(f"early {number}", date(2026, 10, 12 + number)) for number in range(5)]
    later = [due(f"later {number}", date(2026, 10, 24 + number)) for number in range(4)]
    assert option_for(POLICY, [*early, *later], date(2026, 10, 10)).explanation == (
        "5 of 9 medicines are picked up together on Sat 10 Oct; "
        "a short supply of 4 medicines is fetched on Sat 24 Oct; "
        "4 medicines run out in between and join on Mon 9 Nov; 5 medicines are filled 2 to 6 days early; "
        "1 extra trip in all."
    )
