"""`import FILE --pharmacy ID`: imports a dispensing export and prints what became of its rows."""

import argparse
import json
from pathlib import Path
from typing import TextIO

from medsync_app.clock import SystemClock
from medsync_app.connections.csv.mapping import PRESETS, preset
from medsync_app.errors import Invalid
from medsync_app.services.import_dispensing import SCOPE, ImportReport, claim_run, try_import, work_run
from medsync_app.services.start_import import start_import
from medsync_app.store.repositories.pharmacies import pharmacy_by_name
from medsync_app.store.session import get_database


def run(argv: list[str], _stdin: TextIO, stdout: TextIO, stderr: TextIO) -> int:
    """Import a file into a pharmacy named by id or slug; with --dry-run nothing is written."""
    parser = argparse.ArgumentParser(prog="python -m medsync_app import", description=__doc__)
    parser.add_argument("file", type=Path, help="CSV or Excel file")
    parser.add_argument("--pharmacy", required=True, help="id or slug of the pharmacy")
    parser.add_argument(
        "--preset", help=f"mapping of the columns: {', '.join(sorted(PRESETS))}; guessed without it"
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would happen and write nothing")
    options = parser.parse_args(argv)
    path: Path = options.file
    if not path.is_file():
        raise Invalid("There is no such file.", "file")
    mapping = preset(options.preset) if options.preset else None
    db, clock = get_database(), SystemClock()
    with db.reading(SCOPE, clock) as tx:
        pharmacy_id = pharmacy_by_name(tx, options.pharmacy).id
    if options.dry_run:
        report = try_import(db, clock, pharmacy_id, path, mapping=mapping)
    else:
        with db.transaction(SCOPE, clock) as tx:
            run_id = start_import(
                tx, pharmacy_id, path.resolve(), file_name=path.name, mapping=mapping, at_once=True
            )
            # At once: a loop of the running app would take a run that waits.
            claimed = claim_run(tx, run_id)
        report = work_run(db, clock, claimed)
    write_report(report, stdout)
    if report.problems:
        print(f"{len(report.problems)} rows could not be used; they are listed under problems.", file=stderr)
    return 0


def write_report(report: ImportReport, stdout: TextIO) -> None:
    """The report as one JSON object, its problems written one by one: there may be as many as the file has
    rows.
    """
    head = {
        "rows_read": report.rows_read,
        "patients": dict(report.patients),
        "prescriptions": dict(report.prescriptions),
        "fills": dict(report.fills),
    }
    stdout.write(json.dumps(head)[:-1] + ', "problems": [')
    for position, problem in enumerate(report.problems):
        entry = {"row": problem.line, "column": problem.column, "reason": problem.reason}
        stdout.write(("," if position else "") + "\n  " + json.dumps(entry, ensure_ascii=False))
    stdout.write(f'], "notes": {json.dumps(list(report.notes), ensure_ascii=False)}}}\n')
