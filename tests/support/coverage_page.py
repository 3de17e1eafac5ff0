"""Checks pages that name, rule by rule, the code that keeps it and the test that goes red without it."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
_CODE = re.compile(r"`([\w/]+\.py):(\w+)`")
_TEST = re.compile(r"`([\w/]+\.py)::(test_\w+)`")


def rows_of(page: str) -> list[str]:
    """The rows of a page's tables below their heads."""
    lines = (ROOT / "docs" / page).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.startswith("| ") and not line.startswith("| rule ")]


def wrong_names(page: str) -> list[str]:
    """What a page names that is not there, and rows without code or test."""
    wrong: list[str] = []
    for row in rows_of(page):
        code, tests = _CODE.findall(row), _TEST.findall(row)
        if not code or not tests:
            wrong.append(f"no code or test: {row}")
        wrong += [f"{path}:{name}" for path, name in code if not _defines(ROOT / "medsync_app" / path, name)]
        wrong += [f"{path}::{name}" for path, name in tests if not _defines(ROOT / "tests" / path, name)]
    return wrong


def _defines(path: Path, name: str) -> bool:
    if not path.is_file():
        return False
    made = rf"^(?:(?:async )?def {name}\b|class {name}\b|{name}\b[^=\n]*=)"
    return re.search(made, path.read_text(encoding="utf-8"), re.MULTILINE) is not None
