"""How the last test of each other program ended."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import select

from medsync_app.domain.states import OutsideKind, OutsideState
from medsync_app.services.outside_jobs import TEST
from medsync_app.store.session import Tx
from medsync_app.store.tables import OutsideJob

_job = cast(Any, OutsideJob)


@dataclass(frozen=True, slots=True)
class ProgramTest:
    """The newest test; `reason` says why it failed, `sandbox` that nothing left this computer."""

    state: OutsideState
    at: datetime
    reason: str
    sandbox: bool


def program_tests(tx: Tx, pharmacy_id: str) -> Mapping[OutsideKind, ProgramTest]:
    """By program; nothing for one that was never tested."""
    rows = tx.session.scalars(
        select(OutsideJob)
        .where(_job.pharmacy_id == pharmacy_id, _job.op == TEST)
        .order_by(_job.id.desc())
        .limit(100)
    )
    found: dict[OutsideKind, ProgramTest] = {}
    for row in rows:
        kept = row.external_ref.startswith("sandbox-")
        found.setdefault(row.kind, ProgramTest(row.state, row.sent_at or row.created_at, row.reason, kept))
    return found
