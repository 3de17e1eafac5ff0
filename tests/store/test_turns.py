"""Who changes a pharmacy has a turn on PostgreSQL; a transaction that only reads waits for nobody."""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from medsync_app.clock import VirtualClock
from medsync_app.store import session
from medsync_app.store.session import Database, Tx
from medsync_app.store.tables import Patient, Pharmacy
from tests.support.databases import POSTGRES
from tests.support.store import NOW, SYSTEM, Shop, make_patient, make_shop

on_both = pytest.mark.both_databases
on_postgresql = pytest.mark.parametrize("database", [POSTGRES], indirect=True)


def person(database: Database, shop: Shop) -> AbstractContextManager[Tx]:
    return database.transaction(shop.scope, VirtualClock(NOW))


def waits(database: Database, work: Callable[[], object], held: AbstractContextManager[Tx]) -> bool:
    """Whether `work` ends only after the transaction `held` has."""
    done = threading.Event()
    thread = threading.Thread(target=lambda: (work(), done.set()))
    with held as tx:
        tx.find(Pharmacy, "none")  # SQLite's transaction begins with its first statement
        thread.start()
        waited = not done.wait(0.3)
    thread.join(20)
    assert done.is_set()
    return waited


@on_both
def test_a_second_person_waits_and_then_sees_what_the_first_did(database: Database, shop: Shop) -> None:
    patient = make_patient(database, shop)
    seen: list[str] = []

    def second() -> None:
        with person(database, shop) as tx:
            seen.append(tx.get(Patient, patient).last_name)

    thread = threading.Thread(target=second)
    with person(database, shop) as tx:
        row = tx.get(Patient, patient)
        thread.start()
        thread.join(0.3)
        row.last_name = "Married"
    thread.join(20)
    assert seen == ["Married"]


@on_both
def test_a_reader_does_not_wait_for_a_writer(database: Database, shop: Shop) -> None:
    def read() -> None:
        with database.reading(shop.scope) as tx:
            tx.get(Pharmacy, shop.pharmacy_id)

    assert not waits(database, read, person(database, shop))


@on_both
def test_another_pharmacys_people_do_not_wait_on_postgresql(database: Database, shop: Shop) -> None:
    other = make_shop(database, "other")

    def work() -> None:
        with person(database, other) as tx:
            tx.get(Pharmacy, other.pharmacy_id).name = "Renamed"

    assert waits(database, work, person(database, shop)) is database.is_sqlite


@on_postgresql
@pytest.mark.parametrize(("shared", "expected"), [(True, False), (False, True)])
def test_loops_share_a_turn_but_a_person_does_not(
    database: Database, shop: Shop, shared: bool, expected: bool
) -> None:
    def work() -> None:
        with database.transaction(SYSTEM) as tx:
            assert tx.take_turn(shop.pharmacy_id, shared=shared)
            assert not tx.take_turn(shop.pharmacy_id), "it has it already"

    with database.transaction(SYSTEM) as tx:
        tx.take_turn(shop.pharmacy_id, shared=True)
        thread = threading.Thread(target=work)
        thread.start()
        thread.join(0.3)
        assert thread.is_alive() is expected
    thread.join(20)
    assert not thread.is_alive()


@on_postgresql
def test_what_was_read_before_a_turn_is_read_again(database: Database, shop: Shop) -> None:
    patient = make_patient(database, shop)
    with database.transaction(SYSTEM) as tx:
        row = tx.get(Patient, patient)
        with person(database, shop) as other:
            other.get(Patient, patient).last_name = "Married"
        tx.take_turn(shop.pharmacy_id)
        assert row.last_name == "Married"


@on_postgresql
def test_nobody_waits_for_ever(database: Database, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "BUSY_TIMEOUT_MS", 100)
    with person(database, shop), pytest.raises(OperationalError) as caught, person(database, shop):
        pass
    assert session.is_database_error(caught.value)


@on_both
def test_a_query_that_locks_may_be_used_by_a_preview(database: Database, shop: Shop) -> None:
    patient = make_patient(database, shop)
    with database.reading(shop.scope) as tx:
        assert tx.get(Patient, patient, lock=True).id == patient
        assert tx.session.scalars(tx.locked(select(Patient.id))).all() == [patient]
