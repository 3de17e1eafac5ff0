"""Measures PDC per drug and class of a population: ours, in polars where it is installed, and as a textbook does.

All start from the same columns of numbers in memory, in no order, and must find the same covered days.
"""

import importlib
import importlib.util
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from medsync_app.cli.bench_memory import peak_mib
from medsync_app.cli.main import main
from medsync_app.domain.adherence import Period
from medsync_app.population.fill_ledger import WHOLE_GROUP, FillLedger
from medsync_app.population.walks import Column

_YEAR = Period(date(2025, 1, 1), date(2025, 12, 31))
_DAYS = 365
_FILLS_EACH = 10
#: Name and class (0: none) of the drugs that patients take.
_DRUGS = (
    ("Metformin HCl 500 MG Oral Tablet", 1), ("Glipizide 5 MG Oral Tablet", 1), ("Sitagliptin 100 MG Oral Tablet", 1),
    ("Lisinopril 20 MG Oral Tablet", 2), ("Losartan Potassium 50 MG Oral Tablet", 2),
    ("Atorvastatin Calcium 40 MG Oral Tablet", 3), ("Rosuvastatin 10 MG Oral Tablet", 3),
    ("Amlodipine Besylate 5 MG Oral Tablet", 0), ("Omeprazole DR 20 MG Oral Capsule", 0),
    ("Sertraline HCl 50 MG Oral Tablet", 0),
)  # fmt: skip
_ROUNDS = 3
_MIB = 1024 * 1024


class Claims(NamedTuple):
    """The fills as columns; `day` is counted from the first day of the year."""

    patient: Column
    group: Column
    unit: Column
    day: Column
    supply: Column


Covered = tuple[int, int]
"""Covered days, summed over patients and drugs, and over patients and classes."""


def measure(fills: int) -> dict[str, Any]:
    """PDC per drug and per class of so many fills, ten a patient, in a measurement year.

    Gives the rates (fills/s) of ours, polars and the textbook's way (a set of covered days for each patient and
    drug or class), the best of three rounds taken in turns; ratio (ours to polars; to the textbook where polars is
    not installed); the covered days all of them found; and for the command `adherence` over the same fills in a
    file: seconds, peak memory of its process, and that as a multiple of the file's size.
    """
    claims = invented_claims(fills)
    ways: dict[str, Callable[[Claims], Covered]] = {"ours": _ours}
    if importlib.util.find_spec("polars") is not None:
        ways["polars"] = _polars
    taken, covered = _timed(ways, claims)
    textbook, plain = _timed({"textbook": _textbook}, claims, rounds=1)
    covered |= plain
    if len(set(covered.values())) > 1:
        raise AssertionError(f"The ways disagree: {covered}")
    taken |= textbook
    rates = {f"{name}_fills_per_s": round(fills / seconds) for name, seconds in taken.items()}
    return {
        "fills": fills,
        "patients": fills // _FILLS_EACH,
        **rates,
        "ratio": round(taken.get("polars", taken["textbook"]) / taken["ours"], 2),
        "ratio_to_textbook": round(taken["textbook"] / taken["ours"], 2),
        "covered_days_by_drug": covered["ours"][0],
        "covered_days_by_class": covered["ours"][1],
        **_command(claims),
    }


def invented_claims(fills: int) -> Claims:
    """The same fills each time, shuffled: ten a patient, of one to five drugs."""
    order = random.Random(1)  # noqa: S311
    rows: list[tuple[int, int, int, int, int]] = []
    while len(rows) < fills:
        patient = len(rows) // _FILLS_EACH
        left = min(_FILLS_EACH, fills - len(rows))
        for unit in order.sample(range(len(_DRUGS)), 5):
            day, supply = order.randrange(60), order.choice((30, 30, 90))
            for _ in range(min(left, order.choice((2, 3, 4, 5, 6)))):
                rows.append((patient, _DRUGS[unit][1], unit, min(day, _DAYS - 1), supply))
                day += supply + order.randrange(-5, 15)
                left -= 1
    order.shuffle(rows)
    return Claims(*np.array(rows, np.int64).T.copy())


def _timed(
    ways: dict[str, Callable[[Claims], Covered]], claims: Claims, rounds: int = _ROUNDS
) -> tuple[dict[str, float], dict[str, Covered]]:
    taken = dict.fromkeys(ways, float("inf"))
    covered: dict[str, Covered] = {}
    for _ in range(rounds):
        for name, way in ways.items():
            began = time.perf_counter()
            covered[name] = way(claims)
            taken[name] = min(taken[name], time.perf_counter() - began)
    return taken, covered


def _ours(claims: Claims) -> Covered:
    ledger = FillLedger(_YEAR)
    ledger.add_columns(
        claims.patient, claims.group, claims.unit, claims.day + _YEAR.start.toordinal(), claims.supply
    )
    found = ledger.tallies(units=True, groups=True)
    days = found.period_days - found.uncovered
    whole = found.unit == WHOLE_GROUP
    return int(days[~whole].sum()), int(days[whole].sum())


def _polars(claims: Claims) -> Covered:
    """Lazy, window expressions over groups and no Python function, as polars' user guide recommends.

    The running maximum is the same idea as ours; per owner it gives first and last day, fills and both
    numerators.
    """
    # Only the benchmark uses it, and only where it is installed: it has no place in the product's imports.
    pl: Any = importlib.import_module("polars")
    col = pl.col
    drug, drug_class = ["patient", "unit"], ["patient", "group"]
    kinds = {"patient": pl.Int32, "group": pl.Int8, "unit": pl.Int8, "day": pl.Int32, "supply": pl.Int32}
    frame = pl.LazyFrame(claims._asdict()).cast(kinds)
    walked = (
        frame.filter(col("day").is_between(0, _DAYS - 1))
        .sort("patient", "unit", "day")
        .with_columns(before=col("supply").cum_sum().over(drug) - col("supply"))
        .with_columns(start=(col("day") - col("before")).cum_max().over(drug) + col("before"))
        .with_columns(
            stop=pl.min_horizontal(col("start") + col("supply"), _DAYS),
            start=pl.min_horizontal("start", _DAYS),
        )
    )
    besides = [
        col("day").min().alias("first"), col("day").max().alias("last"), pl.len().alias("fills"),
        pl.min_horizontal(col("supply"), _DAYS - col("day")).sum().alias("supplied"),
    ]  # fmt: skip
    by_drug = walked.group_by(drug).agg((col("stop") - col("start")).sum().alias("covered"), *besides)
    by_class = (
        walked.filter(col("group") != 0)
        .sort("patient", "group", "start")
        .with_columns(reach=col("stop").cum_max().shift(1).over(drug_class).fill_null(0))
        .with_columns(new=(col("stop") - pl.max_horizontal("start", "reach")).clip(lower_bound=0))
        .group_by(drug_class)
        .agg(col("new").sum().alias("covered"), *besides)
    )
    found = pl.collect_all([by_drug, by_class])
    return int(found[0]["covered"].sum()), int(found[1]["covered"].sum())


def _textbook(claims: Claims) -> Covered:
    """A set of covered days for each drug and class, one patient after the other."""
    by_drug = by_class = 0
    rows = sorted(zip(*(column.tolist() for column in claims), strict=True))
    for _, own in groupby(rows, key=itemgetter(0)):
        run_out: dict[int, int] = {}
        drugs: dict[int, set[int]] = {}
        classes: dict[int, set[int]] = {}
        for _, group, unit, day, supply in own:
            start = max(day, run_out.get(unit, day))
            run_out[unit] = start + supply
            days = range(start, min(start + supply, _DAYS))
            drugs.setdefault(unit, set()).update(days)
            if group:
                classes.setdefault(group, set()).update(days)
        by_drug += sum(map(len, drugs.values()))
        by_class += sum(map(len, classes.values()))
    return by_drug, by_class


def _command(claims: Claims) -> dict[str, Any]:
    """The command over the same fills in a file, in a process of its own: its peak is its own."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "fills.csv"
        with path.open("w", encoding="utf-8") as stream:
            stream.writelines(_lines(claims))
        size = path.stat().st_size
        began = time.perf_counter()
        worked = subprocess.run(
            [sys.executable, "-m", __name__, str(path)], capture_output=True, text=True, check=True
        )
        seconds = time.perf_counter() - began
    peak = float(worked.stderr)
    return {
        "command_seconds": round(seconds, 1),
        "command_input_mib": round(size / _MIB, 1),
        "command_peak_mib": round(peak, 1),
        "peak_to_input": round(peak * _MIB / size, 2),
    }


def _lines(claims: Claims) -> Iterator[str]:
    yield "patient_id,drug,fill_date,days_supply\n"
    days = [(_YEAR.start + timedelta(days=day)).isoformat() for day in range(_DAYS)]
    for patient, _, unit, day, supply in zip(*(column.tolist() for column in claims), strict=True):
        yield f"P{patient:06},{_DRUGS[unit][0]},{days[day]},{supply}\n"


def _command_alone(path: str) -> float:
    """Peak memory in MiB of the command by drug, the larger of its answers."""
    arguments = ["adherence", path, "--start", str(_YEAR.start), "--end", str(_YEAR.end), "--by", "drug"]
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        if main(arguments, stdout=nowhere):
            raise SystemExit(1)
    return peak_mib()


if __name__ == "__main__":
    print(_command_alone(sys.argv[1]), file=sys.stderr)
