"""`audit verify`: says of every chain of the audit log whether it is whole."""

import argparse
import json
from typing import Any, TextIO

from medsync_app.clock import SystemClock
from medsync_app.errors import Invalid
from medsync_app.store.audit import Head, check_logged, verify
from medsync_app.store.audit_key import audit_key
from medsync_app.store.scope import Scope
from medsync_app.store.session import get_database


def run(argv: list[str], _stdin: TextIO, stdout: TextIO, stderr: TextIO) -> int:
    """Print `{"chains": [{"chain", "rows", "ok", "problem"}]}`; exit 1 when one is broken."""
    parser = argparse.ArgumentParser(prog="python -m medsync_app audit", description="The audit log.")
    commands = parser.add_subparsers(dest="command", required=True)
    checking = commands.add_parser("verify", help="find changed, missing and cut-off rows")
    checking.add_argument(
        "--logged", action="append", default=[], metavar="CHAIN:SEQUENCE:MAC",
        help="a head from the log of another day (audit_head lines): shows a chain put back to an older state",
    )  # fmt: skip
    logged = [_head(text) for text in parser.parse_args(argv).logged]
    with get_database().reading(Scope.system("command line"), SystemClock()) as tx:
        reports = verify(tx, audit_key())
        broken = {head.chain: problem for head in logged if (problem := check_logged(tx, audit_key(), head))}
    chains: list[dict[str, Any]] = []
    for report in reports:
        problem = report.problem or broken.pop(report.chain, "")
        chains.append({"chain": report.chain, "rows": report.rows, "ok": not problem, "problem": problem})
    chains += [
        {"chain": chain, "rows": 0, "ok": False, "problem": problem} for chain, problem in broken.items()
    ]
    print(json.dumps({"chains": chains}), file=stdout)
    if all(chain["ok"] for chain in chains):
        return 0
    print("The audit log is broken. Keep this database as it is and compare it with a backup.", file=stderr)
    return 1


def _head(text: str) -> Head:
    chain, _, rest = text.partition(":")
    sequence, _, mac = rest.partition(":")
    if not chain or not sequence.isdigit() or not mac:
        raise Invalid("Give CHAIN:SEQUENCE:MAC as an audit_head line of the log has them.", "--logged")
    return Head(chain, int(sequence), mac)
