"""`bench [--json] [--small] [--rows N]`: import, planner and PDC, each beside a reference measured in the same run."""

import argparse
import json
from typing import Any, TextIO

from medsync_app.cli import bench_import
from medsync_app.cli.bench_domain import measure_pdc, measure_planner

#: Rows, patients and fills of a usual run, and of a small one that only shows that it works.
_USUAL, _SMALL = (50_000, 500, 600_000), (1_200, 20, 6_000)


def run(argv: list[str], _stdin: TextIO, stdout: TextIO, _stderr: TextIO) -> int:
    """Run the benchmarks and print them, one line each or as JSON."""
    parser = argparse.ArgumentParser(prog="python -m medsync_app bench", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--small", action="store_true", help="little work: shows only that it runs")
    parser.add_argument(
        "--rows", type=int, metavar="N", help="import this many rows, and measure nothing else"
    )
    options = parser.parse_args(argv)
    rows, patients, fills = _SMALL if options.small else _USUAL
    if options.rows is not None:
        if options.rows < 1:
            parser.error("--rows takes a number of 1 or more")
        rows, patients, fills = options.rows, 0, 0
    found: dict[str, dict[str, Any]] = {"import": bench_import.measure(rows)}
    if options.rows is None:
        found |= {"planner": measure_planner(patients), "pdc": measure_pdc(fills)}
    if options.json:
        print(json.dumps(found), file=stdout)
        return 0
    for name, figures in found.items():
        words = ", ".join(f"{key.replace('_', ' ')} {value:,}" for key, value in figures.items())
        print(f"{name}: {words}", file=stdout)
    return 0
