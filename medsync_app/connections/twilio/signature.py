"""Checks that a request really comes from Twilio."""

from collections.abc import Mapping, Sequence
from typing import Any

from twilio.request_validator import RequestValidator  # pyright: ignore[reportMissingTypeStubs]


def signed_by_twilio(
    auth_token: str, url: str, fields: Mapping[str, str | Sequence[str]], signature: str | None
) -> bool:
    """True when `signature` is Twilio's over the exact public `url` and all posted fields."""
    if not signature or not auth_token:
        return False
    validator: Any = RequestValidator(auth_token)
    return bool(validator.validate(url, dict(fields), signature))
