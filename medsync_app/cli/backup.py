"""`backup FILE`, `backup --nightly`, `backup --restore FILE --to FILE`."""

import argparse
import json
from pathlib import Path
from typing import TextIO

from medsync_app.clock import SystemClock
from medsync_app.services.backup import nightly_backup, restore, write_backup
from medsync_app.store.session import get_database


def run(argv: list[str], stdin: TextIO, stdout: TextIO, stderr: TextIO) -> int:
    """Write or open a backup; JSON on `stdout`. 0 done, 1 refused, 2 wrong usage."""
    parser = argparse.ArgumentParser(prog="medsync_app backup", description="Back up the database.")
    parser.add_argument(
        "file", nargs="?", type=Path, help="where to write a copy (not encrypted: keep it safe)"
    )
    parser.add_argument("--nightly", action="store_true", help="write the encrypted nightly backup now")
    parser.add_argument("--restore", type=Path, metavar="FILE", help="an encrypted backup to open")
    parser.add_argument(
        "--to", type=Path, metavar="FILE", help="where to write the opened database (must be new)"
    )
    options = parser.parse_args(argv)
    chosen = [options.file is not None, options.nightly, options.restore is not None]
    if sum(chosen) != 1 or (options.restore is None) != (options.to is None):
        parser.error("give FILE, or --nightly, or --restore FILE --to FILE")
    if options.restore is not None:
        restore(options.restore, options.to)
        json.dump({"restored": str(options.to)}, stdout)
    elif options.nightly:
        if not nightly_backup(get_database(), SystemClock(), force=True):
            print("error: the backup failed; the Backup tab of Settings says why.", file=stderr)
            return 1
        json.dump({"nightly": True}, stdout)
    else:
        json.dump(
            {"file": str(options.file), "size_bytes": write_backup(get_database(), options.file)}, stdout
        )
    stdout.write("\n")
    return 0
