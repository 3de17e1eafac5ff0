"""Measures an import of many rows beside a bare csv read of the same file, in one run."""

import csv
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from medsync_app.cli.bench_memory import peak_mib
from medsync_app.clock import SystemClock
from medsync_app.connections.csv.mapping import PRESETS
from medsync_app.services.add_pharmacy import add_pharmacy
from medsync_app.services.import_dispensing import SCOPE, run_import
from medsync_app.services.start_import import start_import
from medsync_app.store.migrate import upgrade
from medsync_app.store.session import Database

_FILLS_PER_PRESCRIPTION = 12
_PRESCRIPTIONS_PER_PATIENT = 5
_DRUGS = (
    "Lisinopril 20 MG Oral Tablet", "Atorvastatin Calcium 40 MG Oral Tablet", "Metformin HCl 500 MG Oral Tablet",
    "Amlodipine Besylate 5 MG Oral Tablet", "Omeprazole DR 20 MG Oral Capsule",
)  # fmt: skip


def measure(rows: int) -> dict[str, Any]:
    """Import `rows` synthetic rows into a fresh database in a process of its own.

    Gives rows, import_rows_per_s, csv_rows_per_s (a bare csv.reader over the file), ratio, and peak_rss_mib of the
    importing process.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "export.csv"
        write_rows(path, rows)
        began = time.perf_counter()
        with path.open(encoding="utf-8", newline="") as stream:
            read = sum(1 for _ in csv.reader(stream)) - 1
        csv_rate = read / (time.perf_counter() - began)
        # A process of its own: its peak is the import's alone.
        worked = subprocess.run(
            [sys.executable, "-m", __name__, str(path)], capture_output=True, text=True, check=True
        )
        seconds, peak = (float(part) for part in worked.stdout.split())
    return {
        "rows": read,
        "import_rows_per_s": round(read / seconds),
        "csv_rows_per_s": round(csv_rate),
        "ratio": round(csv_rate * seconds / read, 1),
        "peak_rss_mib": round(peak),
    }


def write_rows(path: Path, rows: int) -> None:
    """A file of so many fills in date order, with patients of 5 drugs and 12 fills each."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(PRESETS["standard_export"].values())
        writer.writerows(_rows(rows))


def _rows(rows: int) -> Iterator[list[object]]:
    order = random.Random(1)  # noqa: S311 (the same file each time)
    prescriptions = -(-rows // _FILLS_PER_PRESCRIPTION)
    first = date(2025, 11, 1)
    written = 0
    for fill in range(_FILLS_PER_PRESCRIPTION):
        day = first + timedelta(days=30 * fill)
        for number in range(prescriptions):
            if written == rows:
                return
            written += 1
            patient, drug = divmod(number, _PRESCRIPTIONS_PER_PATIENT)
            filled = day + timedelta(days=number * 30 // prescriptions)
            sold = filled + timedelta(days=order.randrange(3))
            yield [
                700_000 + number, fill, f"{first:%m/%d/%Y}", f"{filled:%m/%d/%Y}", f"{sold:%m/%d/%Y}", _DRUGS[drug],
                f"0{number % 997:010}", "TAB", 30, 30, 11 - fill, "Take 1 unit(s) daily", "", f"P{patient}",
                f"Last{patient % 7919}", f"First{patient % 613}", f"{1 + patient % 12}/{1 + patient % 28}/1955",
                f"404555{patient % 10_000:04}", "", f"patient{patient}@example.com", f"{patient} Peachtree St",
                "Atlanta", "GA", "30303", f"Doctor {patient % 200}", 1_000_000_000 + patient % 200, "555-555-0108",
                "555-555-0109", "BlueShield PPO", "COMM", "3.40", "", "Completed",
            ]  # fmt: skip


def _import_alone(path: Path) -> tuple[float, float]:
    """Seconds and peak memory in MiB of importing a file into a fresh database beside it."""
    url = f"sqlite:///{path.with_name('bench.db')}"
    upgrade(url)
    db, clock = Database(url), SystemClock()
    with db.transaction(SCOPE, clock) as tx:
        pharmacy_id = add_pharmacy(tx, "Bench", "America/New_York").id
        run_id = start_import(tx, pharmacy_id, path, file_name=path.name, at_once=True)
    began = time.perf_counter()
    run_import(db, clock, run_id)
    seconds = time.perf_counter() - began
    db.dispose()
    return seconds, peak_mib()


if __name__ == "__main__":
    print(*_import_alone(Path(os.fsdecode(sys.argv[1]))))
