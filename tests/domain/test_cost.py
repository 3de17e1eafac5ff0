"""The copay of a short fill."""

from decimal import Decimal

import pytest

from medsync_app.domain.cost import PRORATING_STATES, US_STATES, is_prorated, short_fill_copay


@pytest.mark.parametrize(
    ("copay", "usual_days", "short_days", "expected"),
    [
        ("47.00", 30, 14, "21.98"),
        ("30.00", 30, 7, "7.00"),
        ("10.00", 30, 12, "3.96"),
        ("45.00", 90, 17, "8.50"),
        ("0.00", 30, 14, "0.00"),
        # 0.005 a day is a cent, half up; 29 cents would be above the full copay of 15.
        ("0.15", 30, 29, "0.15"),
        # A month or more is not prorated.
        ("45.00", 90, 30, "45.00"),
    ],
)
def test_a_short_fill_costs_its_days_at_the_rounded_daily_rate(
    copay: str, usual_days: int, short_days: int, expected: str
):
    assert str(short_fill_copay(Decimal(copay), usual_days, short_days)) == expected


def test_a_copay_that_is_not_prorated_is_due_in_full():
    assert short_fill_copay(Decimal("47"), 30, 14, prorated=False) == Decimal("47.00")


def test_commercial_plans_prorate_where_the_state_says_so():
    assert is_prorated("part_d", "GA")
    assert is_prorated("medicaid", None)
    assert all(is_prorated("commercial", state) for state in ("NY", "NC", "OK", "ME", "ny"))
    assert PRORATING_STATES <= US_STATES
    assert not is_prorated("commercial", "GA")
    assert not is_prorated("commercial", None)
    assert is_prorated("commercial", "GA", prorating_states=frozenset({"GA"}))


def test_antibiotics_and_original_containers_are_never_prorated():
    assert not is_prorated("part_d", "NY", solid_oral_antibiotic=True)
    assert not is_prorated("part_d", "NY", original_container=True)
