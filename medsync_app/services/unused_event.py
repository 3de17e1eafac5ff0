"""What a person does about an event that could not be used: look at it, let it be tried again, put it aside."""

from medsync_app.domain.pharmacy_events import leaves
from medsync_app.domain.states import Role
from medsync_app.errors import Conflict
from medsync_app.services.audit import audit
from medsync_app.store.repositories import inbound
from medsync_app.store.session import Tx
from medsync_app.store.tables import InboundEvent, Pharmacy

_GONE = "This event was worked meanwhile. Look at the list as it is now."


def look_at_event(tx: Tx, pharmacy_id: str, event_id: str) -> tuple[tuple[str, str], ...]:
    """Everything an event says, place and value; recorded, for it is about a patient. Owners only."""
    _require(tx, pharmacy_id)
    event = tx.find(InboundEvent, event_id)
    if event is None or event.pharmacy_id != pharmacy_id or not event.problem:
        raise Conflict(_GONE)
    _audited(tx, pharmacy_id, "view_event", event_id)
    return tuple((place, value) for place, value in leaves(event.payload) if value)


def try_event_again(tx: Tx, pharmacy_id: str, event_id: str) -> None:
    """Let the loop work an event anew. Owners only; Conflict when it was worked meanwhile."""
    _require(tx, pharmacy_id)
    if not inbound.wake_one(tx, pharmacy_id, event_id):
        raise Conflict(_GONE)
    tx.touch(pharmacy_id)
    _audited(tx, pharmacy_id, "retry_event", event_id)


def put_event_aside(tx: Tx, pharmacy_id: str, event_id: str) -> None:
    """Say that an event is of no use: it leaves the list. Owners only; Conflict when it was worked meanwhile."""
    _require(tx, pharmacy_id)
    if not inbound.put_aside(tx, pharmacy_id, event_id, f"Put aside by {tx.scope.actor_name}."):
        raise Conflict(_GONE)
    tx.touch(pharmacy_id)
    _audited(tx, pharmacy_id, "put_event_aside", event_id)


def _require(tx: Tx, pharmacy_id: str) -> None:
    tx.scope.require(pharmacy_id, Role.OWNER)
    tx.get(Pharmacy, pharmacy_id)


def _audited(tx: Tx, pharmacy_id: str, act: str, event_id: str) -> None:
    audit(tx, pharmacy_id=pharmacy_id, act=act, subject_kind="inbound_event", subject_id=event_id)
