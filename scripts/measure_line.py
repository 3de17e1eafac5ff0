"""Measures a backlog at a provider's pace: the first delay, the order, and answers that come in the middle of it.

`.venv/bin/python scripts/measure_line.py [messages] [a second]`, by default 2,000 at 40 a second on SQLite.
"""

import json
import sys
import tempfile
import threading
import time
from datetime import datetime
from pathlib import Path

from sqlalchemy import text

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from medsync_app.clock import SystemClock
from medsync_app.connections.guarded import GuardedConnection
from medsync_app.connections.protocol import Accepted, Found, Outgoing
from medsync_app.demo.due_messages import add_due_messages
from medsync_app.domain.provider import Pace
from medsync_app.domain.states import Channel
from medsync_app.engine.loop import Loop
from medsync_app.outbox.queue import NewAction, queue
from medsync_app.store.migrate import upgrade
from medsync_app.store.scope import Scope
from medsync_app.store.session import Database

SYSTEM = Scope.system("measure")
ANSWERS = 40


class Receiver:
    """Takes everything, and notes when."""

    live, loopback, can_look_up = False, True, False

    def __init__(self) -> None:
        self.at: dict[str, float] = {}

    def send(self, message: Outgoing) -> Accepted:
        self.at[message.to] = time.monotonic()
        return Accepted(f"SM{message.attempt_id}")

    def look_up(self, to: str, since: datetime) -> list[Found]:
        return []


def answer(database: Database, clock: SystemClock, pharmacy_id: str, number: int) -> float:
    """Queue the direct answer to a patient's HELP, due at once; gives when."""
    payload = {
        "to": f"+1202555{number:04}",
        "channel": "sms",
        "action": {"do": "message", "template": "help"},
    }
    with database.transaction(SYSTEM, clock) as tx:
        queue(
            tx,
            [
                NewAction(
                    pharmacy_id=pharmacy_id, step="help", kind="reply", idempotency_key=f"answer {number}",
                    due_at=tx.now, payload=payload,
                )
            ],
        )  # fmt: skip
    return time.monotonic()


def main() -> None:
    count, per_second = (*map(int, sys.argv[1:]), 2_000, 40)[:2] if len(sys.argv) > 2 else (2_000, 40)
    folder = tempfile.mkdtemp(prefix="medsync-line-")
    url = f"sqlite:///{Path(folder) / 'line.db'}"
    upgrade(url)
    database, clock, receiver = Database(url), SystemClock(), Receiver()
    pharmacy_id = add_due_messages(database, clock, count)
    with database.reading(SYSTEM) as tx:
        rows = tx.session.execute(
            text(
                "select p.address from scheduled_action a join contact_point p on p.patient_id = a.patient_id"
                " where a.kind = 'message' order by a.due_at, a.id"
            )
        )
        wanted = [row[0] for row in rows]
    loop = Loop(database, clock, {Channel.SMS: GuardedConnection(receiver, Pace(per_second))})
    thread = threading.Thread(target=loop.run_until_stopped)
    began = time.monotonic()
    thread.start()
    asked = dict[str, float]()
    while len(receiver.at) < count + len(asked) or len(asked) < ANSWERS:
        time.sleep(count / per_second / 2 / ANSWERS)
        if len(asked) < ANSWERS:
            asked[f"+1202555{len(asked):04}"] = answer(database, clock, pharmacy_id, len(asked))
    loop.stop.set()
    thread.join()
    got = sorted((at, to) for to, at in receiver.at.items() if to not in asked)
    place = {to: index for index, to in enumerate(wanted)}
    waits = sorted(receiver.at[to] - at for to, at in asked.items())
    print(
        json.dumps(
            {
                "messages": count, "a_second": per_second,
                "first_after_s": round(got[0][0] - began, 2),
                "tenth_after_s": round(got[9][0] - began, 2),
                "all_after_s": round(got[-1][0] - began, 1),
                "most_places_out_of_order": max(abs(place[to] - n) for n, (_, to) in enumerate(got)),
                "mean_places_out_of_order": round(sum(abs(place[to] - n) for n, (_, to) in enumerate(got)) / count, 1),
                "answers": len(waits), "answer_p50_s": round(waits[len(waits) // 2], 2),
                "answer_p99_s": round(waits[-1], 2),
            }
        )
    )  # fmt: skip
    database.dispose()


if __name__ == "__main__":
    main()
