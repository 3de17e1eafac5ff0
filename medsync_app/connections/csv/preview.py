"""Shows the beginning of a file as an import would read it, before anything is stored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice
from pathlib import Path

from medsync_app.connections.csv.fields import FIELDS
from medsync_app.connections.csv.inspect import inspect
from medsync_app.connections.csv.mapping import (
    ColumnMapping,
    ignored_columns,
    missing_fields,
    suggest_mapping,
)
from medsync_app.connections.csv.notes import NoteBook
from medsync_app.connections.csv.reader import Record, Table
from medsync_app.connections.csv.rows import RowParser
from medsync_app.domain.dispensing_row import RowProblem
from medsync_app.errors import Invalid

SEARCHED_ROWS = 1_000


@dataclass(frozen=True, slots=True)
class Preview:
    """A file's columns with the mapping, its first rows as written, and the first problems among them."""

    headers: Sequence[str]
    mapping: ColumnMapping
    #: Labels of what the mapping still lacks; nothing can be imported until it is empty.
    missing: Sequence[str]
    ignored: Sequence[str]
    #: Line number and cells of the first rows.
    rows: Sequence[tuple[int, Sequence[str]]]
    problems: Sequence[RowProblem]
    rows_checked: int
    #: Our field -> label, in the order a form shows them.
    fields: Mapping[str, str]


def preview(path: Path, mapping: ColumnMapping | None, today: date, *, limit: int = 20) -> Preview:
    """The first `limit` rows and the problems of the first 1,000; Invalid when the file is no table."""
    with Table(path, inspect(path)) as table:
        chosen = mapping or suggest_mapping(table.headers)
        missing = missing_fields(_present(chosen, table.headers))
        parser = None if missing else _parser(chosen, table.headers, today)
        rows: list[tuple[int, Sequence[str]]] = []
        problems: list[RowProblem] = []
        checked = 0
        for record in islice(table.records(), SEARCHED_ROWS):
            checked += 1
            if isinstance(record, Record) and len(rows) < limit:
                rows.append((record.line, tuple(record.cells)))
            found = record if isinstance(record, RowProblem) else parser.parse(record) if parser else None
            if isinstance(found, RowProblem) and len(problems) < limit:
                problems.append(found)
        return Preview(
            headers=tuple(table.headers), mapping=chosen, missing=missing,
            ignored=ignored_columns(chosen, table.headers), rows=rows, problems=problems,
            rows_checked=checked,
            fields={field.key: field.label for field in FIELDS},
        )  # fmt: skip


def _present(mapping: ColumnMapping, headers: Sequence[str]) -> dict[str, str]:
    ignored_case = {header.casefold() for header in headers}
    return {key: header for key, header in mapping.columns.items() if header.casefold() in ignored_case}


def _parser(mapping: ColumnMapping, headers: Sequence[str], today: date) -> RowParser | None:
    try:
        return RowParser(mapping, headers, today, NoteBook())
    except Invalid:
        return None
