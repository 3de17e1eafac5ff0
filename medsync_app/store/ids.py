"""Ids that are safe in URLs: time-ordered, for compact indexes, with 80 random bits, so that nobody guesses one."""

import secrets
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from itertools import count
from threading import Lock

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
ID_LENGTH = 26


_numbers: Iterator[int] | None = None
_newest, _lock = 0, Lock()


def new_id() -> str:
    """A new 26-character id: 48 bits of milliseconds, 80 random bits, Crockford base 32 (the ULID layout).

    Ids of one process ascend, also within a millisecond and when the clock goes back: of two messages queued
    together and due at once, the first goes first. The next one is still beyond guessing.
    """
    global _newest
    if _numbers is not None:
        return f"{next(_numbers):0{ID_LENGTH}d}"
    fresh = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)
    with _lock:
        _newest = value = fresh if fresh > _newest else _newest + 1 + secrets.randbits(64)
    return "".join(_ALPHABET[(value >> shift) & 31] for shift in range(125, -1, -5))


def looks_like_id(text: str) -> bool:
    """Whether a text has the form of `new_id`."""
    return len(text) == ID_LENGTH and set(text) <= set(_ALPHABET)


@contextmanager
def counted_ids() -> Generator[None]:
    """Ids 1, 2, 3 ... in this process, so that a simulation does the same every time; never for real data."""
    global _numbers
    before, _numbers = _numbers, count(1)
    try:
        yield
    finally:
        _numbers = before
