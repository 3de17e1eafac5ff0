"""The commands `import` and `pharmacy add`: JSON on stdout, messages on stderr, exit codes."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from medsync_app.cli import import_file, pharmacy
from medsync_app.cli.main import main
from medsync_app.store.session import Database
from tests.support.exports import row, sample, write_export


@pytest.fixture(autouse=True)
def _this_database(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (import_file, pharmacy):
        monkeypatch.setattr(module, "get_database", lambda: database)


def _command(*words: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    code = main(list(words), io.StringIO(), out, err)
    return code, out.getvalue(), err.getvalue()


def _done(*words: str) -> Any:
    code, out, err = _command(*words)
    assert code == 0, err
    return json.loads(out)


def _add(name: str = "Peach Pharmacy") -> Any:
    return _done("pharmacy", "add", "--name", name, "--zone", "America/New_York")


def test_a_pharmacy_gets_an_id_and_a_slug_of_its_own() -> None:
    added = [_add("O’Brien’s Café Pharmacy"), _add("O'Brien's Cafe Pharmacy"), _add("薬局")]
    assert [entry["slug"] for entry in added] == [
        "obriens-cafe-pharmacy",
        "obriens-cafe-pharmacy-2",
        "pharmacy",
    ]
    assert len({entry["id"] for entry in added}) == 3
    assert set(added[0]) == {"id", "slug"}


@pytest.mark.parametrize(
    "zone", ["Mars/Base", "EST", "", "../../etc/passwd", "America/", "America/New_York\x00"]
)
def test_a_bad_zone_is_refused(zone: str) -> None:
    code, out, err = _command("pharmacy", "add", "--name", "Peach", "--zone", zone)
    assert (code, out) == (1, "")
    assert "America/New_York" in err


def test_the_report_has_the_promised_shape_and_a_second_run_changes_nothing(tmp_path: Path) -> None:
    place = _add()
    path = str(sample(tmp_path, "dispensing_export_next_day"))
    dry = _done("import", path, "--pharmacy", place["slug"], "--dry-run")
    first = _done("import", path, "--pharmacy", place["slug"], "--preset", "standard_export")
    second = _done("import", path, "--pharmacy", place["id"])
    assert dry == first
    assert list(first) == ["rows_read", "patients", "prescriptions", "fills", "problems", "notes"]
    assert first["problems"] == [{"row": 485, "column": "Patient ID", "reason": "The patient is missing."}]
    assert first["fills"] == {"added": 507, "changed": 0, "unchanged": 0}
    assert second["fills"] == {"added": 0, "changed": 0, "unchanged": 507}
    assert second["patients"] == {"added": 0, "changed": 0, "unchanged": 178}


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("import", "missing.csv", "--pharmacy", "x"), 1, "no such file"),
        (("import", "{file}", "--pharmacy", "nowhere"), 1, "no pharmacy"),
        (("import", "{file}", "--pharmacy", "peach-pharmacy", "--preset", "other"), 1, "no preset"),
        (("import", "{pdf}", "--pharmacy", "peach-pharmacy"), 1, "PDF"),
        (("import", "{pdf}", "--pharmacy", "peach-pharmacy", "--dry-run"), 1, "PDF"),
        (("import", "{file}"), 2, ""),
        (("pharmacy",), 2, ""),
        (("pharmacy", "add", "--name", "x"), 2, ""),
        (("pharmacy", "add", "--name", " ", "--zone", "America/Chicago"), 1, "name"),
    ],
)
def test_wrong_input_says_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], code: int, message: str
) -> None:
    _add()
    pdf = tmp_path / "export.pdf"
    pdf.write_bytes(b"%PDF-1.7")
    file = write_export(tmp_path, [row()])
    found = _command(*(word.format(file=file, pdf=pdf) for word in words))
    assert found[:2] == (code, "")
    assert message in found[2]
    capsys.readouterr()
