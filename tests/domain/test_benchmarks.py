"""Benchmarks come from a pharmacy's rules; what makes no sense there leaves what is known."""

import pytest

from medsync_app.domain.benchmarks import KNOWN, Benchmark, benchmark_document, benchmarks_of, typed_benchmark
from medsync_app.domain.drug_classes import DrugClass
from medsync_app.errors import Invalid

OURS = {"share": 0.85, "source": "State average", "year": 2025}


def test_without_a_setting_the_known_ones_hold() -> None:
    assert benchmarks_of({}) == KNOWN
    known = KNOWN[DrugClass.DIABETES]
    assert (known.share, known.year, "4 stars" in known.source) == (0.89, 2026, True)


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


def test_what_is_typed_reads_back_from_the_rules() -> None:
    typed = typed_benchmark(" 86.5 % ", " State  average ", "2025")
    assert typed == Benchmark(0.865, "State average", 2025)
    assert benchmarks_of({"benchmarks": {"statins": benchmark_document(typed)}})[DrugClass.STATINS] == typed
    assert typed_benchmark(" ", "", "") is None
    assert benchmark_document(None) is None


@pytest.mark.parametrize(
    ("percent", "source", "year", "field"),
    [
        ("abc", "x", "2025", "share"),
        ("101", "x", "2025", "share"),
        ("0.5", "x", "2025", "share"),
        ("nan", "x", "2025", "share"),
        ("inf", "x", "2025", "share"),
        ("-5", "x", "2025", "share"),
        ("86", " ", "2025", "source"),
        ("86", "x" * 121, "2025", "source"),
        ("86", "x", "", "year"),
        ("86", "x", "1999", "year"),
        ("86", "x", "²⁰²⁵", "year"),
        ("86", "x", "9" * 5000, "year"),
    ],
)
def test_what_cannot_be_a_benchmark_is_refused_at_its_field(
    percent: str, source: str, year: str, field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        typed_benchmark(percent, source, year)
    assert refused.value.field == field
