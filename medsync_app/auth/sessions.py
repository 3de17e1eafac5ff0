"""Session secrets and cookies, and whether a session still counts."""

import hashlib
import secrets
from datetime import datetime, timedelta
from http.cookies import CookieError, SimpleCookie

from medsync_app.settings import Settings
from medsync_app.store.repositories.people import SessionFacts

#: After this long a person signs in again, however busy.
ABSOLUTE_LIMIT = timedelta(hours=12)
#: Activity is written at most this often: no write for each event.
ACTIVITY_STEP = timedelta(minutes=1)
_SECRET_BYTES = 32
_MAX_COOKIE_HEADER = 16_384


def new_secret() -> str:
    """A new session secret of 256 random bits; only the browser keeps it."""
    return secrets.token_urlsafe(_SECRET_BYTES)


def hash_secret(secret: str) -> str:
    """What the database keeps of a secret. It is random already, so a plain hash cannot be guessed back."""
    return hashlib.sha256(secret.encode()).hexdigest()


def cookie_name(settings: Settings) -> str:
    """`__Host-medsync` binds the cookie to this very host over https; browsers refuse that name on plain
    http.
    """
    return "__Host-medsync" if settings.https else "medsync"


def station_cookie(settings: Settings) -> str:
    """The name of the cookie that tells one workstation from another; it opens nothing by itself."""
    return f"{cookie_name(settings)}-station"


def secret_from_cookies(header: str, settings: Settings, name: str = "") -> str | None:
    """The session secret (or the cookie of that name) in a Cookie header; None without one, or when it cannot be
    read.
    """
    if not header or len(header) > _MAX_COOKIE_HEADER:
        return None
    wanted = name or cookie_name(settings)
    # One cookie at a time: an odd one of another program on localhost must not hide ours.
    for part in header.split(";"):
        name, _, _ = part.strip().partition("=")
        if name != wanted:
            continue
        try:
            found = SimpleCookie(part.strip()).get(wanted)
        except CookieError:
            return None
        return found.value if found is not None and found.value else None
    return None


def still_counts(facts: SessionFacts, now: datetime, idle: timedelta) -> bool:
    """True when the session is open, its person active, and neither the idle nor the absolute limit has
    passed.
    """
    return (
        facts.active
        and facts.ended_at is None
        and now - facts.created_at < ABSOLUTE_LIMIT
        and now - facts.last_activity_at < idle
    )
