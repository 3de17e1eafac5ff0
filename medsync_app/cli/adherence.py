"""`adherence FILE`: PDC, MPR and gap days of many patients from a CSV file of fills.

Choices where the rules leave room: `--by drug` is the default; the key of `--by patient` is the patient id,
over all drugs without any shift between ingredients; a blank birth date does not exclude; a blank class cell
falls back on the built-in table; a fill of insulin or sacubitril/valsartan excludes when it lies between the
first day of the window and the end of the patient's period.
"""

import argparse
import contextlib
import csv
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import date
from typing import NoReturn, TextIO

from medsync_app.cli.adherence_file import Problem, opened, read_date, read_fills, read_stays
from medsync_app.cli.adherence_rows import BY, AdherenceTable, ResultRow
from medsync_app.domain.adherence import Period
from medsync_app.errors import MedSyncError

DONE, REFUSED, WRONG_USAGE = 0, 1, 2
MAX_WINDOW_DAYS = 36_600
FIELDS = (
    "patient_id",
    "key",
    "period_start",
    "period_end",
    "period_days",
    "covered_days",
    "pdc",
    "mpr",
    "fills",
    "in_denominator",
    "adherent",
    "gap_days_left",
)


def run(argv: Sequence[str], stdin: TextIO, stdout: TextIO, stderr: TextIO) -> int:
    """Reads FILE (or stdin for `-`), writes the rows; exit 0 done, 1 refused, 2 wrong usage."""
    try:
        with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
            options = _parser().parse_args(list(argv))
            period = _period(options)
    except SystemExit as stop:
        return DONE if stop.code in (0, None) else WRONG_USAGE
    try:
        table = AdherenceTable(period, options.by)
        problems: list[Problem] = []
        with opened(options.file, stdin) as lines:
            table.add_fills(read_fills(lines, problems))
        if options.stays is not None:
            with opened(options.stays, stdin) as lines:
                table.add_stays(read_stays(lines, problems))
    except MedSyncError as error:
        print(error.message, file=stderr)
        return REFUSED
    if options.format == "csv":
        _write_csv(table, options.as_of, problems, stdout, stderr)
    else:
        _write_json(table, options.as_of, problems, stdout)
    return DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m medsync_app adherence",
        description="Adherence figures (PDC, MPR, gap days) from a CSV file with the columns patient_id,"
        " drug, fill_date, days_supply and, if you have them, class and birth_date.",
    )
    parser.add_argument("file", metavar="FILE.csv", help="fills, one a row, or - for standard input")
    parser.add_argument("--start", required=True, type=_date, help="first day of the measurement window")
    parser.add_argument("--end", required=True, type=_date, help="last day of the measurement window")
    parser.add_argument("--days", type=_days, help="measure N days from each first fill, not to --end")
    parser.add_argument("--by", choices=BY, default=BY[0], help="a row per patient and this")
    parser.add_argument("--format", choices=("json", "csv"), default="json")
    parser.add_argument("--stays", metavar="FILE", help="stays: patient_id, start, end (discharge)")
    parser.add_argument(
        "--as-of", type=_date, help="last day that uses up gap days (default: the period's end)"
    )
    return parser


def _date(text: str) -> date:
    try:
        return read_date(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date such as 2026-01-05") from None


def _days(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and 1 <= int(text) <= MAX_WINDOW_DAYS):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of days from 1 to {MAX_WINDOW_DAYS}")
    return int(text)


def _period(options: argparse.Namespace) -> Period:
    start, end = options.start, options.end
    if end < start:
        _refuse("--end lies before --start")
    if (end - start).days > MAX_WINDOW_DAYS:
        _refuse("--start and --end are more than a hundred years apart")
    if options.days is not None and end.toordinal() + options.days > date.max.toordinal():
        _refuse("--days reaches past the last year that can be computed")
    return Period(start, end, days=options.days)


def _refuse(message: str) -> NoReturn:
    _parser().error(message)


def _cells(row: ResultRow) -> dict[str, object]:
    figures = row.figures
    return {
        "patient_id": row.patient_id,
        "key": row.key,
        "period_start": figures.period_start.isoformat(),
        "period_end": figures.period_end.isoformat(),
        "period_days": figures.period_days,
        "covered_days": figures.covered_days,
        "pdc": round(figures.pdc, 6),
        "mpr": round(figures.mpr, 6),
        "fills": figures.fills,
        "in_denominator": figures.in_denominator,
        "adherent": figures.adherent,
        "gap_days_left": figures.gap_days_left,
    }


def _write_json(table: AdherenceTable, as_of: date | None, problems: list[Problem], stdout: TextIO) -> None:
    stdout.write('{"rows": [')
    _write_items(map(_cells, table.rows(as_of)), stdout)
    stdout.write('],\n"problems": [')
    _write_items(map(asdict, problems), stdout)
    stdout.write('],\n"notes": [')
    _write_items(map(asdict, table.notes()), stdout)
    stdout.write("]}\n")


def _write_items(items: Iterable[dict[str, object]], stdout: TextIO) -> None:
    encode = json.JSONEncoder(ensure_ascii=False).encode
    between = "\n"
    for item in items:
        stdout.write(between + encode(item))
        between = ",\n"


def _write_csv(
    table: AdherenceTable, as_of: date | None, problems: list[Problem], stdout: TextIO, stderr: TextIO
) -> None:
    writer = csv.writer(stdout, lineterminator="\n")
    writer.writerow(FIELDS)
    for row in table.rows(as_of):
        cells = _cells(row)
        cells["pdc"] = f"{row.figures.pdc:.6f}"
        cells["mpr"] = f"{row.figures.mpr:.6f}"
        writer.writerow([str(v).lower() if isinstance(v, bool) else v for v in cells.values()])
    for problem in problems:
        column = f", column {problem.column}" if problem.column else ""
        print(f"{problem.file} row {problem.row}{column}: {problem.reason}; the row is not used", file=stderr)
    for note in table.notes():
        drug = f"{note.drug}: " if note.drug else ""
        print(f"note: {drug}{note.reason} ({note.fills} rows)", file=stderr)
