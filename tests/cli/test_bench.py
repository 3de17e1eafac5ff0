"""The benchmarks run, say how much work they did, and their references do the same work."""

import io
import json

import pytest

from medsync_app.cli import bench, bench_pdc
from medsync_app.cli.main import main


@pytest.mark.slow
def test_each_benchmark_says_its_size_its_rate_and_the_ratio_to_its_reference() -> None:
    out = io.StringIO()
    assert main(["bench", "--json", "--small"], stdout=out) == 0
    found = json.loads(out.getvalue())
    assert set(found) == set(bench.PARTS)
    assert found["import"]["rows"] == 1_200
    assert found["planner"]["patients"] == 20
    assert found["pdc"]["fills"] == 6_000
    for figures in found.values():
        assert all(value > 0 for value in figures.values() if isinstance(value, int | float))
        assert "ratio" in figures


def test_every_way_finds_the_same_covered_days() -> None:
    claims = bench_pdc.invented_claims(3_000)
    ours = bench_pdc._ours(claims)
    assert ours == bench_pdc._polars(claims) == bench_pdc._textbook(claims)
    assert 0 < ours[1] < ours[0]


def test_ways_that_disagree_are_no_benchmark(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_pdc, "_polars", lambda claims: (1, 1))
    with pytest.raises(AssertionError, match="disagree"):
        bench_pdc.measure(1_000)


def test_people_get_a_line_for_each_benchmark(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        bench.Part, "measure", lambda _, size: {"size": size, "us_per_patient": 1234, "of": "x"}
    )
    out = io.StringIO()
    assert main(["bench"], stdout=out) == 0
    lines = out.getvalue().splitlines()
    assert len(lines) == len(bench.PARTS)
    assert lines[1] == "planner: size 5,000, us per patient 1,234, of x"


def test_one_part_alone_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench.Part, "measure", lambda _, size: {"size": size})
    out = io.StringIO()
    assert main(["bench", "--json", "--only", "pdc", "--small"], stdout=out) == 0
    assert json.loads(out.getvalue()) == {"pdc": {"size": 6_000}}


@pytest.mark.slow
def test_the_import_alone_takes_the_number_of_rows_asked_for() -> None:
    out = io.StringIO()
    assert main(["bench", "--json", "--rows", "600"], stdout=out) == 0
    found = json.loads(out.getvalue())
    assert set(found) == {"import"}
    assert found["import"]["rows"] == 600
