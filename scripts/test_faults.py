"""Runs the fault tests of docs/reliability.md in their long forms and shows what each measured (make test-faults).

Arguments go to pytest: `-k locked` runs some of them. The same tests with little work are part of `make test`.
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TESTS = (
    "tests/faults", "tests/engine/test_kill.py", "tests/engine/test_provider_faults.py",
    "tests/engine/test_changed_meanwhile.py",
)  # fmt: skip


def main(arguments: list[str]) -> int:
    command = [sys.executable, "-m", "pytest", "-n", "0", "-s", "-v", *TESTS, *arguments]
    return subprocess.run(
        command, cwd=ROOT, env={**os.environ, "MEDSYNC_FAULTS": "long"}, check=False
    ).returncode


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
