"""Runs the loop inside the web process: started with it, restarted when it breaks, stopped with it."""

import asyncio
import threading
from collections.abc import Callable, Sequence

from medsync_app.clock import SystemClock
from medsync_app.engine.checks import Chore
from medsync_app.engine.loop import Loop
from medsync_app.engine.wiring import connections_from
from medsync_app.logs import get_logger
from medsync_app.settings import get_settings
from medsync_app.store.session import get_database

#: The web server gives its tasks five seconds to end.
_GRACE = 4.5


def usual_loop(chores: Sequence[Chore] = ()) -> Loop:
    """The loop of this process, wired by the settings."""
    return Loop(get_database(), SystemClock(), connections_from(get_settings()), chores=chores)


async def background_loop(
    chores: Sequence[Chore] = (), make: Callable[[Sequence[Chore]], Loop] = usual_loop
) -> None:
    """Keep a loop running in a thread until this task is cancelled."""
    ending = threading.Event()
    running: list[Loop] = []

    def keep_running() -> None:
        while not ending.is_set():
            try:
                loop = make(chores)
                running[:] = [loop]
                if ending.is_set():
                    return
                loop.run_until_stopped()
            except BaseException as error:
                get_logger().error("loop_died", error_type=type(error).__name__)
                ending.wait(1.0)

    thread = threading.Thread(target=keep_running, name="loop", daemon=True)
    thread.start()
    try:
        await asyncio.Event().wait()
    finally:
        ending.set()
        for loop in running:
            loop.stop.set()
        await asyncio.to_thread(thread.join, _GRACE)
