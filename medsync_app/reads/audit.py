"""The audit log of one pharmacy, newest first, filtered by act and person."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, cast

from sqlalchemy import func, select

from medsync_app.store.session import Tx
from medsync_app.store.tables import AuditEvent, Pharmacy

PAGE_SIZE: Final = 50
_event = cast(Any, AuditEvent)


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One act."""

    sequence: int
    at: datetime
    actor_name: str
    act: str
    subject_kind: str
    subject_id: str
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class AuditPage:
    """One page, with the acts and people that occur in the log (for the filters)."""

    rows: Sequence[AuditRow]
    total: int
    acts: Sequence[str]
    people: Mapping[str, str]
    zone: str


def audit_page(tx: Tx, pharmacy_id: str, *, act: str = "", actor_id: str = "", page: int = 1) -> AuditPage:
    """Page `page` (from 1) of the pharmacy's own chain; NotFound outside the scope."""
    # The log belongs to no pharmacy's tables, so the session's scope does not hold for it: this does.
    pharmacy = tx.get(Pharmacy, pharmacy_id)
    mine = _event.chain == pharmacy.id
    which = [mine]
    if act:
        which.append(_event.act == act)
    if actor_id:
        which.append(_event.actor_id == actor_id)
    rows = tx.session.execute(
        select(
            _event.sequence, _event.at, _event.actor_name, _event.act, _event.subject_kind, _event.subject_id,
            _event.detail,
        )
        .where(*which)
        .order_by(_event.sequence.desc())
        .limit(PAGE_SIZE)
        .offset((max(page, 1) - 1) * PAGE_SIZE)
    )  # fmt: skip
    total = tx.session.execute(select(func.count()).select_from(AuditEvent).where(*which)).scalar_one()
    acts = tx.session.execute(select(_event.act).where(mine).distinct().order_by(_event.act)).scalars()
    people = tx.session.execute(
        select(_event.actor_id, func.max(_event.actor_name)).where(mine).group_by(_event.actor_id)
    )
    return AuditPage(
        [AuditRow(*row) for row in rows],
        total,
        list(acts),
        {row[0]: row[1] for row in people},
        pharmacy.zone,
    )
