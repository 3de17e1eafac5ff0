"""What follows a failed call: the retry policy of the outbox as one pure object (RELIABILITY.md section 2)."""

from dataclasses import dataclass
from enum import StrEnum


class Failure(StrEnum):
    """What a failed call means (docs/reliability.md)."""

    #: This address will never take it: try the next way.
    PERMANENT = "permanent"
    #: Our account or settings: stop the channel, tell a person once.
    CONFIGURATION = "configuration"
    #: Nothing left this machine, or the provider asked to wait: try again later.
    TRANSIENT = "transient"
    #: It may have been accepted: never sent again before that is known.
    IN_DOUBT = "in_doubt"


@dataclass(frozen=True, slots=True)
class TryAgain:
    """The same way again, after so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class NextWay:
    """This way is spent: the next channel, the last being a person's call."""


@dataclass(frozen=True, slots=True)
class FindOut:
    """Ask the provider what became of it; never send again before that is known."""


@dataclass(frozen=True, slots=True)
class StopChannel:
    """Nothing goes out on this channel before a person has corrected it; look again after so many seconds."""

    seconds: float


Verdict = TryAgain | NextWay | FindOut | StopChannel


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and after how long something is tried again; times in seconds.

    Waits double from `first_wait` to `longest_wait`; each is stretched by up to `spread` of itself, so that what
    failed together does not come back together. The provider's Retry-After is a lower bound.
    """

    #: Calls of one message on one way.
    max_calls: int = 6
    #: Errors of our own before a call, after which a person is told.
    max_errors: int = 5
    first_wait: float = 30.0
    longest_wait: float = 1_800.0
    spread: float = 0.5
    #: The same for the time that the provider asked for.
    asked_spread: float = 0.2
    #: While a channel is stopped.
    stopped_wait: float = 900.0

    def decide(
        self, failure: Failure, calls: int, *, retry_after: float | None = None, chance: float = 0.0
    ) -> Verdict:
        """What to do after the call number `calls` (1 for the first) failed. `chance` in 0 .. 1 spreads the wait."""
        if failure is Failure.IN_DOUBT:
            return FindOut()
        if failure is Failure.CONFIGURATION:
            return StopChannel(self.stopped_wait)
        if failure is Failure.TRANSIENT and calls < self.max_calls:
            return TryAgain(self.wait(calls, retry_after=retry_after, chance=chance))
        return NextWay()

    def wait(self, calls: int, *, retry_after: float | None = None, chance: float = 0.0) -> float:
        """Seconds to wait after so many calls; never less than the provider asked for."""
        doubled = self.first_wait * 2 ** min(max(calls, 1) - 1, 30)
        ours = min(doubled, self.longest_wait) * (1.0 + self.spread * chance)
        return max(ours, (retry_after or 0.0) * (1.0 + self.asked_spread * chance))


#: The policy of the outbox.
POLICY = RetryPolicy()
