"""What must hold of each message of a random life, judged at the moment at which it goes out."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from typing import Any, cast

from sqlalchemy import select

from medsync_app.clock import local_day
from medsync_app.connections.protocol import Outgoing
from medsync_app.domain.cycle import ENDED, OPEN
from medsync_app.domain.local_time import in_window
from medsync_app.domain.states import EnrollmentState, ItemState
from medsync_app.outbox.queue import READY, SPEAKS_FOR
from medsync_app.services.contact_decision import template_of
from medsync_app.store.session import Tx
from medsync_app.store.tables import (
    Attempt,
    ContactPoint,
    Cycle,
    CycleItem,
    Enrollment,
    Patient,
    Pharmacy,
    ScheduledAction,
)
from tests.support.life_calls import CallAnswer
from tests.support.life_days import days_in
from tests.support.lives import Life, Person, Way

_cycle, _item = cast(Any, Cycle), cast(Any, CycleItem)
_WAITS = READY | {"not_picked_up"}
_DATED = frozenset({"reminder_t7", "confirm_t3", "confirm_t1", "trip_t1", "date_changed"})
_SPANISH = re.compile(r"llam|textos|oprima|correos", re.IGNORECASE)
_RETURN_DAYS = 10


@dataclass(frozen=True, slots=True)
class Heard:
    """A message, what it was made of, and when it goes."""

    action: ScheduledAction
    pharmacy: Pharmacy
    way: Way
    body: str
    #: The messages that it speaks for, itself included.
    told: Sequence[ScheduledAction]
    today: date

    @property
    def is_reply(self) -> bool:
        return self.action.kind == "reply"

    @property
    def is_ready_notice(self) -> bool:
        return template_of(self.action.payload) in READY


@dataclass
class Ear:
    """Judges every message, and remembers what each number was told."""

    said: set[tuple[str, str, date, str]] = field(default_factory=lambda: set[tuple[str, str, date, str]]())
    count: Counter[tuple[str, date]] = field(default_factory=lambda: Counter[tuple[str, date]]())

    def hear(self, life: Life, message: Outgoing, answer: CallAnswer | None) -> None:
        with life.reading() as tx:
            attempt = tx.get(Attempt, message.attempt_id)
            action = tx.get(ScheduledAction, attempt.action_id)
            pharmacy = tx.get(Pharmacy, action.pharmacy_id)
            told = [action, *tx.find_many(ScheduledAction, action.payload.get(SPEAKS_FOR, ())).values()]
            way, today = (attempt.channel, message.to), local_day(tx.now, pharmacy.zone)
            heard = Heard(action, pharmacy, way, message.body, told, today)
            came = f", {answer.status} {answer.words}" if answer else ""
            life.note(
                f"{way[0].value.upper()} to {message.to[:14][-2:]} ({action.step}{came}): {message.body}"
            )
            reached = answer is None or answer.reached
            for wrong in (
                *_forbidden(life, heard), *_personal(life, tx, heard), *(self._often(heard) if reached else ()),
                *_true(tx, heard), *_dates_fit(tx, heard),
            ):  # fmt: skip
                life.breaches.append(f"{wrong}: {action.step} {message.body!r}")

    def _often(self, heard: Heard) -> Iterator[str]:
        """The caps of a number, and words that come twice."""
        if heard.is_reply:
            return
        address = heard.way[1]
        words = str(heard.action.patient_id), address, heard.today, heard.body
        if words in self.said:
            yield "the same words twice on one day"
        self.said.add(words)
        if not heard.is_ready_notice:
            self.count[address, heard.today] += 1
            if self.count[address, heard.today] > 1:
                yield "two messages on one day"


def _forbidden(life: Life, heard: Heard) -> Iterator[str]:
    """What the contact rules forbid, whatever the message says."""
    stopped_at = life.stopped.get((heard.pharmacy.id, *heard.way))
    asked_since = heard.is_reply and stopped_at is not None and heard.action.created_at >= stopped_at
    if stopped_at is not None and not asked_since:
        yield "a message after STOP"
    if not heard.is_reply and not in_window(life.clock.now(), heard.pharmacy.zone, time(9), time(20)):
        yield "a message outside the contact window"


def _personal(life: Life, tx: Tx, heard: Heard) -> Iterator[str]:
    """What people have said, or what became of them, forbids for each whom a message speaks of."""
    people = [person for one in heard.told if (person := _who(life, one.patient_id)) is not None]
    for person in people:
        if person.patient_id in life.dead:
            yield "a message after death"
        if heard.is_reply:
            continue
        if heard.way not in person.agreed:
            yield "a message nobody agreed to"
        found_at, confirmed_at = life.wrong.get(heard.way[1]), person.confirmed.get(heard.way[1])
        if found_at is not None and (confirmed_at is None or confirmed_at <= found_at):
            yield "a message to a wrong number"
        if any((person.shop.pharmacy_id, address) in life.held for _, address in person.agreed):
            yield "a message while a reply waits for somebody"
    if people and not heard.is_reply:
        language = tx.get(Patient, people[0].patient_id).language
        if (language == "es") is not bool(_SPANISH.search(heard.body)):
            yield f"not in the language {language}"
    allowed = {drug for person in people if person.names for drug in _drugs(person)}
    named = {drug for person in life.people for drug in _drugs(person) if drug in heard.body.lower()}
    if named - allowed:
        yield "names a medicine without the wish"


def _who(life: Life, patient_id: str | None) -> Person | None:
    return next((person for person in life.people if person.patient_id == patient_id), None)


def _drugs(person: Person) -> set[str]:
    return {row["Drug Name"].split()[0].lower() for row in person.rows}


def _true(tx: Tx, heard: Heard) -> Iterator[str]:
    """What a message says of the batches it tells of, against the batches."""
    named = {one.day for one in days_in(heard.body, heard.today)}
    ready = {one.cycle_id for one in heard.told if template_of(one.payload) in _WAITS}
    for one in heard.told:
        if one.cycle_id is None or one.kind == "reply":
            continue
        cycle, template = tx.get(Cycle, one.cycle_id), template_of(one.payload)
        if tx.get(Enrollment, cycle.enrollment_id).state is not EnrollmentState.ACTIVE:
            yield "a message to who does not take part now"
        if cycle.unapproved:
            yield "a message about a plan that nobody approved"
        if template in _WAITS and not _ready_items(tx, cycle):
            yield "nothing is ready to fetch"
        dated = template in _DATED and one.cycle_id not in ready
        if dated and (cycle.state in ENDED or cycle.sync_date not in named):
            yield f"the plan is {cycle.state.value} on {cycle.sync_date}"


def _dates_fit(tx: Tx, heard: Heard) -> Iterator[str]:
    """No day that has passed, none that is no pickup of somebody at that number, and no "until" past the return."""
    mine = select(ContactPoint.patient_id).where(ContactPoint.address == heard.way[1])
    open_cycles = tx.session.scalars(
        select(Cycle).where(_cycle.patient_id.in_(mine), _cycle.state.in_(OPEN))
    ).all()
    planned = {cycle.sync_date for cycle in open_cycles if cycle.pharmacy_id == heard.pharmacy.id}
    told = [tx.get(Cycle, one.cycle_id) for one in heard.told if one.cycle_id]
    claims = [cycle.claimed_on for cycle in told if cycle.claimed_on]
    for named in days_in(heard.body, heard.today):
        if named.word == "since":
            if named.day > heard.today:
                yield "ready since a day to come"
        elif named.day < heard.today:
            yield f"names {named.day}, which has passed"
        elif named.word == "until":
            if claims and named.day > min(claims) + timedelta(days=_RETURN_DAYS):
                yield "waits until after its return"
        elif named.day not in planned:
            yield f"names {named.day}, on which there is no pickup"


def _ready_items(tx: Tx, cycle: Cycle) -> bool:
    find = select(_item.id).where(_item.cycle_id == cycle.id, _item.state == ItemState.READY)
    return tx.session.scalars(find.limit(1)).first() is not None
