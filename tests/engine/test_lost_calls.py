"""Calls that were marked and never begun, or lost with the program, do not use up a message's tries."""

from contextlib import suppress
from datetime import timedelta

import pytest

from medsync_app.clock import VirtualClock
from medsync_app.connections.protocol import Accepted, Failure, Outgoing, SendFailed
from medsync_app.domain.retry import POLICY
from medsync_app.domain.states import ActionState, Channel, ExceptionKind
from medsync_app.engine.loop import Limits, tick
from medsync_app.outbox.attempts import OFTEN
from medsync_app.outbox.claim import claim_due
from medsync_app.services.record_outcome import record_error
from medsync_app.store.session import Database
from tests.support.loop import FakeConnection, action, all_actions, attempts, exceptions, queue_message
from tests.support.store import SYSTEM, make_patient, make_shop

LEASE = timedelta(seconds=60)


class Died(BaseException):
    """The process is gone: nothing after this runs."""


def queue_some(database: Database, clock: VirtualClock, count: int) -> list[str]:
    shop, made = make_shop(database), list[str]()
    for index in range(count):
        person = make_patient(database, shop, first=f"P{index}", phone=f"+14045550{100 + index}")
        made.append(queue_message(database, shop, clock, person, f"m{index}"))
    return made


def run(database: Database, clock: VirtualClock, sms: FakeConnection, owner: str = "one") -> None:
    tick(database, clock, {Channel.SMS: sms}, owner, Limits(in_order=True), plan=False)


def test_a_call_that_was_not_begun_in_time_is_no_call(database: Database, clock: VirtualClock) -> None:
    late, other = queue_some(database, clock, 2)

    def stall(message: Outgoing) -> Accepted:
        clock.advance(timedelta(seconds=3))  # what was decided before this is too old for a call
        return Accepted(f"SM{message.attempt_id}")

    run(database, clock, FakeConnection(behave=stall))
    assert [row.state for row in all_actions(database)].count(ActionState.SENT) == 1
    waiting = late if action(database, late).state is ActionState.QUEUED else other
    assert [a.outcome for a in attempts(database, waiting)] == ["not_called"]
    for _ in range(POLICY.max_calls - 1):
        busy = SendFailed(Failure.TRANSIENT, "Not now.")

        def refuse(_: Outgoing, busy: SendFailed = busy) -> Accepted:
            raise busy

        run(database, clock, FakeConnection(behave=refuse))
        clock.advance(timedelta(hours=1))
    run(database, clock, FakeConnection())
    assert action(database, waiting).state is ActionState.SENT, "its sixth call, not its seventh"


def test_whoever_did_not_make_a_call_ends_the_doubt_about_it(database: Database, clock: VirtualClock) -> None:
    queue_some(database, clock, 3)
    other = FakeConnection()

    def sleep(message: Outgoing) -> Accepted:
        clock.advance(LEASE)
        run(database, clock, other, "two")  # finds the leases run out, and the calls in doubt
        other.found = []
        assert len(all_actions(database, ActionState.IN_DOUBT)) == 3
        return Accepted(f"SM{message.attempt_id}")

    run(database, clock, FakeConnection(behave=sleep))
    # The one that was called is looked up; of the others the sleeper knows that they were not.
    assert len(all_actions(database, ActionState.IN_DOUBT)) == 1
    assert len(all_actions(database, ActionState.QUEUED)) == 2


def test_what_kills_the_program_again_and_again_does_not_take_others_with_it(
    database: Database, clock: VirtualClock
) -> None:
    made = queue_some(database, clock, 5)
    deadly = "+14045550102"
    sent: list[str] = []

    class Deadly(FakeConnection):
        def send(self, message: Outgoing) -> Accepted:
            if message.to == deadly:
                raise Died
            sent.append(message.to)
            return Accepted(f"SM{message.attempt_id}")

    for life in range(12):
        killed_by_one_of_a_batch(database, clock, Deadly(), f"life {life}", deadly)
    assert sorted(sent) == [f"+14045550{100 + i}" for i in (0, 1, 3, 4)]
    assert action(database, made[2]).state is ActionState.FAILED
    assert len(exceptions(database, ExceptionKind.SEND_FAILED)) == 1


def killed_by_one_of_a_batch(
    database: Database, clock: VirtualClock, sms: FakeConnection, owner: str, deadly: str
) -> None:
    """A loop that dies of one message: whatever is marked beside it is lost, calls and answers."""
    from medsync_app.engine import deliver

    real = deliver._call  # pyright: ignore[reportPrivateUsage]

    def die_before_any(way: object, waiting: deliver._Waiting) -> deliver.Answer:  # pyright: ignore[reportPrivateUsage]
        marked = [row.address for row in all_actions(database, ActionState.CALLING)]
        if deadly in marked:
            raise Died
        return real(way, waiting)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(deliver, "_call", die_before_any)
        with suppress(Died):
            run(database, clock, sms, owner)
    for _ in range(2):  # the next loop finds the lease run out, looks, and looks again
        clock.advance(LEASE + timedelta(seconds=1))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("medsync_app.engine.loop._deliver_batches", lambda *_: (0, {}))
            run(database, clock, sms, f"{owner} looks")


def test_errors_of_our_own_are_counted_apart_from_calls(database: Database, clock: VirtualClock) -> None:
    (made,) = queue_some(database, clock, 1)

    def refuse(_: Outgoing) -> Accepted:
        raise SendFailed(Failure.TRANSIENT, "Not now.")

    for _ in range(POLICY.max_errors - 1):
        run(database, clock, FakeConnection(behave=refuse))
        clock.advance(timedelta(hours=1))
    with database.transaction(SYSTEM, clock) as tx:
        (claim,) = claim_due(tx, "one", lease=LEASE, limit=1)
        assert record_error(tx, claim, "ValueError") is ActionState.QUEUED
    assert action(database, made).attempts == POLICY.max_errors
    assert POLICY.max_calls > OFTEN
