"""The bare driver's way of sending a table of due rows: what the outbox is measured against (cli/bench_outbox.py)."""

import time
from datetime import UTC, datetime
from enum import Enum, auto
from itertools import chain
from typing import Any

from medsync_app.store.ids import new_id
from medsync_app.store.session import Database

_TABLES = (
    "CREATE TABLE bare (id VARCHAR(26) PRIMARY KEY, due_at TIMESTAMP, state VARCHAR(10), body TEXT)",
    "CREATE TABLE bare_attempt (id VARCHAR(26) PRIMARY KEY, bare_id VARCHAR(26), outcome VARCHAR(10))",
    "INSERT INTO bare SELECT id, due_at, 'queued', 'a message' FROM scheduled_action WHERE state = 'queued'",
    "CREATE INDEX ix_bare ON bare (due_at) WHERE state = 'queued'",
)
_CLAIM = """
    UPDATE bare SET state = 'claimed' WHERE id IN (
        SELECT id FROM bare WHERE state = 'queued' ORDER BY due_at LIMIT 64 FOR UPDATE SKIP LOCKED
    ) RETURNING id
"""
_ALL = "SELECT id, due_at FROM bare ORDER BY due_at"
_DUE = "SELECT a.id, s.due_at FROM attempt a JOIN scheduled_action s ON s.id = a.action_id"
_CLAIM_ONE = "UPDATE bare SET state = 'calling' WHERE id = %s AND state = 'queued'"
_MARK = "UPDATE bare SET state = 'calling' WHERE id = %s AND state = 'claimed'"
_ATTEMPT = "INSERT INTO bare_attempt VALUES (%s, %s, 'calling')"
_SENT = "UPDATE bare SET state = 'sent' WHERE id = %s AND state IN ('claimed', 'calling')"
_OUTCOME = "UPDATE bare_attempt SET outcome = 'sent' WHERE id = %s"


def create_bare_tables(database: Database) -> None:
    """Tables of the queued messages and their attempts, with the index a queue needs."""
    with database.engine.begin() as connection:
        for statement in _TABLES:
            connection.exec_driver_sql(statement)


def count_sent(url: str, *, bare: bool) -> int:
    """How many messages are recorded as sent."""
    database = Database(url)
    with database.engine.connect() as connection:
        table = "bare" if bare else "scheduled_action"
        found = connection.exec_driver_sql(f"SELECT count(*) FROM {table} WHERE state = 'sent'").scalar_one()  # noqa: S608
    database.dispose()
    return int(found)


class Promise(Enum):
    """What the bare driver commits besides the outcome of each message."""

    #: Nothing: it can lose or repeat a message.
    NONE = auto()
    #: The marks of a claim before its calls, all in one commit.
    MARK_BATCH = auto()
    #: A mark before each call.
    MARK_EACH = auto()


def send_bare(database: Database, promise: Promise, *, until: float) -> int:
    """Claim batches, then handle each row by itself with the driver alone, until a monotonic second; gives how many."""
    connection: Any = database.engine.raw_connection().driver_connection
    run = _Driver(connection, database.is_sqlite)
    sent = 0
    while True:
        ids = [row[0] for row in run.commit((_CLAIM, ()))]
        if not ids:
            return sent
        attempts = {row_id: new_id() for row_id in ids}
        marks = {row_id: ((_MARK, (row_id,)), (_ATTEMPT, (attempts[row_id], row_id))) for row_id in ids}
        if promise is Promise.MARK_BATCH:
            run.commit(*chain.from_iterable(marks.values()))
        for row_id in ids:
            if time.monotonic() > until:
                return sent
            if promise is Promise.MARK_EACH:
                run.commit(*marks[row_id])
            outcome = ((_OUTCOME, (attempts[row_id],)),) if promise is not Promise.NONE else ()
            run.commit((_SENT, (row_id,)), *outcome)
            sent += 1


def due_by_attempt(database: Database) -> dict[str, datetime]:
    """When the message of each attempt was due."""
    with database.engine.connect() as connection:
        return {key: _instant(due) for key, due in connection.exec_driver_sql(_DUE)}


def mark_when_due(database: Database) -> list[float]:
    """The bare driver with all moments in its memory: sleeps until each, and marks its row; gives the seconds late."""
    connection: Any = database.engine.raw_connection().driver_connection
    run, late = _Driver(connection, database.is_sqlite), list[float]()
    for row_id, due in run.commit((_ALL, ())):
        at = _instant(due)
        time.sleep(max(0.0, (at - datetime.now(UTC)).total_seconds()))
        run.commit((_CLAIM_ONE, (row_id,)))
        late.append((datetime.now(UTC) - at).total_seconds())
    return late


def _instant(stored: datetime | str) -> datetime:
    """As either driver gives it: SQLite's as text, PostgreSQL's in the zone of the connection where it has one."""
    found = datetime.fromisoformat(stored) if isinstance(stored, str) else stored
    return found.astimezone(UTC) if found.tzinfo is not None else found.replace(tzinfo=UTC)


class _Driver:
    """Runs statements in one transaction, in the words of either driver."""

    def __init__(self, connection: Any, sqlite: bool) -> None:
        self._connection, self._sqlite = connection, sqlite
        self._cursor = connection.cursor()

    def commit(self, *statements: tuple[str, tuple[str, ...]]) -> list[Any]:
        """Run them and commit; gives the rows of the first when it returns some."""
        if self._sqlite:
            self._cursor.execute("BEGIN IMMEDIATE")
        rows: list[Any] = []
        for statement, values in statements:
            self._cursor.execute(self._words(statement), values)
            if statement in (_CLAIM, _ALL):
                rows = self._cursor.fetchall()
        self._connection.commit()
        return rows

    def _words(self, statement: str) -> str:
        return (
            statement.replace("%s", "?").replace("FOR UPDATE SKIP LOCKED", "") if self._sqlite else statement
        )


_MANY = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})",
    "postgresql": "WITH n(i) AS (SELECT generate_series(1, {count}))",
}
_FUTURE = """
    INSERT INTO scheduled_action (id, pharmacy_id, step, kind, payload, idempotency_key, due_at, stale_at, state,
        reason, attempts, created_at, updated_at)
    {many} SELECT 'future-' || i, '{pharmacy_id}', 'reminder', 'message', '{{}}', 'future-' || i, '{due}', '{due}',
        'queued', '', 0, '{due}', '{due}' FROM n
"""


def add_future_rows(database: Database, pharmacy_id: str, count: int, due: datetime) -> None:
    """So many queued messages for later, and fresh statistics, as a database that has lived would have."""
    name = database.engine.dialect.name
    with database.engine.begin() as connection:
        connection.exec_driver_sql(
            _FUTURE.format(
                many=_MANY[name].format(count=count), pharmacy_id=pharmacy_id,
                due=f"{due.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}" + ("" if name == "sqlite" else "+00"),
            )
        )  # fmt: skip
    database.refresh_statistics()
