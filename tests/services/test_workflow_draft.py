"""Changes of a workflow before they are published: shared, checked, taken back, put in force once."""

from typing import Any

import pytest
from sqlalchemy import select

from medsync_app.clock import VirtualClock
from medsync_app.domain.states import Role
from medsync_app.domain.workflow import default_document
from medsync_app.errors import Conflict, Forbidden, Invalid, NotFound
from medsync_app.services.schedule_cycle import schedule_cycle
from medsync_app.services.workflow_draft import (
    copy_step,
    discard_draft,
    go_back_to,
    leave_out,
    part_of,
    publish_draft,
    put_in_draft,
    take_back,
    working_document,
)
from medsync_app.services.workflow_versions import publish_workflow
from medsync_app.store.session import Database, Tx
from medsync_app.store.tables import Cycle, WorkflowDraft, WorkflowVersion
from tests.support.cycles import make_cycle
from tests.support.store import SYSTEM, Shop, make_patient


def later(tx: Tx, shop: Shop, days: int = 6) -> None:
    """Let the first reminder go out earlier or later."""
    step = part_of(working_document(tx, shop.pharmacy_id), "steps", "reminder_t7")
    put_in_draft(tx, shop.pharmacy_id, "steps", {**step, "trigger": {**step["trigger"], "days": days}})


def drafts(tx: Tx) -> list[WorkflowDraft]:
    return list(tx.session.scalars(select(WorkflowDraft)))


def test_changes_wait_until_they_are_published(database: Database, shop: Shop, clock: VirtualClock) -> None:
    made = make_cycle(database, shop, make_patient(database, shop))
    with database.transaction(shop.scope, clock) as tx:
        schedule_cycle(tx, made.cycle_id)
    with database.transaction(shop.scope, clock) as tx:
        later(tx, shop)
        leave_out(tx, shop.pharmacy_id, "steps", "call_t2")
    with database.transaction(shop.scope, clock) as tx:
        assert [row.number for row in tx.session.scalars(select(WorkflowVersion))] == [1]
        assert (drafts(tx)[0].changed_by, drafts(tx)[0].base_number) == ("Pat Tester", 1)
        done, moved = publish_draft(tx, shop.pharmacy_id, note="Later.")
    assert (done.number, moved.cycles) == (2, 0)
    assert {(one.step, one.field) for one in done.changes} == {
        ("reminder_t7", "trigger.days"),
        ("call_t2", ""),
    }
    with database.transaction(shop.scope, clock) as tx:
        assert drafts(tx) == []
        assert tx.get(Cycle, made.cycle_id).workflow_version_id != done.version_id
        with pytest.raises(NotFound, match="no change to publish"):
            publish_draft(tx, shop.pharmacy_id)


def test_running_pickups_are_moved_when_asked(database: Database, shop: Shop, clock: VirtualClock) -> None:
    made = make_cycle(database, shop, make_patient(database, shop))
    with database.transaction(shop.scope, clock) as tx:
        schedule_cycle(tx, made.cycle_id)
        later(tx, shop)
        done, moved = publish_draft(tx, shop.pharmacy_id, move=True)
        assert tx.get(Cycle, made.cycle_id).workflow_version_id == done.version_id
    assert (moved.cycles, moved.withdrawn, moved.queued) == (1, 1, 1)


def test_taking_back_leaves_the_other_changes(database: Database, shop: Shop, clock: VirtualClock) -> None:
    with database.transaction(shop.scope, clock) as tx:
        later(tx, shop)
        leave_out(tx, shop.pharmacy_id, "steps", "call_t2")
        take_back(tx, shop.pharmacy_id, "steps", "call_t2")
        document = working_document(tx, shop.pharmacy_id)
        assert [step["id"] for step in document["steps"]] == [
            step["id"] for step in default_document()["steps"]
        ]
        assert part_of(document, "steps", "reminder_t7")["trigger"]["days"] == 6
        take_back(tx, shop.pharmacy_id, "steps", "reminder_t7")
        assert drafts(tx) == [], "nothing differs any more"


def test_a_change_that_says_what_is_in_force_is_none(
    database: Database, shop: Shop, clock: VirtualClock
) -> None:
    with database.transaction(shop.scope, clock) as tx:
        later(tx, shop)
        later(tx, shop, 7)
        assert drafts(tx) == []
        later(tx, shop)
        discard_draft(tx, shop.pharmacy_id)
        assert drafts(tx) == []


def test_what_cannot_be_published_is_not_kept(database: Database, shop: Shop, clock: VirtualClock) -> None:
    step: dict[str, Any] = part_of(default_document(), "steps", "welcome")
    wrong = {**step, "actions": [{**step["actions"][0], "wordings": {"en": {"sms": "Hello {{ nobody }}"}}}]}
    with database.transaction(shop.scope, clock) as tx:
        with pytest.raises(Invalid, match="There is no field nobody"):
            put_in_draft(tx, shop.pharmacy_id, "steps", wrong)
        with pytest.raises(NotFound, match="no longer in the workflow"):
            put_in_draft(tx, shop.pharmacy_id, "steps", {**step, "id": "another"})
        assert drafts(tx) == []


def test_changes_begun_before_somebody_published_are_refused(
    database: Database, shop: Shop, clock: VirtualClock
) -> None:
    with database.transaction(shop.scope, clock) as tx:
        later(tx, shop)
        document = default_document()
        document["steps"][0]["name"] = "Hello"
        publish_workflow(tx, shop.pharmacy_id, document)
        with pytest.raises(Conflict, match="Version 2 was published meanwhile by Pat Tester"):
            publish_draft(tx, shop.pharmacy_id)


def test_going_back_drops_the_changes(database: Database, shop: Shop, clock: VirtualClock) -> None:
    with database.transaction(shop.scope, clock) as tx:
        later(tx, shop)
        publish_draft(tx, shop.pharmacy_id)
        later(tx, shop, 5)
        done, _ = go_back_to(tx, shop.pharmacy_id, 1, expected_number=2, move=False)
        assert done.number == 3
        assert working_document(tx, shop.pharmacy_id) == default_document()


def test_technicians_change_nothing(database: Database, shop: Shop, clock: VirtualClock) -> None:
    with database.transaction(SYSTEM, clock) as tx:
        working_document(tx, shop.pharmacy_id)
    scope = Shop(shop.pharmacy_id, shop.organization_id, Role.TECHNICIAN).scope
    with database.transaction(scope, clock) as tx, pytest.raises(Forbidden):
        later(tx, shop)


def test_a_step_of_the_pharmacys_own_begins_as_a_copy(
    database: Database, shop: Shop, clock: VirtualClock
) -> None:
    with database.transaction(shop.scope, clock) as tx:
        made = copy_step(tx, shop.pharmacy_id, "confirm_t3")
        ids = [step["id"] for step in working_document(tx, shop.pharmacy_id)["steps"]]
        assert ids[ids.index("confirm_t3") + 1] == made == "confirm_t3_2"
        assert copy_step(tx, shop.pharmacy_id, "confirm_t3") == "confirm_t3_3"
        take_back(tx, shop.pharmacy_id, "steps", "confirm_t3_3")
        done, _ = publish_draft(tx, shop.pharmacy_id)
    assert [(one.step, one.before) for one in done.changes] == [("confirm_t3_2", None)]
    with database.transaction(shop.scope, clock) as tx, pytest.raises(NotFound):
        copy_step(tx, shop.pharmacy_id, "gone")
