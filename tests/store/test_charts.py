"""The charts of many patients are read patient by patient, however many fills the pharmacy has."""

from pathlib import Path

import pytest
from sqlalchemy import event

from medsync_app.cli.bench_pharmacy import NOW, make_pharmacy
from medsync_app.clock import VirtualClock
from medsync_app.reads.patients import patient_list
from medsync_app.store.repositories.charts import of_patients
from medsync_app.store.scope import Scope

pytestmark = pytest.mark.slow


def test_the_fills_of_some_patients_are_found_by_patient(tmp_path: Path) -> None:
    database, pharmacy_id = make_pharmacy(f"sqlite:///{tmp_path / 'charts.db'}", 150)
    seen: list[tuple[str, object]] = []

    def note(_connection: object, _cursor: object, statement: str, values: object, *_: object) -> None:
        seen.append((statement, values))

    try:
        with database.reading(Scope.system("test").only(pharmacy_id), VirtualClock(NOW)) as tx:
            ids = [row.id for row in patient_list(tx).rows]
            event.listen(database.engine, "before_cursor_execute", note)
            assert len(list(of_patients(tx, ids))) == len(ids)
            event.remove(database.engine, "before_cursor_execute", note)
        with database.engine.connect() as connection:
            lines = [
                str(row[-1])
                for statement, values in seen
                for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)  # type: ignore[arg-type]
            ]
    finally:
        database.dispose()
    assert [line for line in lines if line.startswith(("SEARCH fill ", "SCAN fill"))] == [
        "SEARCH fill USING INDEX ix_fill_patient_id_filled_on (patient_id=?)"
    ]
