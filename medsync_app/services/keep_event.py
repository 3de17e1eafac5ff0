"""Keeps an event from outside before anything is done with it, once however often it comes."""

from typing import Any

from medsync_app.store.repositories.messaging import insert_event
from medsync_app.store.session import Tx

#: Sources that the loop's inbox works.
STATUS, TEXT = "twilio:status", "twilio:text"
#: News of a call, and a key pressed in one.
CALL, KEY = "twilio:call", "twilio:key"
#: A stop that one pharmacy of a group has entered, for the others.
STOP = "group:stop"
#: A number that one of them has found to be wrong, for the others.
WRONG = "group:wrong_number"


def keep_event(tx: Tx, source: str, external_id: str, payload: dict[str, Any]) -> bool:
    """Write the event for the loop to work; False when it is known already."""
    return insert_event(tx, source, external_id, payload)
