"""The signed part of the address by which who gets an e-mail ends them: it names the attempt and nothing else."""

import hashlib
import hmac
from base64 import urlsafe_b64encode

from medsync_app.store.audit_key import audit_key

_PURPOSE = b"medsync unsubscribe link 1"
_LONGEST = 128


def unsubscribe_token(attempt_id: str) -> str:
    """A token that only this installation can make; it does not expire, like the wish it stands for."""
    return f"{attempt_id}.{_signature(attempt_id)}"


def attempt_of_token(token: str) -> str | None:
    """The attempt a token was made for; None for any other text."""
    attempt_id, _, signature = token.partition(".")
    if not attempt_id or len(token) > _LONGEST or not token.isascii():
        return None
    return attempt_id if hmac.compare_digest(signature, _signature(attempt_id)) else None


def _signature(attempt_id: str) -> str:
    key = hmac.digest(audit_key(), _PURPOSE, hashlib.sha256)
    return urlsafe_b64encode(hmac.digest(key, attempt_id.encode(), hashlib.sha256)[:18]).decode()
