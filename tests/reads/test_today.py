"""The queue of Today: what is in it, its order, pages, counts and scope."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from medsync_app.clock import VirtualClock
from medsync_app.domain.states import ActionState, CycleState, ExceptionKind, ItemState, Role
from medsync_app.errors import NotFound
from medsync_app.outbox.queue import ACTION, NewAction, queue
from medsync_app.reads.call_sheet import call_sheet
from medsync_app.reads.setup import set_up
from medsync_app.reads.today import PAGE_SIZE, SORTS, cycle_version, today_queue
from medsync_app.store.scope import Scope
from medsync_app.store.session import Database
from tests.support.screens import TODAY, make_batch, make_task, make_therapy
from tests.support.store import NOW, SYSTEM, Shop, make_patient, make_shop


def ids_of(database: Database, clock: VirtualClock, scope: Scope, sort: str = "") -> list[str]:
    with database.reading(scope, clock) as tx:
        return [row.cycle_id or row.exception_id for row in today_queue(tx, sort=sort).rows]


def test_every_kind_of_task_has_one_sort_of_work() -> None:
    kinds = [kind for group in SORTS.values() for kind in group]
    assert sorted(kinds) == sorted(ExceptionKind)


def test_a_batch_is_to_be_prepared_from_two_days_before_its_date(
    database: Database, clock: VirtualClock, shop: Shop
) -> None:
    ada, ben = make_patient(database, shop), make_patient(database, shop, first="Ben")
    soon = make_batch(database, shop, ada, (), on=TODAY + timedelta(days=2))
    make_batch(database, shop, ben, (), on=TODAY + timedelta(days=3))
    assert ids_of(database, clock, shop.scope, "prepare") == [soon.cycle_id]


def test_a_batch_in_preparation_is_shown_however_far_its_date_is(
    database: Database, clock: VirtualClock, shop: Shop
) -> None:
    ada = make_patient(database, shop)
    begun = make_batch(database, shop, ada, (), on=TODAY + timedelta(days=9), state=CycleState.PREPARING)
    assert ids_of(database, clock, shop.scope, "prepare") == [begun.cycle_id]


def test_a_ready_batch_waits_for_pickup_from_its_date_on(
    database: Database, clock: VirtualClock, shop: Shop
) -> None:
    ada, ben = make_patient(database, shop), make_patient(database, shop, first="Ben")
    here = make_batch(database, shop, ada, (), on=TODAY, state=CycleState.READY)
    make_batch(database, shop, ben, (), on=TODAY + timedelta(days=1), state=CycleState.READY)
    assert ids_of(database, clock, shop.scope) == [here.cycle_id]


@pytest.mark.both_databases
def test_the_most_urgent_work_comes_first(database: Database, clock: VirtualClock, shop: Shop) -> None:
    ada = make_patient(database, shop)
    batch = make_batch(database, shop, ada, (), on=TODAY)
    later = make_task(database, shop, ExceptionKind.CALL, patient_id=ada, due_at=NOW + timedelta(days=2))
    late = make_task(database, shop, ExceptionKind.CONTACT, patient_id=ada, due_at=NOW - timedelta(days=2))
    assert ids_of(database, clock, shop.scope) == [late, batch.cycle_id, later]


def test_a_batch_and_its_own_task_are_one_line(database: Database, clock: VirtualClock, shop: Shop) -> None:
    ada = make_patient(database, shop)
    batch = make_batch(database, shop, ada, (), on=TODAY)
    make_task(database, shop, ExceptionKind.PREPARE, patient_id=ada, cycle_id=batch.cycle_id)
    assert ids_of(database, clock, shop.scope) == [batch.cycle_id]


def test_the_counts_are_those_of_the_lists(database: Database, clock: VirtualClock, shop: Shop) -> None:
    ada = make_patient(database, shop)
    make_batch(database, shop, ada, (), on=TODAY)
    make_task(database, shop, ExceptionKind.CALL, patient_id=ada)
    make_task(database, shop, ExceptionKind.REPLY, patient_id=ada)
    with database.reading(shop.scope, clock) as tx:
        found = today_queue(tx)
        for sort in SORTS:
            assert len(today_queue(tx, sort=sort).rows) == found.counts[sort]
    assert (found.counts["call"], found.counts["prepare"], found.total) == (2, 1, 3)


@pytest.mark.both_databases
def test_pages_cover_the_queue_without_gap_or_repeat(
    database: Database, clock: VirtualClock, shop: Shop
) -> None:
    ada = make_patient(database, shop)
    for hours in range(PAGE_SIZE + 5):
        make_task(database, shop, ExceptionKind.CALL, patient_id=ada, due_at=NOW + timedelta(hours=hours))
    with database.reading(shop.scope, clock) as tx:
        first, second = today_queue(tx, page=1), today_queue(tx, page=2)
    assert (len(first.rows), len(second.rows), first.total) == (PAGE_SIZE, 5, PAGE_SIZE + 5)
    assert len({row.id for row in (*first.rows, *second.rows)}) == PAGE_SIZE + 5


def test_a_line_names_the_drugs_that_are_still_to_come(
    database: Database, clock: VirtualClock, shop: Shop
) -> None:
    ada = make_patient(database, shop)
    drugs = tuple(
        make_therapy(database, shop, ada, name) for name in ("Metformin 500 mg", "Lisinopril 10 mg")
    )
    make_batch(database, shop, ada, drugs, on=TODAY)
    with database.reading(shop.scope, clock) as tx:
        row = today_queue(tx).rows[0]
    assert [drug.name for drug in row.drugs] == ["Lisinopril 10 mg", "Metformin 500 mg"]


def test_another_pharmacy_sees_nothing_of_it(database: Database, clock: VirtualClock, shop: Shop) -> None:
    ada = make_patient(database, shop)
    batch = make_batch(database, shop, ada, (), on=TODAY, items=ItemState.READY, state=CycleState.READY)
    task = make_task(database, shop, ExceptionKind.CALL, patient_id=ada)
    other = make_shop(database, "other")
    with database.reading(other.scope, clock) as tx:
        found = today_queue(tx)
        assert (found.rows, found.total, sum(found.counts.values())) == ((), 0, 0)
        with pytest.raises(NotFound):
            call_sheet(tx, task)
        with pytest.raises(NotFound):
            cycle_version(tx, batch.cycle_id)


def test_the_call_sheet_holds_numbers_and_drugs(database: Database, clock: VirtualClock, shop: Shop) -> None:
    ada = make_patient(database, shop, phone="+14045550123")
    drug = make_therapy(database, shop, ada, "Lisinopril 10 mg")
    batch = make_batch(database, shop, ada, (drug,), on=TODAY)
    task = make_task(database, shop, ExceptionKind.CALL, patient_id=ada, cycle_id=batch.cycle_id)
    with database.reading(shop.scope, clock) as tx:
        sheet = call_sheet(tx, task)
    assert sheet.phones == ("+14045550123",)
    assert [drug.name for drug in sheet.drugs] == ["Lisinopril 10 mg"]
    assert sheet.sync_date == TODAY


def test_the_day_is_the_pharmacys_own(database: Database) -> None:
    west = make_shop(database, "west", zone="America/Los_Angeles")
    ada = make_patient(database, west)
    # 06:00 UTC on the 24th is still the 23rd in Los Angeles.
    make_batch(database, west, ada, (), on=TODAY + timedelta(days=1), state=CycleState.READY)
    night = VirtualClock(NOW + timedelta(hours=15))
    assert ids_of(database, night, west.scope, "pickup") == []


def test_a_new_pharmacy_has_its_set_up_before_it(database: Database, clock: VirtualClock, shop: Shop) -> None:
    for kind in ("check", "message"):
        with database.reading(shop.scope, clock) as tx:
            found = set_up(tx)
        assert found is not None
        assert (found.hours, found.data, found.enrolled, found.staff) == (True, False, False, False)
        assert not found.message, "a check that was made is no message"
        with database.transaction(SYSTEM, clock) as tx:
            queue(
                tx,
                [
                    NewAction(
                        pharmacy_id=shop.pharmacy_id, step=kind, kind=kind, idempotency_key=kind, due_at=clock.now(),
                    )
                ],
            )  # fmt: skip
            tx.session.connection().execute(
                update(ACTION).values(sent_at=clock.now(), state=ActionState.SENT)
            )
    with database.reading(shop.scope, clock) as tx:
        found = set_up(tx)
    assert found is not None
    assert found.message


def test_an_owner_of_two_sees_both(database: Database, clock: VirtualClock, shop: Shop) -> None:
    other = make_shop(database, "other")
    for place in (shop, other):
        make_task(database, place, ExceptionKind.CALL, patient_id=make_patient(database, place))
    both = Scope.staff("o", "O", {shop.pharmacy_id: Role.OWNER, other.pharmacy_id: Role.OWNER})
    assert len(ids_of(database, clock, both)) == 2
