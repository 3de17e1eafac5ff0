"""Backup runs."""

from datetime import datetime
from typing import Any, cast

from sqlalchemy import func, select

from medsync_app.store.session import Tx
from medsync_app.store.tables import BackupRun

_run = cast(Any, BackupRun)


def newest_good(tx: Tx) -> datetime | None:
    """When the newest backup without an error was finished; None when there is none."""
    statement = select(func.max(_run.finished_at)).where(_run.error == "")
    return cast(datetime | None, tx.session.execute(statement).scalar_one())
