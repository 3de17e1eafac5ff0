"""`plan FILE|-`: sync plans as JSON for one patient or a list of them.

Choice where the rules leave room: a list always exits 0, with an error object (and a line on stderr) for
each patient who cannot be planned; a single patient who cannot be planned exits 1 and prints nothing on
stdout.
"""

import argparse
import contextlib
import json
from collections.abc import Generator, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Final, TextIO

from medsync_app.cli.plan_json import object_of, read_patient, write_error, write_plan
from medsync_app.domain.sync_plan import plan
from medsync_app.errors import Invalid, MedSyncError

DONE, REFUSED, WRONG_USAGE = 0, 1, 2
_BLANK: Final = " \t\n\r"


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
        text = _read(arguments.file, stdin)
        first = _skip(text, 0)
        if text[first : first + 1] == "[":
            # Twice: nothing is written for a file that breaks off, and no more than one patient is held in memory.
            empty = sum(1 for _ in _elements(text)) == 0
            _write_list(_elements(text), empty, stdout, stderr)
        else:
            stdout.write(json.dumps(_planned(_parse(text)), indent=2) + "\n")
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
    with _clear_words():
        return _JSON.decode(text)


def _elements(text: str) -> Iterator[object]:
    """The elements of the array that the text is, one at a time."""
    with _clear_words():
        at = _skip(text, text.index("[") + 1)
        if text[at : at + 1] != "]":
            while True:
                element, at = _JSON.raw_decode(text, at)
                yield element
                at = _skip(text, at)
                if text[at : at + 1] != ",":
                    break
                at = _skip(text, at + 1)
        if text[at : at + 1] != "]":
            raise json.JSONDecodeError("Expecting ',' or ']'", text, at)
        if _skip(text, at + 1) != len(text):
            raise json.JSONDecodeError("Extra data", text, at + 1)


def _skip(text: str, at: int) -> int:
    """The place of the next character that is not blank."""
    while text[at : at + 1] and text[at] in _BLANK:
        at += 1
    return at


@contextlib.contextmanager
def _clear_words() -> Generator[None]:
    try:
        yield
    except json.JSONDecodeError as error:
        raise Invalid(f"Not valid JSON at line {error.lineno}, column {error.colno}: {error.msg}.") from error
    except RecursionError as error:
        raise Invalid("The JSON is nested too deeply.") from error


def _int(digits: str) -> int | Decimal:
    return int(digits) if len(digits) < 20 else Decimal(digits)


def _planned(patient: object) -> dict[str, object]:
    policy, medications = read_patient(patient)
    return write_plan(plan(policy, medications))


def _write_list(patients: Iterator[object], empty: bool, stdout: TextIO, stderr: TextIO) -> None:
    """One line per patient, written as it is computed, so that a long list needs little memory."""
    stdout.write("[")
    for index, patient in enumerate(patients):
        try:
            written = _planned(patient)
        except Invalid as error:
            print(f"patient [{index}]: {error.message}", file=stderr)
            written = write_error(error)
        stdout.write((",\n" if index else "\n") + json.dumps(written, separators=(",", ":")))
    stdout.write("]\n" if empty else "\n]\n")


# NaN, Infinity and endless numbers come through as what no field takes, so that the error names the field.
_JSON: Final = json.JSONDecoder(
    parse_float=Decimal, parse_constant=Decimal, parse_int=_int, object_pairs_hook=object_of
)
