"""The outbox on PostgreSQL: several loops share the work, and a number is decided about by one at a time."""

import threading
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta

import pytest

from medsync_app.clock import VirtualClock
from medsync_app.connections.protocol import Accepted, Outgoing
from medsync_app.domain.states import ActionState, Channel
from medsync_app.engine.loop import Limits, tick
from medsync_app.outbox.claim import claim_due, rescue
from medsync_app.outbox.settle import mark_calling, settle_call
from medsync_app.services.schedule_cycle import schedule_cycle
from medsync_app.store.session import Database
from tests.support.cycles import make_cycle
from tests.support.loop import FakeConnection, action, all_actions, queue_message
from tests.support.store import SYSTEM, make_patient, make_shop

pytestmark = pytest.mark.postgres
LEASE = timedelta(seconds=60)


@pytest.fixture
def pg(fresh_postgres_url: str) -> Iterator[Database]:
    result = Database(fresh_postgres_url)
    yield result
    result.dispose()


def run_loops(pg: Database, clock: VirtualClock, sms: FakeConnection, count: int) -> None:
    errors: list[BaseException] = []

    def work(name: str) -> None:
        try:
            for _ in range(4):
                tick(pg, clock, {Channel.SMS: sms}, name, Limits(batch=4), plan=False)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(f"loop-{i}",)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_four_loops_send_each_message_once(pg: Database, clock: VirtualClock) -> None:
    shop = make_shop(pg)
    for index in range(60):
        person = make_patient(pg, shop, first=f"P{index}", phone=f"+14045550{100 + index}")
        queue_message(pg, shop, clock, person, f"m{index}")
    sms = FakeConnection()
    run_loops(pg, clock, sms, 4)
    assert Counter(m.to for m in sms.sent) == {f"+14045550{100 + i}": 1 for i in range(60)}


def test_two_loops_do_not_both_message_one_number_today(pg: Database, clock: VirtualClock) -> None:
    shop = make_shop(pg)
    for index in range(12):
        person = make_patient(pg, shop, first=f"P{index}", phone="+14045550123")
        queue_message(pg, shop, clock, person, f"m{index}")
    sms = FakeConnection()
    run_loops(pg, clock, sms, 4)
    assert len(sms.sent) == 1
    assert len(all_actions(pg, ActionState.QUEUED)) == 11


def test_a_households_messages_taken_by_different_loops_are_one(pg: Database, clock: VirtualClock) -> None:
    shop = make_shop(pg)
    for index in range(4):
        person = make_patient(pg, shop, first=f"P{index}", phone="+14045550123")
        made = make_cycle(pg, shop, person, sync_date=date(2026, 11, 26), number=2)
        with pg.transaction(SYSTEM, clock) as tx:
            schedule_cycle(tx, made.cycle_id)
    sms = FakeConnection()
    run_loops(pg, clock, sms, 2)
    assert len(sms.sent) == 1
    assert "4 people" in sms.sent[0].body


def test_rescuer_and_worker_in_both_orders_end_in_one_state(pg: Database, clock: VirtualClock) -> None:
    shop = make_shop(pg)
    person = make_patient(pg, shop, phone="+14045550123")
    for index, worker_first in enumerate((True, False)):
        made = queue_message(pg, shop, clock, person, f"m{index}")
        with pg.transaction(SYSTEM, clock) as tx:
            (held,) = claim_due(tx, "one", lease=LEASE, limit=1)
        with pg.transaction(SYSTEM, clock) as tx:
            attempt = mark_calling(
                tx, held, channel=Channel.SMS, address="+14045550123", body="x", room=timedelta(seconds=15)
            )
        assert attempt is not None
        clock.advance(LEASE)
        steps = [
            lambda held=held, attempt=attempt: _settle(pg, clock, held, attempt),
            lambda: _rescue(pg, clock),
        ]
        for step in steps if worker_first else reversed(steps):
            step()
        expected = ActionState.SENT if worker_first else ActionState.IN_DOUBT
        assert action(pg, made).state is expected


def _settle(pg: Database, clock: VirtualClock, held, attempt: str) -> None:  # type: ignore[no-untyped-def]
    with pg.transaction(SYSTEM, clock) as tx:
        settle_call(tx, held, attempt, state=ActionState.SENT, outcome="sent", provider_id="SM1")


def _rescue(pg: Database, clock: VirtualClock) -> None:
    with pg.transaction(SYSTEM, clock) as tx:
        rescue(tx)


def test_a_slow_call_holds_no_transaction_open(pg: Database, clock: VirtualClock) -> None:
    shop = make_shop(pg)
    made = queue_message(pg, shop, clock, make_patient(pg, shop, phone="+14045550123"))
    seen: list[ActionState] = []

    def behave(message: Outgoing) -> Accepted:
        seen.append(action(pg, made).state)
        queue_message(pg, shop, clock, action(pg, made).patient_id or "", "written during the call")
        return Accepted(message.attempt_id)

    tick(pg, clock, {Channel.SMS: FakeConnection(behave=behave)}, "one", plan=False)
    assert seen == [ActionState.CALLING]
    assert action(pg, made).state is ActionState.SENT
