"""Runs every check of `make check` and says at the end which failed."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
CHECKS = (
    ("ruff", "check", "."),
    ("ruff", "format", "--check", "."),
    ("pyright",),
    ("lint-imports",),
    ("deptry", "."),
)


def main() -> int:
    failed: list[str] = []
    for check in CHECKS:
        name = " ".join(check)
        print(f"== {name}", flush=True)
        if subprocess.run([str(BIN / check[0]), *check[1:]], cwd=ROOT, check=False).returncode != 0:
            failed.append(name)
    print("failed: " + ", ".join(failed) if failed else "all checks passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
