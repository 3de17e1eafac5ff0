"""Cells are read as pharmacies write them, and never guessed at."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medsync_app.connections.csv.codes import payer_of, schedule_of
from medsync_app.connections.csv.mapping import (
    PRESETS,
    ColumnMapping,
    check_mapping,
    from_document,
    suggest_mapping,
)
from medsync_app.connections.csv.values import (
    BadValue,
    clean_text,
    parse_date,
    parse_decimal,
    parse_email,
    parse_phone,
    parse_whole,
)
from medsync_app.errors import Invalid
from tests.support.exports import HEADERS

DAYS = st.dates(min_value=date(1900, 1, 1), max_value=date(2200, 12, 31))


@given(DAYS)
def test_a_day_is_read_however_it_is_written(day: date) -> None:
    for text in (
        f"{day.month}/{day.day}/{day.year}", day.isoformat(), f"{day:%Y%m%d}", f"{day.day}-{day:%b}-{day.year}",
        f" {day:%m/%d/%Y} ", f"{day.isoformat()}T10:30:00Z", f"{day:%b} {day.day}, {day.year}",
    ):  # fmt: skip
        assert parse_date(text) == day, text
    assert parse_date(f"{day.day}.{day.month}.{day.year}", day_first=True) == day


@pytest.mark.parametrize(
    "text", ["13/45/2026", "2/29/2026", "tomorrow", "11/20/26", "0/1/2026", "1/1/1066", "٤"]
)
def test_what_is_no_day_is_refused(text: str) -> None:
    with pytest.raises(BadValue):
        parse_date(text)


def test_two_digit_years_are_read_only_where_the_mapping_allows_them() -> None:
    assert parse_date("11/20/26", two_digit_years=True) == date(2026, 11, 20)
    assert parse_date("5/1/60", two_digit_years=True) == date(1960, 5, 1)
    assert parse_date("") is None


@pytest.mark.parametrize(
    ("text", "value"),
    [("30", "30"), ("1,000.5", "1000.5"), ("$3.80", "3.80"), ("(30)", "-30"), ("-30", "-30"), ("30-", "-30"),
     ("0,5", "0.5"), ("1.234,50", "1234.50"), (".5", "0.5"), ("-$4.00", "-4.00"), ("12,345", "12345")],
)  # fmt: skip
def test_numbers_are_read_with_separators_signs_and_currency(text: str, value: str) -> None:
    assert parse_decimal(text) == Decimal(value)


@pytest.mark.parametrize(
    "text", ["thirty", "1e5", "--3", "3 tabs", "NaN", "Infinity", "99999999999", "+", "1,2,3"]
)
def test_words_and_odd_numbers_are_refused(text: str) -> None:
    with pytest.raises(BadValue):
        parse_decimal(text)


def test_whole_numbers_have_no_fraction_sign_or_excess() -> None:
    assert (parse_whole("30.0", 999), parse_whole("", 999)) == (30, None)
    for text in ("30.5", "-1", "1000"):
        with pytest.raises(BadValue):
            parse_whole(text, 999)


@pytest.mark.parametrize(
    "text", ["(404) 555-0123", "404-555-0123", "404.555.0123", "4045550123", "+14045550123"]
)
def test_phone_formats_give_one_number(text: str) -> None:
    assert parse_phone(text) == "+14045550123"


@pytest.mark.parametrize("text", ["12", "call me", "555-0123 ext", "0" * 30])
def test_what_is_no_phone_number_is_refused(text: str) -> None:
    with pytest.raises(BadValue):
        parse_phone(text)


def test_names_keep_apostrophes_and_accents_in_one_form() -> None:
    assert clean_text("  O’Connor  \t Jose\u0301 ") == "O’Connor José"
    assert parse_email(" Jo@Example.COM ") == "jo@example.com"
    with pytest.raises(BadValue):
        parse_email("jo at example.com")


def test_plans_and_dea_classes_are_told_by_their_codes() -> None:
    plans = [payer_of(code, "x") for code in ("COMM", "MEDD", "CAID", "CASH", "??")]
    assert plans == ["commercial", "part_d", "medicaid", "cash", None]
    assert payer_of("", "State Medicaid") == "medicaid"
    assert payer_of("", "") == ""
    found = [schedule_of(text) for text in ("C2", "IV", "C-V", "", "Schedule III", "C9")]
    assert found == [(2, True), (4, True), (5, True), (None, True), (3, True), (None, False)]


def test_the_shipped_preset_is_found_by_the_headers_whatever_their_case() -> None:
    mapping = suggest_mapping([header.upper() for header in HEADERS])
    assert mapping.name == "standard_export"
    assert len(check_mapping(mapping, [header.upper() for header in HEADERS])) == len(
        PRESETS["standard_export"]
    )


def test_other_systems_columns_are_guessed() -> None:
    headers = [
        "RxNumber",
        "Refill #",
        "Fill Date",
        "Medication",
        "Qty",
        "Day Supply",
        "Patient",
        "DOB",
        "Qty Owed",
    ]
    guessed = suggest_mapping(headers)
    assert dict(guessed.columns) == {
        "rx_number": "RxNumber", "fill_number": "Refill #", "filled_on": "Fill Date", "drug_name": "Medication",
        "quantity": "Qty", "days_supply": "Day Supply", "patient_id": "Patient", "birth_date": "DOB",
    }  # fmt: skip
    with pytest.raises(Invalid, match="Last name and First name"):
        check_mapping(guessed, headers)


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"columns": {"nonsense": "A"}},
        {"columns": {"ndc": 3}},
        {"columns": {}, "day_first": "yes"},
        {"columns": []},
    ],
)
def test_a_malformed_mapping_is_refused(document: dict[str, object]) -> None:
    with pytest.raises(Invalid):
        from_document(document)


def test_a_mapping_names_the_column_that_is_not_there() -> None:
    columns = {**PRESETS["standard_export"], "ndc": "Drug Code"}
    with pytest.raises(Invalid, match="Drug Code"):
        check_mapping(ColumnMapping(columns), list(HEADERS))
