"""Rows 6, 7 and 10 of the fault tests: lost answers, requests that never left, rows that cannot be sent."""

import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from medsync_app.clock import VirtualClock
from medsync_app.connections.protocol import Accepted, Connection, Outgoing
from medsync_app.connections.twilio import TwilioApi, TwilioSms
from medsync_app.domain.states import ActionState, Channel, ExceptionKind
from medsync_app.engine.loop import tick
from medsync_app.store.session import Database
from tests.support.fake_twilio import FakeTwilio
from tests.support.faults import BACK, figures, fill, sized
from tests.support.loop import FakeConnection, action, all_actions, attempts, exceptions, queue_message
from tests.support.ports import free_port
from tests.support.store import make_patient, make_shop

pytestmark = pytest.mark.slow
_MOST_TICKS = 300


def twilio(url: str, seconds: float = 1.0) -> dict[Channel, Connection]:
    api = TwilioApi(account_sid="ACtest", auth_token="secret", api_url=url, seconds=seconds)
    sms = TwilioSms(api, callback_url="https://shop.example/api/v1", from_number="+14045550999")
    sms.loopback = True  # a demo pharmacy calls nothing else, not even a name that is nobody's
    return {Channel.SMS: sms}


def until_idle(database: Database, clock: VirtualClock, ways: dict[Channel, Any]) -> None:
    for _ in range(_MOST_TICKS):
        if not tick(database, clock, ways, "one", plan=False).busy:
            return
    raise AssertionError("the loop never comes to rest: something is called again and again")


@pytest.mark.parametrize("fault", ["reset", "timeout", "half", "http_502"])
def test_an_answer_lost_after_acceptance_is_found_and_nothing_is_sent_twice(
    database: Database, fault: str
) -> None:
    count = sized(8, 500)
    fill(database, make_shop(database), count)
    clock = VirtualClock(datetime.now(UTC) + timedelta(seconds=BACK))
    provider = FakeTwilio(behave=fault)
    with provider.running():
        ways = twilio(provider.url, 4.0 if fault != "timeout" else 1.0)
        until_idle(database, clock, ways)
        assert {row.state for row in all_actions(database)} <= {ActionState.IN_DOUBT, ActionState.SENT}
        for _ in range(2 + count // 40):
            clock.advance(timedelta(seconds=61))
            until_idle(database, clock, ways)
    sids = {message.fields["To"]: message.sid for message in provider.messages}
    doubted = sum(len(attempts(database, row.id)) for row in all_actions(database))
    figures(6, fault=fault, due=count, accepted=len(provider.messages), calls=doubted)
    assert len(provider.messages) == len(sids) == count
    for row in all_actions(database):
        assert (row.state, row.provider_id) == (ActionState.SENT, sids[row.address or ""])


@contextmanager
def nobody(kind: str) -> Iterator[str]:
    """An address that nothing reaches: refused, unknown, or one that does not finish a connection."""
    if kind == "dns":
        yield "http://no-such-host.invalid"
    elif kind == "refused":
        yield f"http://127.0.0.1:{free_port()}"
    else:
        with socket.socket() as full:
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            waiting = [socket.socket() for _ in range(4)]
            for one in waiting:  # they fill the queue of connections that nobody takes
                one.setblocking(False)
                one.connect_ex(full.getsockname())
            yield f"http://127.0.0.1:{full.getsockname()[1]}"
            for one in waiting:
                one.close()


@pytest.mark.parametrize("kind", ["refused", "dns", "connect_timeout"])
def test_a_request_that_never_left_is_sent_once_within_the_back_off(database: Database, kind: str) -> None:
    count = sized(6, 500)
    fill(database, make_shop(database), count)
    clock = VirtualClock(datetime.now(UTC) + timedelta(seconds=BACK))
    with nobody(kind) as url:
        until_idle(database, clock, twilio(url, 0.5))
    first = all_actions(database)
    assert {(row.state, row.attempts) for row in first} == {(ActionState.QUEUED, 1)}
    waits = [(row.due_at - clock.now()).total_seconds() for row in first]
    assert min(waits) >= 29
    assert max(waits) <= 45
    with FakeTwilio().running() as provider:
        clock.advance(timedelta(seconds=46))
        until_idle(database, clock, twilio(provider.url))
        assert set(Counter(m.fields["To"] for m in provider.messages).values()) == {1}
        assert len(provider.messages) == count
    figures(7, kind=kind, due=count, longest_wait_s=round(max(waits), 1))
    assert {row.state for row in all_actions(database)} == {ActionState.SENT}


class Poison(BaseException):
    pass


def test_poison_rows_do_not_touch_the_others(database: Database, clock: VirtualClock) -> None:
    good, bad = sized(60, 1_000), sized(6, 20)
    shop = make_shop(database)
    payloads: tuple[dict[str, object], ...] = (
        {"payload": {"action": {"template": "nowhere"}}},
        {"payload": {"conditions": 5, "action": []}},
        {"local_date": clock.now().date(), "local_time": "no time"},
        {},  # its number makes the channel raise
    )
    poison: list[str] = []
    for index in range(good + bad):
        phone = f"+1{200 + index // 100}55501{index % 100:02d}"
        person = make_patient(database, shop, first=f"P{index}", phone=phone)
        kind = payloads[index % 4] if index < bad else {}
        made = queue_message(database, shop, clock, person, f"m{index}", **kind)
        if index < bad:
            poison.append(made)
    raising = {f"+1{200 + index // 100}55501{index % 100:02d}" for index in range(3, bad, 4)}

    def behave(message: Outgoing) -> Accepted:
        if message.to in raising:
            raise Poison
        return Accepted(f"SM{message.attempt_id}")

    sms = FakeConnection(behave=behave)
    until_idle(database, clock, {Channel.SMS: sms})
    assert len(all_actions(database, ActionState.SENT)) == good, "on time, whatever is beside them"
    for _ in range(60):
        clock.advance(timedelta(minutes=5))
        until_idle(database, clock, {Channel.SMS: sms})
    assert {action(database, one).state for one in poison} == {ActionState.FAILED}
    assert len(exceptions(database, ExceptionKind.SEND_FAILED)) == bad
    most = max(len(attempts(database, one)) for one in poison)
    figures(10, rows=good + bad, poison=bad, calls_of_one_at_most=most)
    assert most <= 6
