"""The `adherence` command: rows, problems, notes, formats and exit codes."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from medsync_app.cli.adherence import FIELDS, run

YEAR_2018 = ("--start", "2018-01-01", "--end", "2018-12-31")
HEADER = "patient_id,drug,fill_date,days_supply"


class Outcome:
    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def document(self) -> Any:
        assert self.code == 0, self.err
        return json.loads(self.out)

    @property
    def rows(self) -> list[dict[str, Any]]:
        return self.document["rows"]


def command(*arguments: str, stdin: str = "") -> Outcome:
    out, err = io.StringIO(), io.StringIO()
    code = run(list(arguments), io.StringIO(stdin), out, err)
    return Outcome(code, out.getvalue(), err.getvalue())


def measured(lines: list[str], *arguments: str, header: str = HEADER) -> Outcome:
    return command("-", *(arguments or YEAR_2018), stdin="\n".join([header, *lines]) + "\n")


def of_class(lines: list[str], *arguments: str, header: str = HEADER) -> Outcome:
    return measured(lines, *(arguments or YEAR_2018), "--by", "class", header=header)


def fills(year: int, drug: str, *pairs: tuple[str, int]) -> list[str]:
    return [f"p1,{drug},{year}-{day},{supply}" for day, supply in pairs]


@pytest.mark.parametrize(
    ("lines", "covered", "days", "pdc"),
    [
        (
            fills(2018, "metformin", ("01-01", 90)) + fills(2018, "glipizide", ("04-01", 90)),
            180,
            365,
            0.493151,
        ),
        (
            fills(2018, "metformin", ("01-01", 90)) + fills(2018, "glipizide", ("01-01", 90)),
            90,
            365,
            0.246575,
        ),
        (fills(2018, "metformin", ("03-25", 90), ("07-05", 90), ("09-25", 90)), 270, 282, 0.957447),
        (
            fills(2018, "metformin", ("01-01", 90), ("03-25", 90), ("07-05", 90), ("10-15", 90)),
            348,
            365,
            0.953425,
        ),
    ],
    ids=["switch", "same day", "C", "D"],
)
def test_the_reference_claims_give_the_reference_rows(lines: list[str], covered: int, days: int, pdc: float):
    (row,) = of_class(lines).rows
    assert tuple(row) == FIELDS
    assert (row["key"], row["covered_days"], row["period_days"], row["pdc"]) == (
        "diabetes",
        covered,
        days,
        pdc,
    )
    assert isinstance(row["pdc"], float)


def test_a_row_of_89_days_is_listed_outside_the_denominator():
    (row,) = measured(fills(2018, "metformin", ("10-04", 30), ("11-01", 30))).rows
    assert (row["period_days"], row["in_denominator"]) == (89, False)


def test_the_gap_vector_gives_every_field():
    lines = fills(2026, "metformin", ("01-05", 30), ("02-01", 30), ("03-15", 30), ("04-10", 90))
    (row,) = measured(lines, "--start", "2026-01-01", "--end", "2026-06-30").rows
    assert row == {
        "patient_id": "p1",
        "key": "metformin",
        "period_start": "2026-01-05",
        "period_end": "2026-06-30",
        "period_days": 177,
        "covered_days": 168,
        "pdc": 0.949153,
        "mpr": 0.971751,
        "fills": 4,
        "in_denominator": True,
        "adherent": True,
        "gap_days_left": 26,
    }


@pytest.mark.parametrize(
    ("year", "covered", "days", "pdc"), [(2025, 330, 351, 0.940171), (2026, 330, 361, 0.914127)]
)
def test_stays_count_up_to_2025_and_are_noted_after(
    tmp_path: Path, year: int, covered: int, days: int, pdc: float
):
    stays = tmp_path / "stays.csv"
    stays.write_text(f"patient_id,start,end\np1,{year}-04-01,{year}-04-10\n", encoding="utf-8")
    pairs = (("01-05", 30), ("02-10", 30), ("03-20", 90), ("06-25", 90), ("09-20", 90))
    result = measured(
        fills(year, "atorvastatin", *pairs),
        *("--start", f"{year}-01-01", "--end", f"{year}-12-31", "--stays", str(stays)),
    )
    (row,) = result.rows
    assert (row["covered_days"], row["period_days"], row["pdc"]) == (covered, days, pdc)
    assert bool(result.document["notes"]) is (year > 2025)


def test_stays_that_cannot_be_used_are_listed_with_their_file(tmp_path: Path):
    stays = tmp_path / "stays.csv"
    stays.write_text(
        "patient_id,start,end\np1,2018-02-05,2018-02-01\n,2018-02-01,2018-02-02\np1,2018-02-01,\n", "utf-8"
    )
    problems = measured(fills(2018, "metformin", ("01-01", 90)), *YEAR_2018, "--stays", str(stays)).document[
        "problems"
    ]
    assert [(p["file"], p["row"], p["column"]) for p in problems] == [
        ("stays", 2, "end"),
        ("stays", 3, "patient_id"),
        ("stays", 4, "end"),
    ]


def test_rows_are_per_patient_and_ingredient_by_default():
    lines = [
        "p2,Lisinopril-HCTZ 20-12.5 MG Oral Tablet,2018-01-01,90",
        "p2,Lisinopril 20 MG Oral Tablet,2018-04-01,90",
        "p1,Zestril 10 MG,2018-01-01,30",
    ]
    rows = measured(lines).rows
    assert [(r["patient_id"], r["key"], r["covered_days"], r["fills"]) for r in rows] == [
        ("p2", "hydrochlorothiazide", 90, 1),
        ("p2", "lisinopril", 180, 2),
        ("p1", "lisinopril", 30, 1),
    ]


def test_a_combination_counts_once_in_its_class():
    lines = [
        "p1,Sitagliptin-Metformin HCl 50-1000 MG Oral Tablet,2018-01-01,90",
        "p1,Metformin HCl 500 MG Oral Tablet,2018-02-01,90",
    ]
    (row,) = of_class(lines).rows
    assert (row["covered_days"], row["fills"], row["mpr"]) == (180, 2, 0.493151)


def test_by_patient_unites_all_drugs():
    lines = ["p1,metformin,2018-01-01,90", "p1,lisinopril,2018-03-01,90", "p1,Zaltrazine,2018-09-01,30"]
    (row,) = measured(lines, *YEAR_2018, "--by", "patient").rows
    # 90 days to 03-31, lisinopril to 05-29, and 30 days from September.
    assert (row["key"], row["covered_days"], row["fills"]) == ("p1", 149 + 30, 3)


def test_a_class_column_overrules_the_table_and_blank_falls_back_on_it():
    lines = [
        "p1,Drug A,2018-01-01,90,Asthma",
        "p1,Drug B,2018-02-01,90,asthma",
        "p1,metformin,2018-01-01,30,",
        "p1,Drug C,2018-01-01,30,",
    ]
    result = of_class(lines, header=HEADER + ",class")
    assert [(r["key"], r["covered_days"]) for r in result.rows] == [("Asthma", 121), ("diabetes", 30)]
    assert [note["drug"] for note in result.document["notes"]] == ["Drug A", "Drug B", "Drug C"]


def test_a_class_in_the_file_counts_for_a_drug_that_the_table_puts_elsewhere():
    lines = ["p1,Zaltrazine 5 MG,2018-01-01,90,Statins", "p1,acarbose,2018-01-01,30,diabetes"]
    rows = of_class(lines, header=HEADER + ",class").rows
    assert [(r["key"], r["covered_days"]) for r in rows] == [("Statins", 90), ("diabetes", 30)]


@pytest.mark.parametrize("label", ["Statins", "statin", "STA"])
def test_a_known_class_name_in_the_file_keeps_its_spelling(label: str):
    lines = [f"p1,atorvastatin,2018-01-01,90,{label}", "p1,rosuvastatin,2018-04-01,90,statins"]
    (row,) = of_class(lines, header=HEADER + ",class").rows
    assert (row["key"], row["covered_days"]) == (label, 180)


@pytest.mark.parametrize(
    ("drug", "other", "excluded"),
    [
        ("metformin", "Insulin Glargine 100 UNIT/ML Pen Injector", True),
        ("valsartan", "Entresto 24-26 MG Oral Tablet", True),
        ("valsartan", "Insulin Glargine 100 UNIT/ML Pen Injector", False),
        ("atorvastatin", "Insulin Glargine 100 UNIT/ML Pen Injector", False),
        ("metformin", "Entresto 24-26 MG Oral Tablet", False),
    ],
)
@pytest.mark.parametrize(
    ("day", "inside"), [("2018-06-01", True), ("2017-12-31", False), ("2019-01-01", False)]
)
def test_insulin_and_sacubitril_exclude_from_their_class_only(
    drug: str, other: str, excluded: bool, day: str, inside: bool
):
    lines = [f"p1,{drug},2018-01-01,90", f"p1,{drug},2018-04-01,90", f"p1,{other},{day},30"]
    lines += [f"p2,{drug},2018-01-01,90", f"p2,{drug},2018-04-01,90"]
    rows = [r for r in of_class(lines).rows if r["fills"] >= 2]
    counts = {r["patient_id"]: r["in_denominator"] for r in rows}
    assert counts == {"p1": not (excluded and inside), "p2": True}


def test_minors_are_outside_the_denominator():
    header = HEADER + ",birth_date"
    lines = ["p1,metformin,2018-01-01,90,2000-01-01", "p1,metformin,2018-04-01,90,"]
    lines += ["p2,metformin,2018-01-01,90,2000-01-02", "p2,metformin,2018-04-01,90,2000-01-02"]
    assert [r["in_denominator"] for r in measured(lines, header=header).rows] == [True, False]


def test_a_birth_date_that_changes_is_noted():
    lines = ["p1,metformin,2018-01-01,90,1950-01-01", "p1,metformin,2018-04-01,90,1951-01-01"]
    (note,) = measured(lines, header=HEADER + ",birth_date").document["notes"]
    assert (note["drug"], note["fills"]) == (None, 1)


def test_days_measures_a_fixed_length_from_each_first_fill():
    lines = ["p1,metformin,2018-11-01,30", "p1,metformin,2019-02-01,30", "p2,metformin,2019-02-01,30"]
    (row,) = measured(lines, *YEAR_2018, "--days", "180").rows
    assert (row["patient_id"], row["period_end"], row["period_days"]) == ("p1", "2019-04-29", 180)
    assert (row["covered_days"], row["fills"]) == (60, 2)


def test_as_of_counts_gap_days_to_that_day():
    lines = fills(2018, "metformin", ("01-01", 30), ("02-10", 30))
    (row,) = measured(lines, *YEAR_2018, "--as-of", "2018-03-31").rows
    assert row["gap_days_left"] == 73 - 10 - 20


def test_rows_that_cannot_be_used_are_listed_and_the_rest_is_computed():
    lines = [
        "p1,metformin,2018-01-01,90,1950-01-01",
        ",metformin,2018-01-01,90,",
        "p1,,2018-01-01,90,",
        "p1,metformin,01/01/2018,90,",
        "p1,metformin,2018-02-30,90,",
        "p1,metformin,,90,",
        "p1,metformin,2018-01-01,,",
        "p1,metformin,2018-01-01,thirty,",
        "p1,metformin,2018-01-01,-30,",
        "p1,metformin,2018-01-01,0,",
        "p1,metformin,2018-01-01,1024,",
        "p1,metformin,2018-01-01,30.5,",
        "p1,metformin,2018-01-01,٣٠,",
        "p1,metformin,2018-01-01,90,1950-13-01",
        "p1,metformin,2018-01-01,90,2018-01-02",
        "p1,metformin,2018-01-01,90,1950-01-01,more",
        'p1,"met"formin,2018-01-01,90,',
        "p1",
        "",
        "p1,metformin,2018-04-01,90.0,",
    ]
    result = measured(lines, header=HEADER + ",birth_date")
    (row,) = result.rows
    assert (row["fills"], row["covered_days"]) == (2, 180)
    found = [(p["row"], p["column"]) for p in result.document["problems"]]
    assert found == [
        (3, "patient_id"),
        (4, "drug"),
        (5, "fill_date"),
        (6, "fill_date"),
        (7, "fill_date"),
        (8, "days_supply"),
        (9, "days_supply"),
        (10, "days_supply"),
        (11, "days_supply"),
        (12, "days_supply"),
        (13, "days_supply"),
        (14, "days_supply"),
        (15, "birth_date"),
        (16, "birth_date"),
        (17, None),
        (18, None),
        (19, "drug"),
    ]
    assert all(p["file"] == "fills" and p["reason"] for p in result.document["problems"])


def test_a_cell_or_a_heading_without_end_is_named():
    endless = "x" * 140_000
    result = measured([f"{endless},metformin,2018-01-01,30", *fills(2018, "metformin", ("01-01", 90))])
    assert [row["patient_id"] for row in result.rows] == ["p1"]
    (problem,) = result.document["problems"]
    assert (problem["row"], problem["reason"]) == (2, "has a cell of more than 131,072 characters")
    refused = measured(fills(2018, "metformin", ("01-01", 90)), header=endless)
    assert (refused.code, refused.out) == (1, "")
    assert "has no column patient_id" in refused.err


def test_an_open_quotation_mark_names_the_lines_it_swallows():
    lines = ["p1,metformin,2018-01-01,90", 'p1,"metformin,2018-04-01,90', "p1,metformin,2018-07-01,90"]
    result = measured(lines)
    assert [r["fills"] for r in result.rows] == [1]
    (problem,) = result.document["problems"]
    assert problem["row"] == 3
    assert "lines 3 to 4" in problem["reason"]


def test_columns_may_come_in_any_order_case_and_delimiter():
    lines = "Days_Supply;Drug;PATIENT_ID;note;fill_date\n90;metformin;p1;x;2018-01-01\n"
    (row,) = command("-", *YEAR_2018, stdin="\ufeff" + lines).rows
    assert (row["patient_id"], row["covered_days"]) == ("p1", 90)


def test_csv_has_the_same_figures_and_sends_problems_to_stderr():
    lines = [*fills(2018, "metformin", ("03-25", 90), ("07-05", 90), ("09-25", 90)), "p1,metformin,x,30"]
    result = measured(lines, *YEAR_2018, "--format", "csv")
    assert result.code == 0
    (row,) = csv.DictReader(io.StringIO(result.out))
    assert tuple(row) == FIELDS
    assert (row["pdc"], row["in_denominator"], row["adherent"]) == ("0.957447", "true", "true")
    assert "fills row 5, column fill_date" in result.err


def test_a_file_is_read_by_its_name_with_a_byte_order_mark(tmp_path: Path):
    path = tmp_path / "fills.csv"
    path.write_bytes(f"\ufeff{HEADER}\r\nJosé,metformin,2018-01-01,90\r\n".encode())
    (row,) = command(str(path), *YEAR_2018).rows
    assert row["patient_id"] == "José"


def test_a_file_without_usable_rows_gives_no_rows():
    assert measured([]).document == {"rows": [], "problems": [], "notes": []}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no column patient_id"),
        (b"patient_id,drug,fill_date\n", "no column days_supply"),
        (b"patient_id,drug,fill_date,days_supply,drug\n", "drug more than once"),
        (b"patient_id,drug,fill_date,days_supply\n\xff\xfe,a,2018-01-01,30\n", "not UTF-8"),
        (b"\xff\xfep\x00a\x00", "not UTF-8"),
    ],
)
def test_a_file_that_is_no_fills_file_is_refused(tmp_path: Path, content: bytes, message: str):
    path = tmp_path / "fills.csv"
    path.write_bytes(content)
    result = command(str(path), *YEAR_2018)
    assert (result.code, result.out) == (1, "")
    assert message in result.err


def test_a_missing_file_is_refused(tmp_path: Path):
    result = command(str(tmp_path / "none.csv"), *YEAR_2018)
    assert (result.code, result.out) == (1, "")
    assert "Cannot read" in result.err
    assert command(str(tmp_path), *YEAR_2018).code == 1


def test_a_missing_stays_file_is_refused(tmp_path: Path):
    result = measured([], *YEAR_2018, "--stays", str(tmp_path / "none.csv"))
    assert (result.code, result.out) == (1, "")


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("-",),
        ("-", "--start", "2018-01-01"),
        ("-", "--start", "2018-12-31", "--end", "2018-01-01"),
        ("-", "--start", "1800-01-01", "--end", "2018-01-01"),
        ("-", "--start", "1/1/2018", "--end", "2018-12-31"),
        ("-", "--start", "20180101", "--end", "2018-12-31"),
        ("-", *YEAR_2018, "--days", "0"),
        ("-", *YEAR_2018, "--days", "x"),
        ("-", "--start", "9999-01-01", "--end", "9999-12-31", "--days", "30"),
        ("-", *YEAR_2018, "--by", "colour"),
        ("-", *YEAR_2018, "--format", "xml"),
        ("-", *YEAR_2018, "--as-of", "today"),
        ("-", *YEAR_2018, "--what"),
    ],
)
def test_wrong_usage_exits_2_with_a_message(arguments: tuple[str, ...]):
    result = command(*arguments, stdin=HEADER)
    assert (result.code, result.out) == (2, "")
    assert "usage" in result.err


def test_help_exits_0():
    result = command("--help")
    assert result.code == 0
    assert "days_supply" in result.out
