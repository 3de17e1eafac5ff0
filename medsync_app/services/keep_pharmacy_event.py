"""Keeps an event of the pharmacy system before anything is done with it: the loop works it."""

from hashlib import sha256
from typing import Any

from medsync_app.domain.states import JoinOrigin
from medsync_app.errors import Conflict
from medsync_app.store.repositories import inbound
from medsync_app.store.repositories.messaging import insert_event
from medsync_app.store.session import Tx

#: Who sends events that the loop works, as `InboundEvent.source` has it.
PHARMACY_SYSTEM, PIONEERRX = JoinOrigin.PHARMACY_SYSTEM.value, JoinOrigin.PIONEERRX.value
SOURCES = (PHARMACY_SYSTEM, PIONEERRX)
ELSEWHERE = (
    "This delivery was taken at another location already. Send each event to the address of its own pharmacy."
)


def digest_of(signature: str) -> str:
    """What is kept of a signature or an id, to know the same delivery again."""
    return sha256(signature.encode()).hexdigest()


def keep_pharmacy_event(
    tx: Tx, pharmacy_id: str, source: str, event_id: str, name: str, raw: dict[str, Any], signature: str
) -> bool:
    """Write one row; False when it is known already. Conflict for a delivery that another location has taken.

    Takes no turn: an answer never waits for an import. `signature` "" is for senders whose signature is no witness
    of the body.
    """
    key, signed = f"{pharmacy_id}:{event_id}", digest_of(signature) if signature else None
    if insert_event(tx, source, key, raw, pharmacy_id=pharmacy_id, kind=name, signed=signed):
        return True
    refuse_elsewhere(tx, pharmacy_id, signed)
    return False


def refuse_elsewhere(tx: Tx, pharmacy_id: str, signed: str | None) -> None:
    """Conflict when another location has taken the delivery with that signature."""
    if signed is not None and inbound.taken_elsewhere(tx, pharmacy_id, signed):
        raise Conflict(ELSEWHERE)
