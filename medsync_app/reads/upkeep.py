"""When the loop last ticked and the last good backup was made: what `doctor` looks at."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import func, select

from medsync_app.store.repositories.backups import newest_good
from medsync_app.store.session import Tx
from medsync_app.store.tables import LoopHeartbeat, Pharmacy, Staff

_beat, _staff = cast(Any, LoopHeartbeat), cast(Any, Staff)


@dataclass(frozen=True, slots=True)
class Upkeep:
    """None where there is none yet."""

    last_beat: datetime | None
    last_backup: datetime | None
    pharmacies: int
    active_staff: int


def upkeep(tx: Tx) -> Upkeep:
    """The state of the machinery, over all pharmacies in scope."""
    beat = select(func.max(_beat.beat_at))
    staff = select(func.count()).select_from(Staff).where(_staff.active.is_(True))
    return Upkeep(
        last_beat=tx.session.execute(beat).scalar_one(),
        last_backup=newest_good(tx),
        pharmacies=tx.session.execute(select(func.count()).select_from(Pharmacy)).scalar_one(),
        active_staff=tx.session.execute(staff).scalar_one(),
    )
