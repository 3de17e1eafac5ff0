"""What the frame warns of: backups that stopped."""

from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import func, select

from medsync_app.store.repositories.backups import newest_good
from medsync_app.store.session import Tx
from medsync_app.store.tables import Pharmacy

#: DESIGN.md section 5: a nightly backup that is older than this is missing.
BACKUP_DUE = timedelta(hours=26)
_pharmacy = cast(Any, Pharmacy)


def backup_overdue(tx: Tx) -> bool:
    """True when the newest good backup is older than 26 hours (a new installation has that long)."""
    newest = newest_good(tx)
    if newest is None:
        newest = cast(
            datetime | None, tx.session.execute(select(func.min(_pharmacy.created_at))).scalar_one()
        )
    return newest is not None and tx.now - newest > BACKUP_DUE
