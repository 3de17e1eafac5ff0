"""Back up the database: a plain copy by hand, and an encrypted one each night of which 14 are kept."""

import os
import tempfile
from datetime import timedelta
from pathlib import Path

from cryptography.fernet import Fernet

from medsync_app.clock import Clock
from medsync_app.errors import Invalid, MedSyncError
from medsync_app.logs import get_logger
from medsync_app.settings import Settings, get_settings
from medsync_app.store import sealed_file, snapshot
from medsync_app.store.repositories import backups
from medsync_app.store.scope import Scope
from medsync_app.store.session import Database
from medsync_app.store.tables import BackupRun

KEPT = 14
#: A nightly backup is due when the newest is older than this: under a day, so that the hour does not drift.
DUE_AFTER = timedelta(hours=23)
KEY_FILE = "backup.key"
_SCOPE = Scope.system("backup")


def write_backup(db: Database, target: Path) -> int:
    """Copy the database to `target`, not encrypted; returns its size in bytes."""
    snapshot.snapshot(db.url, target)
    return target.stat().st_size


def nightly_backup(
    db: Database, clock: Clock, settings: Settings | None = None, *, force: bool = False
) -> bool:
    """Write an encrypted backup when one is due (or `force`); True when it did.

    A failure is recorded and logged, never raised: the loop that calls this must go on sending.
    """
    with db.reading(_SCOPE, clock) as tx:
        newest = backups.newest_good(tx)
        if not force and newest is not None and tx.now - newest < DUE_AFTER:
            return False
    settings = settings or get_settings()
    folder = settings.medsync_data_dir / "backups"
    run = BackupRun(started_at=clock.now(), file_name=f"medsync-{clock.now():%Y%m%dT%H%M%SZ}.sealed")
    try:
        run.size_bytes = _seal_database(db, folder / run.file_name, backup_key(settings))
        _keep_newest(folder)
    except (MedSyncError, OSError) as error:
        run.error = (
            error.message if isinstance(error, MedSyncError) else f"The disk refused: {error.strerror}."
        )
        get_logger().error("backup failed", error_type=type(error).__name__)
    run.finished_at = clock.now()
    with db.transaction(_SCOPE, clock) as tx:
        tx.add(run)
    return not run.error


def restore(source: Path, target: Path, settings: Settings | None = None) -> None:
    """Decrypt a nightly backup to `target` and check that it is whole; Invalid when `target` exists."""
    if target.exists():
        raise Invalid("That file exists already. Name a new one: a restore never overwrites.", "to")
    if not source.is_file():
        raise Invalid("There is no such backup file.", "file")
    sealed_file.unseal(source, target, backup_key(settings or get_settings()))
    target.chmod(0o600)
    snapshot.check(target)


def backup_key(settings: Settings) -> bytes:
    """MEDSYNC_BACKUP_KEY, else the key file in the data directory, made at first use with mode 0600."""
    if settings.medsync_backup_key is not None and settings.medsync_backup_key.get_secret_value():
        key = settings.medsync_backup_key.get_secret_value().encode()
        try:
            Fernet(key)
        except ValueError as error:
            raise Invalid("MEDSYNC_BACKUP_KEY is not a Fernet key (32 bytes, URL-safe base64).") from error
        return key
    path = settings.medsync_data_dir / KEY_FILE
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(Fernet.generate_key())
    return path.read_bytes()


def _seal_database(db: Database, target: Path, key: bytes) -> int:
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        plain, sealed = Path(folder) / "plain", Path(folder) / "sealed"
        snapshot.snapshot(db.url, plain)
        size = sealed_file.seal(plain, sealed, key)
        sealed.chmod(0o600)
        sealed.replace(target)
    return size


def _keep_newest(folder: Path) -> None:
    for old in sorted(folder.glob("medsync-*.sealed"))[:-KEPT]:
        old.unlink()
