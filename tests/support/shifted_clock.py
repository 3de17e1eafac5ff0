"""The app's commands with the clock set to another day: `python -m tests.support.shifted_clock COMMAND ...`.

The clock goes on ticking; only its offset from the machine's is another, so that a test of the shipped sample comes
out the same on whatever day it runs. What serves loads this module too, in processes of its own.
"""

import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from medsync_app.cli import serve
from medsync_app.cli.main import main
from medsync_app.clock import SystemClock

OFFSET = "MEDSYNC_TEST_CLOCK_OFFSET"
MODULE = "tests.support.shifted_clock"


def offset_to(instant: datetime) -> dict[str, str]:
    """The environment in which the clock shows that (aware) instant now, and ticks on from there."""
    return {OFFSET: str((instant - datetime.now(UTC)).total_seconds())}


def _shift() -> None:
    offset = timedelta(seconds=float(os.environ[OFFSET]))

    def now(self: SystemClock) -> datetime:
        return datetime.now(UTC) + offset

    SystemClock.now = now


def app() -> Any:
    """The app itself, on that clock."""
    _shift()
    from medsync_app.medsync_app import app as shifted

    made: Callable[[], Any] = shifted
    return made()


if __name__ == "__main__":
    _shift()
    serve.APP = f"{MODULE}:app"
    raise SystemExit(main(sys.argv[1:]))
