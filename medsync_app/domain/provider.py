"""What is known of a provider, and when it may be called: pace, pause and circuit breaker, without clock or I/O.

The pace is a queue of time slots; a message gets its turn before it is marked calling, so that waiting holds no
lease and costs no attempt. The breaker opens after several transport failures in a row; then one message probes
now and again, and the first answer closes it. All loops share one `Provider` for each channel.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

#: A probe that was never called, because its claim was lost, makes room for another after this long.
_PROBE_LASTS = timedelta(seconds=60)
#: The longest pause that a provider's Retry-After makes for all messages.
_LONGEST_PAUSE = 60.0
#: Further ahead than this, an instant was written by a clock that has been set back since.
_CLOCKS_DIFFER = timedelta(seconds=60)

_PACED = "Waits its turn: the provider takes so many messages a second."
_PAUSED = "The provider asked us to wait."
_DOWN = "The provider cannot be reached: it is tried again."
#: The reasons of messages that have a time slot: their due time.
WAITED = frozenset({_PACED, _PAUSED, _DOWN})
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Pace:
    """At most `per_second` calls a second on average; after a pause those of a tenth of a second come at once."""

    per_second: float

    @property
    def burst(self) -> int:
        return max(1, round(self.per_second / 10))

    @property
    def step(self) -> timedelta:
        return timedelta(seconds=1 / self.per_second)


@dataclass(frozen=True, slots=True)
class Breaker:
    """Opens after `failures` in a row, for `first` seconds, doubling to `longest` while probes fail."""

    failures: int = 5
    first: float = 30.0
    longest: float = 300.0

    def wait(self, openings: int) -> timedelta:
        return timedelta(seconds=min(self.first * 2 ** min(openings, 20), self.longest))


USUAL = Breaker()


@dataclass(frozen=True, slots=True)
class Turn:
    """When a message may be called: at once (`at` None), or look again at `at`, for the reason."""

    at: datetime | None = None
    reason: str = ""


GO = Turn()


@dataclass(frozen=True, slots=True)
class Heard:
    """What a call has shown of its provider: that somebody answers there, and for how many seconds it wants peace."""

    answered: bool
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Provider:
    """What the loops have learned of one provider so far."""

    #: When it was last looked at.
    seen_at: datetime = _LONG_AGO
    #: Until when the turns given so far have used up the pace; the last slot given; the end of a pause.
    spent_until: datetime = _LONG_AGO
    line_until: datetime = _LONG_AGO
    paused_until: datetime = _LONG_AGO
    #: Transport failures in a row, and how often a probe has failed since.
    failures: int = 0
    openings: int = 0
    #: Set while the circuit is open: when the next probe may go, and since when one is under way.
    open_until: datetime | None = None
    probing_since: datetime | None = None

    @property
    def is_down(self) -> bool:
        return self.open_until is not None

    @property
    def in_trouble(self) -> bool:
        """The next answer is worth telling."""
        return self.is_down or self.failures > 0


def give_turns(
    known: Provider, pace: Pace, waited: Sequence[bool], now: datetime
) -> tuple[Provider, list[Turn]]:
    """The turns of messages that would go now, one for each of `waited`: whether its time slot has come."""
    known = _believed(known, now)
    turns: list[Turn] = []
    nudged = False
    for has_slot in waited:
        if known.open_until is not None:
            known, turn = _probe(known, known.open_until, pace, now)
        elif now < known.paused_until:
            known, turn = _queue(known, pace, known.paused_until, _PAUSED)
        elif (has_slot or known.line_until <= now) and _has_room(known, pace, now):
            known, turn = replace(known, spent_until=max(known.spent_until, now) + pace.step), GO
        elif has_slot and not nudged:
            # A little early, because the one before came a little late: it does not lose its place in the line.
            nudged, turn = True, Turn(_room_from(known, pace), _PACED)
        else:
            known, turn = _queue(known, pace, now, _PACED)
        turns.append(turn)
    return known, turns


def learn(known: Provider, breaker: Breaker, heard: Sequence[Heard], now: datetime) -> Provider:
    """What is known after calls that ended one after another."""
    known = _believed(known, now)
    for one in heard:
        if one.retry_after is not None:
            pause = now + timedelta(seconds=min(one.retry_after, _LONGEST_PAUSE))
            known = replace(known, paused_until=max(known.paused_until, pause))
        if one.answered:
            known = replace(known, failures=0, openings=0, open_until=None, probing_since=None)
            continue
        known = replace(known, failures=known.failures + 1)
        first = known.open_until is None and known.failures >= breaker.failures
        if first or known.probing_since is not None:
            opened = now + breaker.wait(known.openings)
            known = replace(known, openings=known.openings + 1, open_until=opened, probing_since=None)
    return known


def _believed(known: Provider, now: datetime) -> Provider:
    """Forget the instants of a clock that was set back; a provider that was down is probed at once."""
    if known.seen_at <= now + _CLOCKS_DIFFER:
        return replace(known, seen_at=now)
    down = now if known.is_down else None
    return Provider(seen_at=now, failures=known.failures, openings=known.openings, open_until=down)


def _probe(known: Provider, opens: datetime, pace: Pace, now: datetime) -> tuple[Provider, Turn]:
    busy = known.probing_since is not None and now < known.probing_since + _PROBE_LASTS
    if now < opens or busy:
        return _queue(known, pace, max(opens, now), _DOWN)
    return replace(known, probing_since=now), GO


def _has_room(known: Provider, pace: Pace, now: datetime) -> bool:
    return _room_from(known, pace) <= now


def _room_from(known: Provider, pace: Pace) -> datetime:
    return known.spent_until - pace.step * (pace.burst - 1)


def _queue(known: Provider, pace: Pace, after: datetime, reason: str) -> tuple[Provider, Turn]:
    """The next free slot of the line: what waited comes back one by one."""
    slot = max(known.line_until, after) + pace.step
    return replace(known, line_until=slot), Turn(slot, reason)
