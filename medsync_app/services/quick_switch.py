"""Quick switch at a shared workstation: a PIN opens a session of who signed in there with the password today.

The PIN counts only at that workstation, until twelve hours after the full sign-in, and three wrong ones end it: then
the password is needed again. So does signing out, another password, and closing the account.
"""

import re
from dataclasses import dataclass

from medsync_app.auth.passwords import DUMMY_HASH
from medsync_app.auth.sessions import ABSOLUTE_LIMIT, hash_secret, new_secret
from medsync_app.auth.throttle import keyed_hash
from medsync_app.errors import Invalid
from medsync_app.services.audit import record
from medsync_app.services.sign_in import SignedIn
from medsync_app.store.audit import SYSTEM_CHAIN, Act
from medsync_app.store.audit_key import audit_key
from medsync_app.store.repositories import people
from medsync_app.store.session import Tx
from medsync_app.store.tables import Staff, StaffSession

MOST_WRONG = 3
_PIN = re.compile(r"[0-9]{4,8}")
_RISING = "01234567890"


@dataclass(frozen=True, slots=True)
class Switch:
    """A PIN to check against `pin_hash`; `session_id` None: whatever is typed is wrong."""

    session_id: str | None
    pin_hash: str


def check_pin(pin: str) -> None:
    """Raise Invalid unless it has 4 to 8 digits that are not all the same, nor in a row."""
    if not _PIN.fullmatch(pin):
        raise Invalid("Choose a PIN of 4 to 8 digits.", "pin")
    if len(set(pin)) == 1 or pin in _RISING or pin[::-1] in _RISING:
        raise Invalid("Choose a PIN that is harder to guess.", "pin")


def secret_of_pin(staff_id: str, pin: str) -> str:
    """What is hashed slowly and kept: useless without the key that lies outside the database."""
    return keyed_hash("pin", f"{staff_id}:{pin}", audit_key())


def set_pin(tx: Tx, staff_id: str, pin_hash: str | None) -> None:
    """Keep the hash of a person's PIN, or (None) forget it. The password was checked before."""
    staff = tx.get(Staff, staff_id, lock=True)
    staff.pin_hash = pin_hash
    if pin_hash is None:
        people.forget_pins(tx, staff_id)
    _record(tx, staff, "set_pin" if pin_hash else "remove_pin")


def begin_switch(tx: Tx, station: str, staff_id: str) -> Switch:
    """Count the try as wrong until it succeeds, so that many at once count too."""
    opened = people.station_session(tx, hash_secret(station), staff_id)
    staff = tx.find(Staff, staff_id)
    if opened is None or staff is None or not staff.active or staff.pin_hash is None:
        return Switch(None, DUMMY_HASH)
    opened.pin_failures += 1
    if opened.pin_failures >= MOST_WRONG:
        opened.pin_until = None
    return Switch(opened.id, staff.pin_hash)


def finish_switch(tx: Tx, switch: Switch, *, correct: bool, former: str) -> SignedIn | None:
    """End the session of who leaves and open one of who comes; None, audited, when the PIN was wrong.

    The new session is over when the full sign-in is: a PIN lengthens nothing.
    """
    opened = tx.find(StaffSession, switch.session_id, lock=True)
    staff = tx.find(Staff, opened.staff_id, lock=True) if opened is not None else None
    if opened is None or staff is None:
        return None
    ended = opened.pin_until is None and opened.pin_failures < MOST_WRONG  # by signing out meanwhile, for one
    if not correct or ended or not staff.active:
        _record(tx, staff, "pin_failed")
        return None
    facts = people.session_facts(tx, hash_secret(former))
    if facts is not None:
        people.end_session(tx, facts.session_id, "switched")
    # The third try was the right one: what it used up is given back.
    opened.pin_until, opened.pin_failures = opened.created_at + ABSOLUTE_LIMIT, 0
    secret = new_secret()
    tx.add(
        StaffSession(
            staff_id=staff.id, token_hash=hash_secret(secret), created_at=opened.created_at,
            last_activity_at=tx.now, station_hash=opened.station_hash,
        )
    )  # fmt: skip
    _record(tx, staff, "sign_in_by_pin")
    return SignedIn(staff.id, staff.name, secret)


def _record(tx: Tx, staff: Staff, act: str) -> None:
    for chain in sorted(place.id for place in people.places_of(tx, staff.id)) or [SYSTEM_CHAIN]:
        record(tx, Act(chain, staff.id, staff.name, act, "staff", staff.id))
