"""The benchmarks run, say how much work they did, and their references do the same work."""

import io
import json

import pytest

from medsync_app.cli import bench, bench_domain
from medsync_app.cli.main import main

pytestmark = pytest.mark.slow


def test_each_benchmark_says_its_size_its_rate_and_the_ratio_to_its_reference() -> None:
    out = io.StringIO()
    assert main(["bench", "--json", "--small"], stdout=out) == 0
    found = json.loads(out.getvalue())
    assert set(found) == {"import", "planner", "pdc"}
    assert found["import"]["rows"] == 1_200
    assert found["planner"]["patients"] == 20
    assert found["pdc"]["fills"] == 6_000
    for figures in found.values():
        assert all(value > 0 for value in figures.values())
        assert "ratio" in figures


def test_the_textbook_way_finds_the_same_covered_days() -> None:
    found = bench_domain.measure_pdc(3_000)
    assert found["covered_days"] == found["reference_covered_days"]


def test_people_get_a_line_for_each_benchmark(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name in ((bench.bench_import, "measure"), (bench, "measure_planner"), (bench, "measure_pdc")):
        monkeypatch.setattr(module, name, lambda size: {"size": size, "us_per_patient": 1234})
    out = io.StringIO()
    assert main(["bench"], stdout=out) == 0
    assert out.getvalue().splitlines()[1] == "planner: size 500, us per patient 1,234"


def test_the_import_alone_takes_the_number_of_rows_asked_for() -> None:
    out = io.StringIO()
    assert main(["bench", "--json", "--rows", "600"], stdout=out) == 0
    found = json.loads(out.getvalue())
    assert set(found) == {"import"}
    assert found["import"]["rows"] == 600
