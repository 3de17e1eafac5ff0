"""When the simulated staff take a task up: never before the day it was put off to."""

from datetime import UTC, date, datetime, timedelta
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from medsync_app.demo import desk
from medsync_app.domain.states import ExceptionKind

_DAY = date(2026, 3, 3)  # a Tuesday


def taken_up(kind: ExceptionKind, *, worked: bool, seed: int) -> int:
    """Days from today to the day on which a task that is due in three days is worked on."""
    due_at = datetime(2026, 3, 6, 20, tzinfo=UTC)
    world: Any = SimpleNamespace(chance=lambda _: False, random=Random(seed), today=_DAY + timedelta(days=99))
    location: Any = SimpleNamespace(worked={"task"} if worked else set[str]())
    task: Any = SimpleNamespace(id="task", kind=kind, due_at=due_at)
    return (desk._decide(world, location, task, _DAY) - _DAY).days  # pyright: ignore[reportPrivateUsage]


@pytest.mark.parametrize(
    ("kind", "worked"), [(ExceptionKind.NO_REFILLS, True), (ExceptionKind.NOT_PICKED_UP, False)]
)
def test_a_task_put_off_and_a_call_after_a_text_wait_for_the_day_they_are_due(
    kind: ExceptionKind, worked: bool
) -> None:
    assert {taken_up(kind, worked=worked, seed=seed) for seed in range(20)} == {3}


def test_other_tasks_are_worked_on_any_day_until_they_are_due() -> None:
    assert {taken_up(ExceptionKind.CALL, worked=False, seed=seed) for seed in range(40)} == {0, 1, 2, 3}
