"""The day before: what is known not to be there is not counted, and nobody is told to come for nothing."""

from collections.abc import Mapping
from datetime import timedelta

import pytest

from medsync_app.domain.states import Channel
from medsync_app.services.mark_ready import ItemProblem, mark_ready
from medsync_app.store.tables import Cycle
from tests.support.loop import FakeConnection, all_actions, run_tick
from tests.support.programme import Batch, Clinic

pytestmark = pytest.mark.slow


def said_the_day_before(clinic: Clinic, batch: Batch, problems: Mapping[str, ItemProblem]) -> list[str]:
    """What the patient is told the day before, when so much was missing the day before that."""
    sms = FakeConnection()
    clinic.go_to(batch.sync_date - timedelta(days=2))
    with clinic.writing() as tx:
        version = tx.get(Cycle, batch.id).version
        mark_ready(tx, batch.id, expected_version=version, items=[], problems=problems)
    run_tick(clinic.database, clinic.clock, {Channel.SMS: sms})
    before = len(sms.sent)
    clinic.go_to(batch.sync_date - timedelta(days=1))
    run_tick(clinic.database, clinic.clock, {Channel.SMS: sms})
    return [message.body for message in sms.sent[before:]]


@pytest.mark.parametrize(("days", "count"), [(0, "2 medicines "), (1, "1 medicine "), (None, "1 medicine ")])
def test_what_is_not_expected_by_the_day_is_not_counted(
    clinic: Clinic, batch: Batch, days: int | None, count: str
) -> None:
    expected = None if days is None else batch.sync_date + timedelta(days=days)
    problems = {next(iter(batch.items)): ItemProblem("out_of_stock", expected)}
    (said,) = said_the_day_before(clinic, batch, problems)
    assert count in said


def test_who_would_find_nothing_is_not_told_to_come(clinic: Clinic, batch: Batch) -> None:
    problems = dict(zip(batch.items, (ItemProblem("out_of_stock"), ItemProblem("on_hold")), strict=True))
    assert said_the_day_before(clinic, batch, problems) == []
    (skipped,) = (one for one in all_actions(clinic.database) if one.step == "confirm_t1")
    assert skipped.reason == "Nothing of the batch will be there on its day."
