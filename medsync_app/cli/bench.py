"""`bench [--json] [--small] [--only NAME] [--rows N] [--ui]`: each part beside a reference measured in the same run."""

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, Final, NamedTuple, TextIO

from medsync_app.settings import ROOT

Figures = Mapping[str, Any]


class Part(NamedTuple):
    """A module with `measure(size)`, and the size of a usual run and of a small one that only shows that it works."""

    module: str
    usual: int
    small: int

    @property
    def measure(self) -> Callable[[int], Figures]:
        """Does the work of that size; gives the figures, among them the ratio to the reference."""
        return import_module(f"medsync_app.cli.{self.module}").measure


#: The parts in the order they run; a new one is a line here.
PARTS: Final[Mapping[str, Part]] = {
    "import": Part("bench_import", 50_000, 1_200),
    "planner": Part("bench_planner", 5_000, 20),
    "level": Part("bench_level", 5_000, 40),
    "forecast": Part("bench_forecast", 5_000, 10),
    "pdc": Part("bench_pdc", 1_000_000, 6_000),
    "adherence_page": Part("bench_page", 5_000, 20),
    "outbox": Part("bench_outbox", 3_000, 24),
    "punctuality": Part("bench_punctuality", 5_000, 24),
    "idle": Part("bench_idle", 1_000_000, 1_000),
    "pages": Part("bench_reads", 5_000, 20),
}


def run(argv: list[str], _stdin: TextIO, stdout: TextIO, _stderr: TextIO) -> int:
    """Run the benchmarks and print them, one line each or as JSON."""
    parser = argparse.ArgumentParser(prog="python -m medsync_app bench", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--small", action="store_true", help="little work: shows only that it runs")
    parser.add_argument("--only", choices=PARTS, action="append", help="this part only; may be repeated")
    parser.add_argument(
        "--rows", type=int, metavar="N", help="import this many rows, and measure nothing else"
    )
    parser.add_argument(
        "--ui", action="store_true", help="time the pages in a browser, as JSON, and measure nothing else"
    )
    options = parser.parse_args(argv)
    if options.ui:
        return _in_browser(stdout, 300 if options.small else 5_000)
    if options.rows is not None and options.rows < 1:
        parser.error("--rows takes a number of 1 or more")
    chosen = ["import"] if options.rows is not None else options.only or list(PARTS)
    found: dict[str, Figures] = {}
    for name in dict.fromkeys(chosen):
        part = PARTS[name]
        figures = part.measure(options.rows or (part.small if options.small else part.usual))
        found[name] = figures
        if not options.json:
            words = ", ".join(f"{key.replace('_', ' ')} {_shown(value)}" for key, value in figures.items())
            print(f"{name}: {words}", file=stdout, flush=True)
    if options.json:
        print(json.dumps(found), file=stdout)
    return 0


def _in_browser(stdout: TextIO, patients: int) -> int:
    """Run scripts/bench_ui.py: it needs the browser and the tools of the tests (`make env-dev`)."""
    script = ROOT / "scripts" / "bench_ui.py"
    done = subprocess.run(
        [sys.executable, str(script), "--patients", str(patients)],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    stdout.write(done.stdout)
    return done.returncode


def _shown(value: object) -> str:
    return f"{value:,}" if isinstance(value, int | float) else str(value)
