"""The domain is pure: the standard library and dateutil, no clock, no input or output."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from medsync_app.settings import ROOT

MODULES = sorted((ROOT / "medsync_app" / "domain").rglob("*.py"))
ALLOWED = sys.stdlib_module_names | {"dateutil"}
OURS = ("medsync_app.domain", "medsync_app.errors")
IMPURE_MODULES = frozenset(
    {"asyncio", "os", "pathlib", "random", "secrets", "shutil", "socket", "subprocess", "time", "uuid"}
)
CLOCKS = frozenset({"now", "today", "utcnow"})


def foreign_imports(source: str) -> Iterator[str]:
    """The imports of `source` that the domain may not have."""
    for node in ast.walk(ast.parse(source)):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        for name in names:
            top = name.partition(".")[0]
            ours = any(name == own or name.startswith(f"{own}.") for own in OURS)
            if not ours and (top not in ALLOWED or top in IMPURE_MODULES) and name != "medsync_app":
                yield name


def impure_calls(source: str) -> Iterator[str]:
    """Calls in `source` that ask the time or touch files."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            called = node.func
            if isinstance(called, ast.Attribute) and called.attr in CLOCKS:
                yield called.attr
            elif isinstance(called, ast.Name) and called.id in {"open", "print", "input"}:
                yield called.id


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_the_domain_is_pure(module: Path) -> None:
    source = module.read_text("utf-8")
    assert list(foreign_imports(source)) == []
    assert list(impure_calls(source)) == []


@pytest.mark.parametrize(
    "line",
    ["import sqlalchemy", "from medsync_app.store import ids", "import time", "from pydantic import X"],
)
def test_a_foreign_import_would_be_found(line: str) -> None:
    assert list(foreign_imports(line))


@pytest.mark.parametrize("line", ["date.today()", "datetime.now(UTC)", "open('x')"])
def test_a_clock_or_a_file_would_be_found(line: str) -> None:
    assert list(impure_calls(line))
