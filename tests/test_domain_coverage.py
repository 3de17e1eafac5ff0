"""docs/domain-coverage.md names functions and tests that exist."""

import re
from importlib import import_module

import pytest

from medsync_app.settings import ROOT

_ROW = re.compile(
    r"^\| (?P<rule>[^|]+) \| `(?P<module>[\w.]+):(?P<name>\w+)` \| `(?P<file>[\w/.]+)::(?P<test>\w+)` \|$"
)
ROWS = [
    found
    for line in (ROOT / "docs" / "domain-coverage.md").read_text(encoding="utf-8").splitlines()
    if line.startswith("| ") and not line.startswith("| rule ")
    for found in [_ROW.match(line) or line]
]


def test_every_section_is_in_the_table() -> None:
    assert len(ROWS) > 130


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["rule"] if isinstance(row, re.Match) else row)
def test_a_rule_names_a_function_and_a_test_that_exist(row: "re.Match[str] | str") -> None:
    assert isinstance(row, re.Match), "three cells: rule, `module:function`, `file::test`"
    assert hasattr(import_module(f"medsync_app.{row['module']}"), row["name"])
    written = (ROOT / "tests" / row["file"]).read_text(encoding="utf-8")
    assert re.search(rf"^(async )?def {row['test']}\(", written, re.MULTILINE)
