"""The job libraries that the outbox is measured against, each run as its documentation recommends.

procrastinate: an asynchronous task, many at a time in one worker (its guide to concurrency), woken by LISTEN/NOTIFY.
DBOS: a workflow with one step, started from a queue that it polls. Both come with the development requirements.
"""

import asyncio
import os
import sys
import time
from contextlib import suppress
from typing import Any

import psycopg

#: Jobs that one worker of procrastinate runs at a time: more was not faster here.
CONCURRENCY = 30
#: Jobs that one worker of DBOS runs at a time: more was not faster; and how often it asks for more, in seconds.
DBOS_CONCURRENCY, DBOS_POLL = 100, 0.1
_QUEUE = "send"
#: The longest turn of one worker.
SECONDS = 3.0


def prepare_procrastinate(url: str, count: int) -> None:
    """Its tables, and so many jobs."""

    async def make() -> None:
        app, send, _ = _procrastinate(url)
        async with app.open_async():
            await app.schema_manager.apply_schema_async()
            await send.batch_defer_async(*({"number": number} for number in range(count)))

    asyncio.run(make())


def work_procrastinate(url: str, _count: int) -> int:
    """Work off the jobs; gives how many this worker did."""

    async def work() -> int:
        app, _, done = _procrastinate(url)
        async with app.open_async():
            ends = await asyncio.to_thread(begin)
            working = app.run_worker_async(wait=False, concurrency=CONCURRENCY, install_signal_handlers=False)
            with suppress(TimeoutError):
                await asyncio.wait_for(working, ends - time.monotonic())
            worked()
        return len(done)

    return asyncio.run(work())


def _procrastinate(url: str) -> tuple[Any, Any, list[int]]:
    from procrastinate import App, PsycopgConnector  # a development requirement

    app, done = App(connector=PsycopgConnector(conninfo=plain(url))), list[int]()

    @app.task(name="send")
    async def send(number: int) -> None:
        done.append(number)

    return app, send, done


def prepare_dbos(url: str, count: int) -> None:
    """Its tables, and so many workflows in a queue that nobody works on yet."""
    from dbos import DBOS, DBOSClient  # a development requirement

    _dbos(url)
    DBOS.launch()
    DBOS.destroy()
    client = DBOSClient(system_database_url=url)
    for number in range(count):
        client.enqueue({"workflow_name": "send", "queue_name": _QUEUE, "app_version": "1"}, number)
    client.destroy()


def work_dbos(url: str, count: int) -> int:
    """Work off the queue until everybody together is through; gives how many this worker did."""
    from dbos import DBOS  # a development requirement

    done = _dbos(url)
    DBOS.launch()
    ends = begin()
    DBOS.register_queue(_QUEUE, worker_concurrency=DBOS_CONCURRENCY, polling_interval_sec=DBOS_POLL)
    through = "SELECT count(*) FROM dbos.workflow_status WHERE status = 'SUCCESS'"
    with psycopg.connect(plain(url), autocommit=True) as connection:
        while time.monotonic() < ends and (connection.execute(through).fetchone() or [0])[0] < count:
            time.sleep(0.05)
    worked()
    made = len(done)
    DBOS.destroy()
    return made


def _dbos(url: str) -> list[int]:
    from dbos import DBOS, DBOSConfig  # a development requirement

    done: list[int] = []
    config: DBOSConfig = {
        "name": "bench", "system_database_url": url, "application_version": "1",
        "executor_id": str(os.getpid()), "log_level": "CRITICAL",
    }  # fmt: skip
    DBOS(config=config)

    @DBOS.step()
    def call(number: int) -> None:
        done.append(number)

    @DBOS.workflow(name="send")
    def send(number: int) -> None:
        call(number)

    return done


def plain(url: str) -> str:
    """The address as the driver itself reads it."""
    return url.replace("+psycopg", "", 1)


_clock: dict[str, float] = {}


def begin() -> float:
    """Say that all is open, and wait for the word; gives the monotonic second at which the turn ends."""
    print("ready", flush=True)
    sys.stdin.readline()
    _clock["began"] = time.monotonic()
    return _clock["began"] + SECONDS


def worked() -> float:
    """How many seconds the work has taken, when asked first: what follows is clearing up."""
    _clock.setdefault("ended", time.monotonic())
    return _clock["ended"] - _clock["began"]
