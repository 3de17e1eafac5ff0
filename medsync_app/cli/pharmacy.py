"""`pharmacy add --name NAME --zone ZONE`: adds a pharmacy and prints its id and slug."""

import argparse
import json
from typing import TextIO

from medsync_app.clock import SystemClock
from medsync_app.services.add_pharmacy import add_pharmacy
from medsync_app.store.scope import Scope
from medsync_app.store.session import get_database


def run(argv: list[str], _stdin: TextIO, stdout: TextIO, _stderr: TextIO) -> int:
    """Add a pharmacy; a bad name or zone is refused."""
    parser = argparse.ArgumentParser(prog="python -m medsync_app pharmacy", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    add = commands.add_parser("add", help="add a pharmacy")
    add.add_argument("--name", required=True, help="as patients know it")
    add.add_argument("--zone", required=True, help="time zone, such as America/New_York")
    options = parser.parse_args(argv)
    with get_database().transaction(Scope.system("command line"), SystemClock()) as tx:
        added = add_pharmacy(tx, options.name, options.zone)
    print(json.dumps({"id": added.id, "slug": added.slug}), file=stdout)
    return 0
