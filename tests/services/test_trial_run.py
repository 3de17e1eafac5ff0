"""Dry runs as rows: one at a time, followed, stopped, and forgotten when the next begins."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from medsync_app.clock import VirtualClock
from medsync_app.domain.states import ActionState, Channel
from medsync_app.errors import Conflict, NotFound
from medsync_app.reads.dry_run import NotSent, Sent
from medsync_app.services.trial_run import begin_trial, finish_trial, found_of, note_progress, stop_trial
from medsync_app.services.workflow_draft import leave_out
from medsync_app.store.session import Database
from medsync_app.store.tables import TrialRun
from tests.support.store import NOW, Shop


def test_one_run_at_a_time_until_it_falls_silent(database: Database, shop: Shop, clock: VirtualClock) -> None:
    with database.transaction(shop.scope, clock) as tx:
        first = begin_trial(tx, shop.pharmacy_id, 30)
        assert first.document is None
        assert note_progress(tx, first.run_id, 40)
    with database.transaction(shop.scope, clock) as tx, pytest.raises(Conflict, match="Pat Tester began"):
        begin_trial(tx, shop.pharmacy_id, 30)
    clock.advance(timedelta(minutes=3))
    with database.transaction(shop.scope, clock) as tx:
        leave_out(tx, shop.pharmacy_id, "steps", "call_t2")
        second = begin_trial(tx, shop.pharmacy_id, 7)
        assert second.document is not None, "the changes are tried"
        assert not note_progress(tx, first.run_id, 50), "another has taken its place"
        finish_trial(tx, first.run_id, {"sent": 1})
        finish_trial(tx, second.run_id, {"sent": 2})
        assert [(row.result, row.number, row.percent) for row in tx.session.scalars(select(TrialRun))] == [
            ({"sent": 2}, 0, 100)
        ]
        begin_trial(tx, shop.pharmacy_id, 30)


def test_a_stopped_run_ends_at_its_next_word(database: Database, shop: Shop, clock: VirtualClock) -> None:
    with database.transaction(shop.scope, clock) as tx:
        run = begin_trial(tx, shop.pharmacy_id, 30)
        stop_trial(tx, shop.pharmacy_id)
        assert not note_progress(tx, run.run_id, 10)
        finish_trial(tx, run.run_id, {"sent": 1})
        assert tx.session.scalars(select(TrialRun)).all() == []
        with pytest.raises(NotFound, match="no dry run to stop"):
            stop_trial(tx, shop.pharmacy_id)


def test_what_was_found_is_counted() -> None:
    late = NOW + timedelta(hours=12)  # 3 am in UTC is still the day before in New York
    sent = [
        Sent("p1", "c1", "welcome", Channel.SMS, "+1", NOW, "a" * 161),
        Sent("p1", "c1", "ready", Channel.SMS, "+1", late, "short"),
        Sent("p2", "c2", "ready", Channel.EMAIL, "a@b", late, "mail"),
    ]
    kept = [NotSent("p3", None, "ready", NOW, ActionState.SUPPRESSED, "No consent.")]
    found = found_of(sent, kept, "America/New_York")
    assert found["steps"] == {"welcome": [1, 0], "ready": [2, 1]}
    assert found["days"] == {"2026-11-23": 3}
    assert (found["sent"], found["not_sent"], found["patients"], found["segments"]) == (3, 1, 2, 3)
    assert found["channels"] == {"sms": 2, "email": 1}
    assert found["reasons"] == [("No consent.", 1)]
    assert [one["text"] for one in found["messages"]] == ["a" * 161, "short", "mail"]
