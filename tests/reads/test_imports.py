"""The import screen sees progress, counts and problems of its own pharmacy."""

from pathlib import Path

import pytest

from medsync_app.clock import VirtualClock
from medsync_app.errors import NotFound
from medsync_app.reads.imports import import_view, recent_imports
from medsync_app.services.start_import import start_import
from medsync_app.store.repositories.imports import problems_of
from medsync_app.store.session import Database
from tests.support.exports import import_path, row, write_export
from tests.support.store import SYSTEM, make_shop


def test_a_run_shows_how_far_it_is_and_what_it_did(
    database: Database, clock: VirtualClock, tmp_path: Path
) -> None:
    shop, other = make_shop(database), make_shop(database, "other")
    path = write_export(tmp_path, [row(), *(row(Rx_Number=str(n), Quantity="x") for n in range(60))])
    import_path(database, clock, shop, path)
    with database.transaction(SYSTEM, clock) as tx:
        waiting = start_import(tx, shop.pharmacy_id, path, file_name="b.csv", at_once=True)
    with database.reading(shop.scope) as tx:
        second, first = recent_imports(tx, shop.pharmacy_id)
        assert import_view(tx, waiting) == second
        problems = problems_of(tx, first.id)
    assert (first.state, first.percent, first.problems, first.fills) == (
        "done", 100, 60, {"added": 1, "changed": 0, "unchanged": 0},
    )  # fmt: skip
    assert (second.state, second.percent, second.rows_total) == ("waiting", 0, 61)
    assert [problem.line for problem in problems] == list(range(3, 63))
    with database.reading(other.scope) as tx:
        assert recent_imports(tx, shop.pharmacy_id) == []
        with pytest.raises(NotFound):
            import_view(tx, first.id)
