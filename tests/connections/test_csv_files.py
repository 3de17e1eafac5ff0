"""Files of any usual delimiter and encoding are read; others are refused with a word that helps."""

from contextlib import suppress
from datetime import date
from pathlib import Path

import pytest
import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medsync_app.connections.csv.inspect import inspect
from medsync_app.connections.csv.mapping import suggest_mapping
from medsync_app.connections.csv.notes import NoteBook
from medsync_app.connections.csv.preview import preview
from medsync_app.connections.csv.reader import Record, Table
from medsync_app.connections.csv.rows import RowParser
from medsync_app.domain.dispensing_row import DispensingRow, RowProblem
from medsync_app.errors import Invalid, MedSyncError
from tests.support.exports import HEADERS, export_text, row, sample, write_export

TODAY = date(2026, 11, 23)


def _read(path: Path) -> list[Record | RowProblem]:
    with Table(path, inspect(path)) as table:
        return list(table.records())


def _parsed(path: Path) -> list[DispensingRow | RowProblem | None]:
    with Table(path, inspect(path)) as table:
        parser = RowParser(suggest_mapping(table.headers), table.headers, TODAY, NoteBook())
        return [found if isinstance(found, RowProblem) else parser.parse(found) for found in table.records()]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_every_usual_delimiter_and_encoding_is_read(tmp_path: Path, delimiter: str, encoding: str) -> None:
    path = tmp_path / "export.txt"
    rows = [row(), row(Rx_Number="700002", Last_Name="Müller; Ann|a", Prescriber="Núñez, Ana")]
    path.write_bytes(export_text(rows, delimiter=delimiter).encode(encoding))
    first, second = _parsed(path)
    assert isinstance(first, DispensingRow)
    assert isinstance(second, DispensingRow)
    assert (first.patient.last_name, first.patient.first_name) == ("O’Connor", "José")
    assert second.patient.last_name == "Müller; Ann|a"
    assert second.prescriber is not None
    assert second.prescriber.name == "Núñez, Ana"


def test_one_late_byte_that_is_no_utf8_decides_the_encoding(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    rows = [row(Rx_Number=str(700000 + n)) for n in range(3_000)] + [row(Last_Name="Müller")]
    text = export_text(rows).replace("’", "'").replace("é", "e")
    path.write_bytes(text.encode("cp1252"))
    assert inspect(path).encoding == "cp1252"
    last = _parsed(path)[-1]
    assert isinstance(last, DispensingRow)
    assert last.patient.last_name == "Müller"


def test_an_excel_file_is_read_like_a_csv(tmp_path: Path) -> None:
    path = tmp_path / "upload-without-a-suffix"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        entry = row()
        sheet.write_row(0, 0, HEADERS)
        for column, name in enumerate(HEADERS):
            if name == "Date Filled":
                sheet.write_datetime(1, column, date(2026, 10, 5), day)
            elif name in ("Quantity", "Rx Number", "Copay"):
                sheet.write_number(1, column, float(entry[name]))
            else:
                sheet.write_string(1, column, entry[name])
    (found,) = _parsed(path)
    assert isinstance(found, DispensingRow)
    assert (found.rx_number, found.filled_on, str(found.quantity), str(found.copay), found.line) == (
        "700001", date(2026, 10, 5), "30.000", "3.40", 2,
    )  # fmt: skip


def test_a_row_is_numbered_by_the_line_it_starts_on(tmp_path: Path) -> None:
    path = write_export(
        tmp_path,
        [
            row(),
            row(Rx_Number="2", Sig="Take one\nin the morning\nwith food"),
            row(Rx_Number="3", Quantity="many"),
        ],
    )
    lines = [found.line for found in _parsed(path) if found is not None]
    assert lines == [2, 3, 6]


def test_blank_lines_count_as_lines_but_not_as_rows(tmp_path: Path) -> None:
    text = export_text([row(), row(Rx_Number="2")]).splitlines()
    path = tmp_path / "export.csv"
    path.write_text("\r\n".join([text[0], "", text[1], ",,,", "  ", text[2], ""]), encoding="utf-8")
    assert [found.line for found in _read(path)] == [3, 6]


def test_an_unclosed_quotation_mark_costs_one_row_and_not_the_rest(tmp_path: Path) -> None:
    lines = export_text([row(Rx_Number=str(n)) for n in range(1, 400)]).splitlines()
    lines[5] = lines[5].replace("Lisinopril", '"Lisinopril', 1)
    path = tmp_path / "export.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    found = _parsed(path)
    assert [entry.line for entry in found if isinstance(entry, RowProblem)] == [6]
    assert sum(isinstance(entry, DispensingRow) for entry in found) == 398


def test_an_unclosed_quotation_mark_in_the_last_rows_is_found_too(tmp_path: Path) -> None:
    # No later quotation mark can close it: these rows quote nothing.
    lines = export_text([row(Rx_Number=str(n), Prescriber="Kim") for n in range(1, 6)]).splitlines()
    lines[3] = lines[3].replace("Lisinopril", '"Lisinopril', 1)
    path = tmp_path / "export.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    found = _parsed(path)
    assert [entry.line for entry in found if isinstance(entry, RowProblem)] == [4]
    assert [entry.rx_number for entry in found if isinstance(entry, DispensingRow)] == ["1", "2", "4", "5"]


def test_rows_with_too_few_or_too_many_cells_and_nul_bytes_are_problems(tmp_path: Path) -> None:
    lines = export_text([row(Rx_Number=str(n)) for n in range(1, 5)]).splitlines()
    lines[1] = lines[1].rpartition(",")[0]
    lines[2] += ",surplus"
    lines[3] += ",,"
    lines[4] = lines[4].replace("Lisinopril", "Lisin\x00pril")
    path = tmp_path / "export.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    found = _parsed(path)
    problems = [(entry.line, entry.column) for entry in found if isinstance(entry, RowProblem)]
    assert problems == [(2, "Status"), (3, "Status"), (5, "")]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf\r\n\r\n", "empty"),
        (b"%PDF-1.7\n1 0 obj", "PDF"),
        (b"PK\x03\x04 broken", "damaged"),
        (b"\xd0\xcf\x11\xe0 broken", "Excel"),
        (b"\x1f\x8b\x08\x00", "gzip"),
        (b"just words\nand more words\n", "No columns"),
        (bytes(range(32)) * 40, "not a text file"),
        (b"a,b,A\n1,2,3\n", "Two columns are named"),
    ],
)
def test_what_is_no_table_is_refused_with_the_reason(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "export.csv"
    path.write_bytes(content)
    with pytest.raises(Invalid, match=words):
        _read(path)


def test_a_file_without_column_names_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_text(export_text([row(), row(Rx_Number="2")]).split("\n", 1)[1], encoding="utf-8")
    with pytest.raises(Invalid, match="must name the columns"):
        _parsed(path)


def test_missing_columns_are_listed(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_text("Rx Number,Patient ID,Last Name\n1,P1,Kim\n", encoding="utf-8")
    with pytest.raises(
        Invalid, match="no column for: Date filled, Drug name, Quantity, Days supply, Last name and"
    ):
        _parsed(path)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.binary(max_size=3_000),
    st.sampled_from([b"", b"\xff\xfe", b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"a,b\n"]),
)
def test_garbage_never_raises_anything_but_our_own_errors(
    tmp_path: Path, garbage: bytes, start: bytes
) -> None:
    path = tmp_path / "garbage"
    path.write_bytes(start + garbage)
    with suppress(MedSyncError):
        _parsed(path)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(HEADERS), st.text(max_size=30)), max_size=6))
def test_odd_cells_make_rows_or_problems_and_nothing_else(
    tmp_path: Path, changes: list[tuple[str, str]]
) -> None:
    entry = row() | {name: text.encode("utf-8", "replace").decode() for name, text in changes}
    path = write_export(tmp_path, [entry, row(Rx_Number="700009")])
    found = _parsed(path)
    last = found[-1]
    assert isinstance(last, DispensingRow)
    assert last.rx_number == "700009"


def test_the_preview_shows_rows_mapping_and_problems_without_the_rest(tmp_path: Path) -> None:
    shown = preview(sample(tmp_path, "dispensing_export"), None, TODAY, limit=20)
    assert shown.mapping.name == "standard_export"
    assert (shown.missing, shown.ignored, len(shown.rows), shown.rows[0][0]) == ([], [], 20, 2)
    assert [(problem.line, problem.column) for problem in shown.problems] == [(222, "Drug Name")]
