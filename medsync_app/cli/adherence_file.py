"""Reads the files of the `adherence` command row by row and lists every row that cannot be used."""

import csv
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import NamedTuple, TextIO, TypeVar

from medsync_app.domain.adherence_core import MAX_DAYS_SUPPLY
from medsync_app.errors import Invalid

FILL_COLUMNS = ("patient_id", "drug", "fill_date", "days_supply")
OPTIONAL_FILL_COLUMNS = ("class", "birth_date")
STAY_COLUMNS = ("patient_id", "start", "end")
_Row = TypeVar("_Row")
_DELIMITERS = ",;\t|"


@dataclass(frozen=True, slots=True)
class Problem:
    """A row that was not used; `row` is the line its record starts on, with the header as 1."""

    file: str
    row: int
    column: str | None
    reason: str


class FillRow(NamedTuple):
    """One usable row of the fills file."""

    patient_id: str
    drug: str
    day: int
    days_supply: int
    drug_class: str
    birth_date: date | None


class StayRow(NamedTuple):
    """One usable row of the stays file: first day and the day after discharge, as ordinals."""

    patient_id: str
    start: int
    stop: int


class _Unusable(Exception):
    """A cell that stops its row from being used."""

    def __init__(self, column: str | None, reason: str) -> None:
        super().__init__(reason)
        self.column = column
        self.reason = reason


@contextmanager
def opened(name: str, stdin: TextIO) -> Generator[TextIO]:
    """The named file as UTF-8 text, or standard input for "-"; Invalid when it cannot be read."""
    try:
        if name == "-":
            yield stdin
        else:
            with Path(name).open(encoding="utf-8-sig", newline="") as stream:
                yield stream
    except UnicodeDecodeError as error:
        raise Invalid(f"{name} is not UTF-8 text: save it as CSV in UTF-8.") from error
    except OSError as error:
        raise Invalid(f"Cannot read {name}: {error.strerror or 'it cannot be opened'}.") from error


def read_date(text: str) -> date:
    """An ISO date such as 2026-01-05 and nothing else; ValueError otherwise."""
    if len(text) != 10 or text[4] != "-" or text[7] != "-":
        raise ValueError(text)
    return date.fromisoformat(text)


def read_fills(lines: Iterable[str], problems: list[Problem]) -> Iterator[FillRow]:
    """Usable rows of a fills file; the others are appended to `problems`."""
    dates: dict[str, date] = {}
    supplies: dict[str, int] = {}

    def parse(cells: Sequence[str]) -> FillRow:
        patient_id, drug, fill_date, days_supply, drug_class, birth_date = cells
        if not patient_id:
            raise _Unusable("patient_id", "is empty")
        if not drug:
            raise _Unusable("drug", "is empty")
        filled = dates.get(fill_date) or _date_cell(dates, "fill_date", fill_date)
        supply = supplies.get(days_supply) or _supply_cell(supplies, days_supply)
        born = None
        if birth_date:
            born = dates.get(birth_date) or _date_cell(dates, "birth_date", birth_date)
            if born > filled:
                raise _Unusable("birth_date", "lies after the fill date")
        return FillRow(patient_id, drug, filled.toordinal(), supply, drug_class, born)

    yield from _rows("fills", lines, FILL_COLUMNS, OPTIONAL_FILL_COLUMNS, parse, problems)


def read_stays(lines: Iterable[str], problems: list[Problem]) -> Iterator[StayRow]:
    """Usable rows of a stays file, whose end is the discharge day; the others go to `problems`."""
    dates: dict[str, date] = {}

    def parse(cells: Sequence[str]) -> StayRow:
        patient_id, start, end = cells
        if not patient_id:
            raise _Unusable("patient_id", "is empty")
        first = _date_cell(dates, "start", start)
        last = _date_cell(dates, "end", end)
        if last < first:
            raise _Unusable("end", "lies before the start of the stay")
        return StayRow(patient_id, first.toordinal(), last.toordinal() + 1)

    yield from _rows("stays", lines, STAY_COLUMNS, (), parse, problems)


def _date_cell(known: dict[str, date], column: str, text: str) -> date:
    if not text:
        raise _Unusable(column, "is empty")
    try:
        found = read_date(text)
    except ValueError:
        raise _Unusable(column, "is not a date such as 2026-01-05") from None
    known[text] = found
    return found


def _supply_cell(known: dict[str, int], text: str) -> int:
    whole = text.rstrip("0").removesuffix(".") if "." in text else text
    if not text:
        raise _Unusable("days_supply", "is empty")
    if not (whole.isascii() and whole.isdigit()):
        raise _Unusable("days_supply", "is not a whole number of days")
    if len(whole) > 4 or not 1 <= int(whole) <= MAX_DAYS_SUPPLY:
        raise _Unusable("days_supply", f"must be 1 to {MAX_DAYS_SUPPLY} days")
    known[text] = int(whole)
    return int(whole)


def _rows(
    file: str,
    lines: Iterable[str],
    required: tuple[str, ...],
    optional: tuple[str, ...],
    parse: Callable[[Sequence[str]], _Row],
    problems: list[Problem],
) -> Iterator[_Row]:
    text = iter(lines)
    header = next(text, "").removeprefix("\ufeff")
    delimiter = max(_DELIMITERS, key=header.count)
    try:
        titles = next(csv.reader([header], delimiter=delimiter), list[str]())
    except csv.Error:  # longer than the longest cell
        titles = list[str]()
    names = [name.strip().casefold() for name in titles]
    places = _places(file, names, required, optional)
    reader = csv.reader(text, delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 2
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            reason = "has a quotation mark in the wrong place"
            if "limit" in str(error):
                reason = f"has a cell of more than {csv.field_size_limit():,} characters"
            elif reader.line_num + 1 > line:
                reason = f"opens a quotation mark that is not closed: lines {line} to {reader.line_num + 1}"
            problems.append(Problem(file, line, None, reason))
            continue
        if not any(map(str.strip, cells)):
            continue
        try:
            if len(cells) > len(names):
                raise _Unusable(None, f"has {len(cells)} fields, the header {len(names)}")
            parsed = parse([cells[at].strip() if 0 <= at < len(cells) else "" for at in places])
        except _Unusable as reason:
            problems.append(Problem(file, line, reason.column, reason.reason))
        else:
            yield parsed


def _places(file: str, names: list[str], required: tuple[str, ...], optional: tuple[str, ...]) -> list[int]:
    """Where each wanted column stands, -1 for an optional one that is not there."""
    missing = [name for name in required if name not in names]
    if missing:
        raise Invalid(
            f"The {file} file has no column {', '.join(missing)}:"
            f" its first line must name {', '.join(required)}.",
            field=missing[0],
        )
    doubled = [name for name in (*required, *optional) if names.count(name) > 1]
    if doubled:
        raise Invalid(f"The {file} file has the column {doubled[0]} more than once.", field=doubled[0])
    return [names.index(name) if name in names else -1 for name in (*required, *optional)]
