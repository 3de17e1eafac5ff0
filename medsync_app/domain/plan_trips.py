"""Extra trips: the fewest open days that serve every fill before its drug has joined (interval stabbing).

Choices where the rules leave room: a trip that falls on the day of a sync date, moved to its open day, is
no trip; a fill whose window has no open day counts as a window of one day, so that another fill may share
its trip; a fill that fits several trips takes the latest.
"""

from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from medsync_app.domain.days import OpenDays
from medsync_app.domain.plan_cases import MAX_JOINING_CYCLES, Link


class Trips(NamedTuple):
    """The pickup day and the too-soon mark of every link (in the order given), and the number of trips."""

    days: list[int]
    too_soon: list[bool]
    total: int


def serve(links: Sequence[Link], open_days: OpenDays, sync_date: int, cycle: int) -> Trips:
    """Date the links; each is due on or after the first open day, so that none is dated before it."""
    windows: list[tuple[int, int, int]] = []
    too_soon = [False] * len(links)
    for index, link in enumerate(links):
        latest = open_days.on_or_before(link.due)
        opens = link.opens
        if latest < opens:
            opens = latest
            too_soon[index] = True
        windows.append((latest, opens, index))
    windows.sort()
    stabs: list[int] = []
    for latest, opens, _ in windows:
        if not stabs or stabs[-1] < opens:
            stabs.append(latest)
    days = [0] * len(links)
    for latest, _, index in windows:
        days[index] = stabs[bisect_right(stabs, latest) - 1]
    total = sum(not _is_sync_day(stab, sync_date, cycle, open_days) for stab in stabs)
    return Trips(days, too_soon, total)


def _is_sync_day(day: int, sync_date: int, cycle: int, open_days: OpenDays) -> bool:
    """Whether `day` is D or a later sync date, each moved to the previous open day when closed."""
    cycles = max(0, -(-(day - sync_date) // cycle))
    nominal = sync_date + cycles * cycle
    return cycles <= MAX_JOINING_CYCLES and (nominal == day or open_days.on_or_before(nominal) == day)
