"""The interval arithmetic against a day-by-day stock of doses, on random patients."""

import os
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from medsync_app.domain.adherence import Claim, Period, Person, Stay, outlook, pdc
from medsync_app.domain.adherence_core import Calendar
from medsync_app.population.fill_ledger import WHOLE_GROUP, FillLedger
from tests.domain.naive_adherence import naive_adherence

EXAMPLES = int(os.environ.get("MEDSYNC_PROPERTY_EXAMPLES", "150"))
START = date(2025, 1, 1)
INGREDIENTS = ("a", "b", "c")

days_of_window = st.integers(-40, 160)
lengths = st.integers(1, 60)
products = st.lists(st.sampled_from(INGREDIENTS), min_size=1, max_size=2, unique=True).map(tuple)
fills = st.lists(st.tuples(products, days_of_window, lengths), max_size=8)
stay_lists = st.lists(st.tuples(st.integers(-20, 150), st.integers(0, 30)), max_size=3)
periods = st.builds(
    lambda days, left: Period(
        START, date(2025, 4, 30), days=days, left_on=None if left is None else START + timedelta(days=left)
    ),
    st.none() | st.integers(1, 200),
    st.none() | st.integers(-5, 130),
)

Fills = list[tuple[tuple[str, ...], int, int]]
Stays = list[tuple[int, int]]


def as_claims(found: Fills) -> list[Claim]:
    return [
        Claim("p", "-".join(names), START + timedelta(days=day), supply, names)
        for names, day, supply in found
    ]


def as_stays(found: Stays) -> tuple[Stay, ...]:
    return tuple(Stay(START + timedelta(days=day), START + timedelta(days=day + more)) for day, more in found)


@settings(max_examples=EXAMPLES, deadline=None)
@given(fills, periods, stay_lists)
def test_every_figure_equals_a_count_of_single_days(found: Fills, period: Period, stays: Stays):
    person = Person(stays=as_stays(stays))
    result = pdc(as_claims(found), period, person=person)
    expected = naive_adherence(
        [(c.ingredients, c.fill_date, c.days_supply) for c in as_claims(found)],
        period.start,
        period.end,
        days=period.days,
        left_on=period.left_on,
        stays=[(stay.start, stay.discharged_on) for stay in person.stays],
    )
    if expected is None:
        assert result is None
        return
    assert result is not None
    total = len(expected.covered) + len(expected.uncovered)
    assert (result.covered_days, result.period_days) == (len(expected.covered), total)
    assert result.fills == expected.fills
    assert result.mpr == (expected.supplied / total if total else 0.0)
    assert result.gap_days_left == total // 5 - len(expected.uncovered)
    listed = [gap.first + timedelta(days=n) for gap in result.gaps for n in range(gap.days)]
    assert tuple(listed) == expected.uncovered
    whole = (result.period_end - result.period_start).days + 1
    assert result.in_denominator == (expected.dates >= 2 and whole >= 91 and total > 0)


@settings(max_examples=EXAMPLES, deadline=None)
@given(fills, periods, stay_lists, st.integers(-10, 210))
def test_gap_days_up_to_a_date_equal_a_count_of_single_days(
    found: Fills, period: Period, stays: Stays, as_of: int
):
    person = Person(stays=as_stays(stays))
    day = START + timedelta(days=as_of)
    result = pdc(as_claims(found), period, as_of=day, person=person)
    if result is None:
        return
    whole = pdc(as_claims(found), period, person=person)
    assert whole is not None
    used = sum(1 for gap in whole.gaps for n in range(gap.days) if gap.first + timedelta(days=n) <= day)
    assert result.gap_days_left == result.period_days // 5 - used


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    st.lists(st.tuples(fills, stay_lists, st.none() | st.integers(-5, 130)), max_size=4),
    st.none() | st.integers(1, 200),
    st.booleans(),
    st.none() | st.integers(-10, 210),
)
def test_the_population_pass_equals_one_patient_at_a_time(
    patients: list[tuple[Fills, Stays, int | None]], days: int | None, with_stays: bool, as_of: int | None
):
    """Ingredients a and b form class 1; c has none and is measured as a drug only."""
    window = Period(START, date(2025, 4, 30), days=days)
    ledger = FillLedger(window)
    groups = {"a": 1, "b": 1, "c": 0}
    for patient, (found, _, _) in enumerate(patients):
        for names, day, supply in found:
            for place, name in enumerate(sorted(names)):
                echo = place > 0 and groups[name] == 1
                at = START.toordinal() + day
                ledger.add(patient, groups[name], INGREDIENTS.index(name), at, supply, echo)
    until = None if as_of is None else START + timedelta(days=as_of)
    runs = {
        n: [(s.start.toordinal(), s.discharged_on.toordinal() + 1) for s in as_stays(stays)]
        for n, (_, stays, _) in enumerate(patients)
        if stays and with_stays
    }
    exits = {n: START.toordinal() + left for n, (_, _, left) in enumerate(patients) if left is not None}
    tallies = ledger.tallies(
        units=True,
        groups=True,
        as_of=until.toordinal() if until else None,
        stays=runs,
        left_on=exits,
    )
    seen = {(t.patient, t.unit): t for t in tallies}
    nobody = np.zeros(len(patients) + 1, np.bool_)
    counts = tallies.in_denominator(nobody, np.zeros(len(tallies), np.bool_)).tolist()
    records = [ledger.record(tally) for tally in tallies]
    assert counts == [one.in_denominator for one in records]
    assert tallies.adherent().tolist() == [one.adherent for one in records]
    for n, (found, stays, left) in enumerate(patients):
        left_on = None if left is None else START + timedelta(days=left)
        own = Period(window.start, window.end, days=days, left_on=left_on)
        person = Person(stays=as_stays(stays) if with_stays else ())
        for unit, members in [(0, "a"), (1, "b"), (2, "c"), (WHOLE_GROUP, "ab")]:
            claims = [
                Claim(c.patient_id, c.drug, c.fill_date, c.days_supply, kept)
                for c in as_claims(found)
                if (kept := tuple(sorted(i for i in c.ingredients if i in members)))
            ]
            expected = pdc(claims, own, as_of=until, person=person)
            tally = seen.get((n, unit))
            if expected is None:
                assert tally is None
                continue
            assert tally is not None
            assert ledger.record(tally, person) == replace(expected, gaps=())


@settings(max_examples=EXAMPLES, deadline=None)
@given(fills, stay_lists, st.integers(0, 119))
def test_the_outlook_adds_up_to_the_period(found: Fills, stays: Stays, today: int):
    period = Period(START, date(2025, 4, 30))
    person = Person(stays=as_stays(stays))
    day = START + timedelta(days=today)
    view = outlook(as_claims(found), period, day, person=person)
    known = [claim for claim in as_claims(found) if claim.fill_date <= day]
    result = pdc(known, period, person=person)
    if view is None:
        assert result is None or result.period_days == 0
        return
    assert result is not None
    assert view.projected == result.pdc
    assert view.remaining == view.allowed - view.used
    assert view.best_case >= view.projected
    assert view.lost == (view.remaining < 0)


@settings(max_examples=EXAMPLES, deadline=None)
@given(stay_lists, st.integers(-30, 200), st.integers(0, 60))
def test_counted_time_skips_exactly_the_days_of_stays(stays: Stays, first: int, more: int):
    calendar = Calendar((day, day + extra + 1) for day, extra in stays)
    taken = {n for day, extra in stays for n in range(day, day + extra + 1)}
    outside = [n for n in range(first, first + more) if n not in taken]
    start, stop = calendar.counted(first), calendar.counted(first + more)
    assert stop - start == len(outside)
    assert [n for a, b in calendar.real_runs((start, stop)) for n in range(a, b)] == outside


@settings(max_examples=EXAMPLES, deadline=None)
@given(fills, st.integers(-400, 400), st.randoms(use_true_random=False))
def test_order_and_shift_do_not_matter(found: Fills, shift: int, randomness):  # type: ignore[no-untyped-def]
    move = timedelta(days=shift)
    period = Period(START, date(2025, 4, 30))
    moved_period = Period(period.start + move, period.end + move)
    shuffled = as_claims(found)
    randomness.shuffle(shuffled)
    moved = [Claim(c.patient_id, c.drug, c.fill_date + move, c.days_supply, c.ingredients) for c in shuffled]
    one, other = pdc(as_claims(found), period), pdc(moved, moved_period)
    if one is None or other is None:
        assert one is other
        return
    assert (one.covered_days, one.mpr, one.fills) == (other.covered_days, other.mpr, other.fills)
    assert [gap.first + move for gap in one.gaps] == [gap.first for gap in other.gaps]
