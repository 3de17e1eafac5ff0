"""A simulated month and a half: nothing lost, nothing twice, always the same, and figures of the right shape."""

import io
import json
from typing import Any

import pytest

from medsync_app.cli.main import main

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
