"""Hospice, kidney failure, stays and disenrolment: what each means for a period, at its edges."""

from datetime import date

import pytest

from medsync_app.domain.adherence import Period, Stay
from medsync_app.domain.care import Care, CareFacts, CareKind, care_facts, in_facility

YEAR = Period(date(2025, 1, 1), date(2025, 12, 31))


@pytest.mark.parametrize(
    ("start", "end", "excluded"),
    [
        (date(2024, 5, 1), date(2024, 12, 31), False),
        (date(2024, 5, 1), date(2025, 1, 1), True),
        (date(2025, 12, 31), None, True),
        (date(2026, 1, 1), None, False),
    ],
)
def test_hospice_excludes_when_it_touches_the_period(start: date, end: date | None, excluded: bool) -> None:
    found = care_facts([Care(CareKind.HOSPICE, start, end)], YEAR)
    assert (found.hospice, found.excludes) == (excluded, excluded)


def test_kidney_failure_goes_on_for_good() -> None:
    assert care_facts([Care(CareKind.ESRD, date(2020, 1, 1))], YEAR) == CareFacts(esrd=True)
    assert not care_facts([Care(CareKind.ESRD, date(2026, 1, 1))], YEAR).excludes


def test_stays_are_in_order_and_one_without_discharge_lasts_to_the_end() -> None:
    found = care_facts(
        [
            Care(CareKind.SNF, date(2025, 11, 1)),
            Care(CareKind.INPATIENT, date(2025, 3, 1), date(2025, 3, 5)),
            Care(CareKind.INPATIENT, date(2024, 3, 1), date(2024, 3, 5)),
        ],
        YEAR,
    )
    assert found.stays == (
        Stay(date(2025, 3, 1), date(2025, 3, 5)), Stay(date(2025, 11, 1), date(2025, 12, 31)),
    )  # fmt: skip
    assert not found.excludes


def test_the_period_ends_with_the_first_of_death_and_disenrolment() -> None:
    left = Care(CareKind.DISENROLLED, date(2025, 6, 30))
    assert care_facts([left], YEAR).left_on == date(2025, 6, 30)
    assert care_facts([left], YEAR, date(2025, 5, 2)).left_on == date(2025, 5, 2)
    assert care_facts([], YEAR).left_on is None


def test_a_facility_counts_from_admission_to_discharge() -> None:
    stay = Care(CareKind.INPATIENT, date(2025, 3, 1), date(2025, 3, 5))
    assert [in_facility([stay], date(2025, 3, day)) for day in (1, 5, 6)] == [True, True, False]
    assert in_facility([Care(CareKind.SNF, date(2025, 3, 1))], date(2026, 1, 1))
    assert not in_facility([Care(CareKind.HOSPICE, date(2025, 3, 1))], date(2025, 3, 2))
