"""Queries of events that programs of others have sent: kept, woken, shown, and emptied after their time."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, text, update
from sqlmodel import col

from medsync_app.store.session import Tx
from medsync_app.store.tables import InboundEvent

# As the partial indexes have it: with a parameter in its place no planner would take them.
_UNUSED = text("inbound_event.problem <> ''")
_FULL = text("inbound_event.emptied_at is null and inbound_event.problem = ''")


def pharmacies_of(tx: Tx, event_ids: Collection[str]) -> dict[str, str | None]:
    """The pharmacy each event is about; None for what providers tell of messages."""
    if not event_ids:
        return {}
    rows = select(col(InboundEvent.id), col(InboundEvent.pharmacy_id))
    found = tx.session.execute(rows.where(col(InboundEvent.id).in_(sorted(event_ids))))
    return {row.id: row.pharmacy_id for row in found}


def taken_elsewhere(tx: Tx, pharmacy_id: str, signed: str) -> bool:
    """Whether the delivery with that signature was taken at another location."""
    found = select(col(InboundEvent.pharmacy_id)).where(col(InboundEvent.signed) == signed)
    return tx.session.scalars(found).first() not in (None, pharmacy_id)


def wake(tx: Tx, pharmacy_id: str, keys: Collection[str]) -> int:
    """Let events be tried again that waited for one of these; returns how many. Needs the pharmacy's turn."""
    here = (col(InboundEvent.pharmacy_id) == pharmacy_id, _UNUSED, col(InboundEvent.waits_for) != "")
    waiting = tx.session.scalars(select(col(InboundEvent.waits_for)).where(*here).distinct())
    arrived = sorted(set(waiting).intersection(keys))
    return _try_again(tx, *here, col(InboundEvent.waits_for).in_(arrived)) if arrived else 0


def wake_one(tx: Tx, pharmacy_id: str, event_id: str) -> bool:
    """Let one event of a pharmacy be tried again; False when it is not among those that could not be used."""
    here = (col(InboundEvent.pharmacy_id) == pharmacy_id, _UNUSED, col(InboundEvent.id) == event_id)
    return bool(_try_again(tx, *here))


def _try_again(tx: Tx, *where: Any) -> int:
    statement = update(InboundEvent).where(*where).values(processed_at=None, problem="", waits_for="")
    return tx.session.connection().execute(statement).rowcount


def put_aside(tx: Tx, pharmacy_id: str, event_id: str, outcome: str) -> bool:
    """A person says that an event is of no use; False when it is not among those that could not be used."""
    statement = (
        update(InboundEvent)
        .where(col(InboundEvent.pharmacy_id) == pharmacy_id, _UNUSED, col(InboundEvent.id) == event_id)
        .values(processed_at=tx.now, problem="", waits_for="", outcome=outcome)
    )
    return bool(tx.session.connection().execute(statement).rowcount)


def count_unused(tx: Tx, pharmacy_id: str) -> int:
    """How many events of a pharmacy could not be used."""
    rows = select(func.count()).select_from(InboundEvent)
    return tx.session.execute(rows.where(col(InboundEvent.pharmacy_id) == pharmacy_id, _UNUSED)).scalar_one()


def unused(tx: Tx, pharmacy_id: str, most: int) -> list[InboundEvent]:
    """The newest events of a pharmacy that could not be used."""
    rows = select(InboundEvent).where(col(InboundEvent.pharmacy_id) == pharmacy_id, _UNUSED)
    return list(tx.session.scalars(rows.order_by(col(InboundEvent.received_at).desc()).limit(most)))


def empty_payloads(tx: Tx, before: datetime, most: int) -> int:
    """Empty what was sent by events worked before an instant; their ids stay. Returns how many were."""
    old = (
        select(col(InboundEvent.id))
        .where(col(InboundEvent.processed_at) < before, _FULL)
        .limit(most)
    )  # fmt: skip
    statement = update(InboundEvent).where(col(InboundEvent.id).in_(old))
    return (
        tx.session.connection()
        .execute(statement.values(payload=dict[str, Any](), emptied_at=tx.now))
        .rowcount
    )
