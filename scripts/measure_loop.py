"""Measures the processor time that one loop spends on a message, whole program, with a channel that does nothing.

`.venv/bin/python scripts/measure_loop.py [messages]`, by default 6,000, on PostgreSQL and SQLite. Two versions are
compared by running it in two work trees in turn; on a busy machine the ratio is what can be read.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from medsync_app.cli.bench_outbox import postgres_server
from medsync_app.cli.bench_outbox_worker import WARM, NoOp
from medsync_app.clock import SystemClock
from medsync_app.collector import collect_rarely
from medsync_app.connections.protocol import Connections
from medsync_app.demo.due_messages import add_due_messages
from medsync_app.domain.states import Channel
from medsync_app.engine.loop import Limits, new_owner, tick
from medsync_app.store.migrate import upgrade
from medsync_app.store.session import Database


def measure(url: str, messages: int) -> float:
    """Microseconds of processor time of this process for one message."""
    upgrade(url)
    database, clock, owner = Database(url), SystemClock(), new_owner()
    ways: Connections = {Channel.SMS: NoOp()}
    add_due_messages(database, clock, messages + WARM)
    database.refresh_statistics()
    tick(database, clock, ways, owner, Limits(batch=WARM // 2, batches=2), plan=False)
    began, sent = time.process_time(), 0
    while (report := tick(database, clock, ways, owner, plan=False)).claimed:
        sent += report.sent
    took = time.process_time() - began
    database.dispose()
    return took / sent * 1e6


def main() -> None:
    messages = int(sys.argv[1]) if len(sys.argv) > 1 else 6_000
    collect_rarely()
    with postgres_server() as new_database, tempfile.TemporaryDirectory() as folder:
        found = {
            "postgres": measure(new_database(), messages),
            "sqlite": measure(f"sqlite:///{folder}/a.db", messages),
        }
    print(json.dumps({f"{name}_us_a_message": round(value) for name, value in found.items()}))


if __name__ == "__main__":
    main()
