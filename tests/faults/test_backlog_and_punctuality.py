"""Rows 22 and 23 of the fault tests: a week's backlog, and how late a message goes that is due at some moment."""

import threading
import time
from datetime import UTC, datetime, timedelta
from datetime import time as wall_time
from random import Random

import pytest
from sqlalchemy import func, select

from medsync_app.clock import SystemClock
from medsync_app.connections.protocol import Accepted, Outgoing
from medsync_app.domain.states import ActionState, Channel
from medsync_app.engine.loop import Loop
from medsync_app.outbox.queue import NewAction, queue
from medsync_app.store.outbox_bench import add_future_rows
from medsync_app.store.session import Database
from medsync_app.store.tables import Pharmacy, ScheduledAction
from tests.support.faults import SLACK, figures, sized, wait_until
from tests.support.loop import FakeConnection
from tests.support.store import SYSTEM, Shop, make_patient, make_shop

pytestmark = [pytest.mark.slow, pytest.mark.both_databases]


def queue_due(database: Database, shop: Shop, moments: list[datetime]) -> dict[str, datetime]:
    """A message to a number of its own for each moment; gives the moments by number."""
    due: dict[str, datetime] = {}
    with database.transaction(SYSTEM) as tx:
        pharmacy = tx.get(Pharmacy, shop.pharmacy_id)
        pharmacy.is_demo, pharmacy.contact_from, pharmacy.contact_until = True, wall_time(0), wall_time.max
    for index, moment in enumerate(moments):
        phone = f"+1{200 + index // 100}55501{index % 100:02d}"
        person = make_patient(database, shop, first=f"P{index}", phone=phone)
        due[phone] = moment
        with database.transaction(SYSTEM) as tx:
            queue(
                tx,
                [
                    NewAction(
                        pharmacy_id=shop.pharmacy_id, step="welcome", kind="message", patient_id=person,
                        due_at=moment, idempotency_key=phone,
                        payload={"action": {"do": "message", "template": "welcome"}},
                    )
                ],
            )  # fmt: skip
    return due


class Watch(FakeConnection):
    """Notes when each number's message came."""

    def __init__(self) -> None:
        self.came: dict[str, datetime] = {}
        super().__init__(behave=self._note)

    def _note(self, message: Outgoing) -> Accepted:
        self.came[message.to] = datetime.now(UTC)
        return Accepted(f"SM{message.attempt_id}")


def run(database: Database, sms: Watch, count: int, seconds: float) -> None:
    loop = Loop(database, SystemClock(), {Channel.SMS: sms})
    thread = threading.Thread(target=loop.run_until_stopped)
    thread.start()
    try:
        wait_until(lambda: len(sms.came) == count, seconds)
    finally:
        loop.stop.set()
        thread.join(30)


def at(sorted_values: list[float], share: float) -> float:
    return round(sorted_values[min(len(sorted_values) - 1, int(len(sorted_values) * share))], 3)


def test_after_a_week_off_what_is_stale_is_skipped_and_what_is_due_now_goes(database: Database) -> None:
    stale, fresh = sized(10_000, 100_000), 50
    shop = make_shop(database)
    add_future_rows(database, shop.pharmacy_id, stale, datetime.now(UTC) - timedelta(days=7))
    queue_due(database, shop, [datetime.now(UTC)] * fresh)
    sms, started = Watch(), datetime.now(UTC)
    run(database, sms, fresh, 60)
    late = sorted((came - started).total_seconds() for came in sms.came.values())
    ends = time.monotonic() + 300
    loop = Loop(database, SystemClock(), {Channel.SMS: sms})
    thread = threading.Thread(target=loop.run_until_stopped)
    thread.start()
    while (left := waiting(database)) and time.monotonic() < ends:
        time.sleep(0.2)
    loop.stop.set()
    thread.join(30)
    figures(22, sqlite=database.is_sqlite, stale=stale, new=fresh, new_late_p99=at(late, 0.99))
    assert left == 0
    with database.reading(SYSTEM) as tx:
        skipped = tx.session.scalar(
            select(func.count()).select_from(ScheduledAction).where(
                ScheduledAction.state == ActionState.SKIPPED, ScheduledAction.reason.contains("Too late")  # type: ignore[attr-defined]
            )
        )  # fmt: skip
    assert skipped == stale
    assert at(late, 0.99) < 2 * SLACK


def waiting(database: Database) -> int:
    with database.reading(SYSTEM) as tx:
        return tx.session.scalar(
            select(func.count()).select_from(ScheduledAction).where(
                ScheduledAction.state == ActionState.QUEUED, ScheduledAction.kind == "message"
            )
        ) or 0  # fmt: skip


def test_messages_go_when_they_are_due_and_never_before(database: Database) -> None:
    count, seconds, chance = sized(60, 5_000), sized(8, 600), Random(23)
    shop = make_shop(database)
    begin = datetime.now(UTC) + timedelta(seconds=3 + count / 100)
    due = queue_due(
        database, shop, [begin + timedelta(seconds=chance.uniform(0, seconds)) for _ in range(count)]
    )
    sms = Watch()
    run(database, sms, count, seconds + 60 + count / 100)
    late = sorted((sms.came[phone] - moment).total_seconds() for phone, moment in due.items())
    figures(
        23, sqlite=database.is_sqlite, messages=count, over_s=seconds, earliest=round(late[0], 3),
        p50=at(late, 0.5), p99=at(late, 0.99),
    )  # fmt: skip
    assert late[0] >= 0
    assert at(late, 0.5) < 0.3 * SLACK
    assert at(late, 0.99) < 1 * SLACK
