"""Loops side by side that share the pace of one provider, and what one of them is told."""

from dataclasses import dataclass

import httpx2
import pytest

from medsync_app.domain.provider import Pace
from medsync_app.store.session import Database
from tests.support.databases import POSTGRES
from tests.support.faults import (
    BACK,
    LONG,
    accepted,
    arrived,
    beats,
    figures,
    fill,
    provider,
    sized,
    start_loop,
    wait_until,
)
from tests.support.store import make_shop

pytestmark = pytest.mark.slow
#: Seconds between a turn and its call at most: an older decision is made again.
FRESH = 2.0


@dataclass(frozen=True, slots=True)
class Seen:
    """When requests came to the provider, and when it told one of them to wait; seconds of its own clock."""

    times: list[float]
    told_at: float | None

    def most_in(self, seconds: float) -> int:
        return max(sum(start <= one < start + seconds for one in self.times) for start in self.times)

    @property
    def lasted(self) -> float:
        return self.times[-1] - self.times[0]

    @property
    def rate(self) -> float:
        return (len(self.times) - 1) / self.lasted


def seen(url: str) -> Seen:
    found = httpx2.get(f"{url}/times").json()
    return Seen(sorted(found["times"]), found["told_at"])


@pytest.mark.parametrize("database", [POSTGRES], indirect=True)
def test_four_loops_keep_one_pace_together_and_one_wish_to_wait_holds_them_all(database: Database) -> None:
    pace, count = Pace(40), sized(200, 4_000)
    peace, reached = 4, 1.0 if LONG else 2.0
    shop = make_shop(database)
    with provider(0.02) as url:
        running = [start_loop(database, url, BACK, pace=pace.per_second) for _ in range(4)]
        try:
            wait_until(lambda: beats(database) == len(running), 120)
            fill(database, shop, count)
            wait_until(lambda: arrived(url) >= count // 3, 60 + count / 10)
            running.append(start_loop(database, url, BACK, pace=pace.per_second))  # one joins, one dies
            running[0].kill()
            wait_until(lambda: arrived(url) >= count * 2 // 3, 60 + count / 10)
            before = seen(url)
            httpx2.get(f"{url}/wait-next/{peace}")
            wait_until(lambda: seen(url).told_at is not None)
            wait_until(lambda: arrived(url) > len(before.times) + 10, 60)
            # What the killed one held waits for the end of its lease, and for the look-ups.
            wait_until(lambda: len(accepted(url)) >= count - 2 * 8, 60 + count / 10)
        finally:
            for process in running:
                process.kill()
                process.communicate()
        after, taken = seen(url), accepted(url)
    assert after.told_at is not None
    told = after.told_at
    late = [one - told for one in after.times if 0 < one - told < peace]
    figures(
        8, loops=4, pace=pace.per_second, accepted=len(taken), rate=round(before.rate, 2),
        most_in_1_s=before.most_in(1), most_in_5_s=before.most_in(5), last_after_told=round(max(late, default=0.0), 3),
    )  # fmt: skip
    assert max(taken.values()) == 1
    for seconds in (before.lasted, 5.0):
        assert before.most_in(seconds) <= pace.per_second * (seconds + FRESH) + pace.burst
    assert max(late, default=0.0) < reached
    assert after.times[-1] > told + peace, "nothing was left to be held"
