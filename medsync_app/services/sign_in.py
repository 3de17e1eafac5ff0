"""Sign-in: one step before the password is checked, one after, because checking takes long and needs no
transaction.
"""

from dataclasses import dataclass

from medsync_app.auth.passwords import DUMMY_HASH
from medsync_app.auth.sessions import ABSOLUTE_LIMIT, hash_secret, new_secret
from medsync_app.auth.throttle import ACCOUNT, SOURCE, WINDOW, Throttled, keyed_hash
from medsync_app.services.audit import record
from medsync_app.store.audit import SYSTEM_CHAIN, Act
from medsync_app.store.audit_key import audit_key
from medsync_app.store.repositories import people
from medsync_app.store.session import Tx
from medsync_app.store.tables import SignInFailure, Staff, StaffSession

MAX_EMAIL = 254
_SHOWN_HASH = 16


@dataclass(frozen=True, slots=True)
class Attempt:
    """A sign-in whose password is still to be checked against `password_hash`."""

    staff_id: str | None
    password_hash: str
    account_hash: str
    source_hash: str


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new session; `secret` goes into the cookie and is kept nowhere."""

    staff_id: str
    name: str
    secret: str


def normal_email(email: str) -> str:
    """The form in which an address is kept and compared."""
    return email.strip().lower()[:MAX_EMAIL]


def begin_sign_in(tx: Tx, email: str, source: str) -> Attempt:
    """Note the try as failed until it succeeds, so that many at once count too; Throttled when it must wait.

    `source` is where the try comes from (the peer's address). An unknown account gives an Attempt like any
    other.
    """
    key = audit_key()
    email = normal_email(email)
    account_hash = keyed_hash("account", email, key)
    source_hash = keyed_hash("source", source, key)
    since = tx.now - WINDOW
    people.forget_failures(tx, before=since)
    waits = [
        ACCOUNT.wait(*people.failures(tx, since=since, account_hash=account_hash), tx.now),
        SOURCE.wait(*people.failures(tx, since=since, source_hash=source_hash), tx.now),
    ]
    if max(waits):
        raise Throttled(max(waits))
    tx.add(SignInFailure(account_hash=account_hash, source_hash=source_hash, at=tx.now))
    staff = people.staff_by_email(tx, email)
    known = staff is not None and staff.active
    return Attempt(
        staff_id=staff.id if staff is not None and known else None,
        password_hash=staff.password_hash if staff is not None and known else DUMMY_HASH,
        account_hash=account_hash,
        source_hash=source_hash,
    )


def finish_sign_in(
    tx: Tx, attempt: Attempt, *, correct: bool, former: str | None = None, station: str | None = None
) -> SignedIn | None:
    """Open a session when the password was correct, else audit the failure and return None.

    `former` is the secret of the session this browser had: it ends, a session is never taken over. At `station` (the
    secret of this workstation) the person's PIN counts from now on (services/quick_switch.py).
    """
    staff = tx.find(Staff, attempt.staff_id, lock=True)
    if not correct or staff is None or not staff.active:
        _record(tx, "sign_in_failed", staff, attempt)
        return None
    people.forget_failures(tx, account_hash=attempt.account_hash)
    if former is not None:
        facts = people.session_facts(tx, hash_secret(former))
        if facts is not None:
            people.end_session(tx, facts.session_id, "new sign-in")
    secret = new_secret()
    tx.add(
        StaffSession(
            staff_id=staff.id, token_hash=hash_secret(secret), created_at=tx.now, last_activity_at=tx.now,
            station_hash=hash_secret(station) if station else None,
            pin_until=tx.now + ABSOLUTE_LIMIT if station else None,
        )
    )  # fmt: skip
    _record(tx, "sign_in", staff, attempt)
    return SignedIn(staff.id, staff.name, secret)


def confirm_password(tx: Tx, attempt: Attempt) -> None:
    """The password of somebody who is signed in was right: the try was no failure."""
    people.forget_failures(tx, account_hash=attempt.account_hash)


def _record(tx: Tx, act: str, staff: Staff | None, attempt: Attempt) -> None:
    """Into the log of each pharmacy of the person, so that its owner sees it; of an unknown one, the
    system's.
    """
    places = people.places_of(tx, staff.id) if staff is not None else ()
    who = (staff.id, staff.name) if staff is not None else ("unknown", "unknown")
    subject = staff.id if staff is not None else attempt.account_hash[:_SHOWN_HASH]
    detail = {"source": attempt.source_hash[:_SHOWN_HASH]}
    for chain in sorted(place.id for place in places) or [SYSTEM_CHAIN]:
        record(tx, Act(chain, *who, act, "staff", subject, detail))
