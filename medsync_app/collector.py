"""How often Python's garbage collector looks: figures and plans build rows by the hundred thousand, without cycles."""

import gc

#: New objects until the youngest are looked at (Python's own 700 costs as much time as the reading itself).
_YOUNGEST = 50_000


def collect_rarely() -> None:
    """Let the collector look less often, in this process; objects without cycles go at once all the same."""
    gc.set_threshold(_YOUNGEST)
