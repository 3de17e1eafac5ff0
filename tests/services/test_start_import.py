"""An upload is kept privately, previewed, confirmed, worked and deleted."""

import asyncio
import os
import stat
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from medsync_app.clock import VirtualClock
from medsync_app.connections.csv.mapping import PRESETS
from medsync_app.errors import Conflict, Invalid, NotFound
from medsync_app.services import import_dispensing
from medsync_app.services import start_import as module
from medsync_app.services.import_dispensing import claim_run
from medsync_app.services.start_import import (
    TooLarge,
    cancel_import,
    confirm_import,
    keep_upload,
    preview_import,
    start_import,
)
from medsync_app.services.work_imports import work_waiting_imports
from medsync_app.settings import get_settings
from medsync_app.store.session import Database
from medsync_app.store.tables import ImportRun
from tests.support.exports import HEADERS, export_text, row
from tests.support.store import SYSTEM, Shop, make_shop


@pytest.fixture(autouse=True)
def uploads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The uploads folder of this test."""
    monkeypatch.setenv("MEDSYNC_DATA_DIR", str(tmp_path / "data"))
    get_settings.cache_clear()
    yield tmp_path / "data" / "uploads"
    get_settings.cache_clear()


async def _blocks(data: bytes, size: int = 1000) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


def _kept(text: str) -> Path:
    return asyncio.run(keep_upload(_blocks(text.encode()), asyncio.to_thread))


def _uploaded(database: Database, clock: VirtualClock, shop: Shop, text: str) -> str:
    path = _kept(text)
    with database.transaction(SYSTEM, clock) as tx:
        return start_import(tx, shop.pharmacy_id, path, file_name="C:\\exports\\november.csv")


def _run(database: Database, run_id: str) -> ImportRun:
    with database.reading(SYSTEM) as tx:
        return tx.get(ImportRun, run_id)


def test_an_upload_is_readable_by_this_account_only(uploads: Path) -> None:
    path = _kept(export_text([row()]))
    assert path.parent == uploads
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(uploads.stat().st_mode) == 0o700
    assert path.read_text(encoding="utf-8") == export_text([row()])


def test_an_upload_that_is_too_large_leaves_nothing_behind(uploads: Path) -> None:
    with pytest.raises(TooLarge):
        asyncio.run(keep_upload(_blocks(b"x" * 5_000), asyncio.to_thread, most=4_000))
    assert os.listdir(uploads) == []  # noqa: PTH208 (names are all that matters)


def test_an_upload_waits_for_a_persons_word_and_is_deleted_after_its_import(
    database: Database, clock: VirtualClock, shop: Shop, uploads: Path
) -> None:
    run_id = _uploaded(database, clock, shop, export_text([row(), row(Rx_Number="2", Quantity="x")]))
    assert work_waiting_imports(database, clock) == 0
    with database.reading(shop.scope) as tx:
        shown = preview_import(tx, run_id)
    assert (shown.mapping.name, shown.missing, len(shown.rows), len(shown.problems)) == (
        "standard_export", [], 2, 1,
    )  # fmt: skip
    with database.transaction(shop.scope, clock) as tx:
        confirm_import(tx, run_id)
    with database.transaction(shop.scope, clock) as tx, pytest.raises(Conflict):
        confirm_import(tx, run_id)
    assert work_waiting_imports(database, clock) == 1
    run = _run(database, run_id)
    assert (run.state, run.file_name, run.rows_done, run.counts["fills"]["added"]) == (
        "done",
        "november.csv",
        2,
        1,
    )
    assert list(uploads.iterdir()) == []
    assert work_waiting_imports(database, clock) == 0


def test_a_mapping_made_by_hand_is_kept_for_the_next_file(
    database: Database, clock: VirtualClock, shop: Shop
) -> None:
    odd = {header: f"Spalte {number}" for number, header in enumerate(HEADERS)}
    text = export_text([{odd[name]: value for name, value in row().items()}], headers=odd.values())
    run_id = _uploaded(database, clock, shop, text)
    with database.transaction(shop.scope, clock) as tx, pytest.raises(Invalid, match="no column for"):
        confirm_import(tx, run_id)
    columns = {key: odd[header] for key, header in PRESETS["standard_export"].items()}
    with database.transaction(shop.scope, clock) as tx:
        confirm_import(tx, run_id, {"columns": columns}, save_as="Our system")
    assert work_waiting_imports(database, clock) == 1
    assert _run(database, run_id).state == "done"
    again = _uploaded(database, clock, shop, text)
    with database.reading(shop.scope) as tx:
        shown = preview_import(tx, again)
    assert (shown.mapping.name, shown.missing) == ("Our system", [])


def test_an_upload_nobody_confirms_is_deleted_after_a_day(
    database: Database, clock: VirtualClock, shop: Shop, uploads: Path
) -> None:
    run_id = _uploaded(database, clock, shop, export_text([row()]))
    clock.advance(timedelta(hours=23))
    work_waiting_imports(database, clock)
    assert len(list(uploads.iterdir())) == 1
    clock.advance(timedelta(hours=2))
    work_waiting_imports(database, clock)
    assert list(uploads.iterdir()) == []
    assert _run(database, run_id).state == "cancelled"


def test_a_cancelled_import_is_not_worked(
    database: Database, clock: VirtualClock, shop: Shop, uploads: Path
) -> None:
    run_id = _uploaded(database, clock, shop, export_text([row()]))
    with database.transaction(shop.scope, clock) as tx:
        confirm_import(tx, run_id)
        cancel_import(tx, run_id)
    assert work_waiting_imports(database, clock) == 0
    assert list(uploads.iterdir()) == []


def test_an_import_whose_process_died_leaves_no_file_when_it_is_cancelled(
    database: Database, clock: VirtualClock, shop: Shop, uploads: Path
) -> None:
    run_id = _uploaded(database, clock, shop, export_text([row()]))
    with database.transaction(shop.scope, clock) as tx:
        confirm_import(tx, run_id)
    with database.transaction(SYSTEM, clock) as tx:
        claim_run(tx, run_id)
    clock.advance(timedelta(minutes=3))
    with database.transaction(shop.scope, clock) as tx:
        cancel_import(tx, run_id)
    assert list(uploads.iterdir()) == []


def test_an_import_cancelled_after_its_last_chunk_stays_cancelled(
    database: Database, clock: VirtualClock, shop: Shop, uploads: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = _uploaded(database, clock, shop, export_text([row()]))
    with database.transaction(shop.scope, clock) as tx:
        confirm_import(tx, run_id)

    def cancel(*_: object) -> list[str]:
        with database.transaction(shop.scope, clock) as tx:
            cancel_import(tx, run_id)
        return []

    monkeypatch.setattr(import_dispensing, "_ignored", cancel)
    work_waiting_imports(database, clock)
    assert _run(database, run_id).state == "cancelled"
    assert list(uploads.iterdir()) == []


def test_a_file_that_fails_is_reported_and_deleted_and_the_next_one_is_worked(
    database: Database, clock: VirtualClock, shop: Shop, uploads: Path
) -> None:
    first = _uploaded(database, clock, shop, export_text([row()]))
    second = _uploaded(database, clock, shop, export_text([row()]))
    for run_id in (first, second):
        with database.transaction(shop.scope, clock) as tx:
            confirm_import(tx, run_id)
    Path(_run(database, first).stored_path).write_bytes(b"%PDF-1.7")
    assert work_waiting_imports(database, clock) == 2
    assert (_run(database, first).state, _run(database, second).state) == ("failed", "done")
    assert "PDF" in _run(database, first).error
    assert list(uploads.iterdir()) == []


def test_another_pharmacys_import_is_not_there(database: Database, clock: VirtualClock, shop: Shop) -> None:
    other = make_shop(database, "other")
    run_id = _uploaded(database, clock, shop, export_text([row()]))
    with database.transaction(other.scope, clock) as tx:
        for call in (preview_import, confirm_import, cancel_import):
            with pytest.raises(NotFound):
                call(tx, run_id)
        with pytest.raises(NotFound):
            start_import(tx, shop.pharmacy_id, _kept(export_text([row()])), file_name="x.csv")


def test_files_of_people_are_never_deleted(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("mine", encoding="utf-8")
    module.discard_upload(path)
    assert path.exists()
