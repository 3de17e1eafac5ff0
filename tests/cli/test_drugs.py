"""The `drugs` command: the table's size, and what it recognises of an export."""

import gzip
import io
import json
from pathlib import Path
from typing import Any

import pytest

from medsync_app.cli.main import main
from medsync_app.domain.drug_classes import CLASS_OF_INGREDIENT

SAMPLE = Path(__file__).parents[1] / "data" / "dispensing_export.csv.gz"


def command(*arguments: str) -> Any:
    out = io.StringIO()
    assert main(["drugs", *arguments], stdout=out) == 0
    return json.loads(out.getvalue())


def test_the_size_of_the_table_is_printed() -> None:
    table = command()["table"]
    sizes = {name: one["ingredients"] for name, one in table["classes"].items()}
    assert sizes == {"diabetes": 29, "ras_antagonists": 19, "statins": 7}
    assert sum(sizes.values()) == len(CLASS_OF_INGREDIENT)
    assert table["weight_only_brands"] == ["saxenda", "wegovy", "zepbound"]
    assert "PQA" in table["source"]


def test_the_shares_of_the_sample_are_printed(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_bytes(gzip.decompress(SAMPLE.read_bytes()))
    sample = command("--file", str(path))["sample"]
    assert sample["rows_not_used"] == 11
    assert sample["drugs"]["names"] == sample["drugs"]["names_recognised"] == 34
    assert sample["chronic_drugs"]["share_of_names"] == 1.0
    assert 0 < sample["chronic_drugs"]["names"] < 34
    assert sample["unknown"] == []


def test_unknown_drugs_are_listed_and_not_guessed(tmp_path: Path) -> None:
    lines = gzip.decompress(SAMPLE.read_bytes()).decode("utf-8-sig").splitlines()[:41]
    cells = lines[1].split(",")
    lines[1] = lines[1].replace(cells[5], "Metforminol 500 MG Oral Tablet")
    path = tmp_path / "export.csv"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    sample = command("--file", str(path))["sample"]
    assert sample["unknown"] == [{"drug": "Metforminol 500 MG Oral Tablet", "fills": 1}]
    assert sample["drugs"]["names_recognised"] == sample["drugs"]["names"] - 1
    assert sample["drugs"]["fills_recognised"] == sample["drugs"]["fills"] - 1


def test_a_file_that_is_not_there_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["drugs", "--file", "/none.csv"]) == 1
    assert "file" in capsys.readouterr().err
