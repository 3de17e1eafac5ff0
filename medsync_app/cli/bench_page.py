"""Measures a pharmacy's adherence page from the database: kept, after a change, and the first time in a process."""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from medsync_app.cli.bench_pharmacy import DRUGS_EACH, FILLS_PER_DRUG, NOW, make_pharmacy
from medsync_app.clock import VirtualClock
from medsync_app.domain.states import Role
from medsync_app.reads.adherence import Report, adherence_report
from medsync_app.reads.fill_columns import people, sold_columns
from medsync_app.reads.places import places
from medsync_app.store.scope import Scope
from medsync_app.store.session import Database

_LIMIT_MS = 500
_ROUNDS = 5


def measure(patients: int) -> dict[str, Any]:
    """The page of a pharmacy of so many patients with six drugs and two years of fills, a fifth of them enrolled.

    Milliseconds of the first call in the process, of a call after a change of one patient's fills (the median of
    five, and its time on the processor) and of a call after no change (warm). A change reads the patients concerned
    again and counts everything. The reference is the bare reading of the fills that the page is counted from; ratio:
    the call after a change to that, in time on the processor.
    """
    with tempfile.TemporaryDirectory() as folder:
        database, pharmacy_id = make_pharmacy(f"sqlite:///{Path(folder) / 'bench.db'}", patients)
        try:
            return {"patients": patients, "fills": patients * DRUGS_EACH * FILLS_PER_DRUG} | _figures(
                database, pharmacy_id
            )
        finally:
            database.dispose()


def _figures(database: Database, pharmacy_id: str) -> dict[str, Any]:
    clock = VirtualClock(NOW)
    scope = Scope.staff("bench", "Bench", {pharmacy_id: Role.OWNER})

    def page() -> Report:
        with database.reading(scope, clock) as tx:
            return adherence_report(tx)

    def bare() -> None:
        with database.reading(scope, clock) as tx:
            today = places(tx)[pharmacy_id].today
            sold_columns(tx, today.replace(year=today.year - 2), today)

    def change() -> None:
        with database.transaction(scope, clock) as tx:
            tx.dispensed(pharmacy_id, [next(iter(people(tx)))])

    first = _ms(page)
    anew: list[float] = []
    used: list[float] = []
    for _ in range(_ROUNDS):
        change()
        began = time.process_time()
        anew.append(_ms(page))
        used.append((time.process_time() - began) * 1000)
    warm = statistics.median(_ms(page) for _ in range(_ROUNDS))
    began = time.process_time()
    _ms(bare)
    reference = (time.process_time() - began) * 1000
    middle, processor = statistics.median(anew), statistics.median(used)
    return {
        "first_ms": round(first),
        "after_a_change_ms": round(middle),
        "after_a_change_cpu_ms": round(processor),
        "warm_ms": round(warm, 1),
        "limit_ms": _LIMIT_MS,
        "warm_share_of_limit": round(warm / _LIMIT_MS, 3),
        "after_a_change_share_of_limit": round(processor / _LIMIT_MS, 2),
        "reference_cpu_ms": round(reference),
        "ratio": round(processor / reference, 2),
    }


def _ms(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000
