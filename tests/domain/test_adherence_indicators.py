"""Programme figures by PQA's names."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medsync_app.domain.adherence import Claim
from medsync_app.domain.adherence_indicators import (
    DAYS_PER_MONTH,
    Membership,
    Offer,
    PlannedContact,
    Rate,
    SyncedCycle,
    acceptance,
    acceptance_and_initial_sync,
    completeness,
    contact_rate,
    continuation,
    pdc_before_and_after,
    picked_up_on_the_sync_date,
    visit_days_per_month,
)

TODAY = date(2026, 11, 23)
TWO = frozenset({"lisinopril", "metformin"})


def ago(days: int) -> date:
    return TODAY - timedelta(days=days)


def member(patient_id: str = "p1", enrolled: int = 200, **changes: object) -> Membership:
    plain = Membership(patient_id, ago(enrolled), chronic_drugs=TWO, synced_drugs=TWO)
    return replace(plain, **changes)  # type: ignore[arg-type]


def test_a_rate_without_anybody_has_no_value():
    assert Rate(0, 0).value is None
    assert Rate(0, 0).percent is None
    assert Rate(1, 4).value == 0.25


def test_a_rate_in_percent_is_rounded_down_and_no_binary_fraction_takes_one_away():
    assert [Rate(n, 100).percent for n in range(101)] == list(range(101))
    assert Rate(799, 1000).percent == 79


def test_acceptance_needs_a_yes_within_30_days_and_a_first_sync():
    offers = [
        Offer("yes", ago(60), ago(50), ago(30)),
        Offer("yes on day 30", ago(60), ago(30), ago(10)),
        Offer("yes too late", ago(60), ago(29), ago(10)),
        Offer("not synced", ago(60), ago(50)),
        Offer("silent", ago(60)),
        Offer("still deciding", ago(29)),
        Offer("quick", ago(5), ago(4), ago(1)),
        Offer("asked tomorrow", ago(-1), ago(-1), ago(-1)),
    ]
    assert acceptance_and_initial_sync(offers, TODAY) == Rate(3, 6)
    assert acceptance(offers, TODAY) == Rate(3, 5)


def test_completeness_asks_for_all_chronic_drugs():
    members = [
        member("all"),
        member("part", synced_drugs=frozenset({"metformin"})),
        member("more", synced_drugs=TWO | {"atorvastatin"}),
        member("left", left_on=TODAY),
        member("future", enrolled=-1),
        member("care home", long_term_care=True),
        member("in hospital", stays_prevented_sync=True),
        member("no drugs known", chronic_drugs=frozenset()),
    ]
    assert completeness(members, TODAY) == Rate(2, 3)


def test_continuation_counts_those_enrolled_on_the_first_day():
    first = date(2026, 1, 31)
    later = date(2026, 7, 31)
    members = [
        member("stays", enrolled_on=first),
        member("leaves on the last day", enrolled_on=first, left_on=later),
        member("leaves after it", enrolled_on=first, left_on=later + timedelta(days=1)),
        member("nothing synced", enrolled_on=first, synced_drugs=frozenset()),
        member("came later", enrolled_on=first + timedelta(days=1)),
        member("died", enrolled_on=first, died_or_transferred=True),
        member("one drug", enrolled_on=first, chronic_drugs=frozenset({"metformin"})),
        member("in hospital", enrolled_on=first, stays_prevented_sync=True),
    ]
    assert continuation(members, first, 6, later) == Rate(2, 4)
    assert continuation(members, first, 6, later - timedelta(days=1)) == Rate(0, 0)
    assert continuation(members, first, 12, TODAY) == Rate(0, 0)


def test_contact_rate_counts_patients_reached_before_each_sync_date():
    members = {
        name: member(name) for name in ("reached", "late", "one of two", "pending", "before", "reached early")
    }
    members["minor"] = member("minor", birth_date=ago(365 * 10))
    members["died"] = member("died", died_or_transferred=True)
    contacts = [
        PlannedContact("reached", ago(20), ago(15), ago(18)),
        PlannedContact("late", ago(20), ago(15), ago(14)),
        PlannedContact("one of two", ago(50), ago(45), ago(49)),
        PlannedContact("one of two", ago(20), ago(15)),
        PlannedContact("pending", ago(2), ago(-3)),
        PlannedContact("reached early", ago(2), ago(-3), ago(1)),
        PlannedContact("before", ago(90), ago(85), ago(88)),
        PlannedContact("minor", ago(20), ago(15), ago(18)),
        PlannedContact("died", ago(20), ago(15), ago(18)),
        PlannedContact("stranger", ago(20), ago(15), ago(18)),
    ]
    assert contact_rate(contacts, members, TODAY) == Rate(2, 4)


def test_visit_days_count_once_a_day_and_only_while_enrolled():
    members = [member("p1", enrolled=29), member("p2", enrolled=29, left_on=ago(14))]
    visits = [
        ("p1", ago(10)),
        ("p1", ago(10)),
        ("p1", ago(5)),
        ("p1", ago(30)),
        ("p2", ago(15)),
        ("p2", ago(14)),
        ("p3", ago(5)),
    ]
    # 30 days of p1 and 15 of p2; three days count.
    result = visit_days_per_month(visits, members, ago(60), TODAY)
    assert result == pytest.approx(3 / (45 / DAYS_PER_MONTH))


def test_visits_without_members_have_no_mean():
    assert visit_days_per_month([("p1", TODAY)], [], ago(30), TODAY) is None


def test_batches_picked_up_on_the_sync_date_are_a_share_of_those_due():
    cycles = [
        SyncedCycle("on time", ago(10), ago(10)),
        SyncedCycle("late", ago(10), ago(9)),
        SyncedCycle("never", ago(10)),
        SyncedCycle("today", TODAY),
        SyncedCycle("early", ago(-2), ago(1)),
    ]
    assert picked_up_on_the_sync_date(cycles, TODAY) == Rate(1, 4)


def monthly(patient_id: str, first: date, fills: int, every: int) -> list[Claim]:
    return [Claim(patient_id, "metformin", first + timedelta(days=every * n), 30) for n in range(fills)]


def test_before_and_after_compare_two_full_windows_of_180_days():
    enrolled = date(2026, 3, 1)
    before = monthly("p1", enrolled - timedelta(days=180), 3, 60)
    after = monthly("p1", enrolled, 6, 30)
    result = pdc_before_and_after([*before, *after], {"p1": enrolled}, TODAY)
    assert (result.patients, result.drugs) == (1, 1)
    assert result.before == pytest.approx(90 / 180)
    assert result.after == pytest.approx(1.0)


def test_who_stops_filling_after_enrolling_stays_in_the_comparison():
    enrolled = date(2026, 3, 1)
    result = pdc_before_and_after(
        monthly("p1", enrolled - timedelta(days=180), 6, 30), {"p1": enrolled}, TODAY
    )
    assert (result.before, result.after) == (pytest.approx(1.0), pytest.approx(0.0))


def test_supply_in_hand_is_carried_into_a_window():
    enrolled = date(2026, 3, 1)
    claims = [Claim("p1", "metformin", enrolled - timedelta(days=190), 210)]
    result = pdc_before_and_after(claims, {"p1": enrolled}, TODAY)
    assert (result.before, result.after) == (pytest.approx(1.0), pytest.approx(20 / 180))


@pytest.mark.parametrize(
    ("first_fill", "as_of", "counted"),
    [(180, 179, 1), (179, 179, 0), (180, 178, 0)],
    ids=["both windows", "new drug", "window still open"],
)
def test_only_drugs_with_both_windows_are_compared(first_fill: int, as_of: int, counted: int):
    enrolled = date(2026, 3, 1)
    claims = monthly("p1", enrolled - timedelta(days=first_fill), 6, 30)
    result = pdc_before_and_after(claims, {"p1": enrolled}, enrolled + timedelta(days=as_of))
    assert result.drugs == result.patients == counted
    assert (result.before is None) == (counted == 0)


def test_patients_who_never_enrolled_are_not_compared():
    assert pdc_before_and_after(monthly("p1", ago(700), 20, 30), {}, TODAY).drugs == 0


@given(st.lists(st.tuples(st.integers(0, 700), st.integers(1, 120)), min_size=1, max_size=15))
def test_the_windows_equal_a_count_of_single_days(found: list[tuple[int, int]]):
    enrolled = date(2026, 1, 1)
    start = enrolled - timedelta(days=400)
    claims = [Claim("p1", "a", start + timedelta(days=day), supply) for day, supply in found]
    result = pdc_before_and_after(claims, {"p1": enrolled}, TODAY)
    stock, covered = 0, []
    for n in range(400 + 180):
        stock += sum(supply for day, supply in found if day == n)
        covered.append(stock > 0)
        stock = max(0, stock - 1)
    if min(day for day, _ in found) > 220:
        assert result.drugs == 0
    else:
        assert result.before == pytest.approx(sum(covered[220:400]) / 180)
        assert result.after == pytest.approx(sum(covered[400:580]) / 180)
