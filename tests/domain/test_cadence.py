"""The dates after the first sync date, and expiry."""

from datetime import date, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from medsync_app.domain.cadence import (
    SyncedDrug,
    SyncVisit,
    needs_activity_review,
    nominal_date,
    visits,
)
from medsync_app.domain.expiry import expires_on, refills_allowed
from medsync_app.domain.sync_plan import Policy

ANCHOR = date(2026, 10, 28)
POLICY = Policy(date(2026, 10, 3))
WEEKDAYS = frozenset(range(5))


def test_a_closed_date_moves_back_and_the_chain_does_not_drift():
    policy = Policy(POLICY.today, open_weekdays=WEEKDAYS, closed_dates=frozenset({date(2026, 11, 27)}))
    # 27 Nov is a closed Friday; 27 Dec is a Sunday; 26 Jan is a Tuesday.
    found = visits(ANCHOR, [SyncedDrug("lasting", 90, ANCHOR + timedelta(days=90))], 4, policy)
    assert [visit.day for visit in found] == [
        ANCHOR,
        date(2026, 11, 26),
        date(2026, 12, 25),
        date(2027, 1, 26),
    ]


def test_a_monthly_date_is_clipped_to_the_end_of_the_month_and_comes_back():
    dates = [nominal_date(date(2026, 12, 31), number, POLICY, "monthly") for number in range(4)]
    assert dates == [date(2026, 12, 31), date(2027, 1, 31), date(2027, 2, 28), date(2027, 3, 31)]


def fills_of(found: tuple[SyncVisit, ...], name: str) -> list[int]:
    return [number for number, visit in enumerate(found) if name in visit.fills]


def test_a_ninety_day_drug_is_filled_on_every_third_date():
    drugs = [SyncedDrug("a", 30, ANCHOR), SyncedDrug("b", 90, ANCHOR)]
    found = visits(ANCHOR, drugs, 7, POLICY)
    assert fills_of(found, "a") == [0, 1, 2, 3, 4, 5, 6]
    assert fills_of(found, "b") == [0, 3, 6]


def test_the_surplus_of_thirty_days_on_a_28_day_cycle_skips_a_fill():
    policy = Policy(POLICY.today, cycle_days=28)
    found = visits(ANCHOR, [SyncedDrug("a", 30, ANCHOR)], 16, policy)
    # Two days more each time: after 14 fills the surplus is one cycle.
    assert fills_of(found, "a") == [*range(14), 15]


def test_a_monthly_date_past_the_run_out_is_pulled_back_to_an_open_day():
    policy = Policy(POLICY.today, open_weekdays=WEEKDAYS)
    found = visits(ANCHOR, [SyncedDrug("a", 30, ANCHOR)], 3, policy, "monthly")
    # 28 Oct + 30 = 27 Nov (a Friday), then 27 Dec is a Sunday: 25 Dec.
    assert [visit.day for visit in found] == [ANCHOR, date(2026, 11, 27), date(2026, 12, 25)]
    assert [visit.nominal for visit in found] == [ANCHOR, date(2026, 11, 28), date(2026, 12, 28)]


def test_a_ninety_day_drug_is_filled_every_third_month():
    drugs = [SyncedDrug("a", 30, ANCHOR), SyncedDrug("b", 90, ANCHOR)]
    assert fills_of(visits(ANCHOR, drugs, 7, POLICY, "monthly"), "b") == [0, 3, 6]


@given(
    st.lists(st.tuples(st.sampled_from([28, 30, 60, 84, 90]), st.integers(0, 80)), min_size=1, max_size=5),
    st.sampled_from(["cycle", "monthly"]),
    st.sampled_from([28, 30, 84]),
    st.sampled_from([frozenset(range(7)), WEEKDAYS]),
)
def test_nobody_runs_out_between_sync_dates(
    drugs: list[tuple[int, int]], kind: Any, cycle: int, open_on: Any
):
    policy = Policy(POLICY.today, cycle_days=cycle, open_weekdays=open_on)
    run_outs = {str(number): ANCHOR + timedelta(days=more) for number, (_, more) in enumerate(drugs)}
    usual = {str(number): days for number, (days, _) in enumerate(drugs)}
    synced = [SyncedDrug(name, usual[name], run_outs[name]) for name in usual]
    for visit in visits(ANCHOR, synced, 12, policy, kind):
        assert visit.day.weekday() in open_on
        for name in usual:
            assert visit.day <= run_outs[name]
            if name in visit.fills:
                run_outs[name] = max(visit.day, run_outs[name]) + timedelta(days=usual[name])


def test_two_missed_cycles_or_ninety_silent_days_are_reviewed():
    today = date(2026, 10, 3)
    assert not needs_activity_review(1, today - timedelta(days=89), today)
    assert needs_activity_review(2, today, today)
    assert needs_activity_review(0, today - timedelta(days=90), today)
    assert not needs_activity_review(0, today - timedelta(days=90), today, silent_days=120)


def test_prescriptions_expire_by_schedule():
    assert expires_on(date(2026, 2, 28), None) == date(2027, 2, 28)
    assert expires_on(date(2026, 8, 31), 4) == date(2027, 2, 28)
    assert expires_on(date(2026, 8, 31), 5) == date(2027, 2, 28)
    assert expires_on(date(2026, 8, 31), 5, state_months=12) == date(2027, 8, 31)


def test_controlled_refills_end_at_five():
    assert refills_allowed(3, 11) == 5
    assert refills_allowed(5, 2) == 2
    assert refills_allowed(2, 3) == 0
    assert refills_allowed(None, 11) == 11
