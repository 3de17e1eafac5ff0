"""Breaks a copy of the program and runs tests in it, to see them fail."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from tests.support.faults import ROOT

#: A text of a file, and what stands in its place.
Change = tuple[str, str, str]


def broken_copy(folder: Path, changes: Iterable[Change]) -> Path:
    """A copy of the program in `folder`, with these changes; AssertionError when a text is not there any more."""
    for name in ("medsync_app", "tests", "alembic", "scripts"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("e2e"))
    for name in ("pyproject.toml", "alembic.ini"):
        shutil.copy(ROOT / name, folder)
    for name, old, new in changes:
        file = folder / name
        text = file.read_text()
        assert old in text, f"{name} has no such line any more: mend the mutation"
        file.write_text(text.replace(old, new))
    return folder


def run_tests(folder: Path, *which: str, **environment: str) -> tuple[bool, str]:
    """Whether tests of a copy fail, and what they print; AssertionError when they could not be run."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", *which],
        cwd=folder, capture_output=True, text=True, check=False,
        env={**os.environ, "MEDSYNC_FAULTS": "", **environment},
    )  # fmt: skip
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.returncode == 1, done.stdout
