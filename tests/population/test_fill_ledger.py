"""What a ledger takes, and numbers too wide for one key; the figures are held against the domain elsewhere."""

from datetime import date

import numpy as np
import pytest

from medsync_app.domain.adherence import Claim, Period, pdc
from medsync_app.errors import Invalid
from medsync_app.population.fill_ledger import WHOLE_GROUP, FillLedger, Tally

YEAR = Period(date(2026, 1, 1), date(2026, 12, 31))
FIRST = YEAR.start.toordinal()


def covered(found: list[Tally]) -> dict[tuple[int, int, int], int]:
    return {
        (one.patient, one.group, one.unit): one.figures.period_days - one.figures.uncovered for one in found
    }


def test_columns_and_single_fills_are_the_same() -> None:
    rows = [(7, 1, 2, FIRST + 40, 30), (7, 1, 3, FIRST, 90), (2, 0, 5, FIRST + 3, 30), (7, 1, 2, FIRST, 30)]
    one, other, third = FillLedger(YEAR), FillLedger(YEAR), FillLedger(YEAR)
    for row in rows:
        one.add(*row)
    other.extend(rows)
    third.add_columns(*np.array(rows).T)
    found = list(one.tallies(units=True, groups=True))
    assert found == list(other.tallies(units=True, groups=True))
    assert found == list(third.tallies(units=True, groups=True))
    assert covered(found) == {(2, 0, 5): 30, (7, 1, WHOLE_GROUP): 90, (7, 1, 2): 60, (7, 1, 3): 90}


def test_numbers_too_wide_for_one_key_give_the_same_figures() -> None:
    patient, group, unit = (1 << 27) - 1, (1 << 16) - 1, (1 << 20) - 1
    ledger = FillLedger(Period(date(1926, 1, 1), date(2026, 12, 31)))
    ledger.add(patient, group, unit, FIRST, 30)
    ledger.add(0, 1, 0, FIRST, 90)
    ledger.add(patient, group, unit, FIRST + 10, 30)
    found = list(ledger.tallies(units=True, groups=False))
    assert covered(found) == {(0, 1, 0): 90, (patient, group, unit): 60}


def test_a_ledger_without_fills_has_no_rows() -> None:
    ledger = FillLedger(YEAR)
    ledger.extend([])
    ledger.add(1, 1, 1, FIRST - 1, 30)
    assert list(ledger.tallies(units=True, groups=True, stays={1: [(FIRST, FIRST + 9)]})) == []
    assert len(ledger) == 0


def test_a_long_supply_that_ends_far_outside_the_window_is_cut() -> None:
    ledger = FillLedger(YEAR)
    for unit in (1, 2):
        for _ in range(400):
            ledger.add(1, 1, unit, FIRST + unit, 1023)
    assert covered(list(ledger.tallies(units=False, groups=True))) == {(1, 1, WHOLE_GROUP): 364}


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ((1, 1, 1, FIRST, 0), "days_supply"),
        ((1, 1, 1, FIRST, 1024), "days_supply"),
        ((1 << 27, 1, 1, FIRST, 30), "patient_id"),
        ((1, 1 << 16, 1, FIRST, 30), "class"),
        ((1, 1, 1 << 20, FIRST, 30), "drug"),
    ],
)
def test_numbers_out_of_range_are_refused(row: tuple[int, ...], field: str) -> None:
    with pytest.raises(Invalid) as error:
        FillLedger(YEAR).add_columns(*([number] for number in row))
    assert error.value.field == field
    with pytest.raises(Invalid):
        FillLedger(YEAR).add(*row)


def test_a_record_is_the_domains() -> None:
    ledger = FillLedger(YEAR)
    ledger.add(1, 0, 1, FIRST, 30)
    ledger.add(1, 0, 1, FIRST + 60, 30)
    (tally,) = ledger.tallies(units=True, groups=False)
    claims = [Claim("p", "a", date(2026, 1, 1), 30), Claim("p", "a", date(2026, 3, 2), 30)]
    expected = pdc(claims, YEAR)
    assert expected is not None
    found = ledger.record(tally)
    assert (found.covered_days, found.mpr, found.in_denominator) == (60, expected.mpr, True)
