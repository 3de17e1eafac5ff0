"""Benchmarks come from a pharmacy's rules; what makes no sense there leaves what is known."""

import pytest

from medsync_app.domain.benchmarks import KNOWN, Benchmark, benchmarks_of
from medsync_app.domain.drug_classes import DrugClass

OURS = {"share": 0.85, "source": "State average", "year": 2025}


def test_without_a_setting_the_known_ones_hold() -> None:
    assert benchmarks_of({}) == KNOWN
    assert KNOWN[DrugClass.DIABETES].year == 2026


def test_a_setting_adds_replaces_and_removes() -> None:
    found = benchmarks_of({"benchmarks": {"statins": OURS, "diabetes": None}})
    assert found == {DrugClass.STATINS: Benchmark(0.85, "State average", 2025)}


@pytest.mark.parametrize(
    "entry",
    [
        85,
        OURS | {"share": 85},
        OURS | {"share": 0},
        OURS | {"share": True},
        OURS | {"share": "0.85"},
        OURS | {"source": " "},
        OURS | {"source": "x" * 121},
        OURS | {"year": "2025"},
        OURS | {"year": 1999},
        OURS | {"year": True},
    ],
)
def test_an_entry_without_sense_is_not_used(entry: object) -> None:
    assert benchmarks_of({"benchmarks": {"statins": entry}}) == KNOWN


@pytest.mark.parametrize("given", [None, [], "x", {"opioids": OURS}, {7: OURS}])
def test_a_setting_of_another_kind_is_not_used(given: object) -> None:
    assert benchmarks_of({"benchmarks": given}) == KNOWN
