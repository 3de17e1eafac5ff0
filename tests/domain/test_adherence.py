"""PDC, MPR, gaps, denominators and outlook of one patient, on the published reference claims and by hand."""

from datetime import date

import pytest

from medsync_app.domain.adherence import (
    Adherence,
    Claim,
    Gap,
    NotCounted,
    Period,
    Person,
    Stay,
    outlook,
    pdc,
    still_makeable,
)
from medsync_app.errors import Invalid

YEAR_2018 = Period(date(2018, 1, 1), date(2018, 12, 31))
YEAR_2025 = Period(date(2025, 1, 1), date(2025, 12, 31))
YEAR_2026 = Period(date(2026, 1, 1), date(2026, 12, 31))


def claims(year: int, *fills: tuple[str, str, int]) -> list[Claim]:
    return [Claim("p", drug, date.fromisoformat(f"{year}-{day}"), supply) for drug, day, supply in fills]


def measured(found: list[Claim], period: Period, **options: object) -> Adherence:
    result = pdc(found, period, **options)  # type: ignore[arg-type]
    assert result is not None
    return result


def metformin(year: int, *fills: tuple[str, int]) -> list[Claim]:
    return claims(year, *(("metformin", day, supply) for day, supply in fills))


ATORVASTATIN = (("01-05", 30), ("02-10", 30), ("03-20", 90), ("06-25", 90), ("09-20", 90))


@pytest.mark.parametrize(
    ("fills", "covered", "days", "expected"),
    [
        (claims(2018, ("metformin", "01-01", 90), ("glipizide", "04-01", 90)), 180, 365, 0.493151),
        (claims(2018, ("metformin", "01-01", 90), ("glipizide", "01-01", 90)), 90, 365, 0.246575),
        (metformin(2018, ("03-25", 90), ("07-05", 90), ("09-25", 90)), 270, 282, 0.957447),
        (metformin(2018, ("01-01", 90), ("03-25", 90), ("07-05", 90), ("10-15", 90)), 348, 365, 0.953425),
    ],
    ids=["switch", "same day", "C", "D"],
)
def test_the_published_claims_give_the_published_pdc(
    fills: list[Claim], covered: int, days: int, expected: float
):
    result = measured(fills, YEAR_2018)
    assert (result.covered_days, result.period_days) == (covered, days)
    assert round(result.pdc, 6) == expected


def test_a_period_of_89_days_is_not_in_the_denominator():
    result = measured(metformin(2018, ("10-04", 30), ("11-01", 30)), YEAR_2018)
    assert result.period_days == 89
    assert not result.in_denominator
    assert result.not_counted == (NotCounted.SHORT_PERIOD,)


@pytest.mark.parametrize(("first", "counts"), [("10-02", True), ("10-03", False)])
def test_a_first_fill_on_2_october_counts_and_on_3_october_does_not(first: str, counts: bool):
    result = measured(metformin(2018, (first, 30), ("11-01", 30)), YEAR_2018)
    assert result.in_denominator is counts


def test_the_gap_list_names_one_gap_of_nine_days():
    fills = metformin(2026, ("01-05", 30), ("02-01", 30), ("03-15", 30), ("04-10", 90))
    result = measured(fills, Period(date(2026, 1, 1), date(2026, 6, 30)))
    assert (result.covered_days, result.period_days) == (168, 177)
    assert round(result.pdc, 3) == 0.949
    assert result.mpr == 172 / 177
    assert result.gaps == (Gap(date(2026, 3, 6), date(2026, 3, 14)),)
    assert result.gaps[0].days == 9
    assert result.gap_days_left == 35 - 9


@pytest.mark.parametrize(("supply", "gaps"), [(89, 1), (90, 0), (91, 0)])
def test_a_single_uncovered_day_at_the_end_is_a_gap(supply: int, gaps: int):
    period = Period(date(2026, 1, 1), date(2026, 3, 31))
    result = measured(metformin(2026, ("01-01", supply)), period)
    assert result.gaps == (Gap(date(2026, 3, 31), date(2026, 3, 31)),) * gaps
    assert result.covered_days == 90 - gaps


def test_a_stay_shortens_the_period_and_shifts_supply_up_to_2025():
    found = claims(2025, *(("atorvastatin", day, supply) for day, supply in ATORVASTATIN))
    person = Person(stays=(Stay(date(2025, 4, 1), date(2025, 4, 10)),))
    result = measured(found, YEAR_2025, person=person)
    assert (result.covered_days, result.period_days) == (330, 351)
    assert round(result.pdc, 3) == 0.940
    # 01-05..02-03, 02-10..03-11, then three fills of 90 days, the first lengthened by the stay.
    assert result.gaps == (
        Gap(date(2025, 2, 4), date(2025, 2, 9)),
        Gap(date(2025, 3, 12), date(2025, 3, 19)),
        Gap(date(2025, 12, 25), date(2025, 12, 31)),
    )


def test_a_stay_changes_nothing_from_2026_on():
    found = claims(2026, *(("atorvastatin", day, supply) for day, supply in ATORVASTATIN))
    person = Person(stays=(Stay(date(2026, 4, 1), date(2026, 4, 10)),))
    result = measured(found, YEAR_2026, person=person)
    assert (result.covered_days, result.period_days) == (330, 361)
    assert round(result.pdc, 3) == 0.914


def test_a_gap_that_a_stay_interrupts_is_listed_in_two_parts():
    found = metformin(2025, ("01-01", 30), ("07-01", 90))
    person = Person(stays=(Stay(date(2025, 3, 1), date(2025, 3, 31)),))
    result = measured(found, YEAR_2025, person=person)
    assert result.gaps[:2] == (
        Gap(date(2025, 1, 31), date(2025, 2, 28)),
        Gap(date(2025, 4, 1), date(2025, 6, 30)),
    )


def test_overlapping_stays_are_removed_once():
    found = metformin(2025, ("01-01", 90), ("04-01", 90))
    stays = (Stay(date(2025, 2, 1), date(2025, 2, 10)), Stay(date(2025, 2, 5), date(2025, 2, 12)))
    assert measured(found, YEAR_2025, person=Person(stays=stays)).period_days == 365 - 12


def test_a_period_spent_wholly_in_hospital_is_zero_days_and_not_counted():
    found = metformin(2025, ("03-01", 30), ("04-01", 30))
    person = Person(stays=(Stay(date(2025, 2, 1), date(2025, 12, 31)),))
    result = measured(found, YEAR_2025, person=person)
    assert (result.period_days, result.covered_days, result.pdc, result.mpr) == (0, 0, 0.0, 0.0)
    assert not result.in_denominator
    assert not result.adherent


def test_fills_before_the_window_are_ignored_even_when_their_supply_reaches_into_it():
    found = [Claim("p", "metformin", date(2017, 12, 15), 90), *metformin(2018, ("02-01", 30), ("03-15", 30))]
    result = measured(found, YEAR_2018)
    assert result.period_start == date(2018, 2, 1)
    assert (result.covered_days, result.fills) == (60, 2)


def test_a_combination_product_covers_each_ingredient_and_is_one_fill():
    both = Claim("p", "sitagliptin-metformin", date(2018, 1, 1), 90, ("sitagliptin", "metformin"))
    later = Claim("p", "metformin", date(2018, 3, 1), 90)
    result = measured([both, later], YEAR_2018)
    # Metformin is shifted behind the combination: 180 days without a break.
    assert result.covered_days == 180
    assert (result.fills, result.mpr) == (2, 180 / 365)


def test_exactly_80_percent_is_adherent_and_one_day_less_is_not():
    period = Period(date(2026, 1, 1), date(2026, 4, 10))
    assert measured(metformin(2026, ("01-01", 40), ("02-10", 40)), period).adherent
    assert not measured(metformin(2026, ("01-01", 40), ("02-10", 39)), period).adherent


def test_two_fills_on_one_date_are_not_two_dates():
    result = measured(metformin(2018, ("01-01", 90), ("01-01", 90)), YEAR_2018)
    assert result.covered_days == 180
    assert result.not_counted == (NotCounted.ONE_FILL_DATE,)


def test_mpr_is_not_capped():
    found = metformin(2026, ("01-01", 90), ("01-05", 90), ("01-10", 90))
    result = measured(found, Period(date(2026, 1, 1), date(2026, 4, 10)))
    assert result.pdc == 1.0
    assert result.mpr == 270 / 100


def test_death_or_disenrolment_ends_the_period():
    period = Period(date(2018, 1, 1), date(2018, 12, 31), left_on=date(2018, 6, 30))
    result = measured(metformin(2018, ("01-01", 90), ("07-15", 90)), period)
    assert (result.period_end, result.period_days, result.covered_days) == (date(2018, 6, 30), 181, 90)
    assert result.fills == 1


def test_a_fill_after_leaving_gives_no_figures():
    period = Period(date(2018, 1, 1), date(2018, 12, 31), left_on=date(2018, 6, 30))
    assert pdc(metformin(2018, ("07-15", 90)), period) is None


def test_a_fixed_length_period_starts_with_the_first_fill_and_may_pass_the_window():
    period = Period(date(2018, 1, 1), date(2018, 12, 31), days=180)
    found = [*metformin(2018, ("11-01", 30)), Claim("p", "metformin", date(2019, 2, 1), 30)]
    result = measured(found, period)
    assert (result.period_start, result.period_end) == (date(2018, 11, 1), date(2019, 4, 29))
    assert (result.period_days, result.covered_days, result.fills) == (180, 60, 2)


def test_a_first_fill_after_the_window_is_no_start():
    period = Period(date(2018, 1, 1), date(2018, 12, 31), days=180)
    assert pdc([Claim("p", "metformin", date(2019, 2, 1), 30)], period) is None


def test_gap_days_left_counts_uncovered_days_to_the_as_of_date_only():
    found = metformin(2018, ("01-01", 30), ("02-10", 30))
    assert measured(found, YEAR_2018, as_of=date(2018, 1, 30)).gap_days_left == 73
    assert measured(found, YEAR_2018, as_of=date(2018, 2, 5)).gap_days_left == 73 - 6
    assert measured(found, YEAR_2018, as_of=date(2018, 3, 31)).gap_days_left == 73 - 10 - 20
    assert measured(found, YEAR_2018).gap_days_left == 73 - 305


def test_an_as_of_date_before_the_first_fill_uses_nothing():
    assert measured(metformin(2018, ("05-01", 30)), YEAR_2018, as_of=date(2018, 1, 1)).gap_days_left == 49


@pytest.mark.parametrize(
    ("birth_date", "counts"),
    [
        (date(2000, 1, 1), True),
        (date(2000, 1, 2), False),
        (None, True),
    ],
)
def test_age_is_counted_on_the_first_day_of_the_window(birth_date: date | None, counts: bool):
    found = metformin(2018, ("01-01", 90), ("04-01", 90))
    assert measured(found, YEAR_2018, person=Person(birth_date=birth_date)).in_denominator is counts


def test_somebody_born_on_29_february_is_18_on_1_march():
    period = Period(date(2026, 2, 28), date(2026, 12, 31))
    next_day = Period(date(2026, 3, 1), date(2026, 12, 31))
    found = metformin(2026, ("03-01", 90), ("06-01", 90))
    person = Person(birth_date=date(2008, 2, 29))
    assert not measured(found, period, person=person).in_denominator
    assert measured(found, next_day, person=person).in_denominator


@pytest.mark.parametrize(
    ("person", "reason"),
    [
        (Person(hospice=True), NotCounted.HOSPICE),
        (Person(esrd=True), NotCounted.ESRD),
        (Person(insulin=True), NotCounted.INSULIN),
        (Person(sacubitril_valsartan=True), NotCounted.SACUBITRIL_VALSARTAN),
    ],
)
def test_an_excluded_patient_still_has_figures(person: Person, reason: NotCounted):
    result = measured(metformin(2018, ("01-01", 90), ("04-01", 90)), YEAR_2018, person=person)
    assert result.not_counted == (reason,)
    assert not result.in_denominator
    assert result.covered_days == 180


def test_best_case_counts_every_day_left():
    result = still_makeable(292, 365, 30, on_hand=30)
    assert round(result.best_case, 3) == 0.882
    assert (result.allowed, result.used, result.remaining, result.lost) == (73, 43, 30, False)


def test_supply_in_hand_projects_the_year():
    assert round(still_makeable(250, 365, 60, on_hand=60).projected, 3) == 0.849
    assert round(still_makeable(250, 365, 30, on_hand=60).projected, 3) == round(280 / 365, 3)


def test_a_patient_is_lost_with_the_first_day_below_80_percent():
    assert not still_makeable(262, 365, 30).lost
    assert still_makeable(262, 365, 30).remaining == 0
    assert still_makeable(261, 365, 30).lost
    assert still_makeable(261, 365, 30).remaining == -1


@pytest.mark.parametrize("wrong", [(-1, 365, 30), (336, 365, 30), (10, 0, 0), (10, 365, 366), (10, 365, -1)])
def test_days_that_do_not_fit_the_period_are_refused(wrong: tuple[int, int, int]):
    with pytest.raises(Invalid):
        still_makeable(*wrong)


def test_a_negative_supply_on_hand_is_refused():
    with pytest.raises(Invalid):
        still_makeable(10, 365, 30, on_hand=-1)


def test_the_outlook_splits_the_year_at_today():
    found = metformin(2026, ("01-01", 90), ("04-11", 90), ("12-01", 30))
    result = outlook(found, YEAR_2026, date(2026, 6, 9))
    assert result is not None
    # 160 days gone, 10 without supply, 30 days in hand after today, 205 left; December is not known yet.
    assert (result.allowed, result.used, result.remaining) == (73, 10, 63)
    assert result.best_case == (150 + 205) / 365
    assert result.projected == (150 + 30) / 365


def test_the_outlook_of_a_patient_without_fills_is_none():
    assert outlook([], YEAR_2026, date(2026, 6, 9)) is None


@pytest.mark.parametrize("supply", [0, -30, 1024])
def test_an_impossible_days_supply_is_refused(supply: int):
    with pytest.raises(Invalid) as error:
        Claim("p", "metformin", date(2026, 1, 1), supply)
    assert error.value.field == "days_supply"


def test_periods_and_stays_that_run_backwards_are_refused():
    with pytest.raises(Invalid):
        Period(date(2026, 2, 1), date(2026, 1, 1))
    with pytest.raises(Invalid):
        Period(date(2026, 1, 1), date(2026, 2, 1), days=0)
    with pytest.raises(Invalid):
        Stay(date(2026, 2, 1), date(2026, 1, 31))
