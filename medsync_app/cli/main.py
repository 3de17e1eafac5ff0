"""Finds the command and turns errors into exit codes: 0 done, 1 refused with a clear error, 2 wrong usage."""

import importlib
import sys
from typing import TextIO

from medsync_app.collector import collect_rarely
from medsync_app.errors import Invalid, MedSyncError

#: Command -> (module with `run(argv, stdin, stdout, stderr) -> int`, what it does).
COMMANDS = {
    "plan": ("medsync_app.cli.plan", "compute sync plans for one patient or a list"),
    "adherence": ("medsync_app.cli.adherence", "PDC, MPR and gaps from a file of fills"),
    "level": ("medsync_app.cli.level", "plan all patients of a pharmacy together, on level days"),
    "forecast": ("medsync_app.cli.forecast", "batches, units to stock and renewals of the coming days"),
    "drugs": ("medsync_app.cli.drugs", "the table of adherence classes, and what of an export it recognises"),
    "import": ("medsync_app.cli.import_file", "import a pharmacy system's dispensing export"),
    "pharmacy": ("medsync_app.cli.pharmacy", "add a pharmacy"),
    "user": ("medsync_app.cli.user", "add a staff account"),
    "demo": ("medsync_app.cli.demo", "load a demo pharmacy"),
    "migrate": ("medsync_app.cli.migrate", "bring the database schema up to date"),
    "serve": ("medsync_app.cli.serve", "run the app"),
    "loop": ("medsync_app.cli.loop", "run the background loop, or one tick of it"),
    "doctor": ("medsync_app.cli.doctor", "say what is configured and what is missing"),
    "audit": ("medsync_app.cli.audit", "verify the audit log"),
    "workflow": ("medsync_app.cli.workflow", "show, publish and compare workflow documents"),
    "backup": ("medsync_app.cli.backup", "write a backup of the database"),
    "simulate": ("medsync_app.cli.simulate", "live months of the programme on a virtual clock"),
    "bench": ("medsync_app.cli.bench", "run the benchmarks"),
}


def _usage(stream: TextIO) -> None:
    print("usage: python -m medsync_app COMMAND ...\n\ncommands:", file=stream)
    for name, (_, purpose) in COMMANDS.items():
        print(f"  {name:<10} {purpose}", file=stream)


def main(
    argv: list[str], stdin: TextIO | None = None, stdout: TextIO | None = None, stderr: TextIO | None = None
) -> int:
    """Run one command; returns its exit code."""
    source, out, err = stdin or sys.stdin, stdout or sys.stdout, stderr or sys.stderr
    if not argv or argv[0] in {"-h", "--help", "help"}:
        _usage(out if argv else err)
        return 0 if argv else 2
    if argv[0] not in COMMANDS:
        print(f"There is no command {argv[0]!r}.", file=err)
        _usage(err)
        return 2
    collect_rarely()
    try:
        return importlib.import_module(COMMANDS[argv[0]][0]).run(argv[1:], source, out, err)
    except SystemExit as stop:  # argparse: 0 for --help, 2 for wrong usage
        return stop.code if isinstance(stop.code, int) else 2
    except Invalid as error:
        where = f"{error.field}: " if error.field else ""
        print(f"error: {where}{error.message}", file=err)
        return 1
    except MedSyncError as error:
        print(f"error: {error.message}", file=err)
        return 1
    except Exception as error:
        problem = _database_problem(error)
        if problem is None:
            raise
        print(f"error: {problem}", file=err)
        return 1


def _database_problem(error: Exception) -> str | None:
    """What to do about a database that cannot be used; None for every other error.

    The driver's own words stay out: they may hold the address with the password.
    """
    from medsync_app.store.session import is_database_error, lacks_schema  # heavy: only when it is needed

    if lacks_schema(error):
        return "The database is empty or of another version. Run `python -m medsync_app migrate` first."
    if is_database_error(error):
        return (
            f"The database cannot be used ({type(error).__name__}). `python -m medsync_app doctor` says more."
        )
    return None
