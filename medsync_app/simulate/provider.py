"""The simulated phone company: takes messages, counts them by itself, and brings news and answers back."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from heapq import heappop, heappush
from typing import Any

from medsync_app.clock import VirtualClock
from medsync_app.connections.protocol import Accepted, Found, Outgoing
from medsync_app.demo.connection import DemoConnection
from medsync_app.demo.phones import answer_to_question
from medsync_app.services.keep_event import STATUS, TEXT
from medsync_app.simulate.habits import Habits

#: Of a thousand texts: not delivered this time (switched off), and to a number that is gone for good.
_OFF, _GONE = 6.0, 0.3
#: Of a thousand texts: answered with STOP, and of a hundred that offer it, with "call me".
_STOPS, _CALLS = 0.3, 2.0
#: A question that can be answered with 1, 2 or 3, and a text that offers 3.
_ASKS, _OFFERS_CALL = re.compile(r"\b1 .*\b2 .*\b3 "), re.compile(r"\b3 ")
_NEWS_AFTER = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Taken:
    """One message the provider accepted."""

    attempt_id: str
    to: str
    body: str
    at: datetime


@dataclass(frozen=True, slots=True)
class News:
    """Something to hand in at the pharmacy's door: what a provider's callback says."""

    source: str
    external_id: str
    payload: dict[str, Any]


@dataclass(slots=True)
class SimulatedProvider(DemoConnection):
    """Accepts texts and e-mails at the virtual time; what it took is its own count, apart from the outbox."""

    clock: VirtualClock = field(kw_only=True)
    habits: Habits = field(kw_only=True)
    #: Told of each text that arrived at a number.
    arrived: Callable[[str], None] = field(kw_only=True)
    taken: list[Taken] = field(default_factory=lambda: list[Taken]())
    #: Numbers whose message has come in, and when: an answer may go to them at any hour. Who gets it late answers late.
    wrote: dict[str, list[datetime]] = field(default_factory=lambda: dict[str, list[datetime]]())
    #: Attempts that were reported as not delivered.
    undelivered: set[str] = field(default_factory=lambda: set[str]())
    can_look_up: bool = True
    _coming: list[tuple[datetime, int, News]] = field(
        default_factory=lambda: list[tuple[datetime, int, News]]()
    )
    _count: int = 0

    def send(self, message: Outgoing) -> Accepted:
        """Take one message; its news and the patient's answer come later."""
        return self.accept(message)

    def accept(self, message: Outgoing) -> Accepted:
        """Count a message as accepted and let it take its course."""
        now = self.clock.now()
        self.taken.append(Taken(message.attempt_id, message.to, message.body, now))
        luck = self.habits.draw("text", message.to, len(self.taken))
        drawn = luck.random() * 1000
        if drawn < _GONE:
            self.dead.add(message.to)
        lost = message.to in self.dead or drawn < _OFF
        if lost:
            self.undelivered.add(message.attempt_id)
            self._tell(message.attempt_id, "undelivered", "30005" if message.to in self.dead else "30003")
            return Accepted(_sid(message.attempt_id))
        self._tell(message.attempt_id, "delivered", "")
        self.arrived(message.to)
        if "@" not in message.to:
            self._answer(message, luck.random() * 1000, luck.random() * 100, luck.randint(5, 180))
        return Accepted(_sid(message.attempt_id))

    def look_up(self, to: str, since: datetime) -> list[Found]:
        """What was taken for an address since an instant."""
        return [Found(_sid(t.attempt_id), t.at, t.body) for t in self.taken if t.to == to and t.at >= since]

    def _tell(self, attempt_id: str, status: str, code: str) -> None:
        sid = _sid(attempt_id)
        payload = {"attempt_id": attempt_id, "sid": sid, "status": status, "error_code": code}
        self.later(self.clock.now() + _NEWS_AFTER, News(STATUS, f"{attempt_id}:{sid}:{status}", payload))

    def _answer(self, message: Outgoing, stops: float, drawn: float, minutes: int) -> None:
        body = ""
        if stops < _STOPS:
            body = "STOP"
        elif _ASKS.search(message.body):
            body = answer_to_question(drawn)
        elif _OFFERS_CALL.search(message.body) and drawn < _CALLS:
            body = "3"
        if body:
            at = self.clock.now() + timedelta(minutes=minutes)
            sid = f"in-{message.attempt_id}"
            self.later(at, News(TEXT, sid, {"sid": sid, "from": message.to, "to": "", "body": body}))

    def later(self, at: datetime, news: News) -> None:
        """Let news come in at an instant."""
        self._count += 1
        heappush(self._coming, (at, self._count, news))

    @property
    def next_news(self) -> datetime | None:
        """When the next news comes in."""
        return self._coming[0][0] if self._coming else None

    def handed_in(self, news: News) -> None:
        """Note when the pharmacy hears what somebody has written."""
        if news.source == TEXT:
            self.wrote.setdefault(news.payload["from"], []).append(self.clock.now())

    def come_in(self) -> list[News]:
        """The news that has come by now."""
        found: list[News] = []
        while self._coming and self._coming[0][0] <= self.clock.now():
            found.append(heappop(self._coming)[2])
        return found


def _sid(attempt_id: str) -> str:
    return f"SM{attempt_id}"
