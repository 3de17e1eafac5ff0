"""The staff's work of the last 30 days, from the audit log, and the same by hand."""

from datetime import datetime, timedelta

import pytest

from medsync_app.clock import VirtualClock
from medsync_app.domain.states import CycleState, ExceptionKind
from medsync_app.reads.staff_work import StaffWork, staff_work, time_of
from medsync_app.services.audit import audit
from medsync_app.store.session import Database
from medsync_app.store.tables import ClosedDay, ExceptionCase
from tests.support.databases import POSTGRES, SQLITE
from tests.support.screens import TODAY, make_batch, make_task
from tests.support.store import NOW, SYSTEM, Shop, make_patient, make_shop

YESTERDAY = NOW - timedelta(days=1)
BOTH = pytest.mark.parametrize(
    "database", [SQLITE, pytest.param(POSTGRES, marks=pytest.mark.postgres)], indirect=True
)


def work_of(database: Database, clock: VirtualClock, shop: Shop) -> StaffWork:
    with database.reading(shop.scope, clock) as tx:
        return staff_work(tx)


def did(
    database: Database, shop: Shop, act: str, *, at: datetime = YESTERDAY, about: str = "one", kind: str = ""
) -> None:
    with database.transaction(shop.scope, VirtualClock(at)) as tx:
        audit(
            tx, pharmacy_id=shop.pharmacy_id, act=act, subject_kind="exception", subject_id=about,
            detail={"kind": kind} if kind else {},
        )  # fmt: skip


@BOTH
def test_acts_of_the_last_thirty_days_are_work(database: Database, clock: VirtualClock, shop: Shop) -> None:
    did(database, shop, "mark_ready")
    did(database, shop, "mark_ready", about="two")
    did(database, shop, "view_patient")
    did(database, shop, "resolve_exception", kind="call")
    did(database, shop, "enroll", at=NOW - timedelta(days=31))
    did(database, shop, "enroll", at=NOW)
    done = work_of(database, clock, shop).done
    assert {kind: count for kind, count in done.items() if kind not in ("board", "board_item")} == {
        "prepare": 2, "call_patient": 1,
    }  # fmt: skip


@BOTH
def test_what_was_done_to_the_same_task_before_is_other_work(
    database: Database, clock: VirtualClock, shop: Shop
) -> None:
    did(database, shop, "comment_exception", kind="no_refills", at=NOW - timedelta(days=60))
    did(database, shop, "comment_exception", kind="no_refills")
    did(database, shop, "comment_exception", kind="no_refills", about="another")
    done = work_of(database, clock, shop).done
    assert (done["chase_prescriber"], done["note"]) == (1, 1)


def test_by_hand_the_same_batches_and_problems_are_worked(
    database: Database, clock: VirtualClock, shop: Shop
) -> None:
    patient = make_patient(database, shop)
    batch = make_batch(database, shop, patient, (), on=TODAY - timedelta(days=3))
    for number, on, more in (
        (2, TODAY - timedelta(days=2), {"kind": "trip"}),
        (3, TODAY, {}),
        (4, TODAY - timedelta(days=31), {}),
    ):
        make_batch(
            database, shop, patient, (), on=on, enrollment_id=batch.enrollment_id, number=number, **more
        )
    make_batch(
        database, shop, patient, (), on=TODAY - timedelta(days=4), enrollment_id=batch.enrollment_id, number=5,
        state=CycleState.CANCELLED,
    )  # fmt: skip
    task = make_task(database, shop, ExceptionKind.PA_ENDING, patient_id=patient)
    with database.transaction(SYSTEM) as tx:
        tx.get(ExceptionCase, task).opened_at = YESTERDAY
    found = work_of(database, clock, shop)
    hand = found.by_hand
    assert (hand["plan_next"], hand["call_patient"], hand["prepare"], hand["ready_call"]) == (1, 1, 2, 2)
    assert hand["prior_authorization"] == 1
    assert found.done["board_item"] == 1
    assert time_of(found).minutes_by_hand > 0


def test_the_board_costs_on_open_days_only(database: Database, clock: VirtualClock, shop: Shop) -> None:
    before = work_of(database, clock, shop).done["board"]
    with database.transaction(SYSTEM) as tx:
        tx.add(ClosedDay(pharmacy_id=shop.pharmacy_id, day=TODAY - timedelta(days=3), name="Stocktaking"))
        tx.add(ClosedDay(pharmacy_id=shop.pharmacy_id, day=TODAY, name="Today is not counted"))
    assert work_of(database, clock, shop).done["board"] == before - 1


def test_work_of_another_location_is_not_counted(database: Database, clock: VirtualClock, shop: Shop) -> None:
    other = make_shop(database, "other")
    did(database, other, "mark_ready")
    assert "prepare" not in work_of(database, clock, shop).done
