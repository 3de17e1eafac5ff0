"""The shares of adherent patients to compare with, by class, each with its source and year.

Star cut points are set for plans, not for pharmacies: they are shown as a line to look at, never as a grade.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, cast

from medsync_app.domain.drug_classes import DrugClass
from medsync_app.errors import Invalid

_FIRST_YEAR, _LAST_YEAR = 2008, 2100
_MAX_SOURCE: Final = 120


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A share from 0 to 1, who published it, and for which year."""

    share: float
    source: str
    year: int


#: What is known without a setting (DOMAIN.md section 3): the diabetes cut points 83/86/89/92, of which 89 is
#: four stars.
KNOWN: Final[Mapping[DrugClass, Benchmark]] = MappingProxyType({
    DrugClass.DIABETES: Benchmark(0.89, "Medicare Star Ratings, MA-PD plans, 4 stars", 2026),
})  # fmt: skip


def benchmarks_of(rules: Mapping[str, Any]) -> Mapping[DrugClass, Benchmark]:
    """The benchmarks of a pharmacy's `rules` document over those known; an entry without sense is not used.

    `rules["benchmarks"]` maps a class to {"share": 0.89, "source": "...", "year": 2026}, or to None for no
    line.
    """
    found = dict(KNOWN)
    given: object = rules.get("benchmarks")
    if not isinstance(given, dict):
        return found
    for name, value in cast("dict[object, object]", given).items():
        if name not in set(DrugClass):
            continue
        drug_class = DrugClass(str(name))
        if value is None:
            found.pop(drug_class, None)
        elif (read := _benchmark(value)) is not None:
            found[drug_class] = read
    return found


def typed_benchmark(percent: str, source: str, year: str) -> Benchmark | None:
    """What a person typed; None (no line) when the percent is empty. Invalid names the field in error."""
    text = percent.strip().removesuffix("%").strip()
    if not text:
        return None
    try:
        share = float(text) / 100
    except ValueError:
        share = 0.0
    # Also refuses "nan" and "inf", which float() reads.
    if not 0.01 <= share <= 1:
        raise Invalid("Write a percentage from 1 to 100, such as 89.", "share")
    where = " ".join(source.split())
    if not where or len(where) > _MAX_SOURCE:
        raise Invalid(f"Name who published it, in at most {_MAX_SOURCE} characters.", "source")
    digits = year.strip()
    if not (digits.isascii() and digits.isdigit() and _FIRST_YEAR <= int(digits[:6]) <= _LAST_YEAR):
        raise Invalid("Write the year it is for, such as 2026.", "year")
    return Benchmark(round(share, 4), where, int(digits))


def benchmark_document(benchmark: Benchmark | None) -> dict[str, Any] | None:
    """The entry of `rules["benchmarks"]` that reads back as this benchmark."""
    if benchmark is None:
        return None
    return {"share": benchmark.share, "source": benchmark.source, "year": benchmark.year}


def _benchmark(value: object) -> Benchmark | None:
    if not isinstance(value, dict):
        return None
    entry = cast("dict[str, object]", value)
    share, source, year = entry.get("share"), entry.get("source"), entry.get("year")
    if not isinstance(share, int | float) or isinstance(share, bool) or not 0 < share <= 1:
        return None
    if not isinstance(source, str) or not source.strip() or len(source) > _MAX_SOURCE:
        return None
    if not isinstance(year, int) or isinstance(year, bool) or not _FIRST_YEAR <= year <= _LAST_YEAR:
        return None
    return Benchmark(float(share), source.strip(), year)
