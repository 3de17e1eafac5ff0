"""Puts a pace and a circuit breaker before a connection: a provider is not flooded, nor called while it is down.

When a message may go is asked before it is marked calling (`outbox/provider_turns.py`), of what all loops know of the
provider together. Here stands what the calls of this loop have shown, until it is told the others.
"""

import threading
from datetime import datetime

from medsync_app.connections.protocol import Accepted, Connection, Found, Outgoing, SendFailed
from medsync_app.domain.provider import USUAL, Breaker, Heard, Pace, Provider
from medsync_app.domain.retry import Failure

#: Codes of failures that stay on this side of the provider's desk.
_TRANSPORT = frozenset({"not_connected", "http_503"})


class GuardedConnection:
    """A connection with a pace and a breaker. Safe to use from several threads."""

    def __init__(self, inner: Connection, pace: Pace, breaker: Breaker = USUAL) -> None:
        self.live, self.loopback, self.can_look_up = inner.live, inner.loopback, inner.can_look_up
        self.pace, self.breaker, self._inner = pace, breaker, inner
        self._lock = threading.Lock()
        self._heard: list[Heard] = []
        #: As long as nothing is wrong, an answer is nothing new.
        self._in_trouble = False

    @property
    def inner(self) -> Connection:
        return self._inner

    def send(self, message: Outgoing) -> Accepted:
        try:
            accepted = self._inner.send(message)
        except SendFailed as failed:
            self._note(Heard(not _is_transport(failed), failed.retry_after))
            raise
        except BaseException:
            self._note(Heard(answered=False))
            raise
        self._note(Heard(answered=True))
        return accepted

    def look_up(self, to: str, since: datetime) -> list[Found]:
        return self._inner.look_up(to, since)

    def heard(self) -> tuple[Heard, ...]:
        """What the calls have shown and nobody was told yet, in their order."""
        with self._lock:
            return tuple(self._heard)

    def told(self, count: int) -> None:
        """The first `count` of them are known to all loops now."""
        with self._lock:
            del self._heard[:count]

    def known(self, provider: Provider) -> None:
        """What all loops know of the provider now."""
        with self._lock:
            self._in_trouble = provider.in_trouble or any(not one.answered for one in self._heard)

    def _note(self, one: Heard) -> None:
        with self._lock:
            if one.answered and one.retry_after is None and not self._in_trouble:
                return
            self._in_trouble = not one.answered
            self._heard.append(one)


def _is_transport(failed: SendFailed) -> bool:
    """True when nobody answered: a refusal, however unkind, shows that the provider is there."""
    if failed.failure is Failure.IN_DOUBT:
        return True
    return failed.failure is Failure.TRANSIENT and failed.retry_after is None and failed.code in _TRANSPORT
