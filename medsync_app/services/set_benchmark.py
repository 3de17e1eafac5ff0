"""Sets the line that a class is compared with at a pharmacy."""

from typing import Any, cast

from medsync_app.domain.benchmarks import Benchmark, benchmark_document
from medsync_app.domain.drug_classes import DrugClass
from medsync_app.services.audit import audit
from medsync_app.store.session import Tx
from medsync_app.store.tables import Pharmacy


def set_benchmark(tx: Tx, pharmacy_id: str, drug_class: DrugClass, benchmark: Benchmark | None) -> None:
    """Keep the benchmark in the pharmacy's rules; None: no line, also where one is known. NotFound outside the
    scope.
    """
    pharmacy = tx.get(Pharmacy, pharmacy_id, lock=True)
    given: object = pharmacy.rules.get("benchmarks")
    kept = cast("dict[str, Any]", given) if isinstance(given, dict) else {}
    document = benchmark_document(benchmark)
    # A new document: a change inside the old one would not be written.
    pharmacy.rules = {**pharmacy.rules, "benchmarks": {**kept, drug_class.value: document}}
    tx.session.flush()
    audit(
        tx, pharmacy_id=pharmacy_id, act="set_benchmark", subject_kind="pharmacy", subject_id=pharmacy_id,
        detail={"class": drug_class.value, "share": benchmark.share if benchmark else None},
    )  # fmt: skip
