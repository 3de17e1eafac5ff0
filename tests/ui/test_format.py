"""How dates, numbers and names are said."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medsync_app.ui import format as say

TODAY = date(2026, 11, 23)


@pytest.mark.parametrize(
    ("days", "said"),
    [(0, "today"), (1, "tomorrow"), (-1, "yesterday"), (3, "in 3 days"), (14, "in 14 days"), (15, "in 2 weeks"),
     (-9, "9 days ago"), (75, "in 2 months"), (-730, "2 years ago")],
)  # fmt: skip
def test_days_are_said_as_people_do(days: int, said: str) -> None:
    assert say.relative_day(TODAY + timedelta(days=days), TODAY) == said


def test_a_day_names_its_year_only_when_it_is_another() -> None:
    assert say.day(date(2026, 12, 1), TODAY) == "Tue 1 Dec"
    assert say.day(date(2027, 1, 4), TODAY) == "Mon 4 Jan 2027"
    assert say.full_day(date(2026, 12, 1)) == "Tuesday 1 December 2026"


def test_late_is_bad_and_near_warns() -> None:
    tones = [say.due(TODAY + timedelta(days=days), TODAY)["tone"] for days in (-1, 0, 1, 2)]
    assert tones == ["bad", "warn", "warn", "neutral"]


def test_an_instant_is_late_from_its_minute_on() -> None:
    now = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
    late = say.due_instant(now - timedelta(minutes=1), now, "America/New_York")
    assert (late["tone"], late["relative"], late["text"]) == ("bad", "today, overdue", "Mon 23 Nov, 9:59 am")


def test_an_instant_is_said_in_the_pharmacys_zone() -> None:
    now = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
    assert say.moment(now, now, "America/New_York") == "today 10:00 pm"
    assert say.moment(now - timedelta(days=1), now, "America/New_York") == "yesterday 10:00 pm"


def test_a_percentage_never_claims_a_goal_it_missed() -> None:
    assert say.percent(0.7999) == "79%"
    assert say.percent(Decimal("0.80")) == "80%"
    assert say.percent(0.29, 1) == "29.0%"
    assert say.percent(None) == ""


@given(st.integers(0, 1000), st.integers(1, 1000))
def test_a_percentage_of_at_least_eighty_means_eighty(part: int, whole: int) -> None:
    if part <= whole:
        assert (int(say.percent(part / whole)[:-1]) >= 80) == (part * 5 >= whole * 4)


def test_numbers_names_and_lists() -> None:
    assert (say.plural(1, "drug"), say.plural(1204, "fill")) == ("1 drug", "1,204 fills")
    assert say.phone("+14045550100") == "(404) 555-0100"
    assert say.phone("ada@example.org") == "ada@example.org"
    assert say.patient_name("Example", "Ada") == "Example, Ada"
    assert say.listed(["a", "b", "c"]) == "a, b and c"
    assert say.listed(["a", "b", "c", "d"], most=2) == "a, b and 2 more"
    assert say.age(date(1980, 11, 24), TODAY) == "45 years"
    assert say.money(Decimal("1234.5")) == "$1,234.50"


def test_a_fill_is_said_with_what_is_counted_and_what_its_code_means() -> None:
    assert say.units(Decimal("30.000")) == "30 units, "
    assert say.units(None) == ""
    assert say.claim_code(48) == "claim code 48 (after a short fill)"
    assert say.claim_code(None) == ""
