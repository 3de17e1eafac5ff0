"""Reads the records of a delimited text file or an Excel sheet one after another, with the line each starts
on.
"""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from medsync_app.connections.csv.excel import excel_rows
from medsync_app.connections.csv.inspect import FileFacts
from medsync_app.domain.dispensing_row import RowProblem
from medsync_app.errors import Invalid

#: A record that runs on for longer than this has a quotation mark that was never closed.
MAX_RECORD_LINES = 200
MAX_FIELD_CHARACTERS = 131_072
MAX_COLUMNS = 1_000
MAX_LINE_CHARACTERS = 1_000_000
#: So many numbers and dates in the first line are a row, not names of columns.
_VALUES_IN_DATA = 3
_VALUE = re.compile(r"[\d/.,:$()+ -]*\d[\d/.,:$()+ -]*")


class _RunawayRecord(Exception):
    """A quoted field that swallows line after line."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record: its cells, as many as the header has."""

    line: int
    cells: list[str]


class Table:
    """A file opened for reading: `headers` first, then `records()`, once. Use as a context manager."""

    def __init__(self, path: Path, facts: FileFacts) -> None:
        self._path = path
        self._facts = facts
        self._stream: IO[str] | None = None
        self._rows: Iterator[Record | RowProblem]
        self.headers: list[str] = []

    def __enter__(self) -> "Table":
        try:
            if self._facts.kind == "excel":
                self._rows = _sheet_records(self._path)
            else:
                self._stream = self._path.open(
                    encoding=self._facts.encoding, errors="replace", newline=""
                )  # closed by __exit__
                self._rows = _TextRecords(self._stream, self._facts.delimiter).records()
            self.headers = self._read_headers()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self._stream:
            self._stream.close()

    def _read_headers(self) -> list[str]:
        for found in self._rows:
            if isinstance(found, RowProblem):
                raise Invalid(f"The line with the column names cannot be read: {found.reason}", "file")
            cells = found.cells
            if len(cells) == 1 and cells[0].lower().startswith("sep="):
                continue
            if len(cells) == 2 and cells[0].lower() == "sep=" and not cells[1]:
                continue
            return _checked_headers(cells)
        raise Invalid("The file is empty. Export it again from the pharmacy system.", "file")

    def records(self) -> Iterator[Record | RowProblem]:
        """Every record that is not blank, padded to the header's width, or the problem why it cannot be
        read.
        """
        width = len(self.headers)
        for found in self._rows:
            if isinstance(found, RowProblem):
                yield found
                continue
            cells = found.cells
            if len(cells) != width:
                if len(cells) > width and not any(cell.strip() for cell in cells[width:]):
                    del cells[width:]
                else:
                    yield self._ragged(found)
                    continue
            yield found

    def _ragged(self, record: Record) -> RowProblem:
        count, width = len(record.cells), len(self.headers)
        column = self.headers[min(count, width - 1)]
        return RowProblem(
            record.line, column,
            f"The row has {count} columns where the header has {width}; a cell may hold a stray "
            "delimiter or quotation mark.",
        )  # fmt: skip


def _checked_headers(cells: list[str]) -> list[str]:
    headers = [" ".join("".join(c if c.isprintable() else " " for c in cell).split()) for cell in cells]
    while headers and not headers[-1]:
        headers.pop()
    if len(headers) < 2:
        raise Invalid("The first line must name the columns of the table.", "file")
    if len(headers) > MAX_COLUMNS:
        raise Invalid(f"The table has more than {MAX_COLUMNS} columns.", "file")
    if sum(_VALUE.fullmatch(header) is not None for header in headers) >= _VALUES_IN_DATA:
        raise Invalid(
            "The first line holds values: it must name the columns. Export with column names.", "file"
        )
    seen: set[str] = set()
    for position, header in enumerate(headers, start=1):
        folded = header.casefold()
        if folded and folded in seen:
            raise Invalid(f"Two columns are named {header[:80]!r}. Rename one of them.", "file")
        seen.add(folded)
        if not header:
            headers[position - 1] = f"(column {position})"
    return headers


class _TextRecords:
    """csv.reader over lines that can be handed back: an unclosed quotation mark costs one row, not the rest."""

    def __init__(self, stream: IO[str], delimiter: str) -> None:
        self._stream = stream
        self._delimiter = delimiter
        self._again: list[str] = []
        self._pending: list[str] = []
        self._width = 0

    def _lines(self) -> Iterator[str]:
        pending = self._pending
        while True:
            line = self._again.pop() if self._again else self._stream.readline(MAX_LINE_CHARACTERS)
            if not line:
                return
            pending.append(line)
            if len(pending) > MAX_RECORD_LINES:
                raise _RunawayRecord
            yield line

    def _give_back(self) -> None:
        """All lines but the first of the record just read are read again, as records of their own."""
        self._again.extend(reversed(self._pending[1:]))
        self._pending.clear()

    def records(self) -> Iterator[Record | RowProblem]:
        line = 1
        pending = self._pending
        while True:
            reader = csv.reader(self._lines(), delimiter=self._delimiter)
            try:
                for cells in reader:
                    used = len(pending)
                    if used > 1 and self._is_torn(cells):
                        self._give_back()
                        yield RowProblem(line, "", _UNCLOSED)
                        line += 1
                        break
                    start, line = line, line + used
                    pending.clear()
                    if any(cells) and any(cell.strip() for cell in cells):
                        self._width = self._width or len(cells)
                        yield _unreadable(start, cells) or Record(start, cells)
                else:
                    return
            except (_RunawayRecord, csv.Error) as error:
                many = isinstance(error, _RunawayRecord) or len(pending) > 1
                self._give_back()
                yield RowProblem(line, "", _UNCLOSED if many else _TOO_LONG)
                line += 1

    def _is_torn(self, cells: list[str]) -> bool:
        """A record over several lines with the wrong number of cells, or an odd number of quotation marks."""
        if self._width and len(cells) != self._width:
            return True
        return sum(text.count('"') for text in self._pending) % 2 == 1


def _unreadable(line: int, cells: list[str]) -> RowProblem | None:
    """No database keeps NUL characters in text."""
    if any("\x00" in cell for cell in cells):
        return RowProblem(line, "", "The row holds NUL characters; export the file again.")
    return None


_UNCLOSED = "A quotation mark is opened and never closed, so the row cannot be told from the next ones."
_TOO_LONG = "The row is too long to be a record of a table."


def _sheet_records(path: Path) -> Iterator[Record | RowProblem]:
    for line, cells in excel_rows(path):
        if any(cell.strip() for cell in cells):
            yield _unreadable(line, cells) or Record(line, cells)
