"""Several loops and one provider: one pace, one pause, one probe, one exception."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from medsync_app.clock import VirtualClock
from medsync_app.connections.guarded import GuardedConnection
from medsync_app.connections.protocol import Accepted, Failure, Outgoing, SendFailed
from medsync_app.domain.provider import CATCH_UP, GO, USUAL, Pace, Place
from medsync_app.domain.states import ActionState, Channel, ExceptionKind
from medsync_app.engine.deliver import FRESH
from medsync_app.engine.loop import Limits, tick
from medsync_app.outbox.provider_turns import take_turns
from medsync_app.store.session import Database
from tests.support.databases import POSTGRES
from tests.support.loop import FakeConnection, action, exceptions, queue_message
from tests.support.store import SYSTEM, make_patient, make_shop

both = pytest.mark.both_databases


class Loops:
    """Loops beside each other, each with a connection of its own, and a message for each turn."""

    def __init__(self, database: Database, clock: VirtualClock, *, per_second: float = 1_000) -> None:
        self.database, self.clock, self.shop = database, clock, make_shop(database)
        self.inner = [FakeConnection() for _ in range(2)]
        self.guards = [GuardedConnection(inner, Pace(per_second)) for inner in self.inner]
        self._made = 0

    def queue(self) -> str:
        self._made += 1
        phone = f"+1404555{self._made:04d}"
        patient = make_patient(self.database, self.shop, first=f"P{self._made}", phone=phone)
        return queue_message(self.database, self.shop, self.clock, patient, f"m{self._made}")

    def tick(self, which: int) -> None:
        ways = {Channel.SMS: self.guards[which]}
        tick(self.database, self.clock, ways, f"loop-{which}", Limits(batch=1, batches=1), plan=False)  # type: ignore[arg-type]

    def send_with(self, which: int) -> str:
        made = self.queue()
        self.tick(which)
        return made


def silent(_: Outgoing) -> Accepted:
    raise SendFailed(Failure.TRANSIENT, "Twilio could not be reached.", code="not_connected")


def busy(_: Outgoing) -> Accepted:
    raise SendFailed(Failure.TRANSIENT, "Too many.", code="20429", retry_after=10)


@both
def test_two_loops_together_keep_the_pace_of_one(database: Database, clock: VirtualClock) -> None:
    loops = Loops(database, clock, per_second=1)
    made = [loops.send_with(index % 2) for index in range(4)]
    assert [action(database, one).state for one in made].count(ActionState.SENT) == 1
    due = sorted(action(database, one).due_at - clock.now() for one in made[1:])
    assert due == [timedelta(seconds=seconds) for seconds in (1, 2, 3)]
    for index in range(3):
        clock.advance(timedelta(seconds=1))
        loops.tick(index % 2)
    assert {action(database, one).state for one in made} == {ActionState.SENT}


@both
def test_a_wish_to_wait_that_one_loop_is_told_holds_the_other_at_its_next_message(
    database: Database, clock: VirtualClock
) -> None:
    loops = Loops(database, clock)
    loops.inner[0].behave = busy
    loops.send_with(0)
    held = loops.send_with(1)
    assert loops.inner[1].sent == []
    assert "asked us to wait" in action(database, held).reason
    assert action(database, held).due_at > clock.now() + timedelta(seconds=10)


@both
def test_failures_of_several_loops_open_one_circuit_one_of_them_probes_and_people_are_told_once(
    database: Database, clock: VirtualClock
) -> None:
    loops = Loops(database, clock)
    for inner in loops.inner:
        inner.behave = silent
    for index in range(USUAL.failures):
        loops.send_with(index % 2)
    assert len(exceptions(database, ExceptionKind.CHANNEL_DOWN)) == 1
    before = [len(inner.sent) for inner in loops.inner]
    assert sum(before) == USUAL.failures

    clock.advance(timedelta(seconds=25))
    loops.send_with(1)
    assert [len(inner.sent) for inner in loops.inner] == before  # nobody is called while it is open

    clock.advance(timedelta(seconds=10))
    loops.queue()
    with database.transaction(
        SYSTEM, clock
    ) as tx:  # one loop has the turn of the probe and has not called yet
        assert take_turns(tx, Channel.SMS, Pace(1_000), [Place.IN_LINE])[0] == [GO]
    loops.tick(1)
    assert [len(inner.sent) for inner in loops.inner] == before
    clock.advance(timedelta(seconds=61))  # that one has died
    loops.inner[1].behave = None
    loops.tick(1)
    assert exceptions(database, ExceptionKind.CHANNEL_DOWN) == []
    assert len(loops.inner[1].sent) == before[1] + 1


@both
def test_a_loop_that_starts_anew_knows_that_the_provider_is_down(
    database: Database, clock: VirtualClock
) -> None:
    loops = Loops(database, clock)
    loops.inner[0].behave = silent
    for _ in range(USUAL.failures):
        loops.send_with(0)
    loops.guards[0] = GuardedConnection(loops.inner[0], Pace(1_000))
    held = loops.send_with(0)
    assert "cannot be reached" in action(database, held).reason
    loops.inner[0].behave = None
    clock.advance(timedelta(seconds=31))
    loops.send_with(0)
    assert exceptions(database, ExceptionKind.CHANNEL_DOWN) == []


@pytest.mark.parametrize("database", [POSTGRES], indirect=True)
def test_nobody_waits_for_the_end_of_a_transaction_that_has_taken_a_turn(
    database: Database, clock: VirtualClock
) -> None:
    pace = Pace(1)
    with pytest.raises(KeyError), database.transaction(SYSTEM, clock) as tx:
        assert take_turns(tx, Channel.SMS, pace, [Place.NEW])[0] == [GO]
        with database.transaction(SYSTEM, clock) as other:
            assert take_turns(other, Channel.SMS, pace, [Place.NEW])[0] != [GO]
        raise KeyError
    with database.transaction(SYSTEM, clock) as tx:  # given up, and the turn is used all the same
        assert take_turns(tx, Channel.SMS, pace, [Place.IN_LINE])[0] != [GO]


@both
def test_loops_that_ask_at_the_same_moment_get_no_more_than_the_pace_allows(
    database: Database, clock: VirtualClock
) -> None:
    pace = Pace(30)

    def ask(_: int) -> int:
        with database.transaction(SYSTEM, clock) as tx:
            return take_turns(tx, Channel.SMS, pace, [Place.NEW] * 2)[0].count(GO)

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(ask, range(16))) == pace.burst


def test_what_a_line_makes_up_for_and_how_late_a_call_may_begin_keep_the_promise_of_the_pace() -> None:
    promised = timedelta(seconds=2)  # docs/reliability.md: the rate times t + 2, and the burst
    assert promised >= CATCH_UP + FRESH
