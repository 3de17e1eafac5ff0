"""`demo load [--patients N] [--seed S] [--today D] [--due-messages N]`: fills an empty database with a demo."""

import argparse
import json
from datetime import date
from typing import TextIO

from medsync_app.clock import SystemClock, local_day
from medsync_app.demo.load import PATIENTS, SEED, load
from medsync_app.demo.places import ZONE
from medsync_app.store.session import get_database


def run(argv: list[str], _stdin: TextIO, stdout: TextIO, _stderr: TextIO) -> int:
    """Load the demo and print its pharmacies and sign-ins as JSON; refused when there is a pharmacy."""
    parser = argparse.ArgumentParser(prog="python -m medsync_app demo", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("load", help="fill an empty database with a demo pharmacy")
    command.add_argument("--patients", type=_count, help=f"invented patients ({PATIENTS} by default)")
    command.add_argument("--seed", type=int, default=SEED, help="another seed invents other people")
    command.add_argument("--today", type=date.fromisoformat, help="the day it stands at, YYYY-MM-DD")
    options = parser.parse_args(argv)
    today = options.today or local_day(SystemClock().now(), ZONE)
    patients = PATIENTS if options.patients is None else options.patients
    loaded = load(get_database(), today=today, patients=patients, seed=options.seed)
    accounts = [{"email": a.email, "password": a.password, "role": a.role.value} for a in loaded.sign_ins]
    print(
        json.dumps({"pharmacies": loaded.pharmacies, "patients": loaded.patients, "sign_ins": accounts}),
        file=stdout,
    )
    return 0


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError("give a number of 0 or more")
    return number
