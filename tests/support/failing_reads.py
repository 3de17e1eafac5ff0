"""The app with a switch that lets its pages fail: while a file is there, whatever a page reads or writes raises.

`python -m tests.support.failing_reads COMMAND ...`. Sessions are looked up all the same, so that it is the page and
not the guard that fails. What is raised holds what must never be shown or logged.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from medsync_app.cli import serve
from medsync_app.cli.main import main

SWITCH = "MEDSYNC_TEST_READS_FAIL"
MODULE = "tests.support.failing_reads"
SECRET = "disk I/O error beside Ada Example"


def _failing(usual: Callable[..., Any], switch: Path) -> Callable[..., Any]:
    def run(*args: Any, **kwargs: Any) -> Any:
        if switch.exists():
            raise OSError(SECRET)
        return usual(*args, **kwargs)

    return run


def app() -> Any:
    """The app itself, with the switch."""
    from medsync_app.ui.states import base

    switch = Path(os.environ[SWITCH])
    for name in ("_reading", "_writing"):
        setattr(base, name, _failing(getattr(base, name), switch))
    from medsync_app.medsync_app import app as usual

    made: Callable[[], Any] = usual
    return made()


if __name__ == "__main__":
    serve.APP = f"{MODULE}:app"
    raise SystemExit(main(sys.argv[1:]))
