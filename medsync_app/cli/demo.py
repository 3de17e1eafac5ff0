"""`demo load [--patients N] [--seed S] [--today D] [--due-messages N]`: fills an empty database with a demo."""

import argparse
import json
from datetime import date
from typing import Any, TextIO

from medsync_app.clock import SystemClock, local_day
from medsync_app.demo.due_messages import add_due_messages
from medsync_app.demo.load import PATIENTS, SEED, load, refuse_live
from medsync_app.demo.places import ZONE
from medsync_app.settings import get_settings
from medsync_app.store.migrate import current, upgrade
from medsync_app.store.session import get_database


def run(argv: list[str], _stdin: TextIO, stdout: TextIO, _stderr: TextIO) -> int:
    """Load the demo and print its pharmacies and sign-ins as JSON; refused when there is a pharmacy, or when live."""
    parser = argparse.ArgumentParser(prog="python -m medsync_app demo", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("load", help="fill an empty database with a demo pharmacy")
    command.add_argument("--patients", type=_count, help=f"invented patients ({PATIENTS} by default)")
    command.add_argument("--seed", type=int, default=SEED, help="another seed invents other people")
    command.add_argument("--today", type=date.fromisoformat, help="the day it stands at, YYYY-MM-DD")
    command.add_argument(
        "--due-messages", type=_count, metavar="N",
        help="also N texts to N patients of a location of their own, due now; without --patients only these",
    )  # fmt: skip
    print(json.dumps(_load(parser.parse_args(argv))), file=stdout)
    return 0


def _load(options: argparse.Namespace) -> dict[str, Any]:
    refuse_live()
    url = get_settings().database_url
    if current(url) is None:  # no table yet, so nothing of anybody's that a migration could change
        upgrade(url)
    database, clock = get_database(), SystemClock()
    due: int | None = options.due_messages
    patients = options.patients if options.patients is not None else PATIENTS if due is None else 0
    done: dict[str, Any] = {}
    if due is None or options.patients is not None:
        today = options.today or local_day(clock.now(), ZONE)
        loaded = load(database, today=today, patients=patients, seed=options.seed)
        done["pharmacies"] = list(loaded.pharmacies)
        done["sign_ins"] = [
            {"email": account.email, "password": account.password, "role": account.role.value}
            for account in loaded.sign_ins
        ]
    if due is not None:
        done["load_test_pharmacy"] = add_due_messages(database, clock, due)
    return {**done, "patients": patients, "due_messages": due or 0}


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError("give a number of 0 or more")
    return number
