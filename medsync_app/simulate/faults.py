"""What goes wrong in a simulation, by level: the provider, the loop's process, the daily file, the prescribers.

Every fault is drawn from the seed, so that the same seed meets the same faults.
"""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random

from medsync_app.clock import Clock
from medsync_app.connections.protocol import Accepted, Failure, Outgoing, SendFailed
from medsync_app.simulate.provider import News, SimulatedProvider
from medsync_app.store.scope import Scope
from medsync_app.store.session import Database, Tx

MOST = 3


@dataclass(frozen=True, slots=True)
class Faults:
    """How often each thing goes wrong, in percent."""

    #: Calls answered with 429 or 503, and calls whose answer is lost before or after the acceptance.
    refused: float = 0.0
    answer_lost: float = 0.0
    #: Ticks in which the loop's process dies between two steps.
    killed: float = 0.0
    #: News that comes twice, and news that comes hours late: out of order.
    repeated: float = 0.0
    late: float = 0.0
    #: Days without the pharmacy's file (it comes with the next one), and without a word from any prescriber.
    no_file: float = 0.0
    silent: float = 0.0


LEVELS = (
    Faults(),
    Faults(refused=2, answer_lost=0.5, killed=0.5, repeated=2, late=2, no_file=2, silent=5),
    Faults(refused=8, answer_lost=2, killed=2, repeated=10, late=8, no_file=5, silent=15),
    Faults(refused=20, answer_lost=6, killed=6, repeated=25, late=20, no_file=10, silent=30),
)


class LoopKilled(BaseException):
    """The loop's process is gone: nothing of it catches this."""


@dataclass(slots=True)
class Killer:
    """Ends the loop at a step of a tick: before or after the commit of its transaction number so and so."""

    random: Random
    percent: float
    #: Steps until it dies; None: this tick lives.
    _left: int | None = None
    deaths: int = 0

    def begin(self) -> None:
        """Draw whether, and at which step, the next tick ends."""
        self._left = self.random.randint(1, 24) if self.random.random() * 100 < self.percent else None

    def end(self) -> None:
        self._left = None

    def step(self) -> None:
        """One step of the tick; LoopKilled when it is the last."""
        if self._left is None:
            return
        self._left -= 1
        if self._left <= 0:
            self._left = None
            self.deaths += 1
            raise LoopKilled


class MortalDatabase(Database):
    """A database whose user may die before a transaction begins or just after it was committed."""

    killer: Killer | None = None

    @contextmanager
    def transaction(self, scope: Scope, clock: Clock | None = None) -> Generator[Tx]:
        """As ever, with two steps at which the loop may die."""
        if self.killer is not None:
            self.killer.step()
        with super().transaction(scope, clock) as tx:
            yield tx
        if self.killer is not None:
            self.killer.step()


@dataclass(slots=True)
class FaultyProvider(SimulatedProvider):
    """A provider that refuses, loses answers, repeats its news and brings it out of order."""

    faults: Faults = field(kw_only=True)
    luck: Random = field(kw_only=True)
    _delayed: set[str] = field(default_factory=lambda: set[str]())

    def send(self, message: Outgoing) -> Accepted:
        """Take the message, or fail as providers do."""
        drawn = self.luck.random() * 100
        if drawn < self.faults.refused:
            wait = self.luck.choice((5.0, 60.0, 600.0))
            raise SendFailed(Failure.TRANSIENT, "The provider asks to wait.", code="429", retry_after=wait)
        if drawn < self.faults.refused + self.faults.answer_lost:
            if self.luck.random() < 0.6:
                self.accept(message)
            raise SendFailed(
                Failure.IN_DOUBT, "The connection was cut off before the answer came.", code="500"
            )
        return self.accept(message)

    def come_in(self) -> list[News]:
        """The news by now: some of it later, some twice."""
        found: list[News] = []
        for news in SimulatedProvider.come_in(self):
            drawn = self.luck.random() * 100
            if drawn < self.faults.late and news.external_id not in self._delayed:
                self._delayed.add(news.external_id)
                self.later(self.clock.now() + timedelta(minutes=self.luck.randint(5, 600)), news)
                continue
            found.append(news)
            if drawn > 100 - self.faults.repeated:
                found.append(news)
        return found
