"""`plan FILE|-`: sync plans as JSON for one patient or a list of them.

Choice where the rules leave room: a list always exits 0, with an error object (and a line on stderr) for
each patient who cannot be planned; a single patient who cannot be planned exits 1 and prints nothing on
stdout.
"""

import argparse
import contextlib
import json
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import NoReturn, TextIO, cast

from medsync_app.cli.plan_json import read_patient, write_error, write_plan
from medsync_app.domain.sync_plan import plan
from medsync_app.errors import Invalid, MedSyncError

DONE, REFUSED, WRONG_USAGE = 0, 1, 2


def run(argv: Sequence[str], stdin: TextIO, stdout: TextIO, stderr: TextIO) -> int:
    """Reads FILE (or stdin for `-`), writes the plans; exit 0 done, 1 refused, 2 wrong usage."""
    parser = argparse.ArgumentParser(
        prog="python -m medsync_app plan",
        description="Compute the sync plans of one patient, or of a JSON array of patients.",
    )
    parser.add_argument("file", metavar="FILE", help="JSON file, or - for standard input")
    try:
        with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
            arguments = parser.parse_args(list(argv))
    except SystemExit as stop:
        return DONE if stop.code in (0, None) else WRONG_USAGE
    try:
        patients = _parse(_read(arguments.file, stdin))
        if isinstance(patients, list):
            _write_list(cast("list[object]", patients), stdout, stderr)
        else:
            stdout.write(json.dumps(_planned(patients), indent=2) + "\n")
    except MedSyncError as error:
        print(error.message, file=stderr)
        return REFUSED
    return DONE


def _read(name: str, stdin: TextIO) -> str:
    try:
        text = stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise Invalid("The input is not UTF-8 text: save it as UTF-8 JSON.") from error
    except OSError as error:
        raise Invalid(f"Cannot read {name}: {error.strerror or 'no such file'}.") from error
    return text.removeprefix("\ufeff")


def _parse(text: str) -> object:
    try:
        return json.loads(
            text, parse_float=Decimal, parse_constant=_no_constant, object_pairs_hook=_without_repeats
        )
    except json.JSONDecodeError as error:
        raise Invalid(f"Not valid JSON at line {error.lineno}, column {error.colno}: {error.msg}.") from error
    except RecursionError as error:
        raise Invalid("The JSON is nested too deeply.") from error
    except ValueError as error:
        raise Invalid("A number in the JSON is too long to read.") from error


def _no_constant(name: str) -> NoReturn:
    raise Invalid(f"{name} is not a number that JSON knows: give a number or null.")


def _without_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """A field given twice would silently lose one value."""
    fields = dict(pairs)
    if len(fields) != len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in names if names.count(name) > 1)
        raise Invalid(f"The field {repeated} is given twice in one object.", repeated)
    return fields


def _planned(patient: object) -> dict[str, object]:
    policy, medications = read_patient(patient)
    return write_plan(plan(policy, medications))


def _write_list(patients: list[object], stdout: TextIO, stderr: TextIO) -> None:
    """One line per patient, written as it is computed, so that a long list needs little memory."""
    stdout.write("[")
    for index, patient in enumerate(patients):
        try:
            written = _planned(patient)
        except Invalid as error:
            print(f"patient [{index}]: {error.message}", file=stderr)
            written = write_error(error)
        stdout.write((",\n" if index else "\n") + json.dumps(written, separators=(",", ":")))
    stdout.write("\n]\n" if patients else "]\n")
