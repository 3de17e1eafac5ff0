"""Ends sessions: one that its person leaves, or all of somebody who may no longer come in."""

from medsync_app.auth.sessions import hash_secret
from medsync_app.services.audit import record
from medsync_app.store.audit import SYSTEM_CHAIN, Act
from medsync_app.store.repositories import people
from medsync_app.store.session import Tx


def sign_out(tx: Tx, secret: str) -> bool:
    """End the session with that secret; False when there is none that is open."""
    facts = people.session_facts(tx, hash_secret(secret))
    if facts is None or not people.end_session(tx, facts.session_id, "signed out"):
        return False
    people.forget_pins(tx, facts.staff_id, station_of=facts.session_id)
    for chain in sorted(place.id for place in facts.places) or [SYSTEM_CHAIN]:
        record(tx, Act(chain, facts.staff_id, facts.name, "sign_out", "staff", facts.staff_id))
    return True
