"""What happens at the other end of the line: messages arrive or do not, and patients answer."""

from datetime import datetime

from medsync_app.demo.world import Location, World
from medsync_app.domain.states import Channel
from medsync_app.engine.deliver import LOOP
from medsync_app.services.handle_delivery_status import handle_delivery_status
from medsync_app.services.handle_inbound import InboundText, handle_inbound_message
from medsync_app.store.repositories import day_work
from medsync_app.store.repositories.day_work import SentText

_ASKS = frozenset({"confirm_t3"})
_REMINDS = frozenset({"reminder_t7", "confirm_t1"})
#: What people write to a question, and how many of a hundred do; the rest do not answer.
_ANSWERS = (
    ("1", 62), ("1 thanks!", 2), ("2", 4), ("3", 3), ("My doctor stopped the water pill last week", 2),
    ("what time do you close on saturday?", 2),
)  # fmt: skip


def receive(world: World, since: datetime) -> None:
    """News of each message sent since then, and the answers to those that ask something."""
    for location in world.locations:
        with world.database.transaction(LOOP, world.clock) as tx:
            sent = day_work.sent_since(tx, location.id, since)
            for text in sent:
                lost = world.chance(1.5)
                handle_delivery_status(
                    tx, text.attempt_id, provider_id=f"sandbox-{text.attempt_id}",
                    status="undelivered" if lost else "delivered", error_code="30005" if lost else "",
                )  # fmt: skip
        for text in sent:
            body = "" if text.patient == location.out_of_reach else _answer(world, text)
            if body:
                say(world, text.address, body)


def _answer(world: World, text: SentText) -> str:
    drawn = world.random.random() * 100
    if "@" in text.address:
        return ""
    if text.step in _REMINDS:
        return "3" if drawn < 2 else ""
    return answer_to_question(drawn) if text.step in _ASKS else ""


def answer_to_question(drawn: float) -> str:
    """What somebody writes who is asked to confirm, by a number drawn from 0 to 100; empty: nothing."""
    for body, share in _ANSWERS:
        if drawn < share:
            return body
        drawn -= share
    return ""


def say(world: World, address: str, body: str) -> None:
    """A patient writes to the pharmacy."""
    now = world.clock.now()
    external_id = f"demo-{address}-{now.isoformat()}"
    with world.database.transaction(LOOP, world.clock) as tx:
        handle_inbound_message(
            tx, InboundText("sandbox", external_id, address, body, received_at=now, channel=Channel.SMS)
        )


def mobile_of(location: Location, number: str) -> str:
    """The mobile number of a patient, empty when there is none."""
    return location.charts[number].person.mobile
