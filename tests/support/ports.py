"""Free ports, and waiting until something listens on one."""

import socket
import time
from collections.abc import Callable


def free_port() -> int:
    """A loopback port nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(
    ready: Callable[[], bool], *, seconds: float, what: str, why_not: Callable[[], str | None]
) -> None:
    """Wait until `ready()`; fail with `why_not()` as soon as that is known, or with `what` after
    `seconds`."""
    deadline = time.monotonic() + seconds
    while not ready():
        reason = why_not()
        if reason is not None:
            raise AssertionError(f"{what}: {reason}")
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not after {seconds:.0f} s")
        time.sleep(0.05)
