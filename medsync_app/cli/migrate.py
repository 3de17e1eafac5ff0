"""`migrate`: brings the database schema up to date."""

import argparse
import json
from typing import TextIO

from medsync_app.settings import get_settings
from medsync_app.store.migrate import current, newest, upgrade


def run(argv: list[str], _stdin: TextIO, stdout: TextIO, _stderr: TextIO) -> int:
    """Upgrade and print the revision before and after."""
    parser = argparse.ArgumentParser(prog="python -m medsync_app migrate", description=__doc__)
    parser.parse_args(argv)
    url = get_settings().database_url
    before = current(url)
    upgrade(url)
    print(json.dumps({"before": before, "after": current(url), "newest": newest()}), file=stdout)
    return 0
