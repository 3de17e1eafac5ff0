"""Checks that a request really comes from Twilio."""

from collections.abc import Iterator
from typing import Any, Protocol

from twilio.request_validator import RequestValidator  # pyright: ignore[reportMissingTypeStubs]


class Fields(Protocol):
    """Posted fields by name; a name may come more than once, with other values."""

    def __iter__(self) -> Iterator[str]: ...
    def getlist(self, key: str) -> list[str]: ...


def signed_by_twilio(auth_token: str, url: str, fields: Fields, signature: str | None) -> bool:
    """True when `signature` is Twilio's over the exact public `url` and all posted fields."""
    if not signature or not auth_token:
        return False
    validator: Any = RequestValidator(auth_token)
    return bool(validator.validate(url, fields, signature))
