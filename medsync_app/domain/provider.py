"""What is known of a provider, and when it may be called: pace, pause and circuit breaker, without clock or I/O.

The pace is a queue of time slots; a message gets its turn before it is marked calling, so that waiting holds no
lease and costs no attempt. The breaker opens after several transport failures in a row; then one message probes
now and again, and the first answer closes it. All loops share one `Provider` for each channel.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

#: A probe that was never called, because its claim was lost, makes room for another after this long.
_PROBE_LASTS = timedelta(seconds=60)
#: The longest pause that a provider's Retry-After makes for all messages.
_LONGEST_PAUSE = 60.0
#: While a line waits, turns are made up for that nobody took, because the program looked late: so much of the pace.
CATCH_UP = timedelta(seconds=0.5)
#: Further ahead than this, an instant was written by a clock that has been set back since.
_CLOCKS_DIFFER = timedelta(seconds=60)

_PACED = "Waits its turn: the provider takes so many messages a second."
_LATE = "Waits a little longer than its turn: the provider takes so many messages a second."
_NEXT = "Has the next turn: the provider takes so many messages a second."
_PAUSED = "The provider asked us to wait."
_DOWN = "The provider cannot be reached: it is tried again."
#: The reasons of messages that have a time slot, their due time.
_WAITED = frozenset({_PACED, _PAUSED, _DOWN})
#: After which somebody urgent asks again while a probe is under way.
_MOMENT = timedelta(seconds=1)
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Pace:
    """At most `per_second` calls a second on average; after a pause those of a tenth of a second come at once.

    A stretch of t seconds has no more turns than `per_second` times t + `CATCH_UP`, and the burst.
    """

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


class Place(StrEnum):
    """Where a message stands that would go now."""

    #: It asks for the first time.
    NEW = "new"
    #: Its time slot has come.
    IN_LINE = "in_line"
    #: It has missed one: those behind it wait for it.
    LATE = "late"
    #: Somebody waits for it: a direct answer, a notice that a batch is ready.
    URGENT = "urgent"
    #: The turn is kept for it.
    NEXT = "next"


def place_of(reason: str, *, urgent: bool) -> Place:
    """The place of a message by the reason it waited for last."""
    if urgent:
        return Place.NEXT if reason == _NEXT else Place.URGENT
    if reason == _LATE:
        return Place.LATE
    return Place.IN_LINE if reason in _WAITED else Place.NEW


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
    #: Until when the turns given so far have used up the pace; the last slot given, and the last of those that were
    #: given anew to who had missed one; the end of a pause.
    spent_until: datetime = _LONG_AGO
    line_until: datetime = _LONG_AGO
    late_until: datetime = _LONG_AGO
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
    known: Provider, pace: Pace, places: Sequence[Place], now: datetime
) -> tuple[Provider, list[Turn]]:
    """The turns of messages that would go now, by the places where they stand.

    They go in the order of their slots. When some come late, because the program was slow or somebody urgent went
    first, those behind them queue behind them: everything moves back by as much. Who is urgent gets the next turn.
    """
    known = _believed(known, now)
    turns: list[Turn] = []
    nudged = 0
    for place in places:
        if known.open_until is not None:
            known, turn = _probe(known, known.open_until, place, pace, now)
        elif now < known.paused_until:
            known, turn = _pause(known, place, pace)
        elif place is Place.NEXT:  # paid for already, unless it comes long after its turn
            known, turn = known if known.spent_until > now else _spend(known, pace, now), GO
        elif _may_go(known, place, now) and _has_room(known, pace, now):
            known, turn = _spend(known, pace, now), GO
        elif place is Place.URGENT:
            turn = Turn(_room_from(known, pace), _NEXT)
            known = _spend(known, pace, now)
        elif place is Place.LATE:
            # It keeps its place: a little early, because the one before came a little late.
            slot = _room_from(known, pace) + pace.step * nudged
            known, turn = replace(known, late_until=max(known.late_until, slot)), Turn(slot, _LATE)
            nudged += 1
        elif place is Place.NEW:
            known, turn = _queue(known, pace, now, _PACED)
        else:
            known, turn = _queue_late(known, pace)
        turns.append(turn)
    return known, turns


def _may_go(known: Provider, place: Place, now: datetime) -> bool:
    """Whether nobody is before it."""
    if place in (Place.URGENT, Place.LATE):
        return True
    return known.late_until <= now and (place is Place.IN_LINE or known.line_until <= now)


def _spend(known: Provider, pace: Pace, now: datetime) -> Provider:
    return replace(known, spent_until=max(known.spent_until, _owed_since(known, now)) + pace.step)


def _owed_since(known: Provider, now: datetime) -> datetime:
    """Since when a turn that was not taken is still there: those of a line, not those that nobody waited for."""
    if max(known.line_until, known.late_until) <= now - CATCH_UP:
        return now
    return max(known.paused_until, now - CATCH_UP)


def _pause(known: Provider, place: Place, pace: Pace) -> tuple[Provider, Turn]:
    if place in (Place.URGENT, Place.NEXT):
        return known, Turn(known.paused_until, _PAUSED)
    return _queue(known, pace, known.paused_until, _PAUSED)


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


def _probe(
    known: Provider, opens: datetime, place: Place, pace: Pace, now: datetime
) -> tuple[Provider, Turn]:
    busy = known.probing_since is not None and now < known.probing_since + _PROBE_LASTS
    if now >= opens and not busy:
        return replace(known, probing_since=now), GO
    if place in (Place.URGENT, Place.NEXT):
        return known, Turn(max(opens, now + _MOMENT), _DOWN)
    return _queue(known, pace, max(opens, now), _DOWN)


def _has_room(known: Provider, pace: Pace, now: datetime) -> bool:
    return _room_from(known, pace) <= now


def _room_from(known: Provider, pace: Pace) -> datetime:
    return known.spent_until - pace.step * (pace.burst - 1)


def _queue(known: Provider, pace: Pace, after: datetime, reason: str) -> tuple[Provider, Turn]:
    """The next free slot of the line: what waited comes back one by one."""
    slot = max(known.line_until, known.late_until, after) + pace.step
    return replace(known, line_until=slot), Turn(slot, reason)


def _queue_late(known: Provider, pace: Pace) -> tuple[Provider, Turn]:
    """A slot behind all who are late already."""
    slot = max(known.late_until + pace.step, _room_from(known, pace))
    return replace(known, late_until=slot), Turn(slot, _LATE)
