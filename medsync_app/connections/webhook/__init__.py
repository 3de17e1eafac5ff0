"""Signed events to a program of the pharmacy's own choice: its pharmacy system, or a prescriber portal."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from medsync_app.connections.http import is_loopback, request

SIGNATURE, STAMP, DELIVERY = "X-MedSync-Signature", "X-MedSync-Timestamp", "X-MedSync-Delivery"
#: What was signed longer ago may be somebody's copy of it.
FRESH = timedelta(minutes=5)


def signature_of(secret: str, stamp: str, body: bytes) -> str:
    """sha256= and the hex HMAC-SHA256 over the timestamp, a full stop and the raw body."""
    return f"sha256={hmac.new(secret.encode(), stamp.encode() + b'.' + body, hashlib.sha256).hexdigest()}"


def signed_at(secret: str, headers: Mapping[str, str], body: bytes) -> datetime | None:
    """When whoever knows the secret signed that body; None for what was not signed so, or without a secret."""
    stamp = headers.get(STAMP, "")
    expected = signature_of(secret, stamp, body)
    if not secret or not hmac.compare_digest(expected.encode(), headers.get(SIGNATURE, "").encode()):
        return None
    try:
        at = datetime.fromisoformat(stamp)
    except ValueError:
        return None
    return at if at.tzinfo is not None else None


class SignedWebhook:
    """One address with its secret. A repeated event has the same delivery id: whoever gets it can tell."""

    def __init__(self, *, url: str, secret: str, who: str) -> None:
        self._url, self._secret, self._who = url, secret, who
        self.loopback = is_loopback(url)

    def post(self, event: Mapping[str, Any], delivery_id: str, now: datetime) -> None:
        """Hand over one event; SendFailed when it is not taken."""
        body = json.dumps(event, separators=(",", ":"), sort_keys=True).encode()
        stamp = now.astimezone(UTC).isoformat(timespec="seconds")
        headers = {
            "Content-Type": "application/json", STAMP: stamp, DELIVERY: delivery_id,
            SIGNATURE: signature_of(self._secret, stamp, body),
        }  # fmt: skip
        request(self._who, "POST", self._url, data=body, headers=headers)
