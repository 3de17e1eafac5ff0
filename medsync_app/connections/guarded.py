"""Puts a pace and a circuit breaker before a connection: a provider is not flooded, nor called while it is down.

The pace is a queue of time slots; a message gets its turn before it is marked calling, so that waiting holds no
lease and costs no attempt. The breaker opens after several transport failures in a row; then one message probes
now and again, and the first answer closes it. Both live in the memory of one loop: each further loop adds its own.
"""

import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from medsync_app.connections.protocol import Accepted, Connection, Found, Outgoing, SendFailed
from medsync_app.domain.retry import Failure

#: A probe that was never called, because its claim was lost, makes room for another after this long.
_PROBE_LASTS = timedelta(seconds=60)
#: The longest pause that a provider's Retry-After makes for all messages.
_LONGEST_PAUSE = 60.0
#: Codes of failures that stay on this side of the provider's desk.
_TRANSPORT = frozenset({"not_connected", "http_503"})


@dataclass(frozen=True, slots=True)
class Pace:
    """At most `per_second` calls a second on average; after a pause those of a tenth of a second come at once."""

    per_second: float

    @property
    def burst(self) -> int:
        return max(1, round(self.per_second / 10))


@dataclass(frozen=True, slots=True)
class Breaker:
    """Opens after `failures` in a row, for `first` seconds, doubling to `longest` while probes fail."""

    failures: int = 5
    first: float = 30.0
    longest: float = 300.0


class News(StrEnum):
    """What people should be told of a provider."""

    DOWN = "down"
    BACK = "back"


@dataclass(frozen=True, slots=True)
class Turn:
    """When a message may be called: at once (`at` None), or look again at `at`, for the reason."""

    at: datetime | None = None
    reason: str = ""


GO = Turn()
_PACED = "Waits its turn: the provider takes so many messages a second."
#: Slots of messages that were withdrawn are forgotten when there are more than this.
_MOST_SLOTS = 10_000


class GuardedConnection:
    """A connection with a pace and a breaker. Safe to use from several threads."""

    def __init__(self, inner: Connection, pace: Pace, breaker: Breaker = Breaker()) -> None:
        self.live, self.loopback, self.can_look_up = inner.live, inner.loopback, inner.can_look_up
        self._inner, self._breaker, self._burst = inner, breaker, pace.burst
        self._step = timedelta(seconds=1 / pace.per_second)
        self._lock = threading.Lock()
        #: Instant of the last turn: the clock of whoever asks, also when that is a virtual one.
        self._now = datetime.min.replace(tzinfo=UTC)
        #: Until when the calls made so far have used up the pace; the last slot given; slots by message.
        self._spent_until = self._line = self._paused_until = self._now
        self._slots: dict[str, datetime] = {}
        self._failures = self._openings = 0
        self._open_until: datetime | None = None
        self._probing_since: datetime | None = None
        self._told: News | None = None
        self._answered = False

    @property
    def inner(self) -> Connection:
        return self._inner

    def turn(self, key: str, now: datetime) -> Turn:
        """Whether the message `key` may be called now; if not, when it may look again."""
        with self._lock:
            self._now = now
            if self._open_until is not None:
                return self._probe(key, now)
            if now < self._paused_until:
                return self._queue(key, self._paused_until, "The provider asked us to wait.")
            return self._by_pace(key, now)

    def send(self, message: Outgoing) -> Accepted:
        try:
            accepted = self._inner.send(message)
        except SendFailed as failed:
            self._note(failed)
            raise
        except BaseException:
            self._note(None)
            raise
        with self._lock:
            self._close()
        return accepted

    def look_up(self, to: str, since: datetime) -> list[Found]:
        return self._inner.look_up(to, since)

    def news(self) -> News | None:
        """What has changed since people were last told (`told`)."""
        with self._lock:
            if self._open_until is not None:
                return None if self._told is News.DOWN else News.DOWN
            return News.BACK if self._answered and self._told is not News.BACK else None

    def told(self, news: News) -> None:
        """People know it now."""
        with self._lock:
            self._told = news

    def _probe(self, key: str, now: datetime) -> Turn:
        assert self._open_until is not None  # noqa: S101 (the caller has looked)
        busy = self._probing_since is not None and now < self._probing_since + _PROBE_LASTS
        if now < self._open_until or busy:
            return self._queue(
                key, max(self._open_until, now), "The provider cannot be reached: it is tried again."
            )
        self._probing_since = now
        self._slots.pop(key, None)
        return GO

    def _by_pace(self, key: str, now: datetime) -> Turn:
        kept = self._slots.get(key)
        mine = kept is not None and kept <= now
        if (mine or self._line <= now) and self._take(now):
            self._slots.pop(key, None)
            return GO
        if kept is not None and kept > now:
            return Turn(kept, _PACED)
        return self._queue(key, now, _PACED)

    def _take(self, now: datetime) -> bool:
        if self._spent_until - now > self._step * (self._burst - 1):
            return False
        self._spent_until = max(self._spent_until, now) + self._step
        return True

    def _queue(self, key: str, after: datetime, reason: str) -> Turn:
        """The next free slot of the line: what waited comes back one by one."""
        self._line = self._slots[key] = max(self._line, after) + self._step
        if len(self._slots) > _MOST_SLOTS:
            self._slots = {one: at for one, at in self._slots.items() if at > self._now}
        return Turn(self._line, reason)

    def _note(self, failed: SendFailed | None) -> None:
        """Count a failed call; `failed` None is an error nobody expected."""
        with self._lock:
            if failed is not None and failed.retry_after is not None:
                pause = timedelta(seconds=min(failed.retry_after, _LONGEST_PAUSE))
                self._paused_until = max(self._paused_until, self._now + pause)
            if failed is not None and not _is_transport(failed):
                self._close()
                return
            self._failures += 1
            if self._probing_since is not None or (
                self._open_until is None and self._failures >= self._breaker.failures
            ):
                self._open()

    def _open(self) -> None:
        wait = min(self._breaker.first * 2 ** min(self._openings, 20), self._breaker.longest)
        self._openings, self._probing_since = self._openings + 1, None
        self._open_until = self._now + timedelta(seconds=wait)

    def _close(self) -> None:
        self._failures = self._openings = 0
        self._open_until = self._probing_since = None
        self._answered = True


def _is_transport(failed: SendFailed) -> bool:
    """True when nobody answered: a refusal, however unkind, shows that the provider is there."""
    if failed.failure is Failure.IN_DOUBT:
        return True
    return failed.failure is Failure.TRANSIENT and failed.retry_after is None and failed.code in _TRANSPORT
