"""Where patients stand in the workflow: each once, at the step that comes next."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from medsync_app.clock import VirtualClock
from medsync_app.domain.states import ActionState, CycleState, ExceptionKind
from medsync_app.domain.workflow import default_document
from medsync_app.errors import NotFound
from medsync_app.reads.workflow import coming_patients, workflow_page
from medsync_app.services.schedule_cycle import schedule_cycle
from medsync_app.services.workflow_draft import leave_out
from medsync_app.store.session import Database
from medsync_app.store.tables import EnrollmentDraft, ScheduledAction
from tests.support.cycles import make_cycle
from tests.support.screens import make_task
from tests.support.store import NOW, Shop, make_patient, make_shop

pytestmark = pytest.mark.both_databases


def coming(database: Database, shop: Shop, clock: VirtualClock, days: int, first: str, **more: object) -> str:
    """A patient whose pickup is so many days ahead, with the messages of the workflow."""
    patient_id = make_patient(database, shop, first=first)
    day = NOW.date() + timedelta(days=days)
    made = make_cycle(database, shop, patient_id, sync_date=day, **more)  # pyright: ignore[reportArgumentType]
    with database.transaction(shop.scope, clock) as tx:
        schedule_cycle(tx, made.cycle_id)
    return patient_id


def test_each_patient_stands_at_the_step_that_comes_next(
    database: Database, shop: Shop, clock: VirtualClock
) -> None:
    coming(database, shop, clock, 20, "Ada", number=2)
    ben = coming(database, shop, clock, 2, "Ben", number=2)
    waits = coming(database, shop, clock, 20, "Cy", state=CycleState.PROPOSED, needs_review=True)
    for _ in range(2):
        make_task(database, shop, ExceptionKind.CALL, patient_id=waits, due_at=NOW + timedelta(hours=_))
    with database.transaction(shop.scope, clock) as tx:
        # The renewals of a late start are due at once: the loop has been there.
        for action in tx.session.scalars(select(ScheduledAction).where(ScheduledAction.patient_id == ben)):  # pyright: ignore
            if action.kind == "renewal":
                action.state = ActionState.SENT
        tx.add(EnrollmentDraft(pharmacy_id=shop.pharmacy_id, created_at=NOW, updated_at=NOW))
    other = make_shop(database, "other")
    coming(database, other, clock, 20, "Dan")
    with database.reading(shop.scope, clock) as tx:
        found = workflow_page(tx, shop.pharmacy_id)
    assert found.here == {1: 1, 2: 1, 3: 1, 4: 0, 5: 1, 6: 1, 7: 0, 8: 0}
    assert (found.waiting["renewals_t10"], found.waiting["confirm_t1"]) == (2, 2), "Ada and Cy; Ada and Ben"
    assert [(one.number, one.running) for one in found.versions] == [(1, 3)]


def test_before_anything_is_published_the_usual_document_is_shown(
    database: Database, shop: Shop, clock: VirtualClock
) -> None:
    with database.reading(shop.scope, clock) as tx:
        found = workflow_page(tx, shop.pharmacy_id)
    assert (found.number, found.document, found.versions, found.draft) == (0, default_document(), [], None)


def test_the_changes_in_hand_are_shown_beside_what_is_in_force(
    database: Database, shop: Shop, clock: VirtualClock
) -> None:
    with database.transaction(shop.scope, clock) as tx:
        leave_out(tx, shop.pharmacy_id, "steps", "call_t2")
    with database.reading(shop.scope, clock) as tx:
        found = workflow_page(tx, shop.pharmacy_id)
    assert found.draft is not None
    assert found.in_force == default_document()
    assert "call_t2" not in {step["id"] for step in found.document["steps"]}


def test_wordings_are_tried_on_who_comes_next(database: Database, shop: Shop, clock: VirtualClock) -> None:
    for days, first in ((9, "Ada"), (3, "Ben"), (5, "Cy")):
        coming(database, shop, clock, days, first)
    make_patient(database, shop, first="Nobody")
    with database.reading(shop.scope, clock) as tx:
        assert [one.first_name for one in coming_patients(tx, shop.pharmacy_id)] == ["Ben", "Cy", "Ada"]
        assert [one.first_name for one in coming_patients(tx, shop.pharmacy_id, "ad")] == ["Ada"]
        assert coming_patients(tx, shop.pharmacy_id, "nobody") == []


def test_another_pharmacys_workflow_is_not_found(database: Database, shop: Shop, clock: VirtualClock) -> None:
    other = make_shop(database, "other")
    with database.reading(other.scope, clock) as tx, pytest.raises(NotFound):
        workflow_page(tx, shop.pharmacy_id)
