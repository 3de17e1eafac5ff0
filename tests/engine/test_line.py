"""A backlog at a provider's pace goes in the order it was due; who is waited for is not behind it."""

from datetime import timedelta

import pytest

from medsync_app.clock import VirtualClock
from medsync_app.connections.guarded import GuardedConnection
from medsync_app.domain.provider import Pace
from medsync_app.domain.states import ActionState, Channel
from medsync_app.engine.loop import Limits, tick
from medsync_app.store.session import Database
from tests.support.loop import FakeConnection, action, queue_message
from tests.support.store import Shop, make_patient

pytestmark = [pytest.mark.slow, pytest.mark.both_databases]

_PACE, _LOOK = Pace(20), timedelta(milliseconds=40)


def _backlog(database: Database, shop: Shop, clock: VirtualClock, count: int) -> list[str]:
    """Numbers of patients in the order in which they are due."""
    numbers = [f"+1404555{n:04}" for n in range(count)]
    for n, number in enumerate(numbers):
        person = make_patient(database, shop, first=f"P{n}", phone=number)
        queue_message(
            database, shop, clock, person, number, due_at=clock.now() - timedelta(seconds=count - n)
        )
    return numbers


def _run(database: Database, clock: VirtualClock, sms: FakeConnection, looks: int, batches: int = 2) -> None:
    ways = {Channel.SMS: GuardedConnection(sms, _PACE)}
    for _ in range(looks):
        tick(database, clock, ways, "loop", Limits(in_order=True, batch=16, batches=batches), plan=False)  # type: ignore[arg-type]
        clock.advance(_LOOK)


def test_a_backlog_goes_out_in_the_order_it_was_due_from_the_first_moment_on(
    database: Database, shop: Shop, clock: VirtualClock, sms: FakeConnection
) -> None:
    numbers = _backlog(database, shop, clock, 60)
    _run(database, clock, sms, 15)
    sent = len(sms.sent)
    assert 8 <= sent <= 14, "0.6 seconds at 20 a second and a burst of 2, while others still had no slot"
    clock.advance(timedelta(seconds=1))  # the program stands still, and misses some turns
    _run(database, clock, sms, 75)
    went = [message.to for message in sms.sent]
    assert sorted(went) == sorted(numbers)
    assert max(abs(numbers.index(one) - place) for place, one in enumerate(went)) <= 4


@pytest.mark.parametrize("urgent", ["reply", "ready"])
def test_who_is_waited_for_goes_at_once_and_not_behind_a_backlog(
    database: Database, shop: Shop, clock: VirtualClock, sms: FakeConnection, urgent: str
) -> None:
    _backlog(database, shop, clock, 80)
    _run(database, clock, sms, 10)
    clock.advance(timedelta(seconds=6))  # all have missed their turns, more than are claimed at once
    number = "+12025550100"
    person = make_patient(database, shop, first="Ada", phone=number)
    if urgent == "reply":
        payload = {"to": number, "channel": "sms", "action": {"template": "help"}}
        made = queue_message(database, shop, clock, person, "u", kind="reply", step="help", payload=payload)
    else:
        payload = {
            "action": {"do": "message", "template": "ready", "wordings": {"en": {"sms": "Ready. STOP"}}}
        }
        made = queue_message(database, shop, clock, person, "u", step="ready", payload=payload)
    _run(database, clock, sms, 4, batches=1)
    assert action(database, made).state is ActionState.SENT
    assert len(sms.sent) < 20
