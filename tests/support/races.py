"""Runs several things at the same instant, each in a thread of its own, and gives what became of each."""

import threading
from collections.abc import Callable
from typing import Any

from medsync_app.errors import MedSyncError

#: Longer than any of them may wait for another.
_SECONDS = 60


def together(*works: Callable[[], Any]) -> list[Any]:
    """Start all at once; gives each one's result, or the MedSyncError it ended with. Any other error is raised."""
    barrier = threading.Barrier(len(works))
    results: list[Any] = [None] * len(works)
    broken: list[BaseException] = []

    def run(index: int, work: Callable[[], Any]) -> None:
        try:
            barrier.wait(_SECONDS)
            results[index] = work()
        except MedSyncError as error:
            results[index] = error
        except BaseException as error:
            broken.append(error)

    threads = [threading.Thread(target=run, args=pair, daemon=True) for pair in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(_SECONDS)
    assert not any(thread.is_alive() for thread in threads), "somebody waits for ever"
    if broken:
        raise broken[0]
    return results
