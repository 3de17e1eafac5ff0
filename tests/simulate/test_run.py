"""A simulated month and a half: nothing lost, nothing twice, always the same, and figures of the right shape."""

import io
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from medsync_app.cli.main import main
from medsync_app.simulate.count import SCOPE, Counted, count_messages
from medsync_app.simulate.days import Life, begin, live_day
from medsync_app.simulate.faults import MortalDatabase
from medsync_app.simulate.run import FIRST, Asked, make_life
from medsync_app.store.ids import counted_ids
from medsync_app.store.migrate import upgrade

pytestmark = pytest.mark.slow


def simulated(*more: str) -> dict[str, Any]:
    out = io.StringIO()
    code = main(["simulate", "--patients", "12", "--days", "45", *more], stdout=out, stderr=io.StringIO())
    assert code == 0
    return json.loads(out.getvalue())


def test_a_month_and_a_half_loses_nothing_sends_nothing_twice_and_is_the_same_every_time() -> None:
    found = simulated("--seed", "4")
    assert set(found) == {"messages", "exceptions", "staff", "cycles", "adherence", "seed"}
    messages = found["messages"]
    assert messages["sent"] == sum(messages["by_step"].values()) > 50
    assert (messages["sent_twice"], messages["lost"], messages["outside_window"]) == (0, 0, 0)
    assert found["exceptions"]["opened"] == sum(found["exceptions"]["by_kind"].values())
    assert 0 < found["exceptions"]["closed"] <= found["exceptions"]["opened"]
    assert found["cycles"]["enrolled"] == 12
    assert 0 < found["cycles"]["on_time"] <= 1
    assert found["adherence"]["gap_days_with"] < found["adherence"]["gap_days_without"]
    assert found["staff"]["minutes_per_month"] == pytest.approx(
        sum(found["staff"]["by_kind"].values()), abs=1
    )
    assert found["seed"] == 4
    assert simulated("--seed", "4") == found


def test_a_broken_queue_a_second_send_and_a_text_at_night_are_each_seen(tmp_path: Path) -> None:
    asked = Asked(number=0, patients=4, days=20, seed=2)
    url = f"sqlite:///{tmp_path / 'broken.db'}"
    upgrade(url)
    database = MortalDatabase(url)
    with counted_ids():
        life = make_life(asked, database, tmp_path)
        begin(life, FIRST)
        for ahead in range(1, asked.days + 1):
            live_day(life, FIRST + timedelta(days=ahead))
    assert counted(life) == (0, 0, 0)
    known = life.provider.taken
    night = replace(known[-1], at=known[-1].at.replace(hour=7))
    life.provider.taken = [*known, night]
    assert counted(life) == (2, 0, 1)  # one action accepted twice, the same words twice on a day
    life.provider.taken = known[1:]
    assert counted(life) == (0, 1, 0)
    database.dispose()


def counted(life: Life) -> tuple[int, int, int]:
    found = Counted()
    with life.world.database.reading(SCOPE, life.world.clock) as tx:
        count_messages(tx, life, found)
    return found.sent_twice, found.lost, found.outside_window
