"""The key of the audit log: from the environment, else from a file that only this account can read."""

import os
import secrets
import tempfile
from functools import lru_cache
from pathlib import Path

from medsync_app.errors import Unavailable
from medsync_app.settings import get_settings

FILE_NAME = "audit.key"
KEY_BYTES = 32


def audit_key() -> bytes:
    """The HMAC key: MEDSYNC_AUDIT_KEY, else the key file in the data directory, made at first use.

    Keep a copy away from the database: who has both can rewrite the log, who loses it can no longer verify
    it. Raises Unavailable when the key file exists and cannot be used.
    """
    settings = get_settings()
    if settings.medsync_audit_key is not None and settings.medsync_audit_key.get_secret_value():
        return settings.medsync_audit_key.get_secret_value().encode()
    return file_key(settings.medsync_data_dir)


@lru_cache(maxsize=8)
def file_key(directory: Path) -> bytes:
    """The key kept in `directory`, created there with mode 0600 when there is none."""
    path = directory / FILE_NAME
    if not path.exists():
        _create(path)
    key = path.read_bytes().strip()
    if len(key) < KEY_BYTES:
        raise Unavailable("The audit key file is damaged. Put back the copy you kept of it.", permanent=True)
    return key


def _create(path: Path) -> None:
    """Write a new key so that no reader ever sees half of it, and the first of two processes wins."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".audit-key-")  # mode 0600
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(name, path)
        except FileExistsError:
            return
    finally:
        Path(name).unlink()
