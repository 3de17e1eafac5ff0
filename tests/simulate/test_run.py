"""A simulated month and a half: nothing lost, nothing twice, always the same, and figures of the right shape."""

import io
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlmodel import col

from medsync_app.cli.main import main
from medsync_app.services.record_outcome import steady_jitter
from medsync_app.simulate.count import SCOPE, Counted, count_messages
from medsync_app.simulate.days import Life, begin, live_day
from medsync_app.simulate.faults import Killer, MortalDatabase
from medsync_app.simulate.run import FIRST, Asked, make_life
from medsync_app.store.ids import counted_ids
from medsync_app.store.migrate import upgrade
from medsync_app.store.tables import Attempt, ScheduledAction

pytestmark = pytest.mark.slow


def simulated(*more: str) -> dict[str, Any]:
    out = io.StringIO()
    code = main(["simulate", "--patients", "12", "--days", "45", *more], stdout=out, stderr=io.StringIO())
    assert code == 0
    return json.loads(out.getvalue())


def test_a_month_and_a_half_loses_nothing_sends_nothing_twice_and_prints_the_keys_of_the_design() -> None:
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
    assert set(found["staff"]) == {"minutes_per_month", "by_kind"}
    assert set(found["adherence"]) == {"gap_days_with", "gap_days_without", "pdc_before", "pdc_after"}
    assert found["seed"] == 4


@pytest.mark.parametrize(("level", "days"), [(1, 14), (3, 30)])
def test_whatever_goes_wrong_the_same_seed_gives_the_same_log_and_the_promise_holds(
    tmp_path: Path, level: int, days: int
) -> None:
    asked = Asked(number=0, patients=4, days=days, seed=7, faults=level)
    first, again = (lived(asked, tmp_path / name) for name in ("first", "again"))
    assert counted(first) == (0, 0, 0)
    assert first.provider.taken
    assert log_of(first) == log_of(again)
    if level == 3:
        assert any(outcome != "sent" for _, _, outcome in log_of(first)[1])
        assert killer_of(first).deaths > 0


def test_a_broken_queue_a_second_send_and_a_text_at_night_are_each_seen(tmp_path: Path) -> None:
    life = lived(Asked(number=0, patients=4, days=20, seed=2), tmp_path)
    assert counted(life) == (0, 0, 0)
    known = life.provider.taken
    night = replace(known[-1], at=known[-1].at.replace(hour=7))
    life.provider.taken = [*known, night]
    assert counted(life) == (2, 0, 1)  # one action accepted twice, the same words twice on a day
    life.provider.taken = known[1:]
    assert counted(life) == (0, 1, 0)


def test_a_breach_ends_the_run_with_seed_and_day(monkeypatch: pytest.MonkeyPatch) -> None:
    # As if every message had gone out at night.
    monkeypatch.setattr("medsync_app.simulate.count._allowed", lambda *_: False)
    out, err = io.StringIO(), io.StringIO()
    words = ["simulate", "--patients", "4", "--days", "10", "--seed", "3"]
    assert main(words, stdout=out, stderr=err) == 1
    assert out.getvalue() == ""
    assert "Seed 3" in err.getvalue()
    assert "outside window" in err.getvalue()


def lived(asked: Asked, folder: Path) -> Life:
    folder.mkdir(exist_ok=True)
    url = f"sqlite:///{folder / 'simulated.db'}"
    upgrade(url)
    steady_jitter(f"{asked.seed}:{asked.number}")
    with counted_ids():
        life = make_life(asked, MortalDatabase(url), folder)
        begin(life, FIRST)
        for ahead in range(1, asked.days + 1):
            live_day(life, FIRST + timedelta(days=ahead))
    return life


def log_of(life: Life) -> tuple[list[Any], list[Any], list[Any]]:
    """What the provider took and when, every attempt, and what became of every action."""
    with life.world.database.reading(SCOPE, life.world.clock) as tx:
        actions = [
            (row.id, row.step, row.state, row.due_at, row.reason)
            for row in tx.session.scalars(select(ScheduledAction).order_by(col(ScheduledAction.id)))
        ]
        attempts = [
            (row.id, row.action_id, row.outcome)
            for row in tx.session.scalars(select(Attempt).order_by(col(Attempt.id)))
        ]
    return life.provider.taken, attempts, actions


def killer_of(life: Life) -> Killer:
    database = life.world.database
    assert isinstance(database, MortalDatabase)
    assert database.killer is not None
    return database.killer


def counted(life: Life) -> tuple[int, int, int]:
    found = Counted()
    with life.world.database.reading(SCOPE, life.world.clock) as tx:
        count_messages(tx, life, found)
    return found.sent_twice, found.lost, found.outside_window
