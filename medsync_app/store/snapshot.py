"""A consistent copy of the whole database in one file, taken while it is in use."""

import os
import shutil
import sqlite3
import subprocess
from pathlib import Path

from sqlalchemy.engine import make_url

from medsync_app.errors import Unavailable


def snapshot(url: str, target: Path) -> None:
    """Write a copy of the database at `url` to `target`, readable by this account only.

    SQLite: its online backup, a database file again. PostgreSQL: `pg_dump`'s custom format, for `pg_restore`.
    Raises Unavailable when the copy cannot be made or does not check out; then no file is left.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    os.close(os.open(target, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600))
    try:
        if make_url(url).get_backend_name() == "sqlite":
            _copy_sqlite(Path(make_url(url).database or ""), target)
        else:
            _dump_postgresql(url, target)
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def check(path: Path) -> None:
    """Raise Unavailable unless the file is a whole SQLite database or a PostgreSQL dump."""
    with path.open("rb") as file:
        head = file.read(16)
    if head.startswith(b"PGDMP"):
        return
    if not head.startswith(b"SQLite format 3"):
        raise Unavailable("This file is not a backup of MedSync.", permanent=True)
    connection = sqlite3.connect(path)
    try:
        found = connection.execute("PRAGMA integrity_check").fetchone()[0]
    finally:
        connection.close()
    if found != "ok":
        raise Unavailable("The copy of the database is damaged. Use an older backup.", permanent=True)


def _copy_sqlite(source: Path, target: Path) -> None:
    if not source.is_file():
        raise Unavailable(
            "There is no database yet. Run `python -m medsync_app migrate` first.", permanent=True
        )
    origin, copy = sqlite3.connect(source), sqlite3.connect(target)
    try:
        origin.backup(copy, pages=1000, sleep=0.01)
        # A copy in WAL mode would be two files; one file is what people can carry away.
        copy.execute("PRAGMA journal_mode=DELETE")
    finally:
        copy.close()
        origin.close()
    check(target)


def _dump_postgresql(url: str, target: Path) -> None:
    program = shutil.which("pg_dump")
    if program is None:
        raise Unavailable("Install the PostgreSQL client programs: pg_dump is missing.", permanent=True)
    parsed = make_url(url)
    address = parsed.set(drivername="postgresql", password=None).render_as_string(hide_password=False)
    # The password goes by environment: arguments are visible to everybody on the machine.
    secret = {"PGPASSWORD": str(parsed.password)} if parsed.password else {}
    done = subprocess.run(
        [program, "--format=custom", f"--file={target}", f"--dbname={address}"],
        env={**os.environ, **secret}, capture_output=True, check=False, text=True,
    )  # fmt: skip
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or ["it gave no reason"])[-1][:200]
        raise Unavailable(f"pg_dump could not copy the database: {reason}")
