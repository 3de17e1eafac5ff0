"""A tick without work looks at small indexes only, on both databases, however many rows wait for their day."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import event

from medsync_app.clock import VirtualClock
from medsync_app.engine.loop import tick
from medsync_app.outbox.claim import claim_due, doubts, rescue, skip_stale
from medsync_app.outbox.outlook import outlook
from medsync_app.store.outbox_bench import add_future_rows
from medsync_app.store.repositories.messaging import waiting_event_ids
from medsync_app.store.session import Database, Tx
from tests.support.loop import queue_message
from tests.support.store import SYSTEM, make_patient, make_shop

pytestmark = pytest.mark.both_databases
APART = timedelta(seconds=60)
ATTEMPTS = """
    INSERT INTO attempt (id, pharmacy_id, action_id, number, channel, address, started_at, outcome, looks)
    SELECT id, pharmacy_id, id, 1, 'sms', 'x', due_at, 'sent', 0 FROM scheduled_action
"""
EVENTS = """
    INSERT INTO inbound_event (id, source, external_id, payload, received_at, processed_at, outcome)
    SELECT id, 'twilio', id, '{}', due_at, due_at, '' FROM scheduled_action
"""
#: Read by the key, or so small that it is read whole: heartbeats, pharmacies.
TABLES = ("scheduled_action", "attempt", "inbound_event")
WORK: list[Callable[[Tx], object]] = [
    lambda tx: outlook(tx, apart=APART),
    rescue,
    skip_stale,
    lambda tx: claim_due(tx, "one", lease=APART, limit=64),
    lambda tx: doubts(tx, apart=APART),
    lambda tx: waiting_event_ids(tx, ("twilio", "other"), 200),
]


def plans(database: Database, do: Callable[[], object]) -> list[str]:
    """Each line of the plans of the statements that `do` runs."""
    seen: list[tuple[str, object]] = []

    def note(_connection: object, _cursor: object, statement: str, values: object, *_: object) -> None:
        seen.append((statement, values))

    event.listen(database.engine, "before_cursor_execute", note)
    do()
    event.remove(database.engine, "before_cursor_execute", note)
    explain = "EXPLAIN QUERY PLAN " if database.is_sqlite else "EXPLAIN "
    lines: list[str] = []
    with database.engine.begin() as connection:
        for statement, values in seen:
            if statement.startswith(("SELECT", "UPDATE")):
                rows = connection.exec_driver_sql(explain + statement, values)  # type: ignore[arg-type]
                lines += [str(row[-1]) for row in rows]
    return lines


def reads_too_much(line: str) -> bool:
    """A whole table, or an index that holds rows of every state."""
    if not any(f" {table}" in line for table in TABLES):
        return False
    if "Seq Scan" in line or (line.startswith("SCAN") and "INDEX" not in line):
        return True
    return "ix_scheduled_action_pharmacy_id" in line or "(source=" in line


@pytest.mark.parametrize("work", WORK)
def test_what_a_tick_asks_is_a_look_at_a_small_index(
    database: Database, clock: VirtualClock, work: Callable[[Tx], object]
) -> None:
    shop = make_shop(database)
    add_future_rows(database, shop.pharmacy_id, 20_000, clock.now() + timedelta(days=1))
    with database.engine.begin() as connection:  # a table that holds next to nothing is rightly read whole
        connection.exec_driver_sql(ATTEMPTS)
    database.refresh_statistics()
    with database.engine.begin() as connection:
        connection.exec_driver_sql(EVENTS)

    def do() -> None:
        with database.transaction(SYSTEM, clock) as tx:
            work(tx)

    found = plans(database, do)
    assert any("ix_scheduled_action" in line or "ix_inbound_event" in line for line in found)
    assert [line for line in found if reads_too_much(line)] == []


def test_a_tick_without_work_writes_nothing(database: Database, clock: VirtualClock) -> None:
    shop = make_shop(database)
    add_future_rows(database, shop.pharmacy_id, 100, clock.now() + timedelta(days=1))
    found: list[str] = []
    event.listen(database.engine, "before_cursor_execute", lambda *a: found.append(a[2]))
    report = tick(database, clock, {}, "one", plan=False)
    assert not report.busy
    assert report.next == clock.now() + timedelta(days=1)
    assert [statement for statement in found if statement.startswith(("UPDATE", "INSERT", "BEGIN I"))] == []


def test_the_outlook_names_the_earliest_of_each_kind(database: Database, clock: VirtualClock) -> None:
    def look() -> tuple[object, ...]:
        with database.reading(SYSTEM, clock) as tx:
            seen = outlook(tx, apart=APART)
        return seen.due, seen.lease, seen.stale, seen.look

    shop, now = make_shop(database), clock.now()
    assert look() == (None, None, None, None)
    person = make_patient(database, shop, phone="+14045550123")
    late, later = now + timedelta(hours=1), now + timedelta(hours=2)
    queue_message(database, shop, clock, person, "m1", due_at=late, stale_at=later)
    assert look() == (late, None, later, None)
    clock.set(late)
    with database.transaction(SYSTEM, clock) as tx:
        claim_due(tx, "one", lease=APART, limit=1)
    assert look() == (None, late + APART, None, None)
