"""Ids that are safe in URLs: time-ordered, for compact indexes, with 80 random bits, so that nobody guesses one."""

import secrets
import time

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
ID_LENGTH = 26


def new_id() -> str:
    """A new 26-character id: 48 bits of milliseconds, 80 random bits, Crockford base 32 (the ULID layout)."""
    value = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)
    return "".join(_ALPHABET[(value >> shift) & 31] for shift in range(125, -1, -5))
