"""Events of the pharmacy system that could not be used, as Settings shows them: no patient data until asked for."""

from dataclasses import dataclass
from datetime import datetime

from medsync_app.store.repositories import inbound
from medsync_app.store.session import Tx
from medsync_app.store.tables import Pharmacy

SHOWN = 50


@dataclass(frozen=True, slots=True)
class UnusedEvent:
    """One of them; `waits` when it is tried again by itself."""

    id: str
    kind: str
    source: str
    external_id: str
    received_at: datetime
    problem: str
    waits: bool


@dataclass(frozen=True, slots=True)
class UnusedEvents:
    """The newest ones, and how many there are."""

    rows: tuple[UnusedEvent, ...]
    count: int


def unused_events(tx: Tx, pharmacy_id: str) -> UnusedEvents:
    """What waits for a person or for more news at a pharmacy; NotFound outside the scope."""
    tx.get(Pharmacy, pharmacy_id)
    rows = tuple(
        UnusedEvent(
            row.id, row.kind, row.source, row.external_id.partition(":")[2], row.received_at, row.problem,
            bool(row.waits_for),
        )
        for row in inbound.unused(tx, pharmacy_id, SHOWN)
    )  # fmt: skip
    return UnusedEvents(rows, len(rows) if len(rows) < SHOWN else inbound.count_unused(tx, pharmacy_id))
