"""Times what each page reads of a large pharmacy, beside the round trip of an empty read, in one run."""

import tempfile
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import Any, Final

from medsync_app.cli.bench_pharmacy import NOW, TODAY, add_work, make_pharmacy
from medsync_app.clock import Clock, VirtualClock
from medsync_app.reads.adherence import adherence_report
from medsync_app.reads.calendar import calendar_days
from medsync_app.reads.candidates import candidate_list
from medsync_app.reads.exceptions import BoardFilter, board
from medsync_app.reads.frame import frame, revision
from medsync_app.reads.funnel import programme_funnel
from medsync_app.reads.messages import message_list
from medsync_app.reads.patient import patient_facts
from medsync_app.reads.patient_history import conversation, history
from medsync_app.reads.patient_supply import patient_supply
from medsync_app.reads.patients import patient_list
from medsync_app.reads.search import search
from medsync_app.reads.staff_work import staff_work
from medsync_app.reads.today import today_queue
from medsync_app.store.scope import Scope
from medsync_app.store.session import Database, Tx

_SCOPE = Scope.system("bench")
_ROUNDS = 7


def measure(patients: int) -> dict[str, Any]:
    """Milliseconds (median of seven) of the reads of each page, of a pharmacy with so many patients on SQLite.

    Six drugs each and two years of fills; one of five takes part, with three messages, every second of these with a
    task. Candidates, adherence, the funnel and staff time are kept until the pharmacy changes:
    `..._after_a_change_cpu_ms` is their first read after one patient's fills have changed, in time on the processor.
    `empty_read_ms` is a transaction that asks for one number; ratio: the slowest page to it.
    """
    with tempfile.TemporaryDirectory() as folder:
        clock = VirtualClock(NOW)
        database, pharmacy_id = make_pharmacy(f"sqlite:///{Path(folder) / 'bench.db'}", patients)
        try:
            people = add_work(database, clock, pharmacy_id)
            empty = _median_ms(database, clock, revision)
            taken = {name: _median_ms(database, clock, read) for name, read in _pages(people[0]).items()}

            def change() -> None:
                with database.transaction(_SCOPE, clock) as tx:
                    tx.dispensed(pharmacy_id, people[:1])

            anew = {
                f"{name}_after_a_change_cpu_ms": _median_ms(database, clock, read, time.process_time, change)
                for name, read in _KEPT.items()
            }
        finally:
            database.dispose()
    return {
        "patients": patients,
        "enrolled": len(people),
        "empty_read_ms": empty,
        **{f"{name}_ms": figure for name, figure in taken.items()},
        **anew,
        "ratio": round(max(taken.values()) / empty, 1),
    }


#: Counted over everybody, once for each state of the pharmacy.
_KEPT: Final[Mapping[str, Callable[[Tx], object]]] = {
    "candidates": candidate_list,
    "adherence": adherence_report,
    "funnel": programme_funnel,
    "staff_time": staff_work,
}


def _pages(patient_id: str) -> dict[str, Callable[[Tx], object]]:
    """What each page reads when it opens; its first calls in the process count the kept figures anew."""

    def patient(tx: Tx) -> None:
        for read in (patient_facts, patient_supply, conversation, history):
            read(tx, patient_id)

    month = TODAY.replace(day=1)
    return {
        "frame": frame,
        "search": lambda tx: search(tx, "last499"),
        "today": today_queue,
        "calendar": lambda tx: calendar_days(tx, month, month + timedelta(days=42)),
        "patients": patient_list,
        "patient": patient,
        "exceptions": lambda tx: board(tx, BoardFilter()),
        "messages": message_list,
        **_KEPT,
    }


def _median_ms(
    database: Database,
    clock: Clock,
    read: Callable[[Tx], object],
    now: Callable[[], float] = time.perf_counter,
    before: Callable[[], None] | None = None,
) -> float:
    taken: list[float] = []
    for _ in range(_ROUNDS):
        if before is not None:
            before()
        began = now()
        with database.reading(_SCOPE, clock) as tx:
            read(tx)
        taken.append(now() - began)
    return round(median(taken) * 1000, 2)
